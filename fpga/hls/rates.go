package hls

import (
	"sotto/fpga/lower"
	"sotto/fpga/report"
	"sotto/ir/cost"
)

// Rate is how much of something a kernel of a board does.
type Rate struct {
	Party  string `json:"party"`
	Kernel string `json:"kernel"`
	Of     string `json:"of"` // ands, or ots
	Count  int64  `json:"count"`
	// PerSecond is over the whole latency, Busy while the kernel is at work; estimates, as the clock is.
	PerSecond float64 `json:"per_second"`
	Busy      float64 `json:"busy_per_second"`
}

// andsOf is where commands on circuits have the ANDs of an instance.
const andsOf = 1

// worth is what a command is counted as.
func worth(c *lower.Command) (of string, n int64) {
	switch c.Operation {
	case lower.OpTables, lower.OpEvaluate:
		return "ands", int64(c.Ints[andsOf]) * int64(c.N)
	case lower.OpExtendReceive, lower.OpExtendSend:
		return "ots", int64(c.N)
	}
	return "", 0
}

// rates lists those of the engines of garbled circuits and of OT extensions.
func (f *Folder) rates(s *report.Summary) (list []Rate) {
	const usPerSecond = 1e6
	for p, b := range f.Plan.Boards {
		var count [lower.Kernels]Rate
		for i := range b.Commands {
			if of, n := worth(&b.Commands[i]); n > 0 {
				r := &count[b.Commands[i].Kernel]
				r.Of, r.Count = of, r.Count+n
			}
		}
		for k, r := range count {
			if r.Count == 0 {
				continue
			}
			r.Party, r.Kernel = cost.Party(p).String(), lower.Kernel(k).String()
			r.PerSecond = float64(r.Count) / float64(s.Cycles) * f.Plan.ClockMHz * usPerSecond
			if busy := busyCycles(s, cost.Party(p), r.Kernel); busy > 0 {
				r.Busy = float64(r.Count) / float64(busy) * f.Plan.ClockMHz * usPerSecond
			}
			list = append(list, r)
		}
	}
	return list
}

// busyCycles are those in which a board's kernel computes.
func busyCycles(s *report.Summary, p cost.Party, kernel string) int64 {
	for _, r := range s.Resources {
		if r.Class == report.Engine && r.Kernel == kernel && r.Party == p {
			return r.BusyCycles
		}
	}
	return 0
}
