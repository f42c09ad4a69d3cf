package ot

import "sotto/runtime/ring"

// tape hands out the outputs of one Ferret extension after another, as blocks or as bits, in order and in pieces of any
// length. Outputs are made a whole number of trees at a time; what a piece leaves of its last tree waits in tail. The outputs
// that the next extension is made from are not handed out.
type tape[T any] struct {
	usable  int // outputs of an extension that are handed out
	at      int // the next output of this extension
	tail    []T // the tree that `at` is inside of, if it is inside of one
	reserve []T // the rest of an extension
}

// wipe forgets what waits.
func (t *tape[T]) wipe() {
	ring.Wipe(t.tail)
	ring.Wipe(t.reserve)
}

// maker makes the outputs of the trees from the first on, as many as fill dst.
type maker[T any] func(first int, dst []T)

func newTape[T any](s shape) tape[T] {
	return tape[T]{usable: s.usable, tail: make([]T, s.leaves), reserve: make([]T, s.base)}
}

// take fills dst with the next outputs. Where an extension ends, it gives what was reserved to renew, which begins the next.
func (t *tape[T]) take(dst []T, grow maker[T], renew func(reserve []T)) {
	for {
		n := min(len(dst), t.usable-t.at)
		t.run(dst[:n], grow)
		if dst = dst[n:]; len(dst) == 0 {
			return
		}
		t.renew(grow, renew)
	}
}

// skip leaves out what is left of an extension.
func (t *tape[T]) skip(grow maker[T], renew func(reserve []T)) {
	if first := t.usable / len(t.tail) * len(t.tail); t.at < first { // of the tree in which the reserve begins
		ring.Wipe(t.tail)
		t.at = first
	}
	left := make([]T, t.usable-t.at)
	t.run(left, grow)
	ring.Wipe(left)
	t.renew(grow, renew)
}

// renew makes what is reserved, and begins the next extension.
func (t *tape[T]) renew(grow maker[T], renew func(reserve []T)) {
	t.run(t.reserve, grow)
	renew(t.reserve)
	t.at = 0
}

// run fills dst with outputs of this extension.
func (t *tape[T]) run(dst []T, grow maker[T]) {
	leaves := len(t.tail)
	if inside := t.at % leaves; inside > 0 {
		dst = t.copyTail(dst, inside)
	}
	whole := len(dst) / leaves * leaves
	if whole > 0 {
		grow(t.at/leaves, dst[:whole])
		t.at += whole
	}
	if dst = dst[whole:]; len(dst) > 0 {
		grow(t.at/leaves, t.tail)
		t.copyTail(dst, 0)
	}
}

// copyTail moves outputs from the tail to dst and gives the rest of dst.
func (t *tape[T]) copyTail(dst []T, inside int) []T {
	n := copy(dst, t.tail[inside:])
	ring.Wipe(t.tail[inside : inside+n])
	t.at += n
	return dst[n:]
}
