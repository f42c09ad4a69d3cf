package kernel

import "sync/atomic"

// spare keeps a value for the next call, so that only calls at the same time need others.
type spare[T any] struct{ kept atomic.Pointer[T] }

func (s *spare[T]) take() *T {
	if v := s.kept.Swap(nil); v != nil {
		return v
	}
	return new(T)
}

func (s *spare[T]) put(v *T) { s.kept.Store(v) }
