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

// sharesPerWorker makes shares smaller than a worker's part of what is left, so that a worker that is held up (the other party runs
// on the same cores) leaves its remainder to the rest. The last shares are the smallest, so that all workers end at about one time.
const sharesPerWorker = 4

// Work is what is done for ranges of units: Do may be called by several goroutines at a time.
type Work interface{ Do(lo, hi int) }

// Parallel calls f on disjoint ranges [lo, hi) that together cover [0, n), on up to GOMAXPROCS goroutines, and
// returns when all calls have. Every lo is a multiple of grain, and every hi is too, or is n: a caller that needs
// aligned ranges chooses grain so. With n <= grain, or one core, f(0, n) runs on the caller's goroutine alone; with
// n = 0, f is not called. A panic in f is raised again on the caller's goroutine.
func Parallel(n, grain int, f func(lo, hi int)) { Run(n, grain, work(f)) }

// work is a function as Work.
type work func(lo, hi int)

func (f work) Do(lo, hi int) { f(lo, hi) }

// Run is Parallel for work that was made before. It allocates nothing once as many workers as run at a time have been made.
func Run(n, grain int, w Work) {
	if n <= 0 {
		return
	}
	grain = max(grain, 1)
	units := (n-1)/grain + 1
	workers := min(runtime.GOMAXPROCS(0), units)
	if workers == 1 {
		w.Do(0, n)
		return
	}
	j := crew.job()
	j.work, j.n, j.grain, j.parts, j.core = w, n, grain, workers*sharesPerWorker, core()
	for range workers - 1 {
		j.running.Add(1)
		crew.give(j)
	}
	j.drain()
	j.running.Wait()
	panicked := j.panicked
	crew.forget(j)
	if panicked != nil {
		panic(panicked)
	}
}

// job is what the workers of one call have in common.
type job struct {
	work     Work
	n, grain int
	parts    int            // a share is one of so many of what is left
	core     int            // of the caller
	running  sync.WaitGroup // workers beside the caller
	next     atomic.Int64   // where the next share begins
	mu       sync.Mutex
	panicked any // the first panic
}

// drain takes shares until none is left. A panic is kept for the caller, who can recover it; on a worker's own
// goroutine it would end the process.
func (j *job) drain() {
	defer func() {
		if r := recover(); r != nil {
			j.mu.Lock()
			defer j.mu.Unlock()
			if j.panicked == nil {
				j.panicked = r
			}
		}
	}()
	for {
		lo := j.next.Load()
		if lo >= int64(j.n) {
			return
		}
		share := max((j.n-int(lo))/(j.grain*j.parts), 1) * j.grain
		if j.next.CompareAndSwap(lo, lo+int64(share)) {
			j.work.Do(int(lo), min(int(lo)+share, j.n))
		}
	}
}

// team is goroutines that wait for jobs, and jobs that have ended, so that none is made while there is one: as many as were ever in use
// at a time, up to mostIdle.
type team struct {
	mu    sync.Mutex
	idle  []worker
	ended []*job
}

// worker is where a goroutine waits for its next job.
type worker chan *job

// mostIdle is more than the calls at a time that a machine gets done.
const mostIdle = 256

var crew = team{idle: make([]worker, 0, mostIdle), ended: make([]*job, 0, mostIdle)}

func (t *team) job() *job {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := len(t.ended) - 1
	if last < 0 {
		return new(job)
	}
	j := t.ended[last]
	t.ended = t.ended[:last]
	return j
}

// forget makes a job that has ended ready for another call.
func (t *team) forget(j *job) {
	j.work, j.panicked = nil, nil
	j.next.Store(0)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.ended) < mostIdle {
		t.ended = append(t.ended, j)
	}
}

// give has a worker help with a job.
func (t *team) give(j *job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last := len(t.idle) - 1; last >= 0 {
		t.idle[last] <- j // it has room: whoever is idle was given nothing
		t.idle = t.idle[:last]
		return
	}
	w := make(worker, 1)
	w <- j
	go t.serve(w)
}

// serve works until there are idle workers enough.
func (t *team) serve(w worker) {
	for t.help(w, <-w) {
	}
}

// help works at a job. A worker is idle before its job's caller goes on, who may have the next one; and that one goes on even where the
// work ends the goroutine, as a test that fails does.
func (t *team) help(w worker, j *job) (stays bool) {
	defer j.running.Done()
	leave(j.core)
	j.drain()
	return t.rests(w)
}

// rests makes a worker wait for a job, or reports that there are enough.
func (t *team) rests(w worker) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.idle) == mostIdle {
		return false
	}
	t.idle = append(t.idle, w)
	return true
}
