package gates

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"sotto/fpga/target"
	"sotto/ir/circuit"
	"sotto/ir/cost"
)

// named are the circuits of networks.
func named(t testing.TB) map[string]*circuit.Task {
	t.Helper()
	all := map[string]*circuit.Task{}
	for _, c := range []struct {
		name   string
		params []int
	}{
		{circuit.CarryTask, []int{32, 0}}, {circuit.CarryTask, []int{19, 0}}, {circuit.CarryTask, []int{32, 14}}, {circuit.CarryTask, []int{64, 0}},
		{circuit.ReLUTask, []int{32, 18, 0}}, {circuit.ReLUTask, []int{32, 32, 14}}, {circuit.ReLUTask, []int{64, 64, 0}},
		{circuit.ClipTask, []int{32, 32, 14, 96}}, {circuit.MaxPoolTask, []int{32, 32, 14, 4}}, {circuit.MaxPoolTask, []int{32, 20, 0, 9}},
		{circuit.ArgmaxTask, []int{32, 32, 14, 10}},
	} {
		task, err := circuit.Named(c.name, c.params...)
		if err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprint(c.name, c.params)] = task
	}
	return all
}

// run makes the steps on bits.
func run(p *Plan, garbler, evaluator []bool) []bool {
	c := p.Task.Circuit
	late := c.Garbler - c.Early
	slots, out := make([]bool, p.Slots), make([]bool, len(c.Outputs))
	for _, s := range p.Steps {
		var v [Operands]bool
		for i, from := range s.Sources {
			slot, ok := from.Slot()
			switch {
			case ok:
				v[i] = slots[slot]
			case from == Garbler:
				v[i] = garbler[s.Input[Garbler]]
			case from == Early:
				v[i] = garbler[late+s.Input[Early]]
			case from == Evaluator:
				v[i] = evaluator[s.Input[Evaluator]]
			}
		}
		z := v[A1] != v[A2] != s.InvertA
		if b := v[B1] != v[B2] != s.InvertB; s.And {
			z = z && b
		} else {
			z = z != b
		}
		z = z != v[P] != s.InvertP
		if s.Write {
			slots[s.Dst] = z
		}
		if s.Output {
			out[s.Out] = z != s.InvertOut
		}
	}
	return out
}

// TestValues holds a plan's steps against the circuit's own evaluation, on drawn inputs.
func TestValues(t *testing.T) {
	for name, task := range named(t) {
		p, err := New(task, cost.HalfGates)
		if err != nil {
			t.Fatal(name, err)
		}
		rnd := rand.New(rand.NewPCG(1, 2)) // test randomness
		for range 50 {
			garbler, evaluator := bits(rnd, task.Garbler), bits(rnd, task.Evaluator)
			want, err := task.Eval(append(append([]bool(nil), garbler...), evaluator...))
			if err != nil {
				t.Fatal(err)
			}
			if got := run(p, garbler, evaluator); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s: %v, want %v", name, got, want)
			}
		}
		t.Logf("%-22s %4d gates, %3d ANDs: %3d steps, %2d slots", name, len(task.Gates), p.ANDs, len(p.Steps), p.Slots)
	}
}

func bits(rnd *rand.Rand, n int) []bool {
	b := make([]bool, n)
	for i := range b {
		b[i] = rnd.IntN(2) == 1
	}
	return b
}

// TestCarry: a carry takes a step a bit and a slot, and so the cycles of fpga/rtl's comparison.
func TestCarry(t *testing.T) {
	task, err := circuit.Named(circuit.CarryTask, 32, 0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(task, cost.HalfGates)
	if err != nil || len(p.Steps) != p.ANDs || p.Slots != 1 {
		t.Fatalf("%d steps of %d ANDs, %d slots: %v", len(p.Steps), p.ANDs, p.Slots, err)
	}
	for _, e := range target.HalfGatesEngines() {
		if got, want := p.Cycles(e, 130), (target.Comparison{Engine: e, Bits: p.ANDs}).Cycles(130); got != want {
			t.Errorf("%v: %d cycles, the comparison has %d", e, got, want)
		}
	}
}

// TestThreeHalves: what the engines do not have is refused, with what they have.
func TestThreeHalves(t *testing.T) {
	task, err := circuit.Named(circuit.CarryTask, 32, 0)
	if err != nil {
		t.Fatal(err)
	}
	var unsupported *UnsupportedError
	if _, err := New(task, cost.ThreeHalves); !errors.As(err, &unsupported) {
		t.Fatal(err)
	}
}
