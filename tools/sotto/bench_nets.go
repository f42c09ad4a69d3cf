package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/party"
	"sotto/runtime/wire"
)

// netBench is a network of examples/, run as `sotto run` does: two processes over mutual TLS, client-server, random weights.
type netBench struct {
	name string
	file string
	set  []string
}

// netBenches lists the networks with the ways to compute them.
var netBenches = []netBench{
	{name: "minionn.relu", file: "minionn"},
	{name: "resnet18_cifar.relu", file: "resnet18_cifar", set: []string{"act=relu", "pool=maxpool"}},
	{name: "resnet18.x2act", file: "resnet18", set: []string{"act=x2act", "pool=avgpool"}},
	{name: "resnet18.relu", file: "resnet18", set: []string{"act=relu", "pool=maxpool"}},
	{name: "resnet50.x2act", file: "resnet50", set: []string{"act=x2act", "pool=avgpool"}},
	{name: "resnet50.relu", file: "resnet50", set: []string{"act=relu", "pool=maxpool"}},
	{name: "mobilenetv2.x2act", file: "mobilenetv2", set: []string{"act=x2act"}},
}

// netWay is a way to compute comparisons and make material.
type netWay struct {
	suffix    string
	nonlinear pass.Nonlinear
	source    cost.Source
}

// netWays are the ways that a network is measured with; the first has no suffix.
var netWays = []netWay{{"", pass.OTSign, cost.FromHE}, {".gc", pass.GarbledSign, cost.FromHE}, {".fss", pass.DealtWhole, cost.FromDealer}}

// netPhase is what is reported of a run.
type netPhase struct {
	suffix string
	of     func(s *party.Stats) party.Phase
}

var netPhases = []netPhase{
	{".online", func(s *party.Stats) party.Phase { return s.Online }},
	{".offline", func(s *party.Stats) party.Phase { return s.Offline }},
}

// netVariant is a network computed one way.
type netVariant struct {
	netBench
	way netWay
}

func netVariants() []netVariant {
	var out []netVariant
	for _, n := range netBenches {
		for _, way := range netWays {
			v := netVariant{n, way}
			v.name += way.suffix
			if way.suffix == "" || !slices.Contains(n.set, "act=x2act") { // polynomials compare nothing
				out = append(out, v)
			}
		}
	}
	return out
}

func netEntries() []benchEntry {
	var out []benchEntry
	for _, v := range netVariants() {
		for _, p := range netPhases {
			out = append(out, benchEntry{v.name + p.suffix, fmt.Sprintf("examples/%s.sotto %v, comparisons by %s, material by %s, over mutual TLS", v.file, v.set, v.way.nonlinear, v.way.source)})
		}
	}
	return out
}

// benchNets runs the networks of the chosen entries.
func (a *app) benchNets(f *benchFlags, names []string) (*benchReport, error) {
	link, err := wire.ParseLink(f.link)
	if err != nil {
		return nil, usageError{err}
	}
	pair, limits, err := a.pairUp(link)
	if err != nil {
		return nil, err
	}
	if err := pair.end(); err != nil { // networks have processes of their own
		return nil, err
	}
	r := newBenchReport(link, limits)
	for _, v := range netVariants() {
		wanted := slices.ContainsFunc(netPhases, func(p netPhase) bool { return slices.Contains(names, v.name+p.suffix) })
		if !wanted {
			continue
		}
		runs, err := a.runNet(v, f)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.name, err)
		}
		for _, p := range netPhases {
			if slices.Contains(names, v.name+p.suffix) {
				x := netResult(v.name, p, runs)
				x.overLoopback(limits)
				r.Results = append(r.Results, x)
			}
		}
	}
	return r, nil
}

// netResult is one phase of some runs, with the most memory that either party took in any of them.
func netResult(name string, p netPhase, runs []*runResult) benchResult {
	var stats []*party.Stats
	for _, r := range runs {
		stats = append(stats, &r.Stats)
	}
	x := layerResult(name+p.suffix, 1, stats, func(s *party.Stats) float64 { return p.of(s).MS }, func(s *party.Stats) []party.Phase { return []party.Phase{p.of(s)} })
	for _, r := range runs {
		x.ClientPeakRSS, x.ServerPeakRSS = max(x.ClientPeakRSS, r.ClientPeakRSS), max(x.ServerPeakRSS, r.ServerPeakRSS)
	}
	return x
}

// runNet compiles a network once and runs it so often.
func (a *app) runNet(v netVariant, f *benchFlags) ([]*runResult, error) {
	tmp, err := os.MkdirTemp("", "sotto-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	n, err := a.load(filepath.Join(f.examples, v.file+".sotto"), networkFlags{set: v.set})
	if err != nil {
		return nil, fmt.Errorf("%w: --examples names the repository's directory of networks", err)
	}
	prices, err := a.target(f.link, n)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(tmp, "out")
	a.progress.step("compiling %s", v.name)
	if _, err := a.compile(n, lowerFlags{weights: "random:1", nonlinear: ways{string(v.way.nonlinear)}, ot: f.ot, offline: string(v.way.source)}, prices, dir); err != nil {
		return nil, err
	}
	var out []*runResult
	for i := range f.runs {
		a.progress.step("%s, run %d of %d", v.name, i+1, f.runs)
		r, err := a.runBundle(dir, &runFlags{input: "random:1", link: f.link, offline: string(v.way.source)}, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}
