package kernel

import (
	"fmt"

	"sotto/runtime/ring"
)

// Loops are nested loops over the elements of a tensor: pairs of a number of rounds and a step, the innermost last. Round i1, i2, ... comes
// to element First + i1*step1 + i2*step2 + ...
type Loops struct {
	First int
	Of    []int
}

// maxLoops is more than any movement of tensors of three dimensions has.
const maxLoops = 8

// Check demands loops of as many rounds as dst has elements that stay within those of x.
func (l Loops) Check(dst, x int) error {
	if len(l.Of)%2 != 0 || len(l.Of) < 2 || len(l.Of) > 2*maxLoops {
		return fmt.Errorf("kernel: walk: %d numbers: want pairs, 1 to %d", len(l.Of), maxLoops)
	}
	least, most, rounds := l.First, l.First, 1
	for i := 0; i < len(l.Of); i += 2 {
		n, step := l.Of[i], l.Of[i+1]
		if n < 1 || n > maxDim || rounds > maxWork/n || n > 1 && (step <= -x || step >= x) {
			return fmt.Errorf("kernel: walk: loop of %d rounds, step %d", n, step)
		}
		rounds *= n
		least, most = least+min(0, (n-1)*step), most+max(0, (n-1)*step)
		if least < 0 || most >= x {
			return fmt.Errorf("kernel: walk: comes to elements %d to %d: x has %d", least, most, x)
		}
	}
	return sized("walk", "dst", dst, rounds)
}

// Walk sets dst, in order, to the elements of x that the loops come to. Loops are public.
func Walk[T Number](l Loops, dst, x []T) error { return new(Mover[T]).Walk(l, dst, x) }

// Walk is the function of that name.
func (m *Mover[T]) Walk(l Loops, dst, x []T) error {
	if err := l.Check(len(dst), len(x)); err != nil {
		return err
	}
	inner := max(0, len(l.Of)-4) // two loops, or the only one
	w := walking[T]{l: Loops{l.First, l.Of[:inner]}, inner: l.Of[inner:], block: 1, dst: dst, x: x}
	for i := 0; i < len(w.inner); i += 2 {
		w.block *= w.inner[i]
	}
	m.walking = w
	ring.Run(len(dst)/w.block, units(w.block), &m.walking)
	return nil
}

// walking is a walk under way.
type walking[T Number] struct {
	l      Loops // the outer ones
	inner  []int
	block  int // elements of the inner ones
	dst, x []T
}

// Do walks rounds lo to hi-1 of the outer loops.
func (w *walking[T]) Do(lo, hi int) {
	for b := lo; b < hi; b++ {
		block, at := w.dst[b*w.block:(b+1)*w.block], w.l.at(b)
		if len(w.inner) == 2 {
			row(block, w.x, at, w.inner[1])
			continue
		}
		step, n := w.inner[1], w.inner[2]
		for ; len(block) > 0; block, at = block[n:], at+step {
			row(block[:n], w.x, at, w.inner[3])
		}
	}
}

// at is where round b of the loops, counted through all of them, comes to.
func (l Loops) at(b int) int {
	at := l.First
	for i := len(l.Of) - 2; i >= 0; i -= 2 {
		at += b % l.Of[i] * l.Of[i+1]
		b /= l.Of[i]
	}
	return at
}

// row walks one loop from an element on.
func row[T Number](dst, x []T, at, step int) {
	if step == 1 {
		copy(dst, x[at:])
		return
	}
	for j := range dst {
		dst[j] = x[at+j*step]
	}
}
