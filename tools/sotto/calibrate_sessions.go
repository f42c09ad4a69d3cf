package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/party"
	"sotto/runtime/wire"
	"sotto/tools/sotto/prices"
)

// sample is a small network made to be run while prices are measured: a few kinds of work, at a size of its own.
type sample struct {
	name      string
	text      string
	nonlinear pass.Nonlinear
	deploys   []cost.Deployment // nil: a step of its training is run, with a dealer
}

// eitherWay is both deployments.
var eitherWay = []cost.Deployment{cost.ClientServer, cost.Outsourced}

// sampled networks are run as any network is, by two processes over mutual TLS, so that new memory, cold caches and the other party are in what they take.
// Large ones are among them, so that what an instruction takes by itself is not booked to its units.
var sampled = []sample{
	{"linear layers", stack(2, 256, 1, "linear(x, %d)"), "", eitherWay},
	{"convolutions, 8 channels at 32x32", stack(4, 8, 32, "conv(x, %d, kernel = 3, pad = 1)"), "", eitherWay},
	{"convolutions, 32 channels at 16x16", stack(4, 32, 16, "conv(x, %d, kernel = 3, pad = 1)"), "", eitherWay},
	{"convolutions, 96 channels at 8x8", stack(3, 96, 8, "conv(x, %d, kernel = 3, pad = 1)"), "", eitherWay},
	{"one tap, 64 channels at 16x16", stack(4, 64, 16, "conv(x, %d, kernel = 1)"), "", eitherWay},
	{"ReLUs by garbled signs", stack(3, 8, 32, "conv(x, %d, kernel = 1) |> relu"), pass.GarbledSign, eitherWay},
	{"many ReLUs by garbled signs", stack(2, 64, 32, "conv(x, %d, kernel = 1) |> relu"), pass.GarbledSign, eitherWay[:1]},
	{"ReLUs by OT", stack(3, 8, 32, "conv(x, %d, kernel = 1) |> relu"), pass.OTSign, eitherWay},
	{"many ReLUs by OT", stack(2, 64, 32, "conv(x, %d, kernel = 1) |> relu"), pass.OTSign, eitherWay[:1]},
	{"max-pooling by garbled signs", stack(1, 16, 32, "conv(x, %d, kernel = 1) |> relu |> maxpool(3, stride = 2, pad = 1)"), pass.GarbledSign, eitherWay},
	{"max-pooling by OT", stack(1, 16, 32, "conv(x, %d, kernel = 1) |> relu |> maxpool(3, stride = 2, pad = 1)"), pass.OTSign, eitherWay},
	{"quadratics", stack(4, 16, 16, "conv(x, %d, kernel = 3, pad = 1) |> x2act"), "", eitherWay},
	{"many quadratics", stack(3, 64, 32, "conv(x, %d, kernel = 1) |> x2act"), "", eitherWay},
	{"large quadratics", stack(3, 64, 56, "conv(x, %d, kernel = 3, pad = 1) |> x2act"), "", eitherWay},
	{"large quadratics, one tap", stack(3, 128, 56, "conv(x, %d, kernel = 1) |> x2act"), "", eitherWay},
	{"quadratics of many channels", stack(3, 256, 14, "conv(x, %d, kernel = 3, pad = 1) |> x2act"), "", eitherWay},
	{"convolutions of many weights", stack(3, 512, 4, "conv(x, %d, kernel = 3, pad = 1)"), "", eitherWay},
	{"large ReLUs by OT", stack(2, 64, 56, "conv(x, %d, kernel = 3, pad = 1) |> relu"), pass.OTSign, eitherWay},
	{"many layers", stack(12, 32, 16, "conv(x, %d, kernel = 3, pad = 1)"), "", eitherWay},
	{"many quadratic layers", stack(12, 24, 16, "conv(x, %d, kernel = 3, pad = 1) |> x2act"), "", eitherWay},
	{"many layers of ReLUs by OT", stack(8, 16, 16, "conv(x, %d, kernel = 3, pad = 1) |> relu"), pass.OTSign, eitherWay},
	{"many small layers", stack(12, 8, 8, "conv(x, %d, kernel = 3, pad = 1)"), "", eitherWay},
	{"many small layers of ReLUs by OT", stack(6, 4, 8, "conv(x, %d, kernel = 3, pad = 1) |> relu"), pass.OTSign, eitherWay},
	{"small max-pooling by OT", stack(3, 4, 16, "conv(x, %d, kernel = 3, pad = 1) |> relu |> maxpool(2)"), pass.OTSign, eitherWay},
	{"depthwise", stack(3, 64, 16, "conv(x, %d, kernel = 3, pad = 1, groups = 64) |> x2act"), "", eitherWay[:1]},
	{"training of convolutions", classifier(stack(2, 8, 20, "conv(x, %d, kernel = 5, pad = 2) |> relu")), pass.DealtSign, nil},
	{"training of linear layers", classifier(stack(3, 96, 1, "linear(x, %d) |> relu")), pass.DealtSign, nil},
	{"training with average-pooling, by OT", classifier(stack(2, 8, 20, "conv(x, %d, kernel = 5, pad = 2) |> relu |> avgpool(3, stride = 1, pad = 1)")), pass.OTSign, nil},
	{"training with max-pooling", classifier(stack(1, 8, 24, "conv(x, %d, kernel = 3, pad = 1) |> maxpool(2) |> relu")), pass.DealtSign, nil},
	{"training with batch normalisation", classifier(stack(2, 8, 16, "conv(x, %d, kernel = 3, pad = 1) |> batchnorm |> relu")), pass.DealtSign, nil},
}

// trains tells whether a training step is run.
func (s *sample) trains() bool { return s.deploys == nil }

// classifier puts a linear layer of few classes behind a network.
func classifier(text string) string {
	at := strings.LastIndex(text, " to client")
	return text[:at] + " |> flatten |> linear(10)" + text[at:]
}

// stack is a network of a layer repeated, so many channels of a square image throughout.
func stack(layers, channels, side int, layer string) string {
	var b strings.Builder
	shape := fmt.Sprintf("%d, %d, %d", channels, side, side)
	if side == 1 {
		shape = fmt.Sprint(channels)
	}
	fmt.Fprintf(&b, "net sample {\n  input x: f32[%s] from client\n", shape)
	for range layers - 1 {
		fmt.Fprintf(&b, "  x = "+layer+"\n", channels)
	}
	fmt.Fprintf(&b, "  output y = "+layer+" to client\n}\n", channels)
	return b.String()
}

// refine corrects a machine's prices by sessions of the samples between two processes of it.
func (a *app) refine(ctx context.Context, m *prices.Machine, b prices.Budget) error {
	tmp, err := os.MkdirTemp("", "sotto-calibrate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	all, err := a.compileSamples(m, b, tmp)
	if err != nil {
		return err
	}
	for run := range b.SampleRuns {
		for _, x := range all {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			a.begin("session %d of %d: %s, %s", run+1, b.SampleRuns, x.name, x.deploy)
			for i, link := range sampleLinks {
				if err := a.runSample(ctx, x, i, link); err != nil {
					return fmt.Errorf("%s, %s: %w", x.name, x.deploy, err)
				}
			}
		}
	}
	return refineBy(m, all)
}

// sampleTarget is a machine that both parties share, as it has measured itself, and the links between them that samples are run over.
func sampleTarget(m *prices.Machine) (t cost.Target, links [len(sampleLinks)]cost.Link, err error) {
	list, err := m.Target("this machine")
	q := func(v float64) cost.Quantity { return cost.Quantity{Value: v, Source: "this machine"} }
	for i, l := range sampleLinks {
		links[i] = cost.Link{BytesPerSecond: q(m.Loopback.Value), OneWayMS: q(0)}
		if l.Shaped() {
			links[i] = cost.Link{BytesPerSecond: q(l.BitsPerSecond / 8), OneWayMS: q(float64(l.OneWay) / float64(time.Millisecond))}
		}
	}
	return cost.Target{Sotto: cost.TargetVersion, Name: "loopback", Source: "this machine", Machines: map[string]cost.Machine{hereName: list}, Client: hereName, Server: hereName, Shared: true,
		Link: links[0]}, links, err
}

// refineBy corrects a machine's prices by samples that have been run; without any they stay.
func refineBy(m *prices.Machine, all []*sampleRun) error {
	t, links, err := sampleTarget(m)
	if err != nil || len(all) == 0 {
		return err
	}
	sessions := sessionsOf(all, links)
	m.Prices[cost.Begin.String()] = prices.Beginning(t, sessions)
	if t, _, err = sampleTarget(m); err != nil {
		return err
	}
	r, err := prices.Refine(t, hereName, m.Emulating, sessions)
	if err != nil {
		return err
	}
	m.Refine(r, len(sessions))
	return nil
}

// emulating is what half a round trip over an emulated link takes by itself beyond the link's delay and one over loopback, nanoseconds.
func (a *app) emulating(ctx context.Context, m *prices.Machine, b prices.Budget) (float64, error) {
	const least = 1e3
	link := sampleLinks[1]
	trip, err := a.halfTrip(ctx, link, b)
	return max(trip.Value-m.Calls()-float64(link.OneWay), least), err
}

// halfTrip is half a round trip of a byte between two processes of this machine, nanoseconds.
func (a *app) halfTrip(ctx context.Context, link wire.Link, b prices.Budget) (trip prices.Quantity, err error) {
	err = a.withLocal(ctx, link, func(l *local) (err error) {
		trip, err = l.HalfTrip(b)
		return err
	})
	return trip, err
}

// compileSamples compiles the samples at what the machine has measured alone.
func (a *app) compileSamples(m *prices.Machine, b prices.Budget, tmp string) ([]*sampleRun, error) {
	t, _, err := sampleTarget(m)
	if err != nil {
		return nil, err
	}
	var all []*sampleRun
	for _, s := range sampled[:min(b.Samples, len(sampled))] {
		deploys := s.deploys
		if s.trains() {
			deploys = []cost.Deployment{cost.Outsourced}
		}
		for _, d := range deploys {
			x := &sampleRun{sample: s, deploy: d, dir: filepath.Join(tmp, fmt.Sprint(len(all)))}
			a.begin("compiling %s, %s", s.name, d)
			if err := a.compileSample(x, t, tmp); err != nil {
				return nil, fmt.Errorf("%s, %s: %w", s.name, d, err)
			}
			all = append(all, x)
		}
	}
	return all, nil
}

// sessionsOf are the sessions of samples that have been run.
func sessionsOf(all []*sampleRun, links [len(sampleLinks)]cost.Link) (out []prices.Session) {
	for _, x := range all {
		for i, link := range sampleLinks {
			name := x.name + ", " + string(x.deploy)
			if link.Shaped() {
				name += ", " + link.Name
			}
			for phase, ms := range x.ms[i] {
				if link.Shaped() && cost.Phase(phase) == cost.Offline {
					continue // as over the other
				}
				slices.Sort(ms)
				out = append(out, prices.Session{Name: name, Ledger: x.ledger, Phase: cost.Phase(phase), Link: links[i], MS: (ms[(len(ms)-1)/2] + ms[len(ms)/2]) / 2})
			}
		}
	}
	return out
}

// sampleLinks are what each sample runs over: where a message is there at once, its calls and those of what it carries look alike.
var sampleLinks = [2]wire.Link{wire.Loopback(), wire.PASNet()}

// sampleRun is a compiled sample and what its sessions took, by link and phase.
type sampleRun struct {
	sample
	deploy  cost.Deployment
	dir     string
	ledger  *cost.Ledger
	program string // hash
	ms      [len(sampleLinks)][2][]float64
}

func (a *app) compileSample(x *sampleRun, t cost.Target, tmp string) error {
	if x.trains() {
		s, err := a.prepareStep(x.dir, stepBench{name: "sample", text: x.text, nonlinear: x.nonlinear, source: cost.FromDealer}, cost.OTAuto, t)
		if err == nil {
			x.ledger, x.program = ir.Account(s.secure, s.secure.Funcs[0], cost.FromDealer), s.pair.Client.Pair.String()
		}
		return err
	}
	file := filepath.Join(tmp, "sample.sotto")
	if err := os.WriteFile(file, []byte(x.text), 0o600); err != nil {
		return err
	}
	n, err := a.load(file, networkFlags{})
	if err != nil {
		return err
	}
	flags := lowerFlags{weights: "random:1", deploy: string(x.deploy), ot: cost.OTAuto, garbling: cost.SchemeAuto, ring: 32}
	if x.nonlinear != "" {
		flags.nonlinear = ways{string(x.nonlinear)}
	}
	if x.ledger, err = a.ledger(n, flags, t); err != nil {
		return err
	}
	quiet := *a
	quiet.quiet, quiet.progress = true, nil
	r, err := quiet.compile(n, flags, t, x.dir)
	if err != nil {
		return err
	}
	x.program = r.ProgramHash
	return nil
}

// ledger is what a network's program does, as it is compiled with these flags.
func (a *app) ledger(n *network, flags lowerFlags, t cost.Target) (*cost.Ledger, error) {
	quiet := *a
	quiet.quiet, quiet.progress = true, nil
	l, err := quiet.lowering(n, flags)
	if err != nil {
		return nil, err
	}
	defer l.close()
	if err := l.choose(n, flags, t); err != nil {
		return nil, err
	}
	if err := l.toSecure(n); err != nil {
		return nil, err
	}
	return ir.Account(l.secure, l.secure.Funcs[0], cost.FromHE), nil
}

func (a *app) runSample(ctx context.Context, x *sampleRun, i int, link wire.Link) error {
	quiet := *a
	quiet.progress = nil
	took, err := quiet.sampleStats(ctx, x, link)
	if err != nil {
		return err
	}
	x.took(i, took)
	return nil
}

// took keeps what a session over a link took.
func (x *sampleRun) took(link int, s *party.Stats) {
	ms := &x.ms[link]
	ms[cost.Offline], ms[cost.Online] = append(ms[cost.Offline], s.Offline.MS), append(ms[cost.Online], s.Online.MS)
}

func (a *app) sampleStats(ctx context.Context, x *sampleRun, link wire.Link) (*party.Stats, error) {
	if x.trains() {
		return a.stepStats(ctx, x.dir, cost.FromDealer, link, 1)
	}
	r, err := a.runBundle(x.dir, &runFlags{input: "random:1", link: link.Name, offline: string(cost.FromHE)}, nil)
	if err != nil {
		return nil, err
	}
	return &r.Stats, nil
}
