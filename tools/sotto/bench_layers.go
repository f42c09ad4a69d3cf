package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/party"
	"sotto/runtime/wire"
	"sotto/tools/sotto/bench"
)

// layerResident keeps the material of a layer in memory, so that no disk is measured.
const layerResident = 4 << 30

// layerBench is one layer alone, client-server in a ring of 32 bits, compiled and run as any network is but over plain TCP.
type layerBench struct {
	name      string
	doc       string
	n         int64
	nonlinear pass.Nonlinear
	dump      func(n int64) string // of the RING stage
}

// phases of a layer that are reported, by the suffix of the name.
var layerPhases = []struct {
	suffix, doc string
	ms          func(s *party.Stats) float64
	phases      func(s *party.Stats) []party.Phase
}{
	{"", "everything included, without a dealer",
		func(s *party.Stats) float64 { return s.Offline.MS + s.Online.MS },
		func(s *party.Stats) []party.Phase { return []party.Phase{s.Offline, s.Online} }},
	{"-online", "the online phase alone, material in memory",
		func(s *party.Stats) float64 { return s.Online.MS },
		func(s *party.Stats) []party.Phase { return []party.Phase{s.Online} }},
}

var layerBenches = []layerBench{
	{"relu.gc", "n ReLUs by garbled signs, tables in memory", 1 << 19, pass.GarbledSign, vectorDump("ring.relu", 12, "")},
	{"relu.gc-whole", "n ReLUs in garbled circuits as a whole, tables in memory", 1 << 18, pass.GarbledWhole, vectorDump("ring.relu", 12, "")},
	{"relu.ot", "n ReLUs by OT comparison", 1 << 20, pass.OTSign, vectorDump("ring.relu", 12, "")},
	{"relu.gc-tenth", "n elements of which every tenth has a ReLU, by garbled signs", 1 << 19, pass.GarbledSign, tenthDump},
	{"relu.ot-tenth", "n elements of which every tenth has a ReLU, by OT comparison", 1 << 20, pass.OTSign, tenthDump},
	{"inout", "n elements in and out, and nothing between: what the rows of relus hold besides", 1 << 20, "", vectorDump("ring.addc", 12, " {c=1}")},
	{"maxpool3.gc", "n windows of 3x3 by garbled signs", 64 * 56 * 56, pass.GarbledSign, maxpoolDump},
	{"maxpool3.ot", "n windows of 3x3 by OT comparison", 64 * 56 * 56, pass.OTSign, maxpoolDump},
	{"trunc", "n truncations by 12 bits, by one COT each", 1 << 21, "", vectorDump("ring.trunc", 24, " {bits=12}")},
	{"x2act", "n squares and their truncations", 1 << 20, "", x2actDump},
}

// vectorDump is one op on n elements.
func vectorDump(op string, frac int, attrs string) func(n int64) string {
	return func(n int64) string {
		out := frac
		if op == "ring.trunc" {
			out -= 12
		}
		return fmt.Sprintf("module ring\nfunc @bench(%%x: C i32q%d[%d]) -> i32q%d[%d] {\n  %%1 = %s %%x%s : i32q%d[%d]\n  return %%1 {name=\"y\"}\n}\n",
			frac, n, out, n, op, attrs, out, n)
	}
}

// tenthDump is a ReLU on one element of ten, each a range of its own as a mask by pixels has them.
func tenthDump(n int64) string {
	var keep []string
	for i := int64(0); i < n; i += 10 {
		keep = append(keep, fmt.Sprintf("%d,%d", i, i+1))
	}
	mask := "{keep=[" + strings.Join(keep, ",") + "]}"
	return fmt.Sprintf("module ring\nfunc @bench(%%x: i32q12[%d]) -> i32q12[%d] {\n  %%1 = ring.gather %%x %s : i32q12[%d]\n"+
		"  %%2 = ring.relu %%1 : i32q12[%d]\n  %%3 = ring.scatter %%x, %%2 %s : i32q12[%d]\n  return %%3 {name=\"y\"}\n}\n", n, n, mask, len(keep), len(keep), mask, n)
}

// maxpoolDump is 3x3 windows, two apart and one beyond the border, as ResNets have them: n of them in 56 rows of 56 to a
// channel.
func maxpoolDump(n int64) string {
	c := (n + 56*56 - 1) / (56 * 56)
	return fmt.Sprintf("module ring\nfunc @bench(%%x: C i32q12[%d,112,112]) -> i32q12[%d,56,56] {\n"+
		"  %%1 = ring.maxpool %%x {kernel=[3,3], stride=[2,2], pad=[1,1]} : i32q12[%d,56,56]\n  return %%1 {name=\"y\"}\n}\n", c, c, c)
}

func x2actDump(n int64) string {
	return fmt.Sprintf("module ring\nfunc @bench(%%x: C i32q10[%d]) -> i32q10[%d] {\n  %%1 = ring.square %%x : i32q20[%d]\n"+
		"  %%2 = ring.trunc %%1 {bits=10} : i32q10[%d]\n  return %%2 {name=\"y\"}\n}\n", n, n, n, n)
}

func layerEntries() []benchEntry {
	var out []benchEntry
	for _, l := range layerBenches {
		for _, p := range layerPhases {
			out = append(out, benchEntry{l.name + p.suffix, l.doc + ": " + p.doc})
		}
	}
	return out
}

// benchLayers measures the chosen entries; one run of a layer serves all its entries.
func (a *app) benchLayers(f *benchFlags, names []string) (*benchReport, error) {
	return a.benchPaired(f, func(p *benchPair, limits *bench.Limits, r *benchReport) error {
		for _, l := range layerBenches {
			results, err := a.benchLayer(p, l, f, names)
			if err != nil {
				return fmt.Errorf("%s: %w", l.name, err)
			}
			for _, x := range results {
				x.overLoopback(limits)
				r.Results = append(r.Results, x)
			}
		}
		return nil
	})
}

func (a *app) benchLayer(p *benchPair, l layerBench, f *benchFlags, names []string) ([]benchResult, error) {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	var runs []*party.Stats
	var out []benchResult
	var outputs int64
	for _, phase := range layerPhases {
		name := l.name + phase.suffix
		if !wanted[name] {
			continue
		}
		if runs == nil {
			var err error
			if runs, outputs, err = a.runLayer(p, l, f); err != nil {
				return nil, err
			}
		}
		out = append(out, layerResult(name, outputs, runs, phase.ms, phase.phases))
	}
	return out, nil
}

func layerResult(name string, n int64, runs []*party.Stats, msOf func(*party.Stats) float64, phases func(*party.Stats) []party.Phase) benchResult {
	var took []time.Duration
	for _, s := range runs {
		took = append(took, time.Duration(msOf(s)*float64(time.Millisecond)))
	}
	var bytes int64
	rounds := 0
	for _, p := range phases(runs[0]) {
		bytes += p.ClientSent + p.ServerSent
		rounds += p.Rounds
	}
	return summary(name, n, took, bytes, rounds)
}

// runLayer compiles a layer of n elements, or as many more as its shape has, and runs it between the two processes.
func (a *app) runLayer(p *benchPair, l layerBench, f *benchFlags) (runs []*party.Stats, outputs int64, err error) {
	tmp, err := os.MkdirTemp("", "sotto-bench-")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(tmp)
	x, err := a.prepareLayer(tmp, l, f)
	if err != nil {
		return nil, 0, err
	}
	for i := range f.runs {
		a.progress.step("%s, run %d of %d", l.name, i+1, f.runs)
		s, err := x.run(p)
		if err != nil {
			return nil, 0, err
		}
		runs = append(runs, s)
	}
	return runs, x.outputs(), nil
}

// preparedLayer is a layer that two processes can run.
type preparedLayer struct {
	bundle *party.Bundle // the client's
	server string        // directory of the other one
	input  party.Input
}

// prepareLayer compiles a layer into a directory.
func (a *app) prepareLayer(tmp string, l layerBench, f *benchFlags) (*preparedLayer, error) {
	n := l.n
	if f.n > 0 {
		n = f.n
	}
	dir, err := a.compileLayer(tmp, l, n, f)
	if err != nil {
		return nil, err
	}
	b, err := openBundle(filepath.Join(dir, clientDir), cost.Client)
	if err != nil {
		return nil, err
	}
	input := party.Input{Clear: make([]float32, b.Program.Input.Len())}
	for i := range input.Clear {
		input.Clear[i] = float32(i%17) / 16 // what the values are changes nothing
	}
	return &preparedLayer{b, filepath.Join(dir, serverDir), input}, nil
}

func (x *preparedLayer) outputs() int64 { return int64(x.bundle.Program.Output.Len()) }

func (x *preparedLayer) run(p *benchPair) (*party.Stats, error) {
	return p.session(x.server, x.bundle, x.input)
}

func (a *app) compileLayer(tmp string, l layerBench, n int64, f *benchFlags) (string, error) {
	file, dir := filepath.Join(tmp, "layer.ir"), filepath.Join(tmp, "out")
	if err := os.WriteFile(file, []byte(l.dump(n)), 0o600); err != nil {
		return "", err
	}
	net, err := a.load(file, networkFlags{})
	if err != nil {
		return "", err
	}
	prices, err := a.target(f.link, net)
	if err != nil {
		return "", err
	}
	quiet := *a
	quiet.quiet, quiet.progress = true, nil // that there are no weights is no news here
	_, err = quiet.compile(net, lowerFlags{nonlinear: ways{string(l.nonlinear)}, ot: f.ot}, prices, dir)
	return dir, err
}

// session runs one session with the other process over a connection of its own.
func (p *benchPair) session(serverBundle string, b *party.Bundle, in party.Input) (*party.Stats, error) {
	if err := p.conn.Send(order{Bundle: serverBundle}.encode()); err != nil {
		return nil, err
	}
	socket, err := p.listener.Accept()
	if err != nil {
		return nil, err
	}
	conn, err := wire.New(socket, wire.Options{Link: p.link})
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	res, err := party.Run(context.Background(), party.Options{Bundle: b, Conn: conn, Source: cost.FromHE, Input: in, Resident: layerResident})
	if err != nil {
		return nil, err
	}
	return &res.Stats, nil
}

// serveLayer is the other process's part of a session.
func serveLayer(addr, bundle string, link wire.Link) error {
	b, err := openBundle(bundle, cost.Server)
	if err != nil {
		return err
	}
	socket, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	conn, err := wire.New(socket, wire.Options{Link: link})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = party.Run(context.Background(), party.Options{Bundle: b, Conn: conn, Source: cost.FromHE, Resident: layerResident})
	return err
}

// newBenchReport begins a report on this machine.
func newBenchReport(link wire.Link, limits *bench.Limits) *benchReport {
	r := &benchReport{head: version1, Machine: thisMachine(), Link: link.Name}
	r.Machine.Limits = limits
	return r
}
