package wire

import (
	"runtime"
	"syscall"
	"time"
)

// The Go scheduler rounds a sleep of less than a millisecond up to one when the process is idle (epoll_wait counts
// milliseconds), which is ten times the delay of a LAN. So: the runtime's timer for the long part, the kernel's
// nanosleep for the middle, and a short spin for the end.
const (
	coarse = 2 * time.Millisecond  // what time.Sleep may overshoot by, with room
	fine   = 40 * time.Microsecond // what nanosleep with the least slack may overshoot by
)

// waiter waits to within some microseconds. It owns its thread.
type waiter struct{}

// waiting runs f with a waiter. The thread lives on: with it would end processes that it had started to end with their parent, which for the kernel is
// a thread.
func waiting(f func(waiter)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const nanoseconds = 1000
	setTimerSlack(nanoseconds)
	defer setTimerSlack(0) // what the thread began with
	f(waiter{})
}

// setTimerSlack sets that of the thread. Without a small one waits are 50 us late at worst, which is no error: the result is not looked at.
func setTimerSlack(nanoseconds uintptr) {
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_TIMERSLACK, nanoseconds, 0)
}

func (waiter) until(at time.Time) {
	for d := time.Until(at); d > 0; d = time.Until(at) {
		if d > fine {
			nap(d, fine)
		}
	}
}

// about waits without a spin: it ends some tens of microseconds late.
func (waiter) about(at time.Time) {
	for d := time.Until(at); d > 0; d = time.Until(at) {
		nap(d, 0)
	}
}

// nap sleeps for d less a margin, or for a part of it.
func nap(d, margin time.Duration) {
	if d > coarse {
		time.Sleep(d - coarse)
		return
	}
	ts := syscall.NsecToTimespec(int64(d - margin))
	_ = syscall.Nanosleep(&ts, nil) // an interrupted sleep is taken up again
}
