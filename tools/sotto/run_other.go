//go:build !linux

package main

import "syscall"

// dieWithParent asks for nothing where the kernel offers nothing.
func dieWithParent() *syscall.SysProcAttr { return nil }
