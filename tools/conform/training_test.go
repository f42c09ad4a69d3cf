package conform

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
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

// schooling is a training of a step's net: its batches are those of the step, turned by their number.
type schooling struct {
	*step
	steps, every int
	dirs         [2]string
	plans        [2]party.Plan
	dealer       *dealer
}

func newSchooling(t *testing.T, steps, every int) *schooling {
	t.Helper()
	how := pass.Training{Batch: 4, Optimiser: pass.SGD{Momentum: 0.9}, Softmax: pass.Taylor}
	s := compileStep(t, small, &pass.Context{Deploy: cost.Outsourced, Source: cost.FromDealer, Training: &how,
		Protocols: pass.Protocols{Nonlinear: pass.DealtSign}, OT: cost.AlwaysOT(cost.SoftSpoken)})
	dir := t.TempDir()
	out := &schooling{step: s, steps: steps, every: every, dirs: [2]string{filepath.Join(dir, "0"), filepath.Join(dir, "1")}}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	var err error
	if out.dealer, err = newDealer(ctx, s.Net); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(out.dealer.stop)
	return out
}

// batch gives the images and labels of a step: those of the step, turned by so many images.
func (s *schooling) batch(n int) (images, labels []int64) {
	turned := func(x []int64) []int64 {
		at := len(x) / 4 * (n % 4)
		return slices.Concat(x[at:], x[:at])
	}
	return turned(s.inputs[0].I), turned(s.inputs[1].I)
}

// clear is the state after so many steps of a run that nobody shares.
func (s *schooling) clear(t *testing.T, steps int) map[string]*ir.Tensor {
	t.Helper()
	state := map[string]*ir.Tensor{}
	for n := range steps {
		images, labels := s.batch(n)
		in := []*ir.Tensor{{Type: s.inputs[0].Type, I: images}, {Type: s.inputs[1].Type, I: labels}, s.inputs[2]}
		next := map[string]*ir.Tensor{}
		run := ir.Runner{
			Weight: func(v *ir.Value) (*ir.Tensor, error) {
				if x := state[v.Path]; x != nil {
					return x, nil
				}
				return s.tensor(v)
			},
			Assign: func(v *ir.Value, x *ir.Tensor) { next[v.Path] = x },
		}
		if _, err := run.Run(s.Ring.Funcs[0], in...); err != nil {
			t.Fatal(err)
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
	shares := s.shares(t)
	var conns [2]*wire.Conn
	conns[0], conns[1] = wiretest.SecurePair(t, wire.Options{})
	var errs [2]error
	var wg sync.WaitGroup
	for p := range conns {
		b, err := party.OpenBundle(s.bundle(cost.Party(p)))
		if err != nil {
			t.Fatal(err)
		}
		c, err := store.OpenCheckpoints(s.dirs[p], store.Run{Party: cost.Party(p).String(), Pair: b.Program.Pair.String(), Plan: s.plans[p].Digest(), Peer: "the other"}, store.Key{byte(p)})
		if err != nil {
			t.Fatal(err)
		}
		feed := func(n int) (party.Input, error) {
			if before != nil {
				if err := before(p, n, conns[p]); err != nil {
					return party.Input{}, err
				}
			}
			images, labels := s.batch(n)
			in := party.Input{Share: images, Further: [][]int64{labels}, Publics: s.inputs[2].I}
			if p == 1 { // the images are party 0's, which is a sharing too
				in.Share, in.Further = make([]int64, len(images)), [][]int64{make([]int64, len(labels))}
			}
			return in, nil
		}
		wg.Go(func() {
			defer conns[p].Close()
			defer c.Close()
			out[p], errs[p] = party.Train(context.Background(), party.Training{
				Options: party.Options{Bundle: b, Conn: conns[p], Source: cost.FromDealer, Dealer: s.dealer.dial(cost.Party(p))},
				Plan:    s.plans[p], Steps: s.steps, Every: s.every, Feed: feed, State: shares[p].State, Checkpoints: c})
		})
	}
	wg.Wait()
	return out, errors.Join(errs[:]...)
}

// agrees demands that both parties' shares add up to what the run in the clear came to, but for truncations' last units.
func (s *schooling) agrees(t *testing.T, got [2]*party.Trained) {
	t.Helper()
	if got[0].Mark != got[1].Mark || int(got[0].Mark.Step) != s.steps {
		t.Errorf("the parties hold shares of %+v and %+v", got[0].Mark, got[1].Mark)
	}
	for path, want := range s.clear(t, s.steps) {
		a, b := got[0].State[path], got[1].State[path]
		worst := 0.0
		for i, x := range want.I {
			worst = max(worst, math.Abs(math.Ldexp(float64(a[i]+b[i]-x), -want.Type.Elem.Frac)))
		}
		if worst > 1e-3 { // weights are of the order of 1
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
	s.dirs = [2]string{filepath.Join(t.TempDir(), "0"), filepath.Join(t.TempDir(), "1")}
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
	if err != nil || again[0].From != s.steps || again[0].Mark != got[0].Mark {
		t.Errorf("a training that is done: %+v, %v", again[0], err)
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
	s.dirs = [2]string{filepath.Join(t.TempDir(), "0"), filepath.Join(t.TempDir(), "1")}
	if _, err := s.session(t, nil); err != nil {
		t.Fatal(err)
	}
	s.dirs[1] = filepath.Join(t.TempDir(), "new")
	if _, err := s.session(t, nil); err == nil || !strings.Contains(err.Error(), "hold no checkpoint of one session") {
		t.Errorf("one party's checkpoints are gone: %v", err)
	}
}
