package vm

import (
	"errors"
	"sync"

	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// relayed is how many chunks are under way in a relay: one that each step works on, and one that waits.
const relayed = 3

// relay moves the chunks of a garbled part from one step to the next, the steps side by side: what travels is made, or used, while
// the network is busy with its neighbours.
type relay[W ring.Word] struct {
	part        *gcPart[W]
	first, next step[W]

	free, full chan *chunk[W]
	stop       chan struct{}
	once       sync.Once
	err        error
	panicked   any
}

// relays are a machine's chunks, by direction: the two halves of a level relay at once. Parts use them one after the other, so that what one
// needed the next finds in memory.
type relays[W ring.Word] [2][relayed]chunk[W]

// step works on n instances from instance lo of the part on.
type step[W ring.Word] func(lo, n int, c *chunk[W]) error

// chunk is what the steps hand over: buffers that grow to what is asked of them.
type chunk[W ring.Word] struct {
	lo, n          int
	labels, theirs []prg.Block
	tables         []prg.Block
	message        []byte // of label OTs
	planes         []uint64
	permute        []W
}

// wipe clears what is secret after a part whose pieces had at most so many labels, the buffers being longer if another part needed it.
func (c *chunk[W]) wipe(labels int) {
	ring.Wipe(c.labels[:min(labels, cap(c.labels))])
	ring.Wipe(c.theirs[:min(labels, cap(c.theirs))])
	ring.Wipe(c.planes[:cap(c.planes)])
	ring.Wipe(c.permute[:cap(c.permute)])
}

// room gives the first n elements of a buffer, which it replaces if it is too small.
func room[T any](buf *[]T, n int) []T {
	if cap(*buf) < n {
		*buf = make([]T, n)
	}
	*buf = (*buf)[:n]
	return *buf
}

// direction says which of the steps is the network's. It runs on the caller's goroutine, so that nobody is left waiting for a peer
// when the caller returns; the other step runs on a goroutine of its own.
type direction uint8

const (
	sends    direction = iota // the second
	receives                  // the first
)

// overlap runs both steps for every chunk of a part. The first error of either ends both.
func overlap[W ring.Word](p *gcPart[W], d direction, first, next step[W]) error {
	r := &relay[W]{part: p, first: first, next: next, stop: make(chan struct{}),
		free: make(chan *chunk[W], relayed), full: make(chan *chunk[W], relayed)}
	for i := range p.chunks[d] {
		c := &p.chunks[d][i]
		r.free <- c
		defer c.wipe(p.chunk * p.Wires())
	}
	aside, here := r.makes, r.uses
	if d == receives {
		aside, here = here, aside
	}
	return r.run(aside, here)
}

func (r *relay[W]) run(aside, here func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.guarded(aside)
	}()
	r.guarded(here)
	<-done
	if r.panicked != nil {
		panic(r.panicked)
	}
	return r.err
}

// guarded runs a loop. A panic waits until the other loop has ended, for the caller, who can recover it.
func (r *relay[W]) guarded(loop func()) {
	defer func() {
		if p := recover(); p != nil {
			r.end(nil, p)
		}
	}()
	loop()
}

// end keeps the first failure and stops both loops.
func (r *relay[W]) end(err error, panicked any) {
	r.once.Do(func() {
		r.err, r.panicked = err, panicked
		close(r.stop)
	})
}

var errStopped = errors.New("the other step failed")

// makes runs the first step for every chunk.
func (r *relay[W]) makes() {
	defer close(r.full)
	err := r.part.each(func(lo, n int) error {
		select {
		case <-r.stop:
			return errStopped
		case c := <-r.free:
			c.lo, c.n = lo, n
			if err := r.first(lo, n, c); err != nil {
				return err
			}
			r.full <- c
			return nil
		}
	})
	if err != nil {
		r.end(err, nil)
	}
}

// uses runs the second step for what the first made, until that ends.
func (r *relay[W]) uses() {
	for c := range r.full {
		if err := r.next(c.lo, c.n, c); err != nil {
			r.end(err, nil)
			return
		}
		r.free <- c
	}
}
