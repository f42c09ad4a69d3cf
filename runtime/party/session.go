package party

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/store"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
)

// Options are what a session needs besides the connection to the peer.
type Options struct {
	Bundle *Bundle
	Conn   *wire.Conn
	// Source says who makes the offline material; both parties give the same.
	Source cost.Source
	// Dealer connects to the dealer, if that is the source.
	Dealer func(context.Context) (*wire.Conn, error)
	// Input gives this party's input: the client's in clear (client-server), or its share as ring elements (outsourced).
	// It is asked for once the offline phase is done. A party without input has none.
	Input Input
	// Modes is what this party is ready to do: one thing at the client. Zero is Everything. Store is its store, which
	// Prepare and Stored need; Hold is how many inferences a client that prepares wants the stores to hold in the end.
	Modes Mode
	Store *store.Store
	Hold  int
	// Preparing, if set, is told which of the inferences to be prepared has begun.
	Preparing func(made, of int)
	// Resident, if not zero, is how many bytes of garbled tables and the like stay in memory, instead of vm.DefaultResident.
	Resident int64
	// InsecureTap, if set, is handed this party's share of every RING value.
	InsecureTap func(name string, share []int64) error
	// InsecureRecord, if set, is shown all that this party's online phase starts from and computes.
	InsecureRecord vm.Recorder
	// Observer is told what happens when: it sees no values.
	Observer Observer
	// Progress, if set, is told how far a phase is.
	Progress func(phase cost.Phase, p vm.Progress)
	// Making, if set, is told how far the material is that the parties make themselves, layer by layer.
	Making func(p vm.Progress)
}

// Input is a party's input: in clear, or its share. A training step has further inputs, public numbers that both parties give alike, and state.
type Input struct {
	Clear   []float32
	Share   []int64
	Further [][]int64          // shares of what the program takes besides, in its order
	Publics []int64            // in fixed point
	State   map[string][]int64 // shares by name
}

// Result is what a session gives to one party.
type Result struct {
	Clear []float64 // the client's output (client-server)
	Share []int64   // this party's share of the output (outsourced)
	// State is this party's shares of the tensors of state that a training step replaced, by name.
	State map[string][]int64
	// Prepared is what a session that prepared has made.
	Prepared *Prepared
	Stats    Stats
}

// Run runs one session over an open connection: a private inference, or the preparation of several. The connection is the caller's to close.
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
	o.Conn.Observe(o.Observer.Message)
	of := o.Bundle.stamp() // before they are read: a file that takes their place meanwhile has a later one
	w, err := weights[W](o.Bundle)
	if err != nil {
		return nil, errors.Join(err, o.Conn.Abort("its weights are missing or damaged"))
	}
	kernels, err := nativeFor(o.Bundle, w, of)
	if err != nil {
		return nil, errors.Join(err, o.Conn.Abort("its native kernels are damaged"))
	}
	have, err := o.holdings()
	if err != nil {
		return nil, errors.Join(err, o.Conn.Abort("its store cannot be used"))
	}
	sharing, err := o.Bundle.sharing()
	if err != nil {
		return nil, errors.Join(err, o.Conn.Abort("its weights are damaged"))
	}
	start := time.Now()
	g, err := shake(o.Conn, p.Party, hello{pair: p.Pair, source: sourceNumber(o.Source), modes: max(o.Modes, Everything), sharing: sharing, store: have})
	if err != nil {
		return nil, err
	}
	o.Observer.during(phaseSession, SpanSession, start)
	s := &session[W]{Options: o, p: p, weights: w, kernels: kernels, stats: newStats(p, o.Source), dealt: map[int]int64{}}
	s.stats.Session = hex.EncodeToString(g.id[:])
	defer s.wipe()
	if g.mode == Prepare {
		return s.prepare(ctx, g)
	}
	if err := s.begin(ctx, g); err != nil {
		return nil, s.giveUp(err)
	}
	if err := s.online(); err != nil {
		return nil, s.giveUp(err)
	}
	return s.result()
}

// begin gets to the end of the offline phase, by running it or from the store.
func (s *session[W]) begin(ctx context.Context, g greeting) error {
	began := time.Now()
	if g.mode == Stored {
		defer func() { s.Observer.during(phaseSession, SpanStored, began) }()
		if err := s.take(g); err != nil {
			return err
		}
		return s.meet()
	}
	s.runs = [2]int{cost.Offline: 1, cost.Online: 1}
	defer func() { s.Observer.during(cost.Offline, SpanOffline, began) }()
	if err := s.offline(ctx, g.id); err != nil {
		return err
	}
	start := time.Now()
	defer func() { s.stats.Offline.MS += ms(time.Since(start)) }()
	if err := s.pack(); err != nil {
		return err
	}
	return s.meet()
}

// meet waits until the peer has its material and its weights ready too: the online phase, and its time, begin for both at once.
func (s *session[W]) meet() error {
	s.Conn.Reserve(int(cost.Online), len(s.p.Layers))
	if err := s.Conn.BeginPhase(phaseSession); err != nil {
		return err
	}
	var mine, theirs [1]byte
	if err := s.Conn.Exchange(mine[:], theirs[:]); err != nil {
		return fmt.Errorf("between the phases: %w", err)
	}
	return nil
}

// pack readies the weights for the online phase, in which nothing needs them as they were.
func (s *session[W]) pack() error {
	s.weights = nil
	return s.machine.Pack()
}

type session[W ring.Word] struct {
	Options
	p       *program.Program
	weights [][]W
	kernels *vm.Native[W] // nil: none
	source  material.Source[W]
	release func() bool // of the watch that ends the dealer's connection with the context
	machine *vm.Machine[W]
	streams func(vm.StreamName) (vm.Stream, error) // of a machine whose material is kept
	stored  *store.Reader
	stats   Stats
	runs    [2]int        // how often each phase is run
	dealt   map[int]int64 // by tag, from sources that are closed
	he      batch[W]
	setups  int // how often extensions were set up

	// Of a session of many runs, many is what they share; set the extensions that the program's go on with, and ahead the material of its next one.
	many  *many
	set   *setup
	ahead *material.Dealt[W]
}

// giveUp tells the peer, as far as it can be told.
func (s *session[W]) giveUp(err error) error {
	if errors.Is(err, wire.ErrRefused) {
		s.Conn.Refuse("was refused what it needs; its own log says why")
	} else {
		s.Conn.Abort("gave up; its own log says why") // nothing, if the connection is what failed
	}
	return err
}

func (s *session[W]) wipe() {
	s.wipeOffline()
	s.he.close()
	if s.ahead != nil {
		s.ahead.Close()
		s.ahead = nil
	}
	if s.set != nil {
		s.set.wipe()
		s.set = nil
	}
	if s.stored != nil {
		s.stored.Close()
		s.stored = nil
	}
}

// wipeOffline ends the machine and the source of one inference, and keeps what they counted.
func (s *session[W]) wipeOffline() {
	if s.machine != nil {
		if s.set != nil {
			s.machine.OTs.Release()
		}
		s.machine.Wipe()
		s.stats.spendAll(s.machine.Spent)
		s.machine = nil
	}
	if s.release != nil {
		s.release()
	}
	if s.source != nil {
		for tag, n := range s.source.Received() {
			s.dealt[tag] += n
		}
		s.source.Close()
		s.source = nil
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
	ots, err := s.setUp(id)
	if err != nil {
		return err
	}
	s.stats.spend(cost.Offline, cost.SessionTag, time.Since(start)-s.he.takeSpent())
	s.Observer.during(cost.Offline, SpanSetup, start)
	m, err := vm.New(s.p, s.Conn, ots, s.weights)
	if err != nil {
		ots.Wipe()
		return err
	}
	s.machine = m
	if s.Resident != 0 {
		m.Keep(s.Resident)
	}
	m.Streams = s.streams
	s.equip(m)
	m.Rides = s.rides()
	if err := s.importMaterial(); err != nil {
		return err
	}
	if err := s.takeKeys(); err != nil {
		return err
	}
	if err := m.Run(cost.Offline, s.progress(cost.Offline)); err != nil {
		return err
	}
	s.stats.Offline.MS += ms(time.Since(start))
	return nil
}

// setUp exchanges what the material needs, and gives the OTs of a run: of extensions that it sets up for it, or that an earlier one has left.
func (s *session[W]) setUp(id [16]byte) (*vm.OTs, error) {
	set := s.set
	if set == nil {
		set = &setup{conn: s.Conn, program: s.p, id: id, material: material.SetupMessages(s.Source, s.Bundle.Manifest)}
		s.setups++
	}
	s.set = set
	if err := set.exchange(timed{s.source, &s.he.last}); err != nil {
		return nil, err
	}
	ots := set.ots()
	if s.many == nil || !s.many.goesOn {
		set.handOver()
		s.set = nil
	}
	return ots, nil
}

// equip gives the machine its native kernels, and has it hand out its shares if the caller wants them.
func (s *session[W]) equip(m *vm.Machine[W]) {
	if s.kernels != nil {
		m.UseNative(s.kernels)
	}
	m.InsecureRecord, m.Observe = s.InsecureRecord, s.Observer.Span
	if s.InsecureTap != nil {
		m.InsecureTap = func(name string, share []W) error { return s.InsecureTap(name, Signed(share)) }
	}
}

// importMaterial gives the machine all material but what is deferred.
func (s *session[W]) importMaterial() error {
	return s.machine.Import(s.source.Deferred(), s.part)
}

// part books the time of each item to its layer.
func (s *session[W]) part(item, part int, dst []W) error {
	start, tag := time.Now(), s.Bundle.Manifest.Items[item].Tag
	defer func() {
		now := time.Now()
		s.stats.spend(cost.Offline, tag, now.Sub(start))
		s.Observer.span(vm.Computing, cost.Offline, SpanMaterial, tag, start, now)
	}()
	if err := s.source.Part(item, part, dst); err != nil {
		return fmt.Errorf("%s phase, layer %s: %w", cost.Offline, s.p.Layers[tag].Path, err)
	}
	return nil
}

// rides are the messages of deferred items, which go from the client to the server.
func (s *session[W]) rides() (r vm.Rides) {
	move := s.Conn.ReadFull
	if s.p.Party == cost.Client {
		move = func(p []byte) error {
			_, err := s.Conn.Write(p)
			return err
		}
	}
	var list []vm.Ride
	for _, item := range s.source.Deferred() {
		list = append(list, vm.Ride{Tag: s.Bundle.Manifest.Items[item].Tag, Move: func() error {
			if err := s.source.Complete(item, move); err != nil {
				return err
			}
			return s.machine.ImportItem(item, s.source.Part)
		}})
	}
	if s.p.Party == cost.Client {
		r.Send = list
	} else {
		r.Recv = list
	}
	return r
}

// openSource connects to the dealer, or makes this party's end of the two-party source.
func (s *session[W]) openSource(ctx context.Context, id [16]byte) error {
	switch s.Source {
	case cost.FromHE:
		return s.openHE(id)
	case cost.FromDealer:
		return s.openDealt(ctx, id)
	}
	return fmt.Errorf("no source of material is called %q: accepted are %s and %s", s.Source, cost.FromHE, cost.FromDealer)
}

func (s *session[W]) openDealt(ctx context.Context, id [16]byte) error {
	if s.many == nil {
		conn, err := s.dial(ctx)
		if err != nil {
			return err
		}
		s.release = context.AfterFunc(ctx, func() { conn.Abort("interrupted") })
		dealt, err := material.NewDealt(conn, s.p.Party, s.Bundle.Manifest, s.p.Pair, id, s.weight)
		if err != nil {
			return err
		}
		s.source = dealt
		return nil
	}
	if s.ahead == nil {
		if err := s.ask(ctx); err != nil {
			return err
		}
	}
	dealt := s.ahead
	s.source, s.ahead = dealt, nil
	return dealt.Await()
}

// dial connects to the dealer.
func (s *session[W]) dial(ctx context.Context) (*wire.Conn, error) {
	if s.Dealer == nil {
		return nil, errors.New("no dealer to make the offline material: pass --dealer ADDR")
	}
	conn, err := s.Observer.dealer(s.Dealer)(ctx)
	if err != nil {
		return nil, fmt.Errorf("dealer: %w", err)
	}
	return conn, nil
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
	s.Observer.during(cost.Online, SpanOnline, start)
	return nil
}

// encodeInput puts this party's input into its buffer.
func (s *session[W]) encodeInput() error {
	dst, in := s.machine.Input(), s.p.Input
	if s.p.Deploy == cost.Outsourced { // what takes state alone has no input
		if len(s.Input.Share) != len(dst) {
			return fmt.Errorf("input share of %d elements, the network takes %d (shape %v)", len(s.Input.Share), len(dst), in.Shape)
		}
		fill(dst, s.Input.Share)
		return s.encodeStep()
	}
	if dst == nil {
		return nil
	}
	if len(s.Input.Clear) != len(dst) {
		return fmt.Errorf("input of %d elements, the network takes %d (shape %v)", len(s.Input.Clear), len(dst), in.Shape)
	}
	return EncodeInput(dst, s.Input.Clear, in)
}

// encodeStep puts what a training step takes besides its images into its buffers.
func (s *session[W]) encodeStep() error {
	if f, p := len(s.Input.Further), len(s.Input.Publics); f != len(s.p.Further) || p != len(s.p.Publics) {
		return fmt.Errorf("%d further inputs and %d public numbers, the program takes %d and %d", f, p, len(s.p.Further), len(s.p.Publics))
	}
	for i, x := range s.Input.Further {
		dst := s.machine.Further(i)
		if len(x) != len(dst) {
			return fmt.Errorf("input share of %s of %d elements, the program takes %d (shape %v)", s.p.Further[i].Name, len(x), len(dst), s.p.Further[i].Shape)
		}
		fill(dst, x)
	}
	for i, x := range s.Input.Publics {
		s.machine.SetPublic(i, W(x))
	}
	state := map[string][]W{}
	for name, x := range s.Input.State {
		state[name] = make([]W, len(x))
		fill(state[name], x)
		defer ring.Wipe(state[name])
	}
	return s.machine.LoadState(state)
}

// fill sets ring elements to their signed representatives.
func fill[W ring.Word](dst []W, x []int64) {
	for i, e := range x {
		dst[i] = W(e)
	}
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

// result reads the output and ends the session.
func (s *session[W]) result() (*Result, error) {
	res := new(Result)
	switch out := s.machine.Output(); {
	case out == nil:
	case s.p.Deploy == cost.Outsourced:
		res.Share, res.State = Signed(out), map[string][]int64{}
		for name, x := range s.machine.State() {
			res.State[name] = Signed(x)
			ring.Wipe(x)
		}
	default:
		res.Clear = make([]float64, len(out))
		ring.Decode(res.Clear, out, s.p.Output.Frac)
	}
	return res, s.finish(res)
}

// finish wipes what is left and measures.
func (s *session[W]) finish(res *Result) error {
	s.wipe()
	s.stats.measure(s.Conn, s.Bundle.Manifest, s.runs, s.setups, s.dealt)
	if s.stats.Stored != nil {
		left, err := s.Store.Status()
		if err != nil {
			return err
		}
		s.stats.Stored.Left = len(left.Held)
	}
	res.Stats = s.stats
	return nil
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
