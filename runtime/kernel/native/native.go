// Package native loads a library of kernels that was compiled for a program and calls its functions, without cgo.
//
// To load a library is to run its code with the rights of this process. So it is loaded from the very bytes whose hash was
// checked, from a file that nobody but its owner can write; who may change the hash may change the program as well.
package native

import (
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"

	"sotto/runtime/ring"
)

// Library is an open library. It stays loaded as long as the process lives.
type Library struct{ handle uintptr }

// Symbol finds a function.
func (l *Library) Symbol(name string) (uintptr, error) { return purego.Dlsym(l.handle, name) }

// Call is a function over units with its arguments bound: a list for each worker, which differ in scratch memory alone.
type Call struct {
	symbol       uintptr
	units, grain int
	args         [][]unsafe.Pointer
	idle         chan int // workers without work
}

// NewCall binds the arguments of a function for each of Workers workers.
func NewCall(symbol uintptr, units, grain int, args [][]unsafe.Pointer) *Call {
	c := &Call{symbol, units, grain, args, make(chan int, len(args))}
	for i := range args {
		c.idle <- i
	}
	return c
}

// Workers is how many workers a call has at most.
func Workers() int { return runtime.GOMAXPROCS(0) }

// Run does all units, on as many cores as there are workers and work, and returns when they are done.
func (c *Call) Run() { ring.Parallel(c.units, c.grain, c.Units) }

// Units does units lo to hi-1, on the calling goroutine.
func (c *Call) Units(lo, hi int) {
	i := <-c.idle
	defer func() { c.idle <- i }()
	args := c.args[i]
	purego.SyscallN(c.symbol, uintptr(unsafe.Pointer(unsafe.SliceData(args))), uintptr(lo), uintptr(hi))
	runtime.KeepAlive(args)
}

// Address is what an argument of a function points to.
type Address = unsafe.Pointer

// At gives the address of a vector.
func At[T any](v []T) Address { return Address(unsafe.SliceData(v)) }
