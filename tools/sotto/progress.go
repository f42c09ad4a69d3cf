package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress tells what long work is at: one line that is written over on a terminal; elsewhere a plain line, at most one
// every so often, so that short work is silent. A nil progress says nothing.
type progress struct {
	app      *app
	mu       sync.Mutex // sessions and what is logged beside them
	terminal bool
	relay    bool // lines are for the process that started this one, which shows them
	last     time.Time
	shown    bool // a line stands on the terminal
}

// plainEvery is the least time between plain lines.
const plainEvery = 5 * time.Second

func newProgress(a *app) *progress {
	if a.relay {
		return &progress{app: a, relay: true}
	}
	if a.quiet || a.json {
		return nil
	}
	f, ok := a.err.(*os.File)
	return &progress{app: a, terminal: ok && term.IsTerminal(int(f.Fd())), last: time.Now()}
}

// Relayed lines: how they begin, and the least time between them.
const (
	relayPrefix = "progress: "
	relayEvery  = 100 * time.Millisecond
)

// due tells whether step would show something: who has much to tell asks before making words of it.
func (p *progress) due() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.terminal || time.Since(p.last) >= p.every()
}

// every is the least time between lines.
func (p *progress) every() time.Duration {
	if p.relay {
		return relayEvery
	}
	return plainEvery
}

// step says what begins.
func (p *progress) step(format string, args ...any) {
	if !p.due() {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.terminal:
		fmt.Fprintf(p.app.err, "\r\x1b[K%s", strings.Map(harmless, fmt.Sprintf(format, args...)))
		p.shown = true
		return
	case p.relay:
		format = relayPrefix + format
	}
	fmt.Fprintf(inert{p.app.err}, format+"\n", args...)
	p.last = time.Now()
}

// during says what is going on until stop is called, now and then: of work that has no steps of its own to tell.
func (p *progress) during(now func() string) (stop func()) {
	if p == nil {
		return func() {}
	}
	ended := make(chan struct{})
	var told sync.WaitGroup
	told.Go(func() {
		tick := time.NewTicker(tellEvery)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				p.step("%s", now())
			}
		}
	})
	return func() {
		close(ended)
		told.Wait()
	}
}

// tellEvery is how often during looks.
const tellEvery = 200 * time.Millisecond

// done clears the line, before something else is printed.
func (p *progress) done() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.app.err, "\r\x1b[K")
		p.shown = false
	}
}

// relayed takes what a process writes to stderr: progress lines are shown, the rest is kept.
type relayed struct {
	progress *progress
	part     []byte // of a line that is not whole yet
	kept     bytes.Buffer
}

func (r *relayed) Write(b []byte) (int, error) {
	r.part = append(r.part, b...)
	for {
		line, rest, whole := bytes.Cut(r.part, []byte("\n"))
		if !whole {
			return len(b), nil
		}
		r.part = rest
		if text, ok := bytes.CutPrefix(line, []byte(relayPrefix)); ok {
			r.progress.step("%s", text)
		} else {
			r.kept.Write(append(line, '\n'))
		}
	}
}

// bytes gives what was kept, an unfinished line included.
func (r *relayed) bytes() []byte { return append(r.kept.Bytes(), r.part...) }
