// Package bench measures the primitives of the runtime between two processes over plain TCP, each beside the limit of the
// machine that binds it, measured in the same run.
//
// A primitive is prepared untimed (base OTs, labels), then run between two barriers. Both processes run the same code with
// their own role; the client's clock counts.
package bench

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/wire"
)

// Session is one process's end of a benchmark.
type Session struct {
	Conn  *wire.Conn // nil in a primitive for one process
	Party cost.Party

	phase int // of the connection: each run has two of its own
}

// Primitive is one thing to measure.
type Primitive struct {
	Name string
	Doc  string // what n counts, and what is timed
	N    int64  // how many by default
	// Solo primitives need one process, and get one core; the others run in both.
	Solo bool
	// OneCore primitives run in both processes with a core each: one party's work is one thread, and a second one per process would
	// only move it between cores. The others get both cores in both processes.
	OneCore bool
	// TLS primitives travel over mutual TLS; the others over plain TCP.
	TLS bool
	// Prepare does what is not timed and gives what is.
	Prepare func(s *Session, n int64) (run func() error, err error)
	// Limit gives the most a second that the machine allows, and what binds, 0 of nothing where this machine has no such limit;
	// nil where none is known.
	Limit func(l *Limits) Bound
}

// Bound is a limit of the machine on a primitive.
type Bound struct {
	PerSecond float64
	Binds     string
}

// Measure is what one run of a primitive took.
type Measure struct {
	Took   time.Duration
	Bytes  int64 // both directions, framing included
	Rounds int
}

// Primitives lists them all by name.
func Primitives() []*Primitive {
	return slices.Concat(otPrimitives, garbledPrimitives, hePrimitives, soloPrimitives, nativePrimitives())
}

// Find looks a primitive up.
func Find(name string) (*Primitive, error) {
	var names []string
	for _, p := range Primitives() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return nil, fmt.Errorf("no primitive is called %q: accepted are %v", name, names)
}

// Run prepares and runs a primitive once at one end.
func Run(p *Primitive, s *Session, n int64) (Measure, error) {
	if n < 1 {
		return Measure{}, fmt.Errorf("%s: %d of them, accepted is at least 1", p.Name, n)
	}
	if p.Solo {
		return runAlone(p, s, n)
	}
	if err := s.nextPhase(); err != nil {
		return Measure{}, err
	}
	run, err := p.Prepare(s, n)
	if err != nil {
		return Measure{}, s.gaveUp(p, err)
	}
	if err := errors.Join(s.barrier(), s.nextPhase()); err != nil {
		return Measure{}, err
	}
	if p.OneCore {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	}
	measured := s.phase
	begun := time.Now()
	if err := run(); err != nil {
		return Measure{}, s.gaveUp(p, err)
	}
	err = errors.Join(s.nextPhase(), s.barrier())
	took, moved := time.Since(begun), s.Conn.PhaseCounts(measured)
	return Measure{took, moved.Sent() + moved.Received(), s.Conn.Rounds(measured)}, err
}

func runAlone(p *Primitive, s *Session, n int64) (Measure, error) {
	run, err := p.Prepare(s, n)
	if err != nil {
		return Measure{}, fmt.Errorf("%s: %w", p.Name, err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	begun := time.Now()
	err = run()
	return Measure{Took: time.Since(begun)}, err
}

// nextPhase begins a phase of the connection that nothing was counted in yet.
func (s *Session) nextPhase() error {
	s.phase++
	return s.Conn.BeginPhase(s.phase)
}

// barrier returns when both ends have called it.
func (s *Session) barrier() error { return s.Conn.Exchange([]byte{0}, make([]byte, 1)) }

// gaveUp tells the other end before the error is returned.
func (s *Session) gaveUp(p *Primitive, err error) error {
	s.Conn.Abort("gave up on " + p.Name) // best effort: the connection may be what failed
	return fmt.Errorf("%s: %w", p.Name, err)
}
