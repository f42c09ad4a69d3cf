package ring

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// grain is how many elements an elementwise share of work has at least. Waking a worker costs about as much as a
// few thousand additions; a share should be many times that. It is a multiple of 64, so that shares of a bit vector
// begin at a word.
const grain = 1 << 15

// sharesPerWorker makes shares smaller than a worker's part, so that a worker that is held up (the other party runs
// on the same cores) leaves its remainder to the rest.
const sharesPerWorker = 4

// Parallel calls f on disjoint ranges [lo, hi) that together cover [0, n), on up to GOMAXPROCS goroutines, and
// returns when all calls have. Every lo is a multiple of grain, and every hi is too, or is n: a caller that needs
// aligned ranges chooses grain so. With n <= grain, or one core, f(0, n) runs on the caller's goroutine alone; with
// n = 0, f is not called. A panic in f is raised again on the caller's goroutine.
func Parallel(n, grain int, f func(lo, hi int)) {
	if n <= 0 {
		return
	}
	grain = max(grain, 1)
	units := (n-1)/grain + 1
	workers := min(runtime.GOMAXPROCS(0), units)
	if workers == 1 {
		f(0, n)
		return
	}
	// A share is as many whole units as leave every worker about sharesPerWorker of them.
	share := max(units/(workers*sharesPerWorker), 1) * grain
	var p pool
	for range workers - 1 {
		p.running.Go(func() { p.drain(n, share, f) })
	}
	p.drain(n, share, f)
	p.running.Wait()
	if p.panicked != nil {
		panic(p.panicked)
	}
}

// pool is the state that the workers of one Parallel call have in common.
type pool struct {
	running  sync.WaitGroup
	next     atomic.Int64 // where the next share begins
	once     sync.Once
	panicked any // the first panic, read after Wait
}

// drain takes shares until none is left. A panic is kept for the caller, who can recover it; on a worker's own
// goroutine it would end the process.
func (p *pool) drain(n, share int, f func(lo, hi int)) {
	defer func() {
		if r := recover(); r != nil {
			p.once.Do(func() { p.panicked = r })
		}
	}()
	for {
		lo := int(p.next.Add(int64(share))) - share
		if lo >= n {
			return
		}
		f(lo, min(lo+share, n))
	}
}
