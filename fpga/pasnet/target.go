package pasnet

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sotto/ir/cost"
)

// Model is what a price list says that is one of this model.
const Model = "pasnet"

// Target has the model's constants.
type Target struct {
	Sotto  int       `json:"sotto"` // version of the format: cost.TargetVersion
	Name   string    `json:"name"`
	Model  string    `json:"model"` // Model
	Source string    `json:"source"`
	Link   cost.Link `json:"link"`
	// ConvPS and ElementPS are the picoseconds of an operation, 1 / (PP*f): of the convolutions' array, and of the engine that compares,
	// squares and averages.
	ConvPS    cost.Quantity `json:"conv_ps"`
	ElementPS cost.Quantity `json:"element_ps"`
	Watts     cost.Quantity `json:"watts"` // of both boards
}

//go:embed targets/*.json
var shipped embed.FS

// TargetNames lists the shipped price lists of this model.
func TargetNames() []string {
	entries, err := shipped.ReadDir("targets")
	if err != nil {
		return nil // embedded: the directory is there
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	return names
}

// ShippedTarget gives the shipped price list of that name; ok is false where there is none.
func ShippedTarget(name string) (t Target, ok bool, err error) {
	if !slices.Contains(TargetNames(), name) {
		return t, false, nil
	}
	text, err := shipped.ReadFile("targets/" + name + ".json")
	if err != nil {
		return t, true, err
	}
	t, err = ParseTarget(text)
	return t, true, err
}

// IsTarget reports whether a JSON text says that it is a price list of this model.
func IsTarget(text []byte) bool {
	var head struct {
		Model string `json:"model"`
	}
	return json.Unmarshal(text, &head) == nil && head.Model == Model
}

// ParseTarget reads a price list. Every number needs a source; unknown fields are an error.
func ParseTarget(text []byte) (Target, error) {
	var t Target
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return t, fmt.Errorf("not a price list of PASNet's model: %w", err)
	}
	return t, t.check()
}

func (t Target) check() error {
	var errs []error
	if t.Sotto != cost.TargetVersion || t.Model != Model || t.Name == "" || t.Source == "" {
		errs = append(errs, fmt.Errorf("a price list of format %d and model %q, called %q, from %q: accepted are %d, %q, a name and a source",
			t.Sotto, t.Model, t.Name, t.Source, cost.TargetVersion, Model))
	}
	const slowest, fastest = 1, 1e-9 // bytes a second; picoseconds, and watts
	errs = append(errs, t.Link.BytesPerSecond.Check("link.bytes_per_second", slowest), t.Link.OneWayMS.Check("link.one_way_ms", 0),
		t.ConvPS.Check("conv_ps", fastest), t.ElementPS.Check("element_ps", fastest), t.Watts.Check("watts", fastest))
	return errors.Join(errs...)
}
