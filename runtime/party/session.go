package party

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
)

// Options are what a session needs besides the connection to the peer.
type Options struct {
	Bundle *Bundle
	Conn   *wire.Conn
	// Dealer connects to the dealer that makes the offline material.
	Dealer func(context.Context) (*wire.Conn, error)
	// Input gives this party's input: the client's in clear (client-server), or its share as ring elements (outsourced).
	// It is asked for once the offline phase is done. A party without input has none.
	Input Input
	// InsecureTap, if set, is handed this party's share of every RING value.
	InsecureTap func(name string, share []int64) error
	// Progress, if set, is told how far a phase is.
	Progress func(phase cost.Phase, p vm.Progress)
}

// Input is a party's input: one of the two.
type Input struct {
	Clear []float32
	Share []int64
}

// Result is what a session gives to one party.
type Result struct {
	Clear []float64 // the client's output (client-server)
	Share []int64   // this party's share of the output (outsourced)
	Stats Stats
}

// Run runs one private inference over an open connection. The connection is the caller's to close.
func Run(ctx context.Context, o Options) (*Result, error) {
	stop := context.AfterFunc(ctx, func() { o.Conn.Abort("interrupted") })
	defer stop()
	var res *Result
	var err error
	if o.Bundle.Program.Ring == 32 {
		res, err = run[uint32](ctx, o)
	} else {
		res, err = run[uint64](ctx, o)
	}
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("interrupted: %w", err)
	}
	return res, err
}

func run[W ring.Word](ctx context.Context, o Options) (*Result, error) {
	p := o.Bundle.Program
	w, err := weights[W](o.Bundle)
	if err != nil {
		return nil, errors.Join(err, o.Conn.Abort("its weights are missing or damaged"))
	}
	id, err := shake(o.Conn, p, cost.FromDealer)
	if err != nil {
		return nil, err
	}
	s := &session[W]{Options: o, p: p, weights: w, stats: newStats(p)}
	defer s.wipe()
	if err := s.offline(ctx, id); err != nil {
		return nil, s.giveUp(err)
	}
	if err := s.online(); err != nil {
		return nil, s.giveUp(err)
	}
	return s.result()
}

type session[W ring.Word] struct {
	Options
	p       *program.Program
	weights [][]W
	source  material.Source[W]
	release func() bool // of the watch that ends the dealer's connection with the context
	machine *vm.Machine[W]
	stats   Stats
}

func (s *session[W]) giveUp(err error) error {
	s.Conn.Abort("gave up; its own log says why") // best effort, and nothing if the connection is what failed
	return err
}

func (s *session[W]) wipe() {
	if s.machine != nil {
		s.machine.Wipe()
	}
	if s.release != nil {
		s.release()
	}
	if s.source != nil {
		s.source.Close()
	}
}

// offline sets up OTs, gets the material and runs the offline program.
func (s *session[W]) offline(ctx context.Context, id [16]byte) error {
	start := time.Now()
	if err := s.Conn.BeginPhase(int(cost.Offline)); err != nil {
		return err
	}
	if err := s.openSource(ctx, id); err != nil {
		return err
	}
	set := &setup{conn: s.Conn, program: s.p, id: id}
	if err := set.exchange(s.source.Openings, s.source.Absorb); err != nil {
		return err
	}
	s.stats.spend(cost.Offline, cost.SessionTag, time.Since(start))
	m, err := vm.New(s.p, s.Conn, set.ots(), s.weights)
	if err != nil {
		return err
	}
	s.machine = m
	if s.InsecureTap != nil {
		m.InsecureTap = func(name string, share []W) error { return s.InsecureTap(name, Signed(share)) }
	}
	if err := s.importMaterial(); err != nil {
		return err
	}
	if err := s.takeKeys(); err != nil {
		return err
	}
	if err := m.Run(cost.Offline, s.progress(cost.Offline)); err != nil {
		return err
	}
	s.stats.Offline.MS = ms(time.Since(start))
	return nil
}

// importMaterial books the time of each item to its layer.
func (s *session[W]) importMaterial() error {
	items := s.Bundle.Manifest.Items
	return s.machine.Import(func(item, part int, dst []W) error {
		start := time.Now()
		defer func() { s.stats.spend(cost.Offline, items[item].Tag, time.Since(start)) }()
		if err := s.source.Part(item, part, dst); err != nil {
			return fmt.Errorf("%s phase, layer %s: %w", cost.Offline, s.p.Layers[items[item].Tag].Path, err)
		}
		return nil
	})
}

func (s *session[W]) openSource(ctx context.Context, id [16]byte) error {
	if s.Dealer == nil {
		return errors.New("no dealer to make the offline material: pass --dealer ADDR")
	}
	conn, err := s.Dealer(ctx)
	if err != nil {
		return fmt.Errorf("dealer: %w", err)
	}
	s.release = context.AfterFunc(ctx, func() { conn.Abort("interrupted") })
	dealt, err := material.NewDealt(conn, s.p.Party, s.Bundle.Manifest, s.p.Pair, id, s.weight)
	if err != nil {
		return err
	}
	s.source = dealt
	return nil
}

func (s *session[W]) weight(name string) ([]W, error) {
	i := slices.IndexFunc(s.p.Weights, func(w program.Weight) bool { return w.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("the program has no weight %q", name)
	}
	return s.weights[i], nil
}

func (s *session[W]) progress(phase cost.Phase) func(vm.Progress) {
	if s.Progress == nil {
		return nil
	}
	return func(p vm.Progress) { s.Progress(phase, p) }
}

func (s *session[W]) online() error {
	if err := s.Conn.BeginPhase(int(cost.Online)); err != nil {
		return err
	}
	if err := s.encodeInput(); err != nil {
		return err
	}
	start := time.Now()
	if err := s.machine.Run(cost.Online, s.progress(cost.Online)); err != nil {
		return err
	}
	s.stats.Online.MS = ms(time.Since(start))
	return nil
}

// encodeInput puts this party's input into its buffer.
func (s *session[W]) encodeInput() error {
	dst, in := s.machine.Input(), s.p.Input
	if dst == nil {
		return nil
	}
	if s.p.Deploy == cost.Outsourced {
		if len(s.Input.Share) != len(dst) {
			return fmt.Errorf("input share of %d elements, the network takes %d (shape %v)", len(s.Input.Share), len(dst), in.Shape)
		}
		for i, x := range s.Input.Share {
			dst[i] = W(x)
		}
		return nil
	}
	if len(s.Input.Clear) != len(dst) {
		return fmt.Errorf("input of %d elements, the network takes %d (shape %v)", len(s.Input.Clear), len(dst), in.Shape)
	}
	return EncodeInput(dst, s.Input.Clear, in)
}

// EncodeInput puts a clear input into fixed point. Elements outside the range the program was compiled for are an error.
func EncodeInput[W ring.Word](dst []W, x []float32, in program.Tensor) error {
	const rounding = 1e-3 // of images normalised in single precision
	for i, e := range x {
		if v := float64(e); !(v >= in.Lo-rounding && v <= in.Hi+rounding) {
			return fmt.Errorf("input element %d is %g: the program was compiled for inputs from %g to %g after normalisation", i, v, in.Lo, in.Hi)
		}
	}
	return ring.Encode(dst, x, in.Frac, max(math.Abs(in.Lo), math.Abs(in.Hi))+rounding)
}

func (s *session[W]) result() (*Result, error) {
	s.stats.measure(s.Conn, s.Bundle.Manifest, s.machine.Spent, s.source.Received())
	res := &Result{Stats: s.stats}
	out := s.machine.Output()
	if out == nil {
		return res, nil
	}
	if s.p.Deploy == cost.Outsourced {
		res.Share = Signed(out)
		return res, nil
	}
	res.Clear = make([]float64, len(out))
	ring.Decode(res.Clear, out, s.p.Output.Frac)
	return res, nil
}

// Signed gives ring elements as their signed representatives.
func Signed[W ring.Word](x []W) []int64 {
	out := make([]int64, len(x))
	for i, e := range x {
		out[i] = ring.Signed(e)
	}
	return out
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
