//go:build unix

package prices

import (
	"syscall"
	"time"
)

// cpuTime is the time that this process has spent on processors, its own and the system's on its behalf.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
