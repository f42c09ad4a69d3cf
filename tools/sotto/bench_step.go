package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

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

// stepBench is one step of private training: LeNet on images of 28x28, a batch of 32, two processes that hold shares of everything, over mutual
// TLS, and a dealer's process where the material is from one.
type stepBench struct {
	name      string
	pool      string
	nonlinear pass.Nonlinear
	source    cost.Source
	other     otherStep
}

// otherStep is what another system takes for the step.
type otherStep struct {
	System string  `json:"system"`
	MS     float64 `json:"ms"`
	Bytes  int64   `json:"bytes"`
}

// CrypTen's steps, whose dealer's material is not counted either: measurements of that system, two processes on two cores over loopback.
var (
	cryptenMaxPool = otherStep{"CrypTen", 1840, 323e6}
	cryptenAvgPool = otherStep{"CrypTen", 1160, 108e6}
)

var stepBenches = []stepBench{
	{"lenet.maxpool", "maxpool", pass.DealtSign, cost.FromDealer, cryptenMaxPool},
	{"lenet.avgpool", "avgpool", pass.DealtSign, cost.FromDealer, cryptenAvgPool},
	{"lenet.maxpool.ot", "maxpool", pass.OTSign, cost.FromDealer, cryptenMaxPool},
	{"lenet.avgpool.ot", "avgpool", pass.OTSign, cost.FromDealer, cryptenAvgPool},
	{"lenet.maxpool.he", "maxpool", pass.OTSign, cost.FromHE, cryptenMaxPool},
	{"lenet.avgpool.he", "avgpool", pass.OTSign, cost.FromHE, cryptenAvgPool},
}

const stepBatch = 32

// text is the network. A max-pool stands before its relu, which is the same function with fewer comparisons.
func (b stepBench) text() string {
	order := "relu |> avgpool(2)"
	if b.pool == "maxpool" {
		order = "maxpool(2) |> relu"
	}
	return fmt.Sprintf(`net lenet {
  input image: f32[1, 28, 28] from client
  x = conv(image, 6, kernel = 5, pad = 2) as conv1 |> %[1]s
  x = conv(x, 16, kernel = 5) as conv2 |> %[1]s
  x = flatten(x) |> linear(120) as fc1 |> relu as relu3 |> linear(84) as fc2 |> relu as relu4
  output logits = x |> linear(10) as fc3 to client
}
`, order)
}

func stepEntries() []benchEntry {
	var out []benchEntry
	for _, b := range stepBenches {
		for _, p := range netPhases {
			products := map[cost.Source]string{cost.FromDealer: "a dealer", cost.FromHE: "the two parties alone"}[b.source]
			out = append(out, benchEntry{b.name + p.suffix, fmt.Sprintf("a step of LeNet with %s, batch %d, 28x28, comparisons by %s, products by %s", b.pool, stepBatch, b.nonlinear, products)})
		}
	}
	return out
}

// benchSteps runs the steps of the chosen entries.
func (a *app) benchSteps(f *benchFlags, names []string) (*benchReport, error) {
	return a.benchPaired(f, func(p *benchPair, _ *bench.Limits, r *benchReport) error {
		for _, b := range stepBenches {
			wanted := func(x netPhase) bool { return slices.Contains(names, b.name+x.suffix) }
			if !slices.ContainsFunc(netPhases, wanted) {
				continue
			}
			list, err := a.benchStep(p, b, f)
			if err != nil {
				return fmt.Errorf("%s: %w", b.name, err)
			}
			for i, x := range netPhases {
				if wanted(x) {
					r.Results = append(r.Results, list[i])
				}
			}
		}
		return nil
	})
}

// benchStep compiles a step, runs it so often, and gives a result for each of netPhases.
func (a *app) benchStep(p *benchPair, b stepBench, f *benchFlags) ([]benchResult, error) {
	tmp, err := os.MkdirTemp("", "sotto-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	expected, err := a.prepareStep(tmp, b, f)
	if err != nil {
		return nil, err
	}
	keys := filepath.Join(tmp, defaultKeys)
	if _, err := writeKeys(keys); err != nil {
		return nil, err
	}
	ctx, stop := interruptible()
	g := &group{app: a, ctx: ctx, cancel: stop, common: []string{"--keys", keys}}
	defer g.stop()
	addr := ""
	if b.source == cost.FromDealer {
		dealer, err := g.start("deal", filepath.Join(tmp, dealerDir), "--listen", "127.0.0.1:0", "--quiet")
		if err != nil {
			return nil, err
		}
		if addr, err = dealer.listening(); err != nil {
			return nil, err
		}
	}
	var runs []*party.Stats
	for i := range f.runs {
		a.progress.step("%s, run %d of %d", b.name, i+1, f.runs)
		s, err := p.step(ctx, stepOrder{tmp, addr})
		if err != nil {
			return nil, err
		}
		runs = append(runs, s)
	}
	return b.results(runs, expected), nil
}

func (b stepBench) results(runs []*party.Stats, e estimate) (list []benchResult) {
	for i, p := range netPhases {
		x := layerResult(b.name+p.suffix, 1, runs, func(s *party.Stats) float64 { return p.of(s).MS }, func(s *party.Stats) []party.Phase { return []party.Phase{p.of(s)} })
		of := [2]expected{e.Online, e.Offline}[i]
		x.DealerBytes, x.EstimateMS = of.DealerSent, of.MS
		if i == 0 {
			x.Other = &b.other
		}
		list = append(list, x)
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

// prepareStep compiles a step into a directory and says what it should cost.
func (a *app) prepareStep(dir string, b stepBench, f *benchFlags) (estimate, error) {
	loaded, err := frontend.Load(b.name+".sotto", []byte(b.text()), frontend.Options{})
	if err != nil {
		return estimate{}, err
	}
	prices, err := a.target(f.link, &network{})
	if err != nil {
		return estimate{}, err
	}
	c := &pass.Context{Deploy: cost.Outsourced, Source: b.source, Protocols: pass.Protocols{Nonlinear: b.nonlinear}, Elementwise: cost.AlwaysElementwise(cost.BySIMD),
		Training: &pass.Training{Batch: stepBatch, Optimiser: pass.SGD{Momentum: 0.9}}}
	if c.OT, err = cost.ParseOTPolicy(f.ot, prices); err != nil {
		return estimate{}, usageError{err}
	}
	m := loaded.Module
	var r pass.Runner
	if err := r.Run(c, m, slices.Concat(passes.ToTrainable, passes.ToTrain, passes.ToFixedStep, passes.ToPrivateStep)...); err != nil {
		return estimate{}, err
	}
	pair, err := twopc.Emit(m, m.Funcs[0])
	if err != nil {
		return estimate{}, err
	}
	return costs(m, pair, b.source, prices), writePair(dir, pair)
}

// stepOrder asks for a party of a step: Dir has the bundles and the keys; without a dealer's address the two make the material alone.
type stepOrder struct{ Dir, Dealer string }

// step runs a step with the other process, as S0, over a connection of its own.
func (p *benchPair) step(ctx context.Context, o stepOrder) (*party.Stats, error) {
	if err := p.conn.Send(order{Step: o}.encode()); err != nil {
		return nil, err
	}
	socket, err := p.listener.Accept()
	if err != nil {
		return nil, err
	}
	return o.play(ctx, cost.Client, func(config *tls.Config) (*wire.Conn, error) {
		return wire.Accept(ctx, socket, config, wire.Options{Link: p.link})
	})
}

// serveStep is the other process's part of a step.
func serveStep(addr string, o stepOrder, link wire.Link) error {
	socket, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	_, err = o.play(context.Background(), cost.Server, func(config *tls.Config) (*wire.Conn, error) {
		return wire.Connect(context.Background(), socket, config, wire.Options{Link: link})
	})
	return err
}

// play runs a party of the step.
func (o stepOrder) play(ctx context.Context, p cost.Party, meet func(*tls.Config) (*wire.Conn, error)) (*party.Stats, error) {
	b, err := openBundle(filepath.Join(o.Dir, p.String()), p)
	if err != nil {
		return nil, err
	}
	peer := peerFlags{keys: filepath.Join(o.Dir, defaultKeys), dealer: o.Dealer, timeout: wire.DefaultTimeout}
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
	res, err := party.Run(ctx, party.Options{Bundle: b, Conn: conn, Source: source, Dealer: peer.dialDealer(roleOf(p)),
		Input: drawnShares(b.Program), Resident: layerResident})
	if err != nil {
		return nil, err
	}
	return &res.Stats, nil
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
