package material

import "time"

// Every sets how often a party says that it is there.
func (s *Seat) Every(d time.Duration) { s.every = d }

// Sessions is how many wait or are served.
func (d *Dealer) Sessions() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.waiting) + d.serving
}
