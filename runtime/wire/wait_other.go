//go:build !linux

package wire

import (
	"runtime"
	"time"
)

// coarse is what time.Sleep may overshoot by; the rest is spent yielding.
const coarse = 2 * time.Millisecond

type waiter struct{}

// waiting runs f with a waiter.
func waiting(f func(waiter)) { f(waiter{}) }

func (waiter) until(at time.Time) {
	for d := time.Until(at); d > 0; d = time.Until(at) {
		if d > coarse {
			time.Sleep(d - coarse)
			continue
		}
		runtime.Gosched()
	}
}

// about is until: a sleep would overshoot by more than what it is to save.
func (w waiter) about(at time.Time) { w.until(at) }
