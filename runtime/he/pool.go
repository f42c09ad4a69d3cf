package he

// pool keeps memory for those who come next: polynomials are large, and clearing fresh ones takes as long as a transform.
type pool[T any] struct {
	free  chan T
	fresh func() T
}

// newPool keeps at most n.
func newPool[T any](n int, fresh func() T) pool[T] {
	return pool[T]{make(chan T, n), fresh}
}

func (p pool[T]) take() T {
	select {
	case v := <-p.free:
		return v
	default:
		return p.fresh()
	}
}

func (p pool[T]) give(all ...T) {
	for _, v := range all {
		select {
		case p.free <- v:
		default:
		}
	}
}

// each empties the pool, calling f with what it held.
func (p pool[T]) each(f func(T)) {
	for {
		select {
		case v := <-p.free:
			f(v)
		default:
			return
		}
	}
}
