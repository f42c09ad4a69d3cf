package party

import (
	"time"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
)

// batch is the material that the parties have made for the next inferences of a session that prepares several, or for the one
// of a session that runs it.
type batch[W ring.Word] struct {
	made  *material.HE[W]
	next  int           // inference of the batch
	left  int           // inferences of the session that have no material yet, if there are several
	spent time.Duration // on layers, since it was last taken
	last  time.Time     // until when time is booked
}

// openHE takes the next inference of the batch, or begins another batch.
func (s *session[W]) openHE(id [16]byte) error {
	b := &s.he
	if b.made == nil || b.next == b.made.Inferences() {
		b.close()
		n := min(max(b.left, 1), material.Batch(s.Bundle.Manifest))
		var err error
		if b.made, err = material.NewHE(s.p.Party, s.Bundle.Manifest, id, n, s.weight, s.makes()); err != nil {
			return err
		}
		b.next, b.left = 0, b.left-n
	}
	s.source = b.made.Inference(b.next)
	b.next++
	return nil
}

// timed is a source whose layers' time begins when its own messages may come: what set-up waits for before is the session's. All of it is
// called by the receiving half of set-up.
type timed struct {
	carried
	last *time.Time
}

func (t timed) Absorb(r func(tag int, p []byte) error) error {
	*t.last = time.Now()
	return t.carried.Absorb(r)
}

func (t timed) Finish(r func(tag int, p []byte) error) error {
	*t.last = time.Now()
	return t.carried.Finish(r)
}

// makes books the time since the layer before to each layer whose material is made, and tells the caller.
func (s *session[W]) makes() material.Progress {
	return func(done, of, tag int) {
		last, spent := s.he.last, time.Since(s.he.last)
		s.Observer.span(vm.Computing, cost.Offline, SpanMaterial, tag, last, last.Add(spent))
		s.he.last = last.Add(spent)
		s.he.spent += spent
		s.stats.spend(cost.Offline, tag, spent)
		if s.Making != nil {
			s.Making(vm.Progress{Done: done, Of: of, Layer: s.p.Layers[tag].Path})
		}
	}
}

// takeSpent gives what was spent on layers, once.
func (b *batch[W]) takeSpent() time.Duration {
	spent := b.spent
	b.spent = 0
	return spent
}

func (b *batch[W]) close() {
	if b.made != nil {
		b.made.Close()
		b.made = nil
	}
}
