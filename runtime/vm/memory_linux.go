package vm

import "syscall"

// memory is how many bytes of RAM this machine has, or zero if it does not say.
func memory() int64 {
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}
