package party

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/program"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
)

// Phase is what one phase took: milliseconds, and the connection's counters above TLS.
type Phase struct {
	MS float64 `json:"ms"`
	cost.Traffic
	DealerSent int64 `json:"dealer_sent,omitempty"`
	// EstimateMS is what the compiler expected, where a report is at hand.
	EstimateMS float64 `json:"estimate_ms,omitempty"`
}

// LayerStats is what one of the user's layers took. A message's frame headers and its round belong to the first layer in it.
type LayerStats struct {
	Path    string `json:"path"`
	Op      string `json:"op"`
	Line    int    `json:"line"`
	Online  Phase  `json:"online"`
	Offline Phase  `json:"offline"`
}

// Stats is what a session took, seen from one party.
type Stats struct {
	// Session is the session's id, in hexadecimal: both parties' statistics of one session have the same, and it says nothing else.
	Session string       `json:"session,omitempty"`
	Source  cost.Source  `json:"offline_source"`
	Online  Phase        `json:"online"`
	Offline Phase        `json:"offline"`
	Layers  []LayerStats `json:"layers"`
	// SocketSent and SocketReceived count bytes below TLS, handshakes included.
	SocketSent     int64 `json:"socket_sent"`
	SocketReceived int64 `json:"socket_received"`
	PeakRSS        int64 `json:"peak_rss"`
	// Stored is what the session took from a store, if its offline phase was there.
	Stored *Taken `json:"stored,omitempty"`

	program *program.Program
	spent   [2]map[int]time.Duration
}

// Taken is the material of one inference out of a store.
type Taken struct {
	Inference uint64  `json:"inference"` // its number
	Bytes     int64   `json:"bytes"`     // of its file
	LoadMS    float64 `json:"load_ms"`   // until the online phase could begin; tables are read during that phase
	Left      int     `json:"left"`      // inferences that the store still holds
}

func newStats(p *program.Program, source cost.Source) Stats {
	return Stats{Source: source, program: p, spent: [2]map[int]time.Duration{{}, {}}}
}

func (s *Stats) spend(phase cost.Phase, tag int, d time.Duration) { s.spent[phase][tag] += d }

func (s *Stats) spendAll(spent [2][]time.Duration) {
	for phase := range spent {
		for tag, d := range spent[phase] {
			if d > 0 { // others did nothing
				s.spent[phase][tag] += d
			}
		}
	}
}

// setupRounds gives, by tag, the rounds of the set-up of a run that sets up extensions, the material being made by source.
func setupRounds(x cost.Extensions, m *program.Manifest, source cost.Source) map[int]int {
	switch n := material.SetupMessages(source, m); {
	case x.Any() || n == cost.SetupRounds:
		return map[int]int{cost.SessionTag: cost.SetupRounds}
	case n > 0:
		i := slices.IndexFunc(m.Items, func(it program.Item) bool { return it.Kind == program.Product })
		return map[int]int{m.Items[i].Tag: 1} // the openings of the weights alone
	}
	return nil
}

// rounds gives, by tag, the rounds of a phase's program that belong to it: each to the first instruction that sends in it, in either direction.
func rounds(p *program.Program, m *program.Manifest, source cost.Source, phase cost.Phase) map[int]int {
	out := map[int]int{}
	levels := p.Online
	if phase == cost.Offline {
		levels = deferredRides(m, source).Board(phase, p.Offline)
	}
	for _, l := range levels {
		empty := func(in program.Instr) bool { return p.SentBytes(in) == 0 }
		if both := slices.DeleteFunc(slices.Concat(l.Send, l.Recv), empty); len(both) > 0 {
			first := slices.MinFunc(both, func(a, b program.Instr) int { return a.Tag - b.Tag })
			out[first.Tag]++
		}
	}
	return out
}

// deferredRides are the rides of a manifest's deferred items by their layers alone.
func deferredRides(m *program.Manifest, source cost.Source) (r vm.Rides) {
	for _, item := range material.DeferredItems(source, m) {
		r.Send = append(r.Send, vm.Ride{Tag: m.Items[item].Tag})
	}
	return r
}

// measure reads the connection's counters, all of which are the program's. runs is how often each phase was run, and setups in how many of the runs
// extensions were set up.
func (s *Stats) measure(c *wire.Conn, m *program.Manifest, runs [2]int, setups int, dealt map[int]int64) {
	s.count(c.Counts(), m, runs, setups, dealt)
	s.total(c)
}

// count says what layers took of some counters.
func (s *Stats) count(counts map[wire.Key]wire.Counts, m *program.Manifest, runs [2]int, setups int, dealt map[int]int64) {
	for phase, total := range [2]float64{cost.Offline: s.Offline.MS, cost.Online: s.Online.MS} {
		s.spend(cost.Phase(phase), cost.SessionTag, s.rest(cost.Phase(phase), total))
	}
	byTag := map[[2]int]*Phase{}
	at := func(phase, tag int) *Phase {
		k := [2]int{phase, tag}
		if byTag[k] == nil {
			byTag[k] = new(Phase)
		}
		return byTag[k]
	}
	for k, n := range counts {
		if k.Phase != int(cost.Offline) && k.Phase != int(cost.Online) {
			continue
		}
		p := at(k.Phase, k.Tag)
		*p.Sent(s.program.Party) += n.Sent()
		*p.Sent(s.program.Party.Other()) += n.Received()
	}
	for tag, n := range setupRounds(s.program.Extensions, m, s.Source) {
		at(int(cost.Offline), tag).Rounds += n * setups
	}
	for tag, n := range setupRounds(cost.Extensions{}, m, s.Source) {
		at(int(cost.Offline), tag).Rounds += n * (runs[cost.Offline] - setups)
	}
	for _, phase := range []cost.Phase{cost.Offline, cost.Online} {
		for tag, n := range rounds(s.program, m, s.Source, phase) {
			at(int(phase), tag).Rounds += n * runs[phase]
		}
		for tag, d := range s.spent[phase] {
			at(int(phase), tag).MS += ms(d)
		}
	}
	for tag, n := range dealt {
		at(int(cost.Offline), tag).DealerSent += n
	}
	s.fold(byTag)
}

// join adds the times and layers of another program of the session.
func (s *Stats) join(o *Stats) {
	s.Offline.MS += o.Offline.MS
	s.Online.MS += o.Online.MS
	for _, l := range o.Layers {
		i := slices.IndexFunc(s.Layers, func(k LayerStats) bool { return k.Path == l.Path })
		if i < 0 {
			s.Layers = append(s.Layers, l)
			continue
		}
		s.Layers[i].Online.add(&l.Online)
		s.Layers[i].Offline.add(&l.Offline)
	}
}

// rest is the time of a phase that no layer spent, such as allocating buffers: the session's own, so that the layers' times
// sum to the total.
func (s *Stats) rest(phase cost.Phase, total float64) time.Duration {
	rest := time.Duration(total * float64(time.Millisecond))
	for _, d := range s.spent[phase] {
		rest -= d
	}
	return max(rest, 0)
}

// fold sums tags into the user's layers, in program order, the session's own traffic first.
func (s *Stats) fold(byTag map[[2]int]*Phase) {
	index := map[string]int{}
	for tag := cost.SessionTag; tag < len(s.program.Layers); tag++ {
		online, offline := byTag[[2]int{int(cost.Online), tag}], byTag[[2]int{int(cost.Offline), tag}]
		if online == nil && offline == nil {
			continue
		}
		l := program.Layer{Path: "session", Op: "setup"}
		if tag >= 0 {
			l = s.program.Layers[tag]
		}
		i, ok := index[l.Path]
		if !ok {
			i = len(s.Layers)
			index[l.Path] = i
			s.Layers = append(s.Layers, LayerStats{Path: l.Path, Op: l.Op, Line: l.Line})
		}
		s.Layers[i].Online.add(online)
		s.Layers[i].Offline.add(offline)
	}
}

func (p *Phase) add(o *Phase) {
	if o == nil {
		return
	}
	p.MS += o.MS
	p.Traffic.Add(o.Traffic)
	p.DealerSent += o.DealerSent
}

// total takes the phases' bytes and rounds from the socket's counters, not from the layers.
func (s *Stats) total(c *wire.Conn) {
	for _, phase := range []cost.Phase{cost.Offline, cost.Online} {
		to := &s.Offline
		if phase == cost.Online {
			to = &s.Online
		}
		n := c.PhaseCounts(int(phase))
		*to.Sent(s.program.Party) = n.Sent()
		*to.Sent(s.program.Party.Other()) = n.Received()
		to.Rounds = c.Rounds(int(phase))
	}
	for _, l := range s.Layers {
		s.Offline.DealerSent += l.Offline.DealerSent
	}
	s.SocketSent, s.SocketReceived = c.SocketBytes()
	s.PeakRSS = peakRSS()
}

// peakRSS is the most memory this process has held, in bytes. Resource usage counts what was held before this program began, too:
// the process that started it. Linux says it for the program alone.
func peakRSS() int64 {
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		for line := range strings.Lines(string(status)) {
			var kB int64
			if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kB); n == 1 {
				return kB << 10
			}
		}
	}
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return u.Maxrss
	}
	return u.Maxrss << 10
}
