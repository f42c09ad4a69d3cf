package explore

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Hardware is a folder that `sotto fpga` wrote: its schedule, and its other files as docs/FPGA.md says they are.
type Hardware struct {
	Sotto  int             `json:"sotto"`
	Config json.RawMessage `json:"config"`
	Report json.RawMessage `json:"report"`
	Pareto json.RawMessage `json:"pareto,omitempty"` // not there where one design alone was scheduled
	Chart  *Chart          `json:"chart"`
}

// schedule is what a chart takes of schedule.json.
type schedule struct {
	Sotto     int     `json:"sotto"`
	ClockMHz  float64 `json:"clock_mhz"`
	Cycles    int64   `json:"cycles"`
	Resources []struct {
		Name string `json:"name"`
	} `json:"resources"`
	Layers []string    `json:"layers"`
	Fields []string    `json:"op_fields"`
	Stages []string    `json:"stages"`
	Ops    [][]float64 `json:"ops"`
	Client []command   `json:"client"`
	Server []command   `json:"server"`
}

// command is what a chart takes of a command.
type command struct {
	Layer     int    `json:"layer"`
	Operation string `json:"operation"`
}

// fields of an operation, as op_fields must name them.
var opFields = []string{"resource", "start", "cycles", "party", "command", "stage", "bytes"}

// maxFile bounds a file that is read, in bytes.
const maxFile = 1 << 30

// leastGap is the part of a schedule below which two operations for one layer are drawn as one.
const leastGap = 1. / 20000

// IsHardware tells whether a folder is one of `sotto fpga`'s.
func IsHardware(dir string) bool {
	var c struct {
		Kind string `json:"kind"`
	}
	return readJSON(filepath.Join(dir, "config.json"), &c) == nil && c.Kind == "fpga"
}

// ReadHardware reads a folder of `sotto fpga`'s.
func ReadHardware(dir string) (*Hardware, error) {
	h := &Hardware{Sotto: Version}
	var s schedule
	err := errors.Join(readJSON(filepath.Join(dir, "config.json"), &h.Config), readJSON(filepath.Join(dir, "report.json"), &h.Report), readJSON(filepath.Join(dir, "schedule.json"), &s))
	if err != nil {
		return nil, err
	}
	if err := readJSON(filepath.Join(dir, "pareto.json"), &h.Pareto); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if h.Chart, err = s.chart(); err != nil {
		err = fmt.Errorf("%s: %w", filepath.Join(dir, "schedule.json"), err)
	}
	return h, err
}

// chart draws a lane for each resource that does anything.
func (s *schedule) chart() (*Chart, error) {
	if s.Sotto != Version || s.ClockMHz <= 0 || strings.Join(s.Fields, " ") != strings.Join(opFields, " ") {
		return nil, fmt.Errorf("no schedule of version 1: accepted is one with op_fields %s", strings.Join(opFields, ", "))
	}
	ms := func(cycles float64) float64 { return cycles / s.ClockMHz / 1e3 }
	c := newChart("schedule", ms(float64(s.Cycles)), nil)
	used := make([]bool, len(s.Resources))
	for i, o := range s.Ops {
		if len(o) != len(opFields) || !(o[0] >= 0 && o[0] < float64(len(s.Resources))) {
			return nil, fmt.Errorf("operation %d: accepted are %d numbers, the first a resource's", i, len(opFields))
		}
		used[int(o[0])] = true
	}
	lane := map[int]int{} // by resource
	for _, group := range []string{"client", "link", "server"} {
		for i, r := range s.Resources {
			if l := laneOf(r.Name); used[i] && l.Group == group {
				lane[i] = len(c.Lanes)
				c.Lanes = append(c.Lanes, l)
			}
		}
	}
	for _, o := range s.Ops {
		layer, label := s.of(int(o[3]), int(o[4]))
		c.add(lane[int(o[0])], ms(o[1]), ms(o[1]+o[2]), layer, label, 0, o[6])
	}
	c.finish(c.MS * leastGap)
	return c, nil
}

// of names the layer and the operation of a command.
func (s *schedule) of(party, n int) (layer, operation string) {
	list := s.Client
	if party == 1 {
		list = s.Server
	}
	if n < 0 || n >= len(list) {
		return "", ""
	}
	if l := list[n].Layer; l >= 0 && l < len(s.Layers) {
		layer = s.Layers[l]
	}
	return layer, list[n].Operation
}

// laneOf reads the name of a resource: client conv, or link from client; what is neither is the server's.
func laneOf(name string) Lane {
	group, rest, _ := strings.Cut(name, " ")
	kind := map[string]string{"sequencer": "issue", "memory": "load", "send": "send", "recv": "receive"}[rest]
	if kind == "" {
		kind = "compute"
	}
	if group == "link" {
		kind = "send"
	} else if group != "client" {
		group = "server"
	}
	return Lane{group, rest, kind}
}

// readJSON reads a file of JSON.
func readJSON(path string, v any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return err
	}
	if len(text) > maxFile {
		return fmt.Errorf("%s: more than %d bytes", path, maxFile)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
