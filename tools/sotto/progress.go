package main

import (
	"fmt"
	"os"
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
	last     time.Time
	shown    bool // a line stands on the terminal
}

// plainEvery is the least time between plain lines.
const plainEvery = 5 * time.Second

func newProgress(a *app) *progress {
	if a.quiet || a.json {
		return nil
	}
	f, ok := a.err.(*os.File)
	return &progress{app: a, terminal: ok && term.IsTerminal(int(f.Fd())), last: time.Now()}
}

// step says what begins.
func (p *progress) step(format string, args ...any) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.terminal:
		fmt.Fprintf(p.app.err, "\r\x1b[K%s", fmt.Sprintf(format, args...))
		p.shown = true
	case time.Since(p.last) >= plainEvery:
		fmt.Fprintf(p.app.err, format+"\n", args...)
		p.last = time.Now()
	}
}

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
