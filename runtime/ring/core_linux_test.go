package ring

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestLeave has a thread leave the core that it runs on, and none that it does not run on, and go wherever it likes afterwards.
func TestLeave(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	all := allowed()
	if all.Count() < 2 {
		t.Skip("one core")
	}
	// Between a look at the core and the call the kernel may move the thread: once in a while is no failure.
	const tries = 100
	left := 0
	for range tries {
		at := core()
		leave(at)
		if core() != at {
			left++
		}
	}
	if left < tries/2 {
		t.Errorf("left its core %d times of %d", left, tries)
	}
	leave(-1)
	var now unix.CPUSet
	if err := unix.SchedGetaffinity(0, &now); err != nil || now != all {
		t.Errorf("may use %v (%v), before it was %v", now, err, all)
	}
}
