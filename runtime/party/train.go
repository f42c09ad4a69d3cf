package party

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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

// Training is a session of many runs over one connection: what a step leaves as state the next one begins with. A step is a run of one of some
// programs, by a schedule: that of the weights of a network, or by turns that of its decisions' logits. Masks, keys and everything else of the
// offline phase are made for each step and used once; the base OTs that a program's extensions begin with, and the connection to the dealer, are
// the session's.
//
// Either party may end at any moment. Each keeps checkpoints of its shares; when they meet again they go on from the last one that both
// have, with new masks: a step that was cut off is made again as if it had never been begun.
type Training struct {
	Options // but for Bundle and Input
	Plan    Plan
	// Programs share their state, by name. Schedule says which of them each step runs.
	Programs []Program
	Schedule []int
	// Feed gives what step n takes, from 0: this party's shares of the inputs, and the public numbers.
	Feed func(n int) (Input, error)
	// State is this party's share of all that StateOf lists, before the first step, by name.
	State map[string][]int64
	// Checkpoints is where shares are kept, every so many steps and after the last one.
	Checkpoints *store.Checkpoints
	Every       int
	// Reveal names state that the server gets to know in the end: the client hands it its shares. Both give the same.
	Reveal []string
	// Began, if set, is told of the step that this session goes on from; Stepped of every one that was made.
	Began   func(step int)
	Stepped func(Stepped)
}

// Program is one that steps of a training run.
type Program struct {
	Bundle *Bundle
	// Output names what the program gives, which becomes part of the state; empty: it is dropped.
	Output string
}

// PairOf names the pairs of some programs, one or more, together: of one it is its own.
func PairOf(programs []Program) program.Hash {
	h := programs[0].Bundle.Program.Pair
	for _, p := range programs[1:] {
		h = sha256.Sum256(append(h[:], p.Bundle.Program.Pair[:]...))
	}
	return h
}

// StateOf lists the tensors that some programs share as state, each once, and the outputs that are kept. It fails if two call different tensors the same.
func StateOf(programs []Program) (all []program.Tensor, err error) {
	for _, p := range programs {
		var list []program.Tensor
		for _, s := range p.Bundle.Program.State {
			list = append(list, program.Tensor{Name: s.Name, Shape: s.Shape, Frac: s.Frac})
		}
		if out := p.Bundle.Program.Output; p.Output != "" {
			list = append(list, program.Tensor{Name: p.Output, Shape: out.Shape, Frac: out.Frac})
		}
		for _, s := range list {
			i := slices.IndexFunc(all, func(o program.Tensor) bool { return o.Name == s.Name })
			if i < 0 {
				all = append(all, s)
			} else if o := all[i]; !slices.Equal(o.Shape, s.Shape) || o.Frac != s.Frac {
				return nil, fmt.Errorf("the programs do not share their state: %s is of %v with %d fraction bits in one and of %v with %d in another", s.Name, o.Shape, o.Frac, s.Shape, s.Frac)
			}
		}
	}
	return all, nil
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
	// Revealed is what the server got to know, by name: ring elements in the clear.
	Revealed map[string][]int64
	Mark     store.Mark
	From     int // the step that this session went on from
	Stats    Stats
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
	if t.Programs[0].Bundle.Program.Ring == 32 {
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
	if len(t.Programs) == 0 || len(t.Schedule) < 1 || t.Every < 1 {
		return fmt.Errorf("%d steps of %d programs, a checkpoint every %d: accepted are 1 and more", len(t.Schedule), len(t.Programs), t.Every)
	}
	for n, i := range t.Schedule {
		if i < 0 || i >= len(t.Programs) {
			return fmt.Errorf("step %d runs program %d, accepted are 0 to %d", n, i, len(t.Programs)-1)
		}
	}
	first := t.Programs[0].Bundle.Program
	for _, p := range t.Programs {
		switch q := p.Bundle.Program; {
		case len(q.State) == 0:
			return errors.New("the program keeps no state from one run to the next: accepted is a training step")
		case len(q.Weights) > 0:
			return errors.New("the program has weights beside its state: accepted is a training step, whose state they are")
		case q.Ring != first.Ring || q.Party != first.Party:
			return fmt.Errorf("a program of the %s in a ring of %d bits beside one of the %s with %d", q.Party, q.Ring, first.Party, first.Ring)
		}
	}
	state, err := StateOf(t.Programs)
	for _, s := range state {
		if n := len(t.State[s.Name]); n != s.Len() {
			return fmt.Errorf("state %s begins with %d elements, accepted are %d (shape %v)", s.Name, n, s.Len(), s.Shape)
		}
	}
	return err
}

// agreed is the plan with what a session adds.
func (t *Training) agreed() Plan {
	h := sha256.New()
	for _, p := range t.Programs {
		fmt.Fprintln(h, p.Output)
	}
	for _, i := range t.Schedule {
		fmt.Fprintln(h, i)
	}
	return append(slices.Clone(t.Plan), PlanItem{"steps", strconv.Itoa(len(t.Schedule))}, PlanItem{"steps between checkpoints", strconv.Itoa(t.Every)},
		PlanItem{"which program each step runs", hex.EncodeToString(h.Sum(nil))})
}

// trainer is one party's end of a training session.
type trainer[W ring.Word] struct {
	t     *Training
	id    [16]byte   // of the session
	turns []*turn[W] // by program
	many  *many      // what they share
	state map[string][]int64
	at    store.Mark               // that of the last checkpoint
	seen  map[wire.Key]wire.Counts // what the connection had counted when the last step had ended
}

// turn is a program that comes and goes over the connection of all.
type turn[W ring.Word] struct {
	session[W]
	output string
	counts map[wire.Key]wire.Counts // of its steps
}

func train[W ring.Word](ctx context.Context, t Training) (*Trained, error) {
	t.Conn.Observe(t.Observer.Message)
	start := time.Now()
	g, err := shake(t.Conn, t.Programs[0].Bundle.Program.Party, hello{pair: PairOf(t.Programs), source: sourceNumber(t.Source), modes: Steps})
	if err != nil {
		return nil, err
	}
	t.Observer.during(phaseSession, SpanSession, start)
	r := newTrainer[W](&t, g.id)
	defer r.many.close()
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
	r.many.left = len(t.Schedule) - from
	if t.Began != nil {
		t.Began(from)
	}
	for n := from; n < len(t.Schedule); n++ {
		if err := r.step(ctx, n); err != nil {
			return nil, r.giveUp(fmt.Errorf("step %d of %d: %w", n+1, len(t.Schedule), err))
		}
	}
	if err := r.turns[0].mark(markKept); err != nil { // both have the last one, whatever happens to either from here on
		return nil, r.giveUp(err)
	}
	revealed, err := r.reveal()
	if err != nil {
		return nil, r.giveUp(err)
	}
	done = true // the state is the caller's
	return &Trained{State: r.state, Revealed: revealed, Mark: r.at, From: from, Stats: r.stats()}, nil
}

func newTrainer[W ring.Word](t *Training, id [16]byte) *trainer[W] {
	r := &trainer[W]{t: t, id: id, many: &many{id: id, goesOn: true}}
	for _, p := range t.Programs {
		o := t.Options
		o.Bundle = p.Bundle
		r.turns = append(r.turns, &turn[W]{output: p.Output, counts: map[wire.Key]wire.Counts{},
			session: session[W]{Options: o, p: p.Bundle.Program, weights: [][]W{}, stats: newStats(p.Bundle.Program, t.Source), dealt: map[int]int64{}, many: r.many}})
	}
	return r
}

func (r *trainer[W]) giveUp(err error) error { return r.turns[0].giveUp(err) }

func (r *trainer[W]) wipe() {
	for _, s := range r.turns {
		s.wipe()
	}
}

// reveal hands the client's shares of what the server is to know over, and waits until they are there.
func (r *trainer[W]) reveal() (map[string][]int64, error) {
	if len(r.t.Reveal) == 0 {
		return nil, nil
	}
	s, revealed := r.turns[0], map[string][]int64{}
	for _, name := range r.t.Reveal {
		share := make([]W, len(r.state[name]))
		defer ring.Wipe(share)
		if s.p.Party == cost.Client {
			fill(share, r.state[name])
			if err := s.Conn.Send(ring.Bytes(share)); err != nil {
				return nil, fmt.Errorf("after the last run: the client's share of %s: %w", name, err)
			}
			continue
		}
		if err := s.Conn.ReadFull(ring.Bytes(share)); err != nil {
			return nil, fmt.Errorf("after the last run: the client's share of %s: %w", name, err)
		}
		for i, x := range r.state[name] {
			share[i] += W(x)
		}
		revealed[name] = Signed(share)
	}
	return revealed, s.mark(markKept)
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
	plan := r.t.agreed()
	theirs, err := declare(r.t.Conn, intent{plan, held})
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
	} else if r.state, err = restored[W](r.t, r.at); err != nil {
		return err
	}
	if r.t.Checkpoints == nil {
		return nil
	}
	return r.t.Checkpoints.After(r.at.Step)
}

// step makes one step, and a checkpoint if it is time.
func (r *trainer[W]) step(ctx context.Context, n int) error {
	s, of := r.turns[r.t.Schedule[n]], len(r.t.Schedule)
	in, err := r.t.Feed(n)
	if err != nil {
		return err
	}
	in.State = map[string][]int64{}
	for _, x := range s.p.State {
		in.State[x.Name] = r.state[x.Name]
	}
	s.Input = in
	if err := s.mark(markReady); err != nil { // or one would wait for the other at the dealer
		return err
	}
	done := Stepped{Step: n + 1, Of: of, OfflineMS: s.stats.Offline.MS, OnlineMS: s.stats.Online.MS}
	if err := r.run(ctx, s, subsession(r.id, uint64(n)), n+1); err != nil {
		return err
	}
	done.OfflineMS, done.OnlineMS = s.stats.Offline.MS-done.OfflineMS, s.stats.Online.MS-done.OnlineMS
	if (n+1)%r.t.Every == 0 || n+1 == of {
		if err := r.checkpoint(uint64(n + 1)); err != nil {
			return err
		}
	}
	if r.t.Stepped != nil {
		done.Sent, done.Received = r.t.Conn.SocketBytes()
		r.t.Stepped(done)
	}
	return nil
}

// run runs a program, whole, and takes its state; next is the step that follows.
func (r *trainer[W]) run(ctx context.Context, s *turn[W], id [16]byte, next int) error {
	defer s.wipeOffline()
	if err := s.offline(ctx, id); err != nil {
		return err
	}
	if next < len(r.t.Schedule) {
		if err := r.turns[r.t.Schedule[next]].askAhead(ctx); err != nil {
			return err
		}
	}
	if err := s.meet(); err != nil {
		return err
	}
	before := s.stats.Online.MS
	if err := s.online(); err != nil {
		return err
	}
	s.stats.Online.MS += before
	for name, share := range s.machine.State() {
		r.replace(name, share)
		ring.Wipe(share)
	}
	if s.output != "" {
		r.replace(s.output, s.machine.Output())
	}
	s.runs[cost.Offline]++
	s.runs[cost.Online]++
	r.count(s)
	return nil
}

// replace puts a share in the place of one of the state.
func (r *trainer[W]) replace(name string, share []W) {
	ring.Wipe(r.state[name])
	r.state[name] = Signed(share)
}

// count books what has crossed the connection since the last step to a program: its layers have the numbers of other programs' too.
func (r *trainer[W]) count(s *turn[W]) {
	now := r.t.Conn.Counts()
	for k, n := range now {
		if d := n.Sub(r.seen[k]); d != (wire.Counts{}) {
			s.counts[k] = s.counts[k].Add(d)
		}
	}
	r.seen = now
}

// stats joins the programs' statistics: rows of one path are one.
func (r *trainer[W]) stats() Stats {
	r.wipe()
	all := newStats(r.turns[0].p, r.t.Source)
	for _, s := range r.turns {
		s.stats.count(s.counts, s.Bundle.Manifest, s.runs, s.setups, s.dealt)
		all.join(&s.stats)
	}
	all.total(r.t.Conn)
	return all
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
func restored[W ring.Word](t *Training, m store.Mark) (map[string][]int64, error) {
	state, err := t.Checkpoints.Read(m)
	if err != nil {
		return nil, err
	}
	for _, text := range state {
		defer ring.Wipe(text)
	}
	tensors, err := StateOf(t.Programs)
	if err != nil {
		return nil, err
	}
	out := map[string][]int64{}
	for _, s := range tensors {
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
