package hls

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"sotto/fpga/lower"
	"sotto/fpga/sched"
	"sotto/ir/cost"
)

// scheduleFile is the head of schedule.json. Behind it come the commands, `client` and `server`, and the operations, `ops`: lists of numbers,
// to be short, which OpFields names.
type scheduleFile struct {
	Sotto     int              `json:"sotto"`
	ClockMHz  float64          `json:"clock_mhz"`
	Cycles    int64            `json:"cycles"`
	Resources []sched.Resource `json:"resources"`
	Pools     []sched.Pool     `json:"pools"`
	Layers    []string         `json:"layers"`
	OpFields  []string         `json:"op_fields"`
	Stages    []lower.Stage    `json:"stages"`
}

// commandSchedule is a command with the time from its issue to its last operation's end.
type commandSchedule struct {
	Index     int               `json:"index"`
	Kernel    lower.Kernel      `json:"kernel"`
	Operation lower.Operation   `json:"operation"`
	Layer     int               `json:"layer"`
	Of        lower.Place       `json:"of"`                // the instruction of the party's program, of a chain the first
	Chained   []lower.Place     `json:"chained,omitempty"` // the others of a chain
	Lo        uint32            `json:"lo"`
	N         uint32            `json:"n"`
	Start     int64             `json:"start"`
	End       int64             `json:"end"`
	Wait      map[string]uint32 `json:"wait,omitempty"` // by kernel: commands that must have ended
}

var stages = []lower.Stage{lower.Issue, lower.Load, lower.Compute, lower.Store, lower.Transit}

// writeSchedule writes schedule.json, a command or operation a line.
func (f *Folder) writeSchedule(to io.Writer) error {
	p := f.Plan
	s := &scheduleFile{Sotto: ConfigVersion, ClockMHz: p.ClockMHz, Cycles: p.Problem.Latency(p.Schedule), Resources: p.Problem.Resources, Pools: p.Problem.Pools,
		OpFields: []string{"resource", "start", "cycles", "party", "command", "stage", "bytes"}, Stages: stages}
	for _, l := range p.Boards[0].Program.Layers {
		s.Layers = append(s.Layers, l.Path)
	}
	commands, ops := f.scheduled()
	head, err := json.Marshal(s)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(to)
	fmt.Fprintf(out, "%s,\n", bytes.TrimSuffix(head, []byte("}")))
	for i, list := range commands {
		err = errors.Join(err, writeLines(out, cost.Party(i).String(), list))
		fmt.Fprintln(out, ",")
	}
	err = errors.Join(err, writeLines(out, "ops", ops))
	fmt.Fprintln(out, "}")
	return errors.Join(err, out.Flush())
}

// writeLines writes a list as a field, an element a line.
func writeLines[T any](out *bufio.Writer, name string, list []T) error {
	fmt.Fprintf(out, "%q:[", name)
	for i, v := range list {
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(out, "\n%s", text)
	}
	_, err := out.WriteString("]")
	return err
}

// scheduled gives the commands of each board with their times, and all operations.
func (f *Folder) scheduled() (commands [2][]commandSchedule, ops [][]int64) {
	p := f.Plan
	for i, b := range p.Boards {
		commands[i] = make([]commandSchedule, len(b.Commands))
		for n, c := range b.Commands {
			var of []lower.Place
			for _, task := range b.Of[n] {
				of = append(of, b.Instructions[task].Place)
			}
			commands[i][n] = commandSchedule{n, c.Kernel, c.Operation, c.Layer, of[0], of[1:], c.Lo, c.N, math.MaxInt64, 0, waits(c)}
		}
	}
	for i, o := range p.Ops {
		if o.Command < 0 {
			continue // a joint
		}
		start, cycles := p.Schedule.Start[i], p.Problem.Ops[i].Cycles
		c := &commands[o.Party][o.Command]
		c.Start, c.End = min(c.Start, start), max(c.End, start+cycles)
		ops = append(ops, []int64{int64(p.Problem.Ops[i].Resource), start, cycles, int64(o.Party), int64(o.Command), stageNumber(o.Stage), o.Bytes})
	}
	return commands, ops
}

func stageNumber(s lower.Stage) int64 {
	return int64(slices.Index(stages, s))
}

func waits(c lower.Command) map[string]uint32 {
	out := map[string]uint32{}
	for k, n := range c.Wait {
		if n > 0 {
			out[lower.Kernel(k).String()] = n
		}
	}
	return out
}
