package conform

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/material"
	"sotto/runtime/party"
	"sotto/runtime/store"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// small is a network whose training step takes milliseconds.
const small = `net small {
  input image: f32[1, 6, 6] from client
  x = conv(image, 2, kernel = 3) as conv1 |> relu as relu1
  output logits = flatten(x) |> linear(3) as fc to client
}`

// smallSpace has two decisions.
const smallSpace = `choice act(x) = relu(x) | x2act(x)
net small {
  input image: f32[1, 6, 6] from client
  x = conv(image, 2, kernel = 3) as conv1 |> act as act1
  output logits = conv(x, 2, kernel = 3) |> act as act2 |> flatten |> linear(3) as fc to client
}`

// options is the name of what a search decides.
const options = "options"

// schooling is a training of programs that run by turns: their batches are those of a step, turned by their number.
type schooling struct {
	programs []*step
	schedule [2][]int // as either party has it
	every    int
	dirs     [2]string
	plans    [2]party.Plan
	dealer   *dealer
	pair     func(testing.TB, wire.Options) (a, b *wire.Conn)
}

// newSchooling trains a network.
func newSchooling(t *testing.T, steps, every int) *schooling {
	t.Helper()
	s := compileStep(t, small, schoolingContext(&pass.Training{Batch: 4, Optimiser: pass.SGD{Momentum: 0.9}, Softmax: pass.Taylor}))
	return schoolingOf(t, every, make([]int, steps), s)
}

// newSearch steps the logits of a space and its weights by turns, so often, and decides in the end.
func newSearch(t *testing.T, pairs, every int) *schooling {
	t.Helper()
	c := schoolingContext(&pass.Training{Batch: 4, Optimiser: pass.SGD{Momentum: 0.9}, OfLogits: pass.SGD{Momentum: 0.5}, Costs: true, Softmax: pass.ShiftedReLU})
	logits := compileStep(t, smallSpace, c)
	weights, decide := functionOf(t, logits.whole, "step", c), functionOf(t, logits.whole, "decide", c)
	weights.inputs = logits.inputs
	return schoolingOf(t, every, append(slices.Repeat([]int{0, 1}, pairs), 2), logits, weights, decide)
}

func schoolingContext(how *pass.Training) *pass.Context {
	return &pass.Context{Deploy: cost.Outsourced, Source: cost.FromDealer, Training: how, Protocols: pass.Protocols{Nonlinear: pass.DealtSign}, OT: cost.AlwaysOT(cost.SoftSpoken)}
}

func schoolingOf(t *testing.T, every int, schedule []int, programs ...*step) *schooling {
	t.Helper()
	out := &schooling{programs: programs, schedule: [2][]int{schedule, schedule}, every: every, pair: wiretest.SecurePair}
	out.anew(t)
	var deals []material.Deal
	for _, s := range programs {
		deals = append(deals, material.Deal{Pair: s.Pair.Client.Pair, Manifest: s.Pair.Manifest})
	}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	var err error
	if out.dealer, err = newDealerIn(ctx, t.TempDir(), deals...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(out.dealer.stop)
	return out
}

// anew forgets all checkpoints.
func (s *schooling) anew(t *testing.T) {
	dir := t.TempDir()
	s.dirs = [2]string{filepath.Join(dir, "0"), filepath.Join(dir, "1")}
}

// inputsOf gives images, labels and rate of a step: those of its program, turned by so many images. There are none of state alone.
func (s *schooling) inputsOf(n int) []*ir.Tensor {
	in := s.programs[s.schedule[0][n]].inputs
	if len(in) == 0 {
		return nil
	}
	turned := func(x *ir.Tensor) *ir.Tensor {
		at := len(x.I) / 4 * (n % 4)
		return &ir.Tensor{Type: x.Type, I: slices.Concat(x.I[at:], x.I[:at])}
	}
	return []*ir.Tensor{turned(in[0]), turned(in[1]), in[2]}
}

// clear is the state after all steps of a run that nobody shares.
func (s *schooling) clear(t *testing.T) map[string]*ir.Tensor {
	t.Helper()
	state := map[string]*ir.Tensor{}
	for n, program := range s.schedule[0] {
		p, next := s.programs[program], map[string]*ir.Tensor{}
		run := ir.Runner{
			Weight: func(v *ir.Value) (*ir.Tensor, error) {
				if x := state[v.Path]; x != nil {
					return x, nil
				}
				return p.tensor(v)
			},
			Assign: func(v *ir.Value, x *ir.Tensor) { next[v.Path] = x },
		}
		env, err := run.Run(p.Ring.Funcs[0], s.inputsOf(n)...)
		if err != nil {
			t.Fatal(err)
		}
		if program == 2 {
			next[options] = env[p.Ring.Funcs[0].Result]
		}
		for path, x := range next {
			state[path] = x
		}
	}
	return state
}

// errCut is what the tests end a party with.
var errCut = errors.New("cut by the test")

// session runs both parties until one of them gives up; before, if not nil, may end a party as it begins a step, or cut its connection.
func (s *schooling) session(t *testing.T, before func(p, step int, c *wire.Conn) error) (out [2]*party.Trained, err error) {
	t.Helper()
	shares := s.beginning(t)
	var conns [2]*wire.Conn
	conns[0], conns[1] = s.pair(t, wire.Options{})
	var errs [2]error
	var wg sync.WaitGroup
	for p := range conns {
		programs := s.bundles(t, cost.Party(p))
		c, err := store.OpenCheckpoints(s.dirs[p], store.Run{Party: cost.Party(p).String(), Pair: party.PairOf(programs).String(), Plan: s.plans[p].Digest(), Peer: "the other"}, store.Key{byte(p)})
		if err != nil {
			t.Fatal(err)
		}
		feed := func(n int) (party.Input, error) {
			if before != nil {
				if err := before(p, n, conns[p]); err != nil {
					return party.Input{}, err
				}
			}
			x := s.inputsOf(n)
			if x == nil {
				return party.Input{}, nil
			}
			in := party.Input{Share: x[0].I, Further: [][]int64{x[1].I}, Publics: x[2].I}
			if p == 1 { // the images are party 0's, which is a sharing too
				in.Share, in.Further = make([]int64, len(x[0].I)), [][]int64{make([]int64, len(x[1].I))}
			}
			return in, nil
		}
		wg.Go(func() {
			defer conns[p].Close()
			defer c.Close()
			out[p], errs[p] = party.Train(context.Background(), party.Training{
				Options: party.Options{Conn: conns[p], Source: s.programs[0].Context.Source, Dealer: s.dealer.dial(cost.Party(p))},
				Plan:    s.plans[p], Programs: programs, Schedule: s.schedule[p], Every: s.every, Feed: feed, State: shares[p], Checkpoints: c})
		})
	}
	wg.Wait()
	return out, errors.Join(errs[:]...)
}

// bundles are a party's halves of all programs.
func (s *schooling) bundles(t *testing.T, p cost.Party) (all []party.Program) {
	t.Helper()
	for i, program := range s.programs {
		b, err := party.OpenBundle(program.bundle(p))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, party.Program{Bundle: b})
		if i == 2 {
			all[i].Output = options
		}
	}
	return all
}

// beginning is what both parties hold before the first step.
func (s *schooling) beginning(t *testing.T) (out [2]map[string][]int64) {
	t.Helper()
	for p := range out {
		out[p] = map[string][]int64{}
		if len(s.programs) > 2 {
			out[p][options] = make([]int64, 2)
		}
	}
	for _, program := range s.programs {
		shares := program.shares(t)
		for p := range out {
			maps.Copy(out[p], shares[p].State)
		}
	}
	return out
}

// agrees demands that both parties' shares add up to what the run in the clear came to, but for truncations' last units.
func (s *schooling) agrees(t *testing.T, got [2]*party.Trained) {
	t.Helper()
	if got[0].Mark != got[1].Mark || int(got[0].Mark.Step) != len(s.schedule[0]) {
		t.Errorf("the parties hold shares of %+v and %+v", got[0].Mark, got[1].Mark)
	}
	for path, want := range s.clear(t) {
		a, b := got[0].State[path], got[1].State[path]
		worst := 0.0
		for i, x := range want.I {
			worst = max(worst, math.Abs(math.Ldexp(float64(a[i]+b[i]-x), -want.Type.Elem.Frac)))
		}
		if worst > 1e-3 || path == options && worst > 0 { // weights are of the order of 1
			t.Errorf("%s is %.2g away from the run in the clear", path, worst)
		}
	}
}

// Many steps over one connection come to what they come to in the clear, however often either party is cut off: they go on from the last
// checkpoint of both.
func TestTrainingGoesOn(t *testing.T) {
	s := newSchooling(t, 7, 2)
	whole, err := s.session(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.agrees(t, whole)
	if n := whole[0].Stats.Online; n.Rounds == 0 || n.ClientSent == 0 {
		t.Errorf("a session of %+v", n)
	}
	s.anew(t)
	for i, cut := range []struct {
		party, at int
		how       func(*wire.Conn) error
	}{
		{0, 1, func(*wire.Conn) error { return errCut }}, // before the first checkpoint
		{1, 3, func(*wire.Conn) error { return errCut }},
		{0, 4, func(c *wire.Conn) error { return c.Close() }},
		{1, 6, func(c *wire.Conn) error { return c.Close() }},
	} {
		if _, err := s.session(t, func(p, n int, c *wire.Conn) error {
			if p == cut.party && n == cut.at {
				return cut.how(c)
			}
			return nil
		}); err == nil {
			t.Fatalf("session %d was not cut", i)
		}
	}
	got, err := s.session(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got[0].From != 6 {
		t.Errorf("went on from step %d, the last checkpoint of both is of 6", got[0].From)
	}
	s.agrees(t, got)
	again, err := s.session(t, nil)
	if err != nil || again[0].From != len(s.schedule[0]) || again[0].Mark != got[0].Mark {
		t.Errorf("a training that is done: %+v, %v", again[0], err)
	}
}

// Steps of a session go on with its OT extensions, whichever they are: they come to what they come to in the clear, and the session takes what is
// declared for a first step and so many later ones, layer by layer.
func TestStepsShareASession(t *testing.T) {
	const wide = `net wide {
  input image: f32[1, 8, 8] from client
  x = conv(image, 32, kernel = 3) as conv1 |> relu as relu1 |> avgpool(2) as pool1
  output logits = flatten(x) |> linear(3) as fc to client
}`
	for _, c := range []struct {
		net       string
		nonlinear pass.Nonlinear
		ot        cost.OT
		source    cost.Source
	}{
		{small, pass.DealtSign, cost.SoftSpoken, cost.FromDealer}, {small, pass.OTSign, cost.IKNP, cost.FromDealer},
		{wide, pass.GarbledSign, cost.Ferret, cost.FromDealer}, // labels by Ferret, and pads
		{small, pass.OTSign, cost.SoftSpoken, cost.FromHE},
	} {
		t.Run(fmt.Sprintf("%s-%s-%s", c.nonlinear, c.ot, c.source), func(t *testing.T) {
			const steps = 3
			how := schoolingContext(&pass.Training{Batch: 4, Optimiser: pass.SGD{Momentum: 0.9}, Softmax: pass.Taylor})
			how.Protocols, how.OT, how.Source = pass.Protocols{Nonlinear: c.nonlinear}, cost.AlwaysOT(c.ot), c.source
			p := compileStep(t, c.net, how)
			s := schoolingOf(t, steps, make([]int, steps), p)
			got, err := s.session(t, nil)
			if err != nil {
				t.Fatal(err)
			}
			s.agrees(t, got)
			first, later := ir.Account(p.Secure, p.Secure.Funcs[0], c.source), ir.AccountAgain(p.Secure, p.Secure.Funcs[0], c.source)
			for phase := range 2 {
				want := map[string]cost.Traffic{}
				add := func(l *cost.Ledger) {
					for tag, x := range l.ByTag(cost.Phase(phase)) {
						path := "session"
						if tag >= 0 {
							path = p.Secure.Funcs[0].Body[tag].Layer()
						}
						sum := want[path]
						sum.Add(x)
						want[path] = sum
					}
				}
				add(first)
				for range steps - 1 {
					add(later)
				}
				for _, layer := range got[0].Stats.Layers {
					if x := phaseOf(layer, cost.Phase(phase)).Traffic; x != want[layer.Path] {
						t.Errorf("%s: layer %s: %+v, declared %+v", cost.Phase(phase), layer.Path, x, want[layer.Path])
					}
					delete(want, layer.Path)
				}
				for path, x := range want {
					if x != (cost.Traffic{}) {
						t.Errorf("%s: layer %s has nothing, declared %+v", cost.Phase(phase), path, x)
					}
				}
			}
			if more, less := first.Total(cost.Offline), later.Total(cost.Offline); c.source == cost.FromDealer && less.Rounds != more.Rounds-cost.SetupRounds || less.ClientSent >= more.ClientSent {
				t.Errorf("a later step takes %+v, the first one %+v: it sets up nothing", less, more)
			}
		})
	}
}

// Parties that were told different things, or one of which has lost what it held, do not train.
func TestTrainingRefuses(t *testing.T) {
	s := newSchooling(t, 3, 1)
	seed := func(n string) party.Plan { return party.Plan{{Name: "seed of the order", Value: n}} }
	s.plans = [2]party.Plan{seed("1"), seed("2")}
	if _, err := s.session(t, nil); err == nil || !strings.Contains(err.Error(), `differ in seed of the order: "1" here, "2" at the peer`) {
		t.Errorf("other orders: %v", err)
	}
	s.plans[1] = s.plans[0]
	s.anew(t)
	if _, err := s.session(t, nil); err != nil {
		t.Fatal(err)
	}
	s.dirs[1] = filepath.Join(t.TempDir(), "new")
	if _, err := s.session(t, nil); err == nil || !strings.Contains(err.Error(), "hold no checkpoint of one session") {
		t.Errorf("one party's checkpoints are gone: %v", err)
	}
}

// A search runs the steps of logits and of weights by turns on one state, and comes to the decision of the run in the clear, whoever is cut off when.
// Layers have the traffic of all programs.
func TestSearchGoesOn(t *testing.T) {
	s := newSearch(t, 3, 2)
	whole, err := s.session(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.agrees(t, whole)
	var sum int64
	for _, l := range whole[0].Stats.Layers {
		sum += l.Online.ClientSent + l.Online.ServerSent
	}
	if n := whole[0].Stats.Online; sum != n.ClientSent+n.ServerSent || sum == 0 {
		t.Errorf("layers took %d bytes of %+v", sum, n)
	}
	s.anew(t)
	for i, cut := range []struct{ party, at int }{{0, 3}, {1, 6}} { // in the middle, and before the decision
		if _, err := s.session(t, func(p, n int, c *wire.Conn) error {
			if p == cut.party && n == cut.at {
				return c.Close()
			}
			return nil
		}); err == nil {
			t.Fatalf("session %d was not cut", i)
		}
	}
	got, err := s.session(t, nil)
	if err != nil || got[0].From != 6 {
		t.Fatalf("went on from %+v: %v", got[0], err)
	}
	s.agrees(t, got)
	again, err := s.session(t, nil) // of which nothing is left to do
	if err != nil || !slices.Equal(again[1].State[options], got[1].State[options]) {
		t.Errorf("a search that is done: %v", err)
	}
}

// Servers that would run other programs, or the same in another order, do not search; nor do programs whose state is not the same.
func TestSearchRefuses(t *testing.T) {
	s := newSearch(t, 2, 2)
	schedule := s.schedule[1]
	s.schedule[1] = []int{1, 0, 0, 1, 2}
	if _, err := s.session(t, nil); err == nil || !strings.Contains(err.Error(), "differ in which program each step runs") {
		t.Errorf("other turns: %v", err)
	}
	s.schedule[1] = schedule
	for p := range s.dirs {
		b := s.bundles(t, cost.Party(p))
		if slices.Reverse(b); party.PairOf(b) == party.PairOf(s.bundles(t, cost.Party(p))) {
			t.Error("programs in another order have the same name")
		}
	}
	b := s.bundles(t, cost.Client)
	b[0].Output = "act1.logits"
	if _, err := party.StateOf(b); err == nil || !strings.Contains(err.Error(), "do not share their state: act1.logits") {
		t.Errorf("two tensors of one name: %v", err)
	}
}
