package main

import "syscall"

// dieWithParent has the kernel end a party's process with the one that started it, however that ends.
func dieWithParent() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
