package report

import (
	"encoding/json"
	"io"
)

// event is one of the Trace Event Format that chrome://tracing and Perfetto read: X is a span, M names a process or a thread. Times are
// in microseconds.
type event struct {
	Name string         `json:"name"`
	Ph   string         `json:"ph"`
	TS   float64        `json:"ts"`
	Dur  float64        `json:"dur,omitempty"`
	PID  int            `json:"pid"`
	TID  int            `json:"tid"`
	Args map[string]any `json:"args,omitempty"`
}

// Trace writes the schedule as a trace: a process for each party, a thread for each unit of its resources.
func (r *Run) Trace(w io.Writer) error {
	var events []event
	for p := range 2 {
		events = append(events, event{Name: "process_name", Ph: "M", PID: p, Args: map[string]any{"name": partyName(p)}})
	}
	for tid, l := range r.lanes() {
		pid := int(r.Resources[l.resource].Party)
		events = append(events, event{Name: "thread_name", Ph: "M", PID: pid, TID: tid, Args: map[string]any{"name": r.laneName(l)}})
		for _, op := range l.ops {
			o := r.Problem.Ops[op]
			const usPerMS = 1e3
			events = append(events, event{Name: r.layerName(op), Ph: "X", TS: usPerMS * r.MS(r.Schedule.Start[op]), Dur: usPerMS * r.MS(o.Cycles), PID: pid, TID: tid,
				Args: map[string]any{"op": o.Name, "command": r.Ops[op].Command, "start_cycle": r.Schedule.Start[op], "cycles": o.Cycles}})
		}
	}
	return json.NewEncoder(w).Encode(map[string]any{"displayTimeUnit": "ms", "traceEvents": events})
}
