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
	idle         chan *worker // without work
}

// worker is a list of arguments, and what a call with it passes: where the list is, and the units.
type worker struct {
	args   []unsafe.Pointer
	passed []uintptr
}

// NewCall binds the arguments of a function for each of Workers workers.
func NewCall(symbol uintptr, units, grain int, args [][]unsafe.Pointer) *Call {
	c := &Call{symbol, units, grain, make(chan *worker, len(args))}
	for _, list := range args {
		c.idle <- &worker{list, []uintptr{uintptr(unsafe.Pointer(unsafe.SliceData(list))), 0, 0}}
	}
	return c
}

// Workers is how many workers a call has at most.
func Workers() int { return runtime.GOMAXPROCS(0) }

// Run does all units, on as many cores as there are workers and work, and returns when they are done.
func (c *Call) Run() { ring.Run(c.units, c.grain, c) }

// Do does units lo to hi-1, on the calling goroutine.
func (c *Call) Do(lo, hi int) {
	w := <-c.idle
	defer func() { c.idle <- w }()
	w.passed[1], w.passed[2] = uintptr(lo), uintptr(hi)
	purego.SyscallN(c.symbol, w.passed...)
	runtime.KeepAlive(w)
}

// Address is what an argument of a function points to.
type Address = unsafe.Pointer

// At gives the address of a vector.
func At[T any](v []T) Address { return Address(unsafe.SliceData(v)) }
