package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"sotto/backend/twopc"
	"sotto/frontend"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/runtime/party"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/wire"
	"sotto/tools/sotto/bench"
)

// stepBench is a step of private training, a batch of 32: two processes that hold shares of everything, over mutual TLS, and a dealer's process where
// the material is from one.
type stepBench struct {
	name      string
	doc       string // of the network
	text      string
	nonlinear pass.Nonlinear
	source    cost.Source
	other     *otherStep // nil: nobody's is known
}

// otherStep is what another system takes for the step.
type otherStep struct {
	System string  `json:"system"`
	MS     float64 `json:"ms"`
	Bytes  int64   `json:"bytes"`
}

// CrypTen's steps, whose dealer's material is not counted either: measurements of that system, two processes on two cores over loopback.
var (
	cryptenMaxPool = &otherStep{"CrypTen", 1840, 323e6}
	cryptenAvgPool = &otherStep{"CrypTen", 1160, 108e6}
)

var stepBenches = []stepBench{
	{"lenet.maxpool", "LeNet with maxpool, 28x28", lenet("maxpool(2) |> relu"), pass.DealtSign, cost.FromDealer, cryptenMaxPool},
	{"lenet.avgpool", "LeNet with avgpool, 28x28", lenet("relu |> avgpool(2)"), pass.DealtSign, cost.FromDealer, cryptenAvgPool},
	{"lenet.maxpool.ot", "LeNet with maxpool, 28x28", lenet("maxpool(2) |> relu"), pass.OTSign, cost.FromDealer, cryptenMaxPool},
	{"lenet.avgpool.ot", "LeNet with avgpool, 28x28", lenet("relu |> avgpool(2)"), pass.OTSign, cost.FromDealer, cryptenAvgPool},
	{"lenet.maxpool.he", "LeNet with maxpool, 28x28", lenet("maxpool(2) |> relu"), pass.OTSign, cost.FromHE, cryptenMaxPool},
	{"lenet.avgpool.he", "LeNet with avgpool, 28x28", lenet("relu |> avgpool(2)"), pass.OTSign, cost.FromHE, cryptenAvgPool},
	{"tiny", "the network of passes/fixedstep/RATIONALE.md, 28x28", normalisedNet, pass.DealtSign, cost.FromDealer, nil},
}

const stepBatch = 32

// stepKinds are the steps that are measured: one by itself, and one that goes on with what an earlier step has set up, with material that was asked
// for ahead, and has that of the next made meanwhile.
var stepKinds = [2]struct{ suffix, doc string }{{"", "a session's only step"}, {".later", "a step between others"}}

// lenet is the network. A max-pool stands before its relu, which is the same function with fewer comparisons.
func lenet(order string) string {
	return fmt.Sprintf(`net lenet {
  input image: f32[1, 28, 28] from client
  x = conv(image, 6, kernel = 5, pad = 2) as conv1 |> %[1]s
  x = conv(x, 16, kernel = 5) as conv2 |> %[1]s
  x = flatten(x) |> linear(120) as fc1 |> relu as relu3 |> linear(84) as fc2 |> relu as relu4
  output logits = x |> linear(10) as fc3 to client
}
`, order)
}

// normalisedNet is small beside its rounds, and is normalised.
const normalisedNet = `net tiny {
  input image: f32[1, 28, 28] from client { mean = [0.5], std = [0.25] }
  x = conv(image, 8, kernel = 5, stride = 2, pad = 2) as conv1 |> batchnorm as bn1 |> maxpool(2) as pool1 |> relu as relu1
  x = conv(x, 16, kernel = 3, pad = 1) as conv2 |> batchnorm as bn2 |> relu as relu2 |> avgpool(2, stride = 2) as pool2
  output logits = flatten(x) |> linear(10) as fc to client
}
`

func stepEntries() []benchEntry {
	var out []benchEntry
	for _, b := range stepBenches {
		out = append(out, b.entries()...)
	}
	return out
}

// entries are the step's results: of stepKinds and netPhases.
func (b stepBench) entries() (out []benchEntry) {
	products := map[cost.Source]string{cost.FromDealer: "a dealer", cost.FromHE: "the two parties alone"}[b.source]
	for _, k := range stepKinds {
		for _, p := range netPhases {
			out = append(out, benchEntry{b.name + k.suffix + p.suffix, fmt.Sprintf("%s of %s, batch %d, comparisons by %s, products by %s", k.doc, b.doc, stepBatch, b.nonlinear, products)})
		}
	}
	return out
}

// benchSteps runs the steps of the chosen entries.
func (a *app) benchSteps(f *benchFlags, names []string) (*benchReport, error) {
	return a.benchPaired(f, func(p *benchPair, _ *bench.Limits, r *benchReport) error {
		for _, b := range stepBenches {
			if !slices.ContainsFunc(b.entries(), func(e benchEntry) bool { return slices.Contains(names, e.name) }) {
				continue
			}
			list, err := a.benchStep(b, f, p.link)
			if err != nil {
				return fmt.Errorf("%s: %w", b.name, err)
			}
			for _, x := range list {
				if slices.Contains(names, x.Name) {
					r.Results = append(r.Results, x)
				}
			}
		}
		return nil
	})
}

// benchStep compiles a step, runs it so often, and gives a result for each of stepKinds and netPhases.
func (a *app) benchStep(b stepBench, f *benchFlags, link wire.Link) ([]benchResult, error) {
	tmp, err := os.MkdirTemp("", "sotto-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	prices, err := a.target(f.link, &network{})
	if err != nil {
		return nil, err
	}
	x, err := a.prepareStep(tmp, b, f.ot, prices)
	if err != nil {
		return nil, err
	}
	ctx, stop := interruptible()
	defer stop()
	var runs [len(stepKinds)][]*party.Stats
	for i := range f.runs {
		a.progress.step("%s, run %d of %d", b.name, i+1, f.runs)
		only, err := a.runSteps(ctx, tmp, b.source, link, 1)
		if err != nil {
			return nil, interrupted(ctx, err)
		}
		session, err := a.runSteps(ctx, tmp, b.source, link, sessionSteps)
		if err != nil {
			return nil, interrupted(ctx, err)
		}
		runs[0], runs[1] = append(runs[0], &only.Stats), append(runs[1], session.between(&only.Stats))
	}
	c := newSessionCosts([]*privateStep{x}, prices)
	only := phases{c.between(between{0, noRun, false}).online, c.between(between{noRun, 0, true}).offline}
	return b.results(runs, [len(stepKinds)]phases{only, c.between(between{0, 0, false})}), nil
}

// between is the second step of a session of several, those behind the first being alike in bytes and rounds; only is a session of one.
func (s *ranSteps) between(only *party.Stats) *party.Stats {
	later := func(p, first party.Phase, ms float64) party.Phase {
		n := len(s.steps) - 1
		t := cost.Traffic{ClientSent: (p.ClientSent - first.ClientSent) / int64(n), ServerSent: (p.ServerSent - first.ServerSent) / int64(n), Rounds: (p.Rounds - first.Rounds) / n}
		return party.Phase{MS: ms, Traffic: t}
	}
	return &party.Stats{Online: later(s.Online, only.Online, s.steps[1].OnlineMS), Offline: later(s.Offline, only.Offline, s.steps[1].OfflineMS)}
}

func (b stepBench) results(runs [len(stepKinds)][]*party.Stats, e [len(stepKinds)]phases) (list []benchResult) {
	for k, kind := range stepKinds {
		for i, p := range netPhases {
			x := layerResult(b.name+kind.suffix+p.suffix, 1, runs[k], func(s *party.Stats) float64 { return p.of(s).MS }, func(s *party.Stats) []party.Phase { return []party.Phase{p.of(s)} })
			of := [2]expected{e[k].online, e[k].offline}[i]
			x.DealerBytes, x.EstimateMS = of.DealerSent, of.MS
			if k == 0 && i == 0 {
				x.Other = b.other
			}
			list = append(list, x)
		}
	}
	return list
}

// besideStep is what a step's result is held against.
func (r *benchResult) besideStep() string {
	s := fmt.Sprintf("estimate %s", duration(r.EstimateMS))
	if r.DealerBytes > 0 {
		s += fmt.Sprintf("; the dealer sends both %s", size(r.DealerBytes))
	}
	if o := r.Other; o != nil {
		s += fmt.Sprintf("; %s %s, %s: %.1f times the time, %.1f the bytes", o.System, duration(o.MS), size(o.Bytes), o.MS/r.MS, float64(o.Bytes)/float64(r.Bytes))
	}
	return s
}

// prepareStep compiles a step into a directory.
func (a *app) prepareStep(dir string, b stepBench, ot string, prices cost.Target) (*privateStep, error) {
	loaded, err := frontend.Load(b.name+".sotto", []byte(b.text), frontend.Options{})
	if err != nil {
		return nil, err
	}
	c := &pass.Context{Deploy: cost.Outsourced, Source: b.source, Protocols: pass.Protocols{Nonlinear: b.nonlinear}, Elementwise: cost.AlwaysElementwise(cost.BySIMD),
		Training: &pass.Training{Batch: stepBatch, Optimiser: pass.SGD{Momentum: 0.9}}}
	if c.OT, err = cost.ParseOTPolicy(ot, prices); err != nil {
		return nil, usageError{err}
	}
	s := &privateStep{source: b.source, secure: loaded.Module}
	var r pass.Runner
	if err := r.Run(c, s.secure, slices.Concat(passes.ToTrainable, passes.ToTrain, passes.ToFixedStep, passes.ToPrivateStep)...); err != nil {
		return nil, err
	}
	if s.pair, err = twopc.Emit(s.secure, s.secure.Funcs[0]); err != nil {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), writePair(dir, s.pair)); err != nil {
		return nil, err
	}
	_, err = writeKeys(filepath.Join(dir, defaultKeys))
	return s, err
}

// ranSteps is what a session of some steps took, and each of them.
type ranSteps struct {
	party.Stats
	steps []party.Stepped
}

// runSteps runs a session of so many steps of what prepareStep wrote, as S0: beside a process that is S1, and a dealer's if the material is from one.
func (a *app) runSteps(ctx context.Context, dir string, source cost.Source, link wire.Link, steps int) (*ranSteps, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(ctx)
	g := &group{app: a, ctx: ctx, cancel: cancel, common: []string{"--keys", filepath.Join(dir, defaultKeys), "--link", link.Name}}
	defer g.stop()
	o := stepParty{dir: dir, steps: steps, link: link}
	if source == cost.FromDealer {
		dealer, err := g.start("deal", filepath.Join(dir, dealerDir), "--listen", "127.0.0.1:0", "--quiet")
		if err != nil {
			return nil, err
		}
		if o.dealer, err = dealer.listening(); err != nil {
			return nil, err
		}
	}
	peer, err := g.start("step-peer", dir, "--connect", l.Addr().String(), "--dealer", o.dealer, "--steps", fmt.Sprint(steps))
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	l.(*net.TCPListener).SetDeadline(time.Now().Add(wire.DefaultTimeout))
	socket, err := l.Accept()
	if err != nil {
		return nil, errors.Join(err, peer.failure())
	}
	return o.play(ctx, cost.Client, func(config *tls.Config) (*wire.Conn, error) {
		return wire.Accept(ctx, socket, config, wire.Options{Link: link})
	})
}

// newStepPeerCmd is S1 of runSteps.
func newStepPeerCmd() *cobra.Command {
	var o stepParty
	var addr, link, keys string
	c := &cobra.Command{
		Use: "step-peer DIR", Hidden: true, Args: cobra.ExactArgs(1), Short: "the other server of a training step that is measured",
		RunE: func(c *cobra.Command, args []string) (err error) {
			o.dir = args[0]
			if o.link, err = wire.ParseLink(link); err != nil {
				return usageError{err}
			}
			socket, err := net.Dial("tcp", addr)
			if err != nil {
				return err
			}
			_, err = o.play(c.Context(), cost.Server, func(config *tls.Config) (*wire.Conn, error) {
				return wire.Connect(c.Context(), socket, config, wire.Options{Link: o.link})
			})
			return err
		},
	}
	c.Flags().StringVar(&addr, "connect", "", "`address` of the other one")
	c.Flags().StringVar(&o.dealer, "dealer", "", "`address` of the dealer")
	c.Flags().StringVar(&link, "link", "", "as sotto bench has it")
	c.Flags().StringVar(&keys, "keys", "", "`directory` of keys: DIR's")
	c.Flags().IntVar(&o.steps, "steps", 1, "steps of the session")
	return c
}

// stepParty is a party of a session of some steps: dir has the bundles and the keys.
type stepParty struct {
	dir, dealer string
	steps       int
	link        wire.Link
}

// play runs a party of the session.
func (o *stepParty) play(ctx context.Context, p cost.Party, meet func(*tls.Config) (*wire.Conn, error)) (*ranSteps, error) {
	b, err := openBundle(filepath.Join(o.dir, p.String()), p)
	if err != nil {
		return nil, err
	}
	peer := peerFlags{keys: filepath.Join(o.dir, defaultKeys), dealer: o.dealer, timeout: wire.DefaultTimeout}
	config, err := peer.tls(roleOf(p), roleOf(p.Other()))
	if err != nil {
		return nil, err
	}
	source, err := peer.named()
	if err != nil {
		return nil, err
	}
	conn, err := meet(config)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	in, out := drawnShares(b.Program), new(ranSteps)
	res, err := party.Train(ctx, party.Training{Options: party.Options{Conn: conn, Source: source, Dealer: peer.dialDealer(roleOf(p)), Resident: layerResident},
		Programs: []party.Program{{Bundle: b}}, Schedule: make([]int, o.steps), Every: o.steps, Feed: func(int) (party.Input, error) { return in, nil }, State: in.State,
		Stepped: func(s party.Stepped) { out.steps = append(out.steps, s) }})
	if err != nil {
		return nil, err
	}
	out.Stats = res.Stats
	return out, nil
}

// drawnShares are a party's shares of random inputs and state.
func drawnShares(p *program.Program) party.Input {
	draw := func(n int) []int64 {
		words := make([]uint64, n)
		prg.Draw(words)
		return party.Signed(words)
	}
	in := party.Input{Share: draw(p.Input.Len()), State: map[string][]int64{}}
	for _, t := range p.Further {
		in.Further = append(in.Further, draw(t.Len()))
	}
	for _, t := range p.Publics {
		in.Publics = append(in.Publics, ir.Quantize(ir.Type{Elem: ir.Ring(p.Ring, t.Frac), Shape: []int{1}}, []float32{1. / 16}).I[0])
	}
	for _, s := range p.State {
		in.State[s.Name] = draw(s.Len())
	}
	return in
}
