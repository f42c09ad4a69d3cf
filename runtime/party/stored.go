package party

import (
	"errors"
	"fmt"
	"io"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/vm"
)

// Streams of a stored inference: the machine's state, and who made the material. The others are the machine's own.
const (
	stateStream  = "state"
	sourceStream = "source"
)

// holdings of the caller's store, if the session needs one.
func (o *Options) holdings() (holdings, error) {
	if o.Store == nil && o.Modes&(Prepare|Stored) != 0 {
		return holdings{}, errors.New("a session with stored material needs a store: pass --store DIR")
	}
	if o.Hold < 0 || o.Hold > MaxWanted {
		return holdings{}, fmt.Errorf("%d inferences to prepare, accepted are up to %d", o.Hold, MaxWanted)
	}
	return holdingsOf(o.Store, o.Hold)
}

// take makes the machine that continues a stored inference. The store's cursor has passed it before a byte is sent.
func (s *session[W]) take(g greeting) error {
	start := time.Now()
	if g.mine.id != g.theirs.id {
		return s.unmet(g)
	}
	n, err := agree(s.Conn, s.Store, g.mine.first, g.theirs.first)
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	if s.stored, err = s.Store.Take(n); err != nil {
		return err
	}
	s.stats.Stored = &Taken{Inference: n, Bytes: s.stored.Size()}
	if err := s.readSource(); err != nil {
		return err
	}
	state, err := s.stored.Stream(stateStream)
	if err != nil {
		return err
	}
	defer state.Close()
	s.machine, err = vm.Restore(s.p, s.Conn, s.weights, state, s.open)
	if err != nil {
		return fmt.Errorf("stored inference %d: %w", n, err)
	}
	s.equip(s.machine)
	if err := s.pack(); err != nil {
		return err
	}
	s.runs = [2]int{cost.Online: 1}
	s.stats.Stored.LoadMS = ms(time.Since(start))
	return nil
}

// readSource has the statistics name who made the material.
func (s *session[W]) readSource() error {
	in, err := s.stored.Stream(sourceStream)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(in)
	s.stats.Source = cost.Source(text)
	return err
}

// unmet says which store is not the other's.
func (s *session[W]) unmet(g greeting) error {
	if g.mine.held == 0 && g.theirs.held == 0 {
		return fmt.Errorf("handshake: %w", errRanOut)
	}
	return unpaired(g.mine, g.theirs)
}

// open opens a stream of the stored inference for the machine.
func (s *session[W]) open(n vm.StreamName) (vm.Stream, error) {
	in, err := s.stored.Stream(n.String())
	if err != nil {
		return nil, err
	}
	return taken{in}, nil
}
