package ring

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// allowed is the cores that this process may use, none where that is not known.
var allowed = sync.OnceValue(func() (set unix.CPUSet) {
	if unix.SchedGetaffinity(0, &set) != nil {
		set.Zero()
	}
	return set
})

// core is where the caller runs, or -1 where that is not known.
func core() int {
	var cpu uint32
	if _, _, err := unix.RawSyscall(unix.SYS_GETCPU, uintptr(unsafe.Pointer(&cpu)), 0, 0); err != 0 {
		return -1
	}
	return int(cpu)
}

// leave has the caller go on on another core than a busy one. The kernel of a virtual machine may wake a thread where its waker runs
// while another core sleeps, and lets the two take turns for milliseconds.
func leave(busy int) {
	if busy < 0 || core() != busy {
		return
	}
	all := allowed()
	others := all
	others.Clear(busy)
	thread := unix.Gettid() // by its name: the caller may go on on another thread between the calls, and this one must not be left bound
	if others.Count() == 0 || unix.SchedSetaffinity(thread, &others) != nil {
		return
	}
	_ = unix.SchedSetaffinity(thread, &all) // it need not stay there; should that fail, it does
}
