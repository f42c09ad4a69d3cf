package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/wire"
	"sotto/tools/sotto/estimates"
	"sotto/tools/sotto/growth"
	"sotto/tools/sotto/prices"
)

// estimatedNet is a network whose estimates are held against runs: if not said otherwise over these links alone, all if nil; and at most so
// many times, if not zero.
type estimatedNet struct {
	netBench
	links    []string
	mostRuns int
	step     *stepBench // instead of a network: a private training session of some steps
}

// due is how many runs there must be after a round of so many, counted from 0. Where that is fewer than rounds they are spread over all: what the
// machine does meanwhile has to meet all cases alike.
func (n *estimatedNet) due(round, rounds int) int {
	if n.mostRuns == 0 || n.mostRuns >= rounds {
		return round + 1
	}
	return ((round+1)*n.mostRuns + rounds - 1) / rounds
}

// path is where the network is.
func (n *estimatedNet) path(f *estimatesFlags) string {
	return filepath.Join(f.examples, n.file+".sotto")
}

// estimatedNets are networks of both kinds. A large one is among them, since prices that fit small ones need not fit it; each of its runs takes
// as long as all others'.
var estimatedNets = []estimatedNet{
	{netBench: netBench{name: "minionn.relu", file: "minionn"}},
	{netBench: netBench{name: "cnet1_cifar10.relu", file: "cnet1_cifar10"}},
	{netBench: netBench{name: "resnet18_cifar.relu", file: "resnet18_cifar", set: []string{"act=relu", "pool=maxpool"}}},
	{netBench: netBench{name: "resnet18_cifar.x2act", file: "resnet18_cifar", set: []string{"act=x2act", "pool=avgpool"}}},
	{netBench: netBench{name: "resnet18.x2act", file: "resnet18", set: []string{"act=x2act", "pool=avgpool"}}, mostRuns: 6},
}

func init() { // steps are outsourced, over links that training is likely on
	for i := range stepBenches {
		b := &stepBenches[i]
		estimatedNets = append(estimatedNets, estimatedNet{netBench: netBench{name: "step." + b.name}, links: []string{"loopback", "lan"}, step: b})
	}
}

// sessionSteps is how many steps a session has whose estimate is held against runs: the first sets up what the others go on with.
const sessionSteps = 3

// Bounds of the estimates.
const (
	onlineBound  estimates.Bound = 0.10
	stepBound    estimates.Bound = 0.15 // of training steps: of each phase, and of both together
	offlineBound estimates.Bound = 0.15
	memoryBound  estimates.Bound = 0.20
	exact        estimates.Bound = 0
)

type estimatesFlags struct {
	nets, deploys []string
	named         bool // nets and links were asked for
	links         linkList
	runs          int
	calibrate     bool
	list          string
	journal       string
	plot          string
	examples      string
}

func newBenchEstimatesCmd(a *app) *cobra.Command {
	var f estimatesFlags
	c := &cobra.Command{
		Use: "estimates", Short: "hold estimates against runs: networks, deployments, links", Args: cobra.NoArgs,
		Long: "Estimates calibrates this machine, compiles each network for each deployment and link at those prices, and runs every case as\n" +
			"`sotto run` does, all cases in turn, so that what the machine does meanwhile meets all alike. The sessions of a calibration are among them,\n" +
			"five or more of each, and estimates are at the prices that these correct: a machine may be faster at one hour than at another. Kernels alone\n" +
			"are measured before, links once more behind. It prints estimate, median, their ratio\n" +
			"with its 95 % interval (by order statistics, which assumes no distribution) and a verdict: a bound (online 10 %, offline 15 %,\n" +
			"peak memory 20 %, bytes and rounds exact; of training sessions of several steps each phase, and both together, 15 %) fails where the\n" +
			"interval excludes it; then the exit status is 1. With --journal, what was measured is kept, and a run that was interrupted goes on.",
		Example: "  sotto bench estimates --journal estimates.jsonl --plot estimates.svg\n  sotto bench estimates --nets minionn.relu --links wan --runs 3\n" +
			"  sotto bench estimates --prices lists/ --json",
		RunE: func(c *cobra.Command, _ []string) error {
			f.named = c.Flags().Changed("nets") || c.Flags().Changed("links")
			return a.benchEstimates(&f)
		},
	}
	var names []string
	fewer := ""
	for _, n := range estimatedNets {
		names = append(names, n.name)
		if n.mostRuns != 0 {
			fewer += fmt.Sprintf("; %s, the largest, at most %d times", n.name, n.mostRuns)
		}
	}
	c.Flags().StringSliceVar(&f.nets, "nets", names, "networks")
	f.links.names = []string{"loopback", "lan", "wan", "pasnet"}
	c.Flags().Var(&f.links, "links", "links between the parties: presets, or numbers such as 300mbps,5ms")
	c.Flags().StringSliceVar(&f.deploys, "deploys", []string{string(cost.ClientServer), string(cost.Outsourced)}, "deployments")
	c.Flags().IntVar(&f.runs, "runs", 11, "repeat each so often; an interval of 95 % takes at least 6"+fewer)
	c.Flags().BoolVar(&f.calibrate, "calibrate", true, "measure the prices in the same run; false takes the shipped lists")
	c.Flags().StringVar(&f.list, "prices", "", "`directory` of the lists of an earlier calibration, a LINK.json for each link, instead of a new one")
	c.Flags().StringVar(&f.journal, "journal", "", "keep the prices and every run in this `file`, and go on where it ends")
	c.Flags().StringVar(&f.plot, "plot", "", "draw estimates against measurements into this `file`, .svg or .png")
	c.Flags().StringVar(&f.examples, "examples", "examples", "`directory` of the networks")
	return c
}

func (f *estimatesFlags) check() error {
	var known []string
	for _, n := range estimatedNets {
		known = append(known, n.name)
	}
	for _, n := range f.nets {
		if !slices.Contains(known, n) {
			return usagef("--nets %s: accepted are %s", n, strings.Join(known, ", "))
		}
	}
	for _, d := range f.deploys {
		if _, err := cost.ParseDeployment(d); err != nil {
			return usageError{err}
		}
	}
	if f.runs < 1 {
		return usagef("--runs %d: accepted is 1 or more", f.runs)
	}
	if len(f.cases()) == 0 {
		return usagef("--nets %s --deploys %s: no case is left; accepted are one or more networks and deployments, of step.* --deploys %s alone",
			strings.Join(f.nets, ","), strings.Join(f.deploys, ","), cost.Outsourced)
	}
	if f.plot != "" {
		if _, err := growth.Format(f.plot); err != nil {
			return usagef("--plot %v", err)
		}
	}
	return writable(f.plot)
}

// estimateCase is a network computed one way over one link.
type estimateCase struct {
	Net    string          `json:"net"`
	Deploy cost.Deployment `json:"deploy"`
	Link   string          `json:"link"`

	bench    estimatedNet
	target   cost.Target // that it is compiled at
	priced   cost.Target // that its estimate is at, once it has been run
	dir      string      // of the bundles
	program  string      // hash
	estimate estimate
	step     *privateStep // whose sessions are run
	sample   *sampleRun   // of a calibration, instead of a network: what it takes is a measurement, and nothing is estimated
}

func (c *estimateCase) name() string { return fmt.Sprintf("%s %s %s", c.Net, c.Deploy, c.Link) }

// estimatesReport is what bench estimates prints: the figures, the one that is off most first.
type estimatesReport struct {
	head
	Machine machine       `json:"machine"`
	Targets []cost.Target `json:"targets"` // that cases are compiled at
	journalPrices
	Results []estimateResult `json:"results"`
	Failed  int              `json:"failed"`
	Plot    string           `json:"plot,omitempty"`
}

// estimateResult is one figure of a case. Kernels are those that its estimate is made of, the client's and the server's work by what it
// takes alone on one core: what of it overlaps is not taken off.
type estimateResult struct {
	Net    string          `json:"net"`
	Deploy cost.Deployment `json:"deploy"`
	Link   string          `json:"link"`
	What   string          `json:"what"` // online, offline, of steps both together too (ms), client_memory, server_memory (bytes), bytes, rounds
	estimates.Figure
	Range   *declared     `json:"range,omitempty"` // of a time
	Kernels []kernelShare `json:"kernels,omitempty"`
}

// declared is the range that an estimate gives with itself, and whether the median lies in it.
type declared struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Holds bool    `json:"holds"`
}

// kernelShare is the work of a kernel in a phase.
type kernelShare struct {
	Phase    string  `json:"phase"`
	Kernel   string  `json:"kernel"`
	Units    int64   `json:"units"`
	Calls    int     `json:"calls"`
	ClientMS float64 `json:"client_ms"`
	ServerMS float64 `json:"server_ms"`
}

func (a *app) benchEstimates(f *estimatesFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	for _, c := range f.cases() { // before anything is measured
		if n := c.bench; n.step == nil && !exists(n.path(f)) {
			return fmt.Errorf("%s is not there: --examples names the repository's directory of networks", n.path(f))
		}
	}
	settleCollector() // as parties and calibrate have it: kernels are measured, and steps' first party is played, in this process
	ctx, stop := interruptible()
	defer stop()
	j, err := openJournal(f.journal)
	if err != nil {
		return err
	}
	defer j.close()
	if err := a.estimatePrices(ctx, f, j); err != nil {
		return interrupted(ctx, err)
	}
	tmp, err := os.MkdirTemp("", "sotto-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	cases, err := a.estimateCases(f, j, tmp)
	if err != nil {
		return err
	}
	var samples []*estimateCase
	if f.calibrates() {
		if samples, err = a.sampleCases(j, prices.Full, filepath.Join(tmp, "samples")); err != nil {
			return err
		}
	}
	if err := a.runCases(ctx, f, j, inTurn(cases, samples)); err != nil {
		return interrupted(ctx, err)
	}
	if err := a.priceAgain(ctx, f, j, cases, samples); err != nil {
		return interrupted(ctx, err)
	}
	r := &estimatesReport{head: version1, Machine: thisMachine(), Targets: j.Targets, journalPrices: j.journalPrices, Plot: f.plot}
	if err := r.judge(cases, j, f.runs); err != nil {
		return err
	}
	if err := errors.Join(r.explain(a, f, cases), r.draw()); err != nil {
		return err
	}
	if err := a.show(r, r.text); err != nil {
		return err
	}
	if r.Failed > 0 {
		return fmt.Errorf("%d of %d estimates are off by more than their bounds", r.Failed, len(r.Results))
	}
	return nil
}

// estimatePrices gets a price list for each link: the journal's, those of a directory, shipped ones, or of a calibration.
func (a *app) estimatePrices(ctx context.Context, f *estimatesFlags, j *journal) error {
	var missing []string
	for _, l := range f.links.names {
		if _, ok := j.target(l); !ok {
			missing = append(missing, l)
		}
	}
	if len(j.Targets) > 0 && f.calibrates() != (j.Alone != nil) {
		begun := "with a calibration"
		if j.Alone == nil {
			begun = "without a calibration, or by an older sotto"
		}
		return fmt.Errorf("%s was begun %s: accepted are --calibrate and --prices as then, or another file", j.name, begun)
	}
	if j.Alone != nil {
		if _, err := j.Alone.Target(""); err != nil {
			return fmt.Errorf("%s: %w: accepted is another file", j.name, err)
		}
	}
	if missing == nil {
		return nil
	}
	if len(missing) < len(f.links.names) && j.name != "" && len(j.Targets) > 0 {
		return fmt.Errorf("%s has no prices of the links %s: accepted are links that it was begun with, or another file", j.name, strings.Join(missing, ", "))
	}
	begun := journalHead{head: version1, Machine: thisMachine().text()}
	var err error
	if f.calibrates() {
		begun.Alone, begun.Targets, err = a.calibrateFirst(ctx, missing)
	} else {
		begun.Targets, err = a.listsFor(f, missing)
	}
	if err != nil {
		return err
	}
	return j.begin(begun)
}

// calibrateFirst gives what kernels of this machine take alone, and the price lists of a calibration, at which cases are compiled.
func (a *app) calibrateFirst(ctx context.Context, links []string) (*prices.Machine, []cost.Target, error) {
	alone, err := a.measureKernels(ctx, prices.Full)
	if err != nil {
		return nil, nil, err
	}
	refined := alone.Clone()
	if err := a.refine(ctx, refined, prices.Full); err != nil {
		return nil, nil, err
	}
	targets, err := a.lists(ctx, refined, links, prices.Full)
	return alone, targets, err
}

// listsFor are lists that were there before.
func (a *app) listsFor(f *estimatesFlags, links []string) (out []cost.Target, err error) {
	for _, l := range links {
		var t cost.Target
		if f.list == "" {
			t, err = cost.ShippedTarget(l)
		} else {
			t, err = a.target(filepath.Join(f.list, l+".json"), &network{})
		}
		if err != nil {
			return nil, err
		}
		t = t.OnOneMachine()
		t.Name = l
		out = append(out, t)
	}
	return out, nil
}

// cases lists what is asked for, not compiled yet.
func (f *estimatesFlags) cases() (all []*estimateCase) {
	for _, net := range f.nets {
		i := slices.IndexFunc(estimatedNets, func(n estimatedNet) bool { return n.name == net })
		for _, deploy := range f.deploys {
			for _, link := range f.links.names {
				if only := estimatedNets[i].links; !f.named && only != nil && !slices.Contains(only, link) || estimatedNets[i].step != nil && deploy != string(cost.Outsourced) {
					continue
				}
				all = append(all, &estimateCase{Net: net, Deploy: cost.Deployment(deploy), Link: link, bench: estimatedNets[i]})
			}
		}
	}
	return all
}

// estimateCases compiles all cases.
func (a *app) estimateCases(f *estimatesFlags, j *journal, tmp string) ([]*estimateCase, error) {
	all := f.cases()
	for i, c := range all {
		c.target, _ = j.target(c.Link)
		c.priced, c.dir = c.target, filepath.Join(tmp, fmt.Sprint(i))
		a.progress.step("compiling %s", c.name())
		if err := a.compileCase(c, f); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name(), err)
		}
	}
	return all, nil
}

func (a *app) compileCase(c *estimateCase, f *estimatesFlags) error {
	if c.bench.step != nil {
		s, err := a.prepareStep(c.dir, *c.bench.step, cost.OTAuto, c.target)
		if err != nil {
			return err
		}
		c.step, c.estimate, c.program = s, sessionEstimate(s, c.target), s.pair.Client.Pair.String()
		return nil
	}
	n, err := a.load(c.bench.path(f), networkFlags{set: c.bench.set})
	if err != nil {
		return err
	}
	quiet := *a
	quiet.quiet, quiet.progress = true, nil
	r, err := quiet.compile(n, c.flags(), c.target, c.dir)
	if err != nil {
		return err
	}
	c.estimate, c.program = r.estimate, r.ProgramHash
	return os.RemoveAll(filepath.Join(c.dir, "clear"))
}

// sessionEstimate is what a session of sessionSteps takes.
func sessionEstimate(s *privateStep, target cost.Target) estimate {
	var all runCost
	newSessionCosts([]*privateStep{s}, target).each(make([]privateTurn, sessionSteps), func(_ privateTurn, p phases) { all.add(p) })
	return estimate{Online: all.Online, Offline: all.Offline}
}

// ledgerOf lowers a case again, for what its estimate is made of.
func (a *app) ledgerOf(c *estimateCase, f *estimatesFlags) (*cost.Ledger, error) {
	if c.step != nil {
		return ir.Account(c.step.secure, c.step.secure.Funcs[0], c.step.source), nil
	}
	n, err := a.load(c.bench.path(f), networkFlags{set: c.bench.set})
	if err != nil {
		return nil, err
	}
	return a.ledger(n, c.flags(), c.target)
}

// flags are those that a case is compiled with.
func (c *estimateCase) flags() lowerFlags {
	return lowerFlags{weights: "random:1", deploy: string(c.Deploy), ot: cost.OTAuto, garbling: cost.SchemeAuto}
}

// explain says of the time that is off most what its estimate is made of.
func (r *estimatesReport) explain(a *app, f *estimatesFlags, cases []*estimateCase) error {
	i := slices.IndexFunc(r.Results, estimateResult.timed)
	x := &r.Results[i]
	j := slices.IndexFunc(cases, func(c *estimateCase) bool { return c.Net == x.Net && c.Deploy == x.Deploy && c.Link == x.Link })
	l, err := a.ledgerOf(cases[j], f)
	if err != nil {
		return err
	}
	for _, k := range kernelShares(l, cases[j].priced) {
		if k.Phase == x.What || x.What == "both" {
			x.Kernels = append(x.Kernels, k)
		}
	}
	return nil
}

// kernelShares sums the work of a ledger by phase and kernel.
func kernelShares(l *cost.Ledger, t cost.Target) []kernelShare {
	type key struct {
		phase  cost.Phase
		kernel cost.Kernel
	}
	sums := map[key]*kernelShare{}
	add := func(p cost.Party, at cost.Time, k cost.Kernel, units int64) {
		if p > cost.Server {
			return
		}
		x := sums[key{at.Phase(), k}]
		if x == nil {
			x = &kernelShare{Phase: at.Phase().String(), Kernel: k.String()}
			sums[key{at.Phase(), k}] = x
		}
		price := t.MachineOf(p).Prices[k]
		ms := (float64(units)*price.NS + price.CallNS) / 1e6
		x.Units, x.Calls = x.Units+units, x.Calls+1
		*[...]*float64{&x.ClientMS, &x.ServerMS}[p] += ms
	}
	for _, w := range l.Work {
		add(w.Party, w.At, w.Kernel, w.Units)
	}
	for _, m := range l.Messages {
		add(m.From, m.Sent, cost.SendByte, m.Bytes)
		add(m.From.Other(), m.Sent, cost.ReceiveByte, m.Bytes)
	}
	var out []kernelShare
	for _, x := range sums {
		out = append(out, *x)
	}
	slices.SortFunc(out, func(a, b kernelShare) int {
		return cmp.Or(cmp.Compare(b.ClientMS+b.ServerMS, a.ClientMS+a.ServerMS), cmp.Compare(a.Kernel, b.Kernel))
	})
	return out
}

// runCases runs all cases in turn, until each has its runs.
func (a *app) runCases(ctx context.Context, f *estimatesFlags, j *journal, cases []*estimateCase) error {
	for run := range f.runs {
		met := false // whether a network has been run in this round, now and not by the journal
		for i, c := range cases {
			for n := c.lacks(j, run, f.runs, met); n > 0; n-- {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				met = met || c.sample == nil
				a.progress.step("run %d of %d, case %d of %d: %s", run+1, f.runs, i+1, len(cases), c.name())
				r, err := a.runCase(ctx, c)
				if err != nil {
					return fmt.Errorf("%s: %w", c.name(), err)
				}
				if err := j.add(c, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// lacks is how many runs are to be made in a round. Samples are run as often as in a calibration, at least, and anew beside networks that a journal
// does not have, though it has the samples: both meet the same machine.
func (c *estimateCase) lacks(j *journal, round, rounds int, beside bool) int {
	have := len(j.runsOf(c))
	if c.sample == nil {
		return c.bench.due(round, rounds) - have
	}
	due := func(after int) int { return (after*sampleRuns(rounds) + rounds - 1) / rounds }
	n := due(round+1) - have
	if beside {
		n = max(n, due(round+1)-due(round))
	}
	return n
}

// sampleRuns is how often a sample is run in so many rounds.
func sampleRuns(rounds int) int { return max(rounds, prices.Full.SampleRuns) }

// last are the last runs of some, at most n.
func last(all []journalRun, n int) []journalRun { return all[max(0, len(all)-n):] }

// calibrates tells whether prices are measured in the run.
func (f *estimatesFlags) calibrates() bool { return f.calibrate && f.list == "" }

// sampleCases are the sessions of a calibration, compiled as it compiles them.
func (a *app) sampleCases(j *journal, b prices.Budget, dir string) (all []*estimateCase, err error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	samples, err := a.compileSamples(j.Alone, b, dir)
	for _, x := range samples {
		for _, l := range sampleLinks {
			all = append(all, &estimateCase{Net: "sample: " + x.name, Deploy: x.deploy, Link: l.Name, dir: x.dir, program: x.program, sample: x})
		}
	}
	return all, err
}

// inTurn spreads some cases evenly among others.
func inTurn(cases, among []*estimateCase) (all []*estimateCase) {
	from := 0
	for i, c := range cases {
		to := (i + 1) * len(among) / len(cases)
		all = append(append(all, c), among[from:to]...)
		from = to
	}
	return all
}

// priceAgain takes estimates at the prices that the samples' runs correct. Cases stay as they are compiled.
func (a *app) priceAgain(ctx context.Context, f *estimatesFlags, j *journal, cases, samples []*estimateCase) error {
	if !f.calibrates() {
		return nil
	}
	if j.Met == nil || j.Rounds != f.runs {
		met, err := a.pricesMet(ctx, j, samples, f.runs)
		if err == nil {
			err = j.price(journalPrices{met, f.runs})
		}
		if err != nil {
			return err
		}
	}
	for _, c := range cases {
		var err error
		if c.priced, err = j.met(c.Link); err != nil {
			return err
		}
		if c.step != nil {
			c.estimate = sessionEstimate(c.step, c.priced)
			continue
		}
		l, err := a.ledgerOf(c, f)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name(), err)
		}
		x := cost.Estimate(l, c.priced)
		c.estimate.Online.at(x.Online)
		c.estimate.Offline.at(x.Offline)
	}
	return nil
}

// pricesMet are price lists for the journal's links, by the runs of samples in the last rounds.
func (a *app) pricesMet(ctx context.Context, j *journal, samples []*estimateCase, rounds int) ([]cost.Target, error) {
	var all []*sampleRun
	for i, c := range samples {
		if i%len(sampleLinks) == 0 {
			all = append(all, c.sample)
		}
		for _, run := range last(j.runsOf(c), sampleRuns(rounds)) {
			c.sample.took(i%len(sampleLinks), &party.Stats{Online: run.Online, Offline: run.Offline})
		}
	}
	m := j.Alone.Clone()
	if err := refineBy(m, all); err != nil {
		return nil, err
	}
	var links []string
	for _, t := range j.Targets {
		links = append(links, t.Name)
	}
	return a.lists(ctx, m, links, prices.Full)
}

// at takes the time of a phase at other prices.
func (e *expected) at(x cost.Expected) { e.MS, e.Low, e.High = x.MS, x.Low, x.High }

// runCase runs a case once.
func (a *app) runCase(ctx context.Context, c *estimateCase) (*runResult, error) {
	quiet := *a
	quiet.progress = nil
	if c.sample == nil && c.bench.step == nil {
		return quiet.runBundle(c.dir, &runFlags{input: "random:1", link: c.Link, offline: string(cost.FromHE)}, nil)
	}
	link, err := wire.ParseLink(c.Link)
	if err != nil {
		return nil, usageError{err}
	}
	var stats *party.Stats
	if c.sample != nil {
		stats, err = quiet.sampleStats(ctx, c.sample, link)
	} else {
		stats, err = quiet.stepStats(ctx, c.dir, c.step.source, link, sessionSteps)
	}
	if err != nil {
		return nil, err
	}
	return &runResult{Stats: *stats}, nil
}

// stepStats runs a session of some training steps.
func (a *app) stepStats(ctx context.Context, dir string, source cost.Source, link wire.Link, steps int) (*party.Stats, error) {
	s, err := a.runSteps(ctx, dir, source, link, steps)
	if err != nil {
		return nil, err
	}
	return &s.Stats, nil
}

// judge holds every case against its runs.
func (r *estimatesReport) judge(cases []*estimateCase, j *journal, runs int) error {
	for _, c := range cases {
		all, ofOnline := last(j.runsOf(c), runs), onlineBound
		if c.bench.step != nil {
			ofOnline = stepBound
		}
		of := func(f func(journalRun) float64) (x []float64) {
			for _, run := range all {
				x = append(x, f(run))
			}
			return x
		}
		e := c.estimate
		both := e.Online
		both.add(e.Offline)
		for _, q := range []struct {
			what     string
			estimate float64
			measured []float64
			bound    estimates.Bound
		}{
			{"both", both.MS, of(func(r journalRun) float64 { return r.Online.MS + r.Offline.MS }), stepBound},
			{"online", e.Online.MS, of(func(r journalRun) float64 { return r.Online.MS }), ofOnline},
			{"offline", e.Offline.MS, of(func(r journalRun) float64 { return r.Offline.MS }), offlineBound},
			{"client_memory", float64(e.PeakBytes.Client), of(func(r journalRun) float64 { return float64(r.ClientPeakRSS) }), memoryBound},
			{"server_memory", float64(e.PeakBytes.Server), of(func(r journalRun) float64 { return float64(r.ServerPeakRSS) }), memoryBound},
			{"bytes", float64(e.Online.ClientSent + e.Online.ServerSent + e.Offline.ClientSent + e.Offline.ServerSent), of(journalRun.bytes), exact},
			{"rounds", float64(e.Online.Rounds + e.Offline.Rounds), of(func(r journalRun) float64 { return float64(r.Online.Rounds + r.Offline.Rounds) }), exact},
		} {
			if q.what == "both" && c.bench.step == nil || c.bench.step != nil && q.bound == memoryBound {
				continue // sums are what is asked of steps, and of their memory nothing is said
			}
			figure, err := estimates.Judge(q.estimate, q.measured, q.bound)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", c.name(), q.what, err)
			}
			x := estimateResult{Net: c.Net, Deploy: c.Deploy, Link: c.Link, What: q.what, Figure: figure}
			if x.timed() {
				of := map[string]expected{"online": e.Online, "offline": e.Offline, "both": both}[q.what]
				x.Range = &declared{of.Low, of.High, of.Low <= figure.Measured.Value && figure.Measured.Value <= of.High}
			}
			if figure.Verdict == estimates.Fails {
				r.Failed++
			}
			r.Results = append(r.Results, x)
		}
	}
	slices.SortStableFunc(r.Results, func(a, b estimateResult) int { return cmp.Compare(b.Error(), a.Error()) })
	return nil
}

// timed tells whether the figure is a time.
func (x estimateResult) timed() bool {
	return slices.Contains([]string{"online", "offline", "both"}, x.What)
}

// memory tells whether the figure is bytes of memory.
func (x estimateResult) memory() bool { return x.What == "client_memory" || x.What == "server_memory" }

// draw writes the plot, if one is asked for.
func (r *estimatesReport) draw() error {
	if r.Plot == "" {
		return nil
	}
	format, err := growth.Format(r.Plot)
	if err != nil {
		return err
	}
	var points []estimates.Point
	for _, x := range r.Results {
		if x.timed() {
			points = append(points, estimates.Point{Group: x.What, Figure: x.Figure})
		}
	}
	var b bytes.Buffer
	if err := estimates.Draw(&b, format, r.Machine.text(), points); err != nil {
		return err
	}
	return os.WriteFile(r.Plot, b.Bytes(), 0o666)
}

func (r *estimatesReport) text(w io.Writer) {
	var rows [][]string
	exactly, times, ranges, within := 0, 0, 0, 0
	for _, x := range r.Results {
		show := duration
		switch {
		case x.timed():
			times++
			if x.Range.Holds {
				ranges++
			}
		case x.memory():
			show = func(v float64) string { return size(int64(v)) }
		case x.Verdict == estimates.Holds:
			exactly++
			continue
		default:
			show = func(v float64) string { return count(int64(v)) }
		}
		if x.Verdict == estimates.Holds {
			within++
		}
		rows = append(rows, []string{x.Net, string(x.Deploy), x.Link, x.What, show(x.Estimate), show(x.Measured.Value), fmt.Sprintf("%.3f", x.Ratio),
			fmt.Sprintf("%.3f - %.3f", x.Low, x.High), x.Bound, string(x.Verdict)})
	}
	table(w, "network deployment link what >estimate >measured >ratio >interval bound verdict", rows)
	fmt.Fprintf(w, "\n%d figures of bytes and rounds are exact; of %d others %d are within their bounds; %d estimates fail\n", exactly, len(rows), within, r.Failed)
	fmt.Fprintf(w, "the ranges given with the estimates hold %d of %d times\n", ranges, times)
	r.Results[slices.IndexFunc(r.Results, estimateResult.timed)].kernelTable(w)
	if r.Plot != "" {
		fmt.Fprintf(w, "plot: %s\n", r.Plot)
	}
	fmt.Fprintln(w, r.Machine.text())
}

// kernelTable prints what the estimate that is off most is made of.
func (x *estimateResult) kernelTable(w io.Writer) {
	const shown = 12
	fmt.Fprintf(w, "\nwhat %s %s over %s, %s, is made of (each alone on one core)\n", x.Net, x.Deploy, x.Link, x.What)
	var rows [][]string
	for _, k := range x.Kernels[:min(shown, len(x.Kernels))] {
		rows = append(rows, []string{k.Kernel, count(k.Units), count(int64(k.Calls)), duration(k.ClientMS), duration(k.ServerMS)})
	}
	table(w, "kernel >units >calls >client >server", rows)
}

var errJournal = errors.New("is no journal of sotto bench estimates")
