package cost

import "sync"

// Remembered holds results that take long to find, by what they depend on. It holds so many: then it forgets them all, and whoever still needs some
// finds them once more.
type Remembered[K comparable, V any] struct {
	mu  sync.Mutex
	all map[K]V
}

// MostRemembered is far more than the layers of a network with every way to compute them.
const MostRemembered = 1 << 12

// Get gives the result for a key, found if it is not held. Two that ask at the same time may both find it. Failures are not held.
func (r *Remembered[K, V]) Get(key K, find func(K) (V, error)) (V, error) {
	r.mu.Lock()
	v, ok := r.all[key]
	r.mu.Unlock()
	if ok {
		return v, nil
	}
	v, err := find(key)
	if err != nil {
		return v, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil || len(r.all) >= MostRemembered {
		r.all = map[K]V{}
	}
	r.all[key] = v
	return v, nil
}
