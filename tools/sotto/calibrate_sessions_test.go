package main

import (
	"context"
	"io"
	"testing"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/tools/sotto/prices"
)

// Whatever kernel a training step of bench has with a dealer, sessions of calibrate have too, so that they correct its price.
func TestSampledSessionsHaveTheKernelsOfSteps(t *testing.T) {
	a := &app{out: io.Discard, err: io.Discard, quiet: true}
	target, err := cost.ShippedTarget("loopback")
	if err != nil {
		t.Fatal(err)
	}
	kernels := func(b stepBench, seen map[cost.Kernel]bool) {
		b.source = cost.FromDealer
		s, err := a.prepareStep(t.TempDir(), b, cost.OTAuto, target)
		if err != nil {
			t.Fatalf("%s: %v", b.name, err)
		}
		for _, w := range ir.Account(s.secure, s.secure.Funcs[0], s.source).Work {
			seen[w.Kernel] = true
		}
	}
	sampledKernels, wanted := map[cost.Kernel]bool{}, map[cost.Kernel]bool{}
	for _, s := range sampled {
		if s.trains() {
			kernels(stepBench{name: s.name, text: s.text, nonlinear: s.nonlinear}, sampledKernels)
		}
	}
	for _, b := range stepBenches {
		if b.source == cost.FromDealer {
			kernels(b, wanted)
		}
	}
	for k := range wanted {
		if !sampledKernels[k] {
			t.Errorf("no sampled session has %s", k)
		}
	}
}

// TestAnInterruptedCalibrationNamesItsStep: and stays what it is, an interrupt.
func TestAnInterruptedCalibrationNamesItsStep(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	a := &app{out: io.Discard, err: io.Discard, quiet: true}
	_, _, err := a.calibrateAlone(ctx, []string{"loopback"}, prices.Tiny)
	err = interrupted(ctx, a.during(err))
	if want := "calibrate: messages between two processes: context canceled"; err == nil || err.Error() != want || kindOf(err) != interruptKind {
		t.Errorf("%v, want %s", err, want)
	}
}
