package gates

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir/circuit"
	"sotto/ir/cost"
)

// drawCircuit draws a circuit of any gates on any wires before them, with outputs that are any wires, inputs and repeats among them.
func drawCircuit(t *rapid.T) *circuit.Task {
	c := &circuit.Circuit{Garbler: rapid.IntRange(1, 4).Draw(t, "garbler"), Evaluator: rapid.IntRange(0, 4).Draw(t, "evaluator")}
	c.Early = rapid.IntRange(0, c.Garbler).Draw(t, "early")
	for range rapid.IntRange(0, 40).Draw(t, "gates") {
		wire := rapid.IntRange(0, c.Wires()-1)
		g := circuit.Gate{Op: circuit.Op(rapid.IntRange(int(circuit.XOR), int(circuit.INV)).Draw(t, "op")), A: circuit.Wire(wire.Draw(t, "a"))}
		if g.B = g.A; g.Op != circuit.INV {
			g.B = circuit.Wire(wire.Draw(t, "b"))
		}
		c.Gates = append(c.Gates, g)
	}
	for range rapid.IntRange(1, 8).Draw(t, "outputs") {
		c.Outputs = append(c.Outputs, circuit.Wire(rapid.IntRange(0, c.Wires()-1).Draw(t, "output")))
	}
	return &circuit.Task{Circuit: c}
}

// TestDrawnCircuits: steps of any circuit compute what it does, its ANDs keep their order, and a step takes an input of a kind at most.
func TestDrawnCircuits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		task := drawCircuit(t)
		p, err := New(task, cost.HalfGates)
		if err != nil {
			t.Fatal(err)
		}
		in := rapid.SliceOfN(rapid.Bool(), task.Inputs(), task.Inputs()).Draw(t, "inputs")
		want, err := task.Eval(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := run(p, in[:task.Garbler], in[task.Garbler:]); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%v, want %v\n%+v", got, want, p.Steps)
		}
		checkSteps(t, p)
	})
}

// checkSteps counts what the kernels count on.
func checkSteps(t *rapid.T, p *Plan) {
	ands, outputs := 0, map[int]int{}
	for i, s := range p.Steps {
		var taken [firstSlot]int
		for _, from := range s.Sources {
			if from < firstSlot && from != Nothing {
				taken[from]++
			}
		}
		for kind, n := range taken {
			if n > 1 {
				t.Errorf("step %d takes %d inputs of kind %d", i, n, kind)
			}
		}
		if s.And {
			ands++
		}
		if s.Output {
			outputs[s.Out]++
		}
	}
	for o := range p.Task.Outputs {
		if outputs[o] != 1 {
			t.Errorf("output %d is made %d times", o, outputs[o])
		}
	}
	if ands != p.ANDs || ands != p.Task.ANDs() {
		t.Errorf("%d ANDs in steps, %d planned, %d in the circuit", ands, p.ANDs, p.Task.ANDs())
	}
}
