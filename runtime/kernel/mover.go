package kernel

import "sotto/runtime/ring"

// Mover moves and pools, one call at a time, and allocates nothing once it has had to do as much before. The zero Mover is ready.
type Mover[T Number] struct {
	pooling    pooling[T]
	resampling resampling[T]
	gathering  gathering[T]
	walking    walking[T]
	scratch    []T
}

// room gives n elements of scratch memory.
func (m *Mover[T]) room(n int) []T {
	if len(m.scratch) < n {
		m.Wipe()
		m.scratch = make([]T, n)
	}
	return m.scratch[:n]
}

// Reserve makes room for n elements beside those that are moved.
func (m *Mover[T]) Reserve(n int) { m.room(n) }

// Wipe clears what is left of them.
func (m *Mover[T]) Wipe() { ring.Wipe(m.scratch) }
