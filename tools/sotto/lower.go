package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/choose"
	"sotto/passes/clean"
	errorbound "sotto/passes/errors"
	"sotto/passes/pass"
	"sotto/passes/ranges"
	"sotto/passes/relu"
	"sotto/tools/sotto/clang"
	"sotto/tools/sotto/weights"
)

// lowerFlags are what passes know besides the network.
type lowerFlags struct {
	weights     string
	calibration string
	deploy      string
	ot          string
	garbling    string
	products    string
	packing     ways
	ring        int
	precision   string
	signDrop    int
	pools       string
	nonlinear   ways
	trunc       ways
	within      []pass.Nonlinear // what prices may choose for comparisons; nil: anything
	minimize    string
	allow       []string // of what changes the function: by price
	explain     bool
	offline     string
	dump        string
	printAfter  string
	clang       *clang.Compiler // that compiles native kernels; nil: none are asked for
}

func (f *lowerFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.weights, "weights", "", "safetensors `file`, or random:SEED")
	c.Flags().StringVar(&f.calibration, "calibration", "", "rely on the ranges met on `DATA`: an image, a .npy file, a directory of them, or random:SEEDxN")
	c.Flags().IntVar(&f.ring, "ring", 0, "ring `bits`, 32 or 64 (default: 32 if the ranges fit, or 64 where that is faster at the target's prices)")
	c.Flags().StringVar(&f.precision, "error", "", "the greatest `error` of an element of the output, in its own units or P% of the greatest output: ring and fraction bits that keep to it on the calibration inputs, the fastest at the target's prices: mostly the fewest bits (default: the finest scales that the ranges leave room for)")
	c.Flags().StringVar(&f.pools, "pools", "", "max-pooling `first`, before the relu that it alone reads: fewer relus; last, behind it; written; or auto: first or last, the faster at the target's prices where programs are made (default auto)")
	c.Flags().IntVar(&f.signDrop, "sign-drop", 0, "take the signs of relus without so many low `bits`: what is negative and below 2^bits units may come through (see sotto opt --list)")
	c.Flags().StringSliceVar((*[]string)(&f.nonlinear), "nonlinear", nil, fmt.Sprintf("`protocol` of comparisons (relu, maxpool, argmax): %v, or auto: for each op the cheapest at the target's prices; PATH=PROTOCOL for one op, or all of a block (default auto)", pass.Nonlinears()))
	c.Flags().StringSliceVar((*[]string)(&f.trunc), "trunc", nil, fmt.Sprintf("`protocol` of truncations: %v (cot rounds up now and then, exact rounds down and costs a comparison), or auto: for each the cheapest at the target's prices, which may round up; PATH=PROTOCOL for those of one layer or block (default auto)", pass.Truncations()))
}

func (f *lowerFlags) addDeploy(c *cobra.Command) {
	c.Flags().StringVar(&f.deploy, "deploy", string(cost.ClientServer), "client-server: the server knows the weights; outsourced: both parties hold shares")
	c.Flags().StringVar(&f.minimize, "minimize", string(choose.Total), "what choices by price make `least`: total, the time of both phases of one inference; online, where material is made ahead; or offline")
	c.Flags().StringVar(&f.garbling, "garbling", cost.SchemeAuto, "how AND gates are garbled: half-gates (32 bytes), three-halves (24.8 bytes, more work), or auto: the faster at the target's prices")
	c.Flags().StringVar(&f.products, "products", "", "how the parties make elementwise `products` alone: gilboa (OTs: 70 bytes a product of 32 bits, 267 of 64), simd (encryption: 104 and 150, in blocks of 8192, less work), or auto: the faster at the target's prices (default auto, or what a dump in stage secure says)")
	c.Flags().StringSliceVar((*[]string)(&f.packing), "packing", nil, "how linear `layers` are packed for the encryption by which the parties make products alone: balanced, compact (fewer bytes, more work), light (more bytes, less work), or auto: for each layer the fastest at the target's prices; PATH=PACKING for one layer, or all of a block (default auto)")
	c.Flags().StringVar(&f.ot, "ot", "", "OT `extension`: softspoken (4 bytes an OT), ferret (a tenth of one, more work), iknp (16), or auto: the faster of the first two at the target's prices (default auto, or what a dump in stage secure says)")
}

func (f *lowerFlags) addDump(c *cobra.Command) {
	c.Flags().StringVar(&f.dump, "dump", "", "write the IR after every pass into `DIR`")
	c.Flags().StringVar(&f.printAfter, "print-after", "", "print the IR after this `pass` to stderr")
}

// lowering is a network on its way down with the context its passes share. Modules of stages it did not go through are
// nil.
type lowering struct {
	app     *app
	runner  pass.Runner
	context *pass.Context
	source  weights.Source // nil without --weights

	precision precision
	fixing    []string // flags given that say how a network becomes RING

	net, ring, secure *ir.Module
	bounded           *ir.Module // net, folded and with bounds, where forms are to choose
	deciding          *deciding

	watch func(name, doc string, m *ir.Module, took time.Duration) // sees every form of the network; nil: nobody looks
}

// lowering prepares the passes' context: weights, calibration inputs, deployment, ring.
func (a *app) lowering(n *network, f lowerFlags) (*lowering, error) {
	source, err := offlineSource(f.offline)
	if err != nil {
		return nil, err
	}
	l := &lowering{app: a, context: &pass.Context{Choices: n.decisions, Gates: n.relus.gates, Source: source, Ring: f.ring, SignDrop: f.signDrop}}
	for flag, given := range map[string]bool{"--calibration": f.calibration != "", "--ring": f.ring != 0, "--error": f.precision != "", "--pools": f.pools != "", "--sign-drop": f.signDrop != 0} {
		if given {
			l.fixing = append(l.fixing, flag)
		}
	}
	slices.Sort(l.fixing)
	if l.precision, err = parsePrecision(f.precision); err != nil {
		return nil, err
	}
	if f.ring != 0 && f.ring != 32 && f.ring != 64 {
		return nil, usagef("--ring %d: accepted are 32 and 64", f.ring)
	}
	if f.pools != wayAuto {
		if l.context.Pools, err = pass.ParsePools(f.pools); err != nil {
			return nil, usageError{fmt.Errorf("--pools: %w, or %s", err, wayAuto)}
		}
	}
	if f.deploy == "" {
		f.deploy = string(cost.ClientServer)
	}
	if l.context.Deploy, err = cost.ParseDeployment(f.deploy); err != nil {
		return nil, usageError{fmt.Errorf("--deploy: %w", err)}
	}
	if err := f.checkWays(); err != nil {
		return nil, err
	}
	if f.printAfter != "" {
		if _, ok := passes.Find(f.printAfter); !ok {
			return nil, usagef("--print-after %s: accepted are %s", f.printAfter, passNames())
		}
	}
	l.runner = pass.Runner{Dump: f.dump, After: l.after(f.printAfter), Note: l.notes}
	if err := l.open(n, f); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// open reads weights and calibration inputs.
func (l *lowering) open(n *network, f lowerFlags) (err error) {
	if f.weights != "" {
		l.app.progress.step("weights %s", f.weights)
		if l.source, err = weights.Open(f.weights, n.fn(), n.decisions); err != nil {
			return err
		}
		l.context.Weights = l.source
		if err := l.compareChoices(n); err != nil {
			return err
		}
	}
	spec := f.calibration
	if spec == "" && l.source != nil && l.source.Initialised() != "" && n.module.Stage&(ir.Space|ir.Net) != 0 {
		spec = defaultProbes
		l.app.notice("initial weights (%s): ranges are calibrated on generated inputs, %s", l.source.Initialised(), defaultProbes)
	}
	if spec == "" {
		return nil
	}
	if l.source == nil {
		return usagef("--calibration runs the network: it needs --weights")
	}
	if err := oneInput(n.fn()); err != nil {
		return err
	}
	l.context.Calibration, err = inputs(spec, preprocess(n.fn().Params[0]))
	return err
}

// compareChoices tells where initial weights were made for other options than those decided: their statistics differ,
// and activations leave unit scale.
func (l *lowering) compareChoices(n *network) error {
	made := l.source.Choices()
	decided, err := choices.Decide(n.fn(), n.decisions)
	if err != nil {
		return err
	}
	for _, site := range slices.Sorted(maps.Keys(decided)) {
		if was, ok := made[site]; ok && was != decided[site] {
			l.app.notice("the weights were initialised for %s=%s, not %s: activations may leave unit scale; sotto init takes --set too", site, was, decided[site])
			return nil
		}
	}
	return nil
}

func (l *lowering) close() {
	if l.source != nil {
		l.source.Close()
	}
}

// notes are the comments of a dump.
func (l *lowering) notes(m *ir.Module) func(*ir.Value) string { return costNotes(m, l.context.Source) }

func (l *lowering) after(printed string) func(*pass.Pass, *ir.Module, time.Duration) {
	return func(p *pass.Pass, m *ir.Module, took time.Duration) {
		l.app.progress.step("pass %s: %v", p.Name, took.Round(time.Millisecond))
		if l.watch != nil {
			l.watch(p.Name, p.Doc, m, took)
		}
		if p.Name == printed {
			l.app.progress.done()
			fmt.Fprintf(l.app.err, "; after %s\n%s", p.Name, ir.Print(m, l.notes(m)))
		}
	}
}

// toRing takes a network as far as the RING stage, keeping NET.
func (l *lowering) toRing(n *network) error {
	if err := oneInput(n.fn()); err != nil {
		return err
	}
	m := n.module.Clone()
	if l.fixing != nil && m.Stage&(ir.Space|ir.Net) == 0 {
		return usagef("%s would change nothing of a dump in stage %s, having its say on the way to stage ring: accepted are networks of stage space or net; sotto opt --passes signdrop=BITS marks the relus of a dump",
			strings.Join(l.fixing, ", "), m.Stage)
	}
	if err := l.toNet(n, m); err != nil {
		return err
	}
	if l.source != nil {
		if err := weights.Check(l.source, m.Funcs[0]); err != nil {
			return err
		}
	}
	if m.Stage == ir.Net {
		l.net = m.Clone()
		if err := l.toFixed(m, l.precision); err != nil {
			return err
		}
	}
	if m.Stage != ir.RingStage {
		l.secure = m
		return l.runner.Run(l.context, m, tidySecure()...)
	}
	l.ring = m
	if l.deciding != nil {
		return nil // until it has decided
	}
	return l.measureError()
}

// toNet takes a module to NET, if it has not come so far, by what was decided.
func (l *lowering) toNet(n *network, m *ir.Module) error {
	switch m.Stage {
	case ir.Space:
		return l.runner.Run(l.context, m, n.relus.toNet()...)
	case ir.Net:
		return l.runner.Run(l.context, m, append(n.relus.ofNet(), relu.PoolFirst, clean.DCE)...) // --pools has its say here too
	}
	return nil
}

// tidySecure lists what is left of the last pipeline for a module that is in SECURE already.
func tidySecure() []*pass.Pass {
	var list []*pass.Pass
	for _, p := range passes.ToSecure {
		if p.Needs&ir.Secure != 0 {
			list = append(list, p)
		}
	}
	return list
}

// defaultProbes are the inputs that errors are measured on, and initial weights calibrated, where the user gives none.
const defaultProbes = "random:1x2,smooth:1x2"

// measureError states the bound of the output's error, where both stages and the weights are at hand.
func (l *lowering) measureError() (err error) {
	if l.net != nil && l.source != nil {
		l.context.Report.ErrorBound, err = l.boundOf(l.ring)
	}
	return err
}

// boundOf measures the bound of a fixed-point form's error.
func (l *lowering) boundOf(ring *ir.Module) (float64, error) {
	probes, err := l.probes()
	if err != nil {
		return 0, err
	}
	l.app.progress.step("error bound on %d input(s)", len(probes))
	return errorbound.Measure(l.net.Funcs[0], ring.Funcs[0], ranges.WeightsOf(l.context), probes, l.context.FloatOutputs)
}

// probes are the inputs that errors are measured on: those to calibrate on, or default ones.
func (l *lowering) probes() ([][]float32, error) {
	if l.context.Calibration != nil {
		return l.context.Calibration, nil
	}
	return inputs(defaultProbes, preprocess(l.net.Funcs[0].Params[0]))
}

func oneInput(f *ir.Func) error {
	if len(f.Params) != 1 {
		return fmt.Errorf("@%s has %d inputs: accepted is one", f.Name, len(f.Params))
	}
	return nil
}

// toSecure takes a network the whole way.
func (l *lowering) toSecure(n *network) error {
	if err := l.toRing(n); err != nil || l.secure != nil {
		return err
	}
	if err := l.decide(); err != nil {
		return err
	}
	if err := l.measureError(); err != nil {
		return err
	}
	m := l.ring.Clone()
	if err := l.runner.Run(l.context, m, passes.ToSecure...); err != nil {
		return err
	}
	l.secure = m
	return nil
}

// notices prints what the passes had to say.
func (l *lowering) notices() {
	for _, text := range l.context.Notices {
		l.app.notice("%s", text)
	}
}

func passNames() string {
	var names []string
	for _, p := range passes.All() {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}
