package ring

import (
	"runtime"
	"slices"
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

// Run is Parallel for work that was made before. It allocates nothing once as many workers as run at a time have been made. It does not wait
// for a worker that has not begun: where the other party keeps the cores busy, one that was woken may come when all is done.
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
	crew.open(j, workers-1)
	j.drain()
	crew.close(j)
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
	parts    int          // a share is one of so many of what is left
	core     int          // of the caller
	next     atomic.Int64 // where the next share begins
	mu       sync.Mutex
	panicked any // the first panic

	inside int           // workers at it; the team's mu guards it
	closed bool          // the caller waits for these
	left   chan struct{} // the last of them has left
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
// at a time.
type team struct {
	mu     sync.Mutex
	jobs   []*job // that are open to workers
	waking int    // workers that were woken and have not looked for a job yet
	idle   []worker
	ended  []*job
}

// worker is where a goroutine waits until it is woken.
type worker chan struct{}

// usual is more than the calls at a time that a machine gets done: with room for as many, a list seldom grows.
const usual = 256

var crew = team{jobs: make([]*job, 0, usual), idle: make([]worker, 0, usual), ended: make([]*job, 0, usual)}

func (t *team) job() *job {
	t.mu.Lock()
	defer t.mu.Unlock()
	last := len(t.ended) - 1
	if last < 0 {
		return &job{left: make(chan struct{}, 1)}
	}
	j := t.ended[last]
	t.ended = t.ended[:last]
	return j
}

// open lets workers help with a job, and wakes as many as it wants and are not on their way.
func (t *team) open(j *job, wanted int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.jobs = append(t.jobs, j)
	for ; t.waking < wanted; t.waking++ {
		if last := len(t.idle) - 1; last >= 0 {
			t.idle[last] <- struct{}{} // it has room: whoever is idle was not woken
			t.idle = t.idle[:last]
			continue
		}
		w := make(worker, 1)
		w <- struct{}{}
		go t.serve(w)
	}
}

// close ends a job that has no shares left: no worker begins with it, and those that did have left.
func (t *team) close(j *job) {
	t.mu.Lock()
	i := slices.Index(t.jobs, j)
	t.jobs = slices.Delete(t.jobs, i, i+1)
	j.closed = j.inside > 0
	wait := j.closed
	t.mu.Unlock()
	if wait {
		<-j.left
	}
}

// forget makes a job that has ended ready for another call.
func (t *team) forget(j *job) {
	j.work, j.panicked, j.closed = nil, nil, false
	j.next.Store(0)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = append(t.ended, j)
}

// serve works whenever it is woken.
func (t *team) serve(w worker) {
	for {
		<-w
		for j := t.join(w, true); j != nil; j = t.join(w, false) {
			t.help(j)
		}
	}
}

// help works at a job, which goes on even where the work ends the goroutine, as a test that fails does.
func (t *team) help(j *job) {
	defer t.leave(j)
	leave(j.core)
	j.drain()
}

// leave takes a worker from a job.
func (t *team) leave(j *job) {
	t.mu.Lock()
	defer t.mu.Unlock()
	j.inside--
	if j.closed && j.inside == 0 {
		j.left <- struct{}{}
	}
}

// join gives a worker, one that was just woken or one that has left a job, the oldest job with shares left. Where there is none it is
// idle.
func (t *team) join(w worker, woken bool) *job {
	t.mu.Lock()
	defer t.mu.Unlock()
	if woken {
		t.waking--
	}
	for _, j := range t.jobs {
		if j.next.Load() < int64(j.n) {
			j.inside++
			return j
		}
	}
	t.idle = append(t.idle, w)
	return nil
}
