package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/share"
)

// What a private training or search will cost, before it begins, and without one: the costs of its programs by a price list, as often as they
// are run, and beside what a dealer does for the run that follows.

// noRun stands for the program of the run before a session's first and behind its last.
const noRun = -1

// between names what lies between two runs of a session: their programs, and whether the second is the first run of its own.
type between struct {
	run, next int
	first     bool
}

// phases are what it costs: the online phase of the one run and the offline phase of the other.
type phases struct{ online, offline expected }

// sessionCosts prices runs of programs that share a session.
type sessionCosts struct {
	steps   []*privateStep
	target  cost.Target
	ledgers map[between]*cost.Ledger // of the run that is next
	known   map[between]phases
}

func newSessionCosts(steps []*privateStep, target cost.Target) *sessionCosts {
	return &sessionCosts{steps, target, map[between]*cost.Ledger{}, map[between]phases{}}
}

// ledger is that of a program's first run, which sets up what the others go on with, or of a later one; nil is that of no run.
func (c *sessionCosts) ledger(program int, first bool) *cost.Ledger {
	key := between{noRun, program, first}
	if program == noRun || c.ledgers[key] != nil {
		return c.ledgers[key]
	}
	s, account := c.steps[program], ir.AccountAgain
	if first {
		account = ir.Account
	}
	c.ledgers[key] = account(s.secure, s.secure.Funcs[0], s.source)
	return c.ledgers[key]
}

func (c *sessionCosts) between(b between) phases {
	if p, ok := c.known[b]; ok {
		return p
	}
	run, next := c.ledger(b.run, false), c.ledger(b.next, b.first)
	online, offline := cost.Between(run, next, c.target)
	var p phases
	if run != nil {
		p.online = wholePhase(&online)
	}
	if next != nil {
		p.offline = wholePhase(&offline)
		for _, d := range next.Dealt {
			p.offline.DealerSent += d.Bytes
		}
	}
	c.known[b] = p
	return p
}

// wholePhase is what a phase takes, all ops together.
func wholePhase(x *cost.Expected) expected {
	e := expected{MS: x.MS, Low: x.Low, High: x.High, Traffic: x.Traffic, Bytes: x.ClientSent + x.ServerSent}
	for _, work := range x.WorkMS {
		e.ClientWork, e.ServerWork = e.ClientWork+work[cost.Client], e.ServerWork+work[cost.Server]
	}
	return e
}

// each visits the turns of a session with what each costs.
func (c *sessionCosts) each(turns []privateTurn, visit func(u privateTurn, p phases)) {
	seen, before := make([]bool, len(c.steps)), between{run: noRun, next: noRun}
	if len(turns) > 0 {
		before = between{noRun, turns[0].Program, true}
	}
	for i, u := range turns {
		seen[u.Program] = true
		after := between{run: u.Program, next: noRun}
		if i+1 < len(turns) {
			after.next = turns[i+1].Program
			after.first = !seen[after.next]
		}
		visit(u, phases{c.between(after).online, c.between(before).offline})
		before = after
	}
}

// later is what a run of each of some programs costs that are run by turns, neither the session's first nor its last.
func (c *sessionCosts) later(programs []int) (sum runCost) {
	for i, program := range programs {
		sum.add(c.between(between{run: program, next: programs[(i+1)%len(programs)]}))
	}
	return sum
}

// runCost is what a part of a run costs, or all of it: both phases.
type runCost struct {
	What    string   `json:"what"`  // step, epoch, all
	Times   int      `json:"times"` // how many of it all have
	Online  expected `json:"online"`
	Offline expected `json:"offline"`
}

func (r *runCost) add(p phases) {
	r.Online.add(p.online)
	r.Offline.add(p.offline)
}

// runEstimate is what the declared costs say of a whole run.
type runEstimate struct {
	head
	Estimate runCosts `json:"estimate"`
}

// runCosts are those of a run and of its parts. What they say in one number each is of the last part, which is all, but for names that begin with
// step.
type runCosts struct {
	Target      string    `json:"target"`
	Steps       int       `json:"steps"`
	StepMS      float64   `json:"step_ms"`
	StepBytes   int64     `json:"step_bytes"` // between the servers, both phases
	DealerBytes int64     `json:"step_dealer_bytes"`
	Rounds      int       `json:"step_rounds"`
	MS          float64   `json:"ms"`
	Bytes       int64     `json:"bytes"`
	Parts       []runCost `json:"parts"` // a step, an epoch, all
	// Images is how many it is for, by split, where there is no data.
	Images map[string]int `json:"images,omitempty"`
	// Softmax is what --softmax auto chose from, the chosen one first.
	Softmax []pricedSoftmax `json:"softmax,omitempty"`
}

// newRunCosts sums up what a run costs of which parts are a step and all, the first and the last of them.
func newRunCosts(target cost.Target, parts ...runCost) runEstimate {
	step, all := &parts[0], &parts[len(parts)-1]
	return runEstimate{version1, runCosts{Target: target.Name, Steps: step.Times, StepMS: step.ms(), StepBytes: step.bytes(), DealerBytes: step.Offline.DealerSent,
		Rounds: step.Online.Rounds + step.Offline.Rounds, MS: all.ms(), Bytes: all.bytes(), Parts: parts}}
}

func (r *runCost) ms() float64  { return r.Online.MS + r.Offline.MS }
func (r *runCost) bytes() int64 { return r.Online.Bytes + r.Offline.Bytes }

// runsCosts prices all turns of a session, each a run of one of its programs. A step is one of every program that is run again and again; an epoch is
// the last one.
func runsCosts(steps []*privateStep, turns []privateTurn, target cost.Target) runEstimate {
	epochs := 1
	for _, u := range turns {
		epochs = max(epochs, u.Epoch+1)
	}
	step, epoch, all := runCost{What: "step"}, runCost{What: "epoch", Times: epochs}, runCost{What: "all", Times: 1}
	c, runs, again := newSessionCosts(steps, target), make([]int, len(steps)), []int(nil)
	c.each(turns, func(u privateTurn, p phases) {
		all.add(p)
		runs[u.Program]++
		if u.Split == "" || u.Epoch != epochs-1 {
			return
		}
		epoch.add(p)
		if !slices.Contains(again, u.Program) {
			again = append(again, u.Program)
		}
	})
	for _, program := range again {
		step.Times = max(step.Times, runs[program])
	}
	each := c.later(again)
	step.Online, step.Offline = each.Online, each.Offline
	return newRunCosts(target, step, epoch, all)
}

// estimateRun says what a private run on as many images as --estimate says would cost.
func (a *app) estimateRun(f *privateFlags, w *privateWork) error {
	target, err := a.target(w.target, w.net)
	if err != nil {
		return err
	}
	images := map[string]int{}
	turns, err := w.turns(func(split string) int {
		images[split] = f.estimated(split)
		return images[split]
	})
	if err != nil {
		return err
	}
	e := runsCosts(w.steps, turns, target)
	e.Estimate.Images = images
	e.Estimate.Softmax = w.softmax
	return a.show(e, e.text)
}

// tell says what a run will cost, to whoever runs it.
func (a *app) tell(e runEstimate) error {
	if a.json {
		return json.NewEncoder(a.out).Encode(e)
	}
	for _, line := range e.lines() {
		a.notice("%s", line)
	}
	return nil
}

func (e runEstimate) text(w io.Writer) {
	for _, line := range e.lines() {
		fmt.Fprintln(w, line)
	}
}

func (e runEstimate) lines() (all []string) {
	for _, part := range e.Estimate.Parts {
		all = append(all, part.line())
	}
	last := "estimated by the prices of " + e.Estimate.Target
	for _, split := range []string{share.Train, share.Validation} {
		if n := e.Estimate.Images[split]; n > 0 {
			last += fmt.Sprintf(", %s %s images", count(int64(n)), split)
		}
	}
	return append(all, last)
}

// line is a part in a sentence.
func (r *runCost) line() string {
	name := map[string]string{"step": "a step", "epoch": "an epoch", "all": "all"}[r.What]
	low, high := r.Online.Low+r.Offline.Low, r.Online.High+r.Offline.High
	text := fmt.Sprintf("%s: %s (%s to %s), %s of it online; S0 sends %s, S1 %s, %d rounds", name, long(r.ms()), long(low), long(high), long(r.Online.MS),
		size(r.Online.ClientSent+r.Offline.ClientSent), size(r.Online.ServerSent+r.Offline.ServerSent), r.Online.Rounds+r.Offline.Rounds)
	if n := r.Offline.DealerSent; n > 0 {
		text += ", the dealer " + size(n)
	}
	return text
}

// long prints milliseconds, of which there may be days.
func long(ms float64) string {
	if ms < float64(time.Minute/time.Millisecond) {
		return duration(ms)
	}
	return time.Duration(ms * float64(time.Millisecond)).Round(time.Second).String()
}
