package explore

// Search is the networks that a search found.
type Search struct {
	Sotto    int      `json:"sotto"`
	Name     string   `json:"name"`
	Measures []string `json:"measures"` // that all have, such as latency(lan) in ms
	Points   []Found  `json:"points"`
}

// Found is one of them.
type Found struct {
	Name     string             `json:"name"`
	Kind     string             `json:"kind"`           // how it came to be
	Accuracy float64            `json:"accuracy"`       // of 1: on the test split, or on the validation split where there is none
	Test     float64            `json:"test,omitempty"` // by split
	Valid    float64            `json:"valid"`
	Measures map[string]float64 `json:"measures"`
	Choices  map[string]string  `json:"choices,omitempty"`
	Holds    bool               `json:"holds"` // its limits
}
