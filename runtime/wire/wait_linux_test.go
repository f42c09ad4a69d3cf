package wire

import (
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// TestWaiterLeavesItsThread: as it was, and alive. A process that the thread started to end with its parent does not end with a link.
func TestWaiterLeavesItsThread(t *testing.T) {
	child := exec.Command("sleep", "60")
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	released, over := make(chan [3]uintptr), make(chan struct{})
	defer close(over)
	var waits func()
	waits = func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if syscall.Gettid() == syscall.Getpid() { // the one thread that no goroutine ends, which is busy now
			go waits()
			<-over
			return
		}
		if err := child.Start(); err != nil {
			t.Error(err)
		}
		before, during := timerSlack(), uintptr(0)
		waiting(func(waiter) { during = timerSlack() })
		released <- [3]uintptr{before, during, timerSlack()}
	}
	go waits()
	if x := <-released; x[1] >= x[0] || x[2] != x[0] {
		t.Errorf("timer slack of %d ns before, %d while it waits, %d behind", x[0], x[1], x[2])
	}
	ended := make(chan error)
	go func() { ended <- child.Wait() }()
	select {
	case err := <-ended:
		t.Errorf("the process ended with the waiter: %v", err)
	case <-time.After(200 * time.Millisecond):
		child.Process.Kill()
		<-ended
	}
}

func timerSlack() uintptr {
	slack, _, _ := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_TIMERSLACK, 0, 0)
	return slack
}
