package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"sotto/ir"
	"sotto/ir/cost"
)

// What a private training or search will cost, before it begins, and without one: the costs of its programs by a price list, as often as they
// are run.

// programCosts is what runs of a program in one session cost: the first, which sets up what the others go on with, and every later one.
type programCosts struct{ First, Later estimate }

// programCosts prices a step's runs.
func (s *privateStep) programCosts(target cost.Target) programCosts {
	f := s.secure.Funcs[0]
	of := func(account func(*ir.Module, *ir.Func, cost.Source) *cost.Ledger) estimate {
		return costsAs(account(s.secure, f, s.source), f, s.pair, target)
	}
	return programCosts{of(ir.Account), of(ir.AccountAgain)}
}

// runCost is what a part of a run costs, or all of it: both phases.
type runCost struct {
	What    string   `json:"what"`  // step, epoch, all
	Times   int      `json:"times"` // how many of it all have
	Online  expected `json:"online"`
	Offline expected `json:"offline"`
}

// add adds n runs of a program, the first of the session among them or not.
func (r *runCost) add(p programCosts, n int, first bool) {
	if n == 0 {
		return
	}
	if first {
		r.Online.addRuns(p.First.Online, 1)
		r.Offline.addRuns(p.First.Offline, 1)
		n--
	}
	r.Online.addRuns(p.Later.Online, n)
	r.Offline.addRuns(p.Later.Offline, n)
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

// runsCosts prices all turns of a run, each of one of its programs. A step is one of every program that is run again and again; an epoch is as the
// last one.
func runsCosts(steps []*privateStep, turns []privateTurn, target cost.Target) runEstimate {
	epochs := 1
	for _, u := range turns {
		epochs = max(epochs, u.Epoch+1)
	}
	step, epoch, all := runCost{What: "step"}, runCost{What: "epoch", Times: epochs}, runCost{What: "all", Times: 1}
	for i, s := range steps {
		runs, last := 0, 0
		for _, u := range turns {
			if u.Program == i {
				runs++
				if u.Split != "" && u.Epoch == epochs-1 {
					last++
				}
			}
		}
		p := s.programCosts(target)
		if last > 0 {
			step.Times = max(step.Times, runs)
			step.add(p, 1, false)
		}
		epoch.add(p, last, false)
		all.add(p, runs, true)
	}
	return newRunCosts(target, step, epoch, all)
}

// estimateRun says what a private run on so many images would cost.
func (a *app) estimateRun(images int, w *privateWork) error {
	target, err := a.target(w.target, w.net)
	if err != nil {
		return err
	}
	turns, err := w.turns(func(string) int { return images })
	if err != nil {
		return err
	}
	e := runsCosts(w.steps, turns, target)
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
	return append(all, fmt.Sprintf("estimated by the prices of %s", e.Estimate.Target))
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
