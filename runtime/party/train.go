package party

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/store"
	"sotto/runtime/wire"
)

// Training is a session of many runs of one program, a training step, over one connection: what a step leaves as state the next one begins
// with. Masks, keys and everything else of the offline phase are made for each step, in a session of its own by name, and used once.
//
// Either party may end at any moment. Each keeps checkpoints of its shares; when they meet again they go on from the last one that both
// have, with new masks: a step that was cut off is made again as if it had never been begun.
type Training struct {
	Options
	Plan  Plan
	Steps int
	// Feed gives what step n takes, from 0: this party's shares of the inputs, and the public numbers. Options.Input is not used.
	Feed func(n int) (Input, error)
	// State is this party's share of the state before the first step, by name.
	State map[string][]int64
	// Checkpoints is where shares are kept, every so many steps and after the last one.
	Checkpoints *store.Checkpoints
	Every       int
	// Began, if set, is told of the step that this session goes on from; Stepped of every one that was made.
	Began   func(step int)
	Stepped func(Stepped)
}

// Stepped is what a step took.
type Stepped struct {
	Step, Of            int // how many are made, those of earlier sessions too
	OfflineMS, OnlineMS float64
	Sent, Received      int64 // by this party in this session so far, below TLS
}

// Trained is what a party has in the end: its shares of the state, which go with the peer's of the same mark.
type Trained struct {
	State map[string][]int64
	Mark  store.Mark
	From  int // the step that this session went on from
	Stats Stats
}

// Train runs a training over an open connection, to its end. What was made is kept if it fails. The connection is the caller's to close.
func Train(ctx context.Context, t Training) (*Trained, error) {
	if err := t.check(); err != nil {
		return nil, errors.Join(err, t.Conn.Abort("it cannot train this"))
	}
	stop := context.AfterFunc(ctx, func() { t.Conn.Abort("interrupted") })
	defer stop()
	var out *Trained
	var err error
	if t.Bundle.Program.Ring == 32 {
		out, err = train[uint32](ctx, t)
	} else {
		out, err = train[uint64](ctx, t)
	}
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("interrupted: %w", err)
	}
	return out, err
}

func (t *Training) check() error {
	p := t.Bundle.Program
	switch {
	case len(p.State) == 0:
		return errors.New("the program keeps no state from one run to the next: accepted is a training step")
	case len(p.Weights) > 0:
		return errors.New("the program has weights beside its state: accepted is a training step, whose state they are")
	case t.Steps < 1 || t.Every < 1:
		return fmt.Errorf("%d steps, a checkpoint every %d: accepted are 1 and more", t.Steps, t.Every)
	}
	return nil
}

// trainer is one party's end of a training session.
type trainer[W ring.Word] struct {
	session[W]
	t     *Training
	id    [16]byte // of the session
	state map[string][]int64
	at    store.Mark // that of the last checkpoint
}

func train[W ring.Word](ctx context.Context, t Training) (*Trained, error) {
	p := t.Bundle.Program
	t.Conn.Observe(t.Observer.Message)
	start := time.Now()
	g, err := shake(t.Conn, p, hello{source: sourceNumber(t.Source), modes: Steps})
	if err != nil {
		return nil, err
	}
	t.Observer.during(phaseSession, SpanSession, start)
	r := &trainer[W]{session: session[W]{Options: t.Options, p: p, weights: [][]W{}, stats: newStats(p, t.Source), dealt: map[int]int64{}}, t: &t, id: g.id}
	defer r.wipe()
	done := false
	defer func() {
		if !done {
			r.wipeState()
		}
	}()
	if err := r.resume(); err != nil {
		return nil, r.giveUp(err)
	}
	from := int(r.at.Step)
	if t.Began != nil {
		t.Began(from)
	}
	for n := from; n < t.Steps; n++ {
		if err := r.step(ctx, n); err != nil {
			return nil, r.giveUp(fmt.Errorf("step %d of %d: %w", n+1, t.Steps, err))
		}
	}
	if err := r.mark(markKept); err != nil { // both have the last one, whatever happens to either from here on
		return nil, r.giveUp(err)
	}
	done = true // the state is the caller's
	out := &Trained{State: r.state, Mark: r.at, From: from}
	res := new(Result)
	err = r.finish(res)
	out.Stats = res.Stats
	return out, err
}

// wipeState drops shares that lie in checkpoints, or nowhere.
func (r *trainer[W]) wipeState() {
	for _, share := range r.state {
		ring.Wipe(share)
	}
}

// resume finds out where to go on from.
func (r *trainer[W]) resume() error {
	var held []store.Mark
	if r.t.Checkpoints != nil {
		held = r.t.Checkpoints.Held()
	}
	plan := append(slices.Clone(r.t.Plan), PlanItem{"steps", strconv.Itoa(r.t.Steps)}, PlanItem{"steps between checkpoints", strconv.Itoa(r.t.Every)})
	theirs, err := declare(r.Conn, intent{plan, held})
	if err != nil {
		return err
	}
	if err := plan.accepts(theirs.Plan); err != nil {
		return fmt.Errorf("%w: %w", wire.ErrHandshake, err)
	}
	if r.at, err = common(held, theirs.Held, r.t.Every); err != nil {
		return fmt.Errorf("%w: %w", wire.ErrHandshake, err)
	}
	if r.at.Step == 0 {
		r.state = map[string][]int64{}
		for name, share := range r.t.State {
			r.state[name] = slices.Clone(share) // what is replaced is wiped
		}
	} else if r.state, err = restored[W](r.p, r.t.Checkpoints, r.at); err != nil {
		return err
	}
	if r.t.Checkpoints == nil {
		return nil
	}
	return r.t.Checkpoints.After(r.at.Step)
}

// step makes one step, and a checkpoint if it is time.
func (r *trainer[W]) step(ctx context.Context, n int) error {
	in, err := r.t.Feed(n)
	if err != nil {
		return err
	}
	in.State = r.state
	r.Input = in
	if err := r.mark(markReady); err != nil { // or one would wait for the other at the dealer
		return err
	}
	done := Stepped{Step: n + 1, Of: r.t.Steps, OfflineMS: r.stats.Offline.MS, OnlineMS: r.stats.Online.MS}
	if err := r.run(ctx, subsession(r.id, uint64(n))); err != nil {
		return err
	}
	done.OfflineMS, done.OnlineMS = r.stats.Offline.MS-done.OfflineMS, r.stats.Online.MS-done.OnlineMS
	if (n+1)%r.t.Every == 0 || n+1 == r.t.Steps {
		if err := r.checkpoint(uint64(n + 1)); err != nil {
			return err
		}
	}
	if r.t.Stepped != nil {
		done.Sent, done.Received = r.Conn.SocketBytes()
		r.t.Stepped(done)
	}
	return nil
}

// run runs the program, whole, and takes its state.
func (r *trainer[W]) run(ctx context.Context, id [16]byte) error {
	defer r.wipeOffline()
	if err := r.offline(ctx, id); err != nil {
		return err
	}
	if err := r.meet(); err != nil {
		return err
	}
	before := r.stats.Online.MS
	if err := r.online(); err != nil {
		return err
	}
	r.stats.Online.MS += before
	for name, share := range r.machine.State() {
		ring.Wipe(r.state[name])
		r.state[name] = Signed(share)
		ring.Wipe(share)
	}
	r.runs[cost.Offline]++
	r.runs[cost.Online]++
	return nil
}

// checkpoint keeps the state, under this session's name.
func (r *trainer[W]) checkpoint(step uint64) error {
	r.at = store.Mark{Step: step, Session: store.ID(r.id)}
	if r.t.Checkpoints == nil {
		return nil
	}
	state := map[string][]byte{}
	for name, share := range r.state {
		words := make([]W, len(share))
		defer ring.Wipe(words)
		for i, x := range share {
			words[i] = W(x)
		}
		state[name] = ring.Bytes(words)
	}
	return r.t.Checkpoints.Write(r.at, state)
}

// restored reads a checkpoint back.
func restored[W ring.Word](p *program.Program, c *store.Checkpoints, m store.Mark) (map[string][]int64, error) {
	state, err := c.Read(m)
	if err != nil {
		return nil, err
	}
	for _, text := range state {
		defer ring.Wipe(text)
	}
	out := map[string][]int64{}
	for _, s := range p.State {
		share := make([]W, s.Len())
		defer ring.Wipe(share)
		if text := ring.Bytes(share); len(state[s.Name]) != len(text) {
			return nil, fmt.Errorf("checkpoint of step %d: %s has %d bytes, the program's state %d", m.Step, s.Name, len(state[s.Name]), len(text))
		} else {
			copy(text, state[s.Name])
		}
		out[s.Name] = Signed(share)
	}
	return out, nil
}
