package program

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"sotto/ir/circuit"
	"sotto/ir/cost"
)

// bare is a program and manifest that pass Check, of an input and no instruction.
func bare() (*Program, *Manifest) {
	m := &Manifest{Version: Version, Deploy: cost.ClientServer, Ring: 32}
	p := &Program{Version: Version, Deploy: cost.ClientServer, Ring: 32, Layers: []Layer{{Path: "conv"}},
		Input: Tensor{Shape: []int{2}, Hi: 1}, Output: Tensor{Shape: []int{2}}, Buffers: []Buffer{{Ring, 2}, {Bits, 2}}}
	return p, m
}

func TestLimits(t *testing.T) {
	if p, m := bare(); p.check(m) != nil {
		t.Fatal(p.check(m))
	}
	for want, change := range map[string]func(p *Program, m *Manifest){
		"buffers of": func(p *Program, _ *Manifest) {
			p.Buffers = make([]Buffer, 20)
			fill(p.Buffers, Buffer{Ring, maxElements})
		},
		"items of": func(_ *Program, m *Manifest) {
			m.Items = make([]Item, 20)
			fill(m.Items, Item{Kind: Mask, N: maxElements})
		},
		"belongs to layer 7":    func(_ *Program, m *Manifest) { m.Items = []Item{{Kind: Mask, N: 1, Tag: 7}} },
		"batch 0 has -1":        func(p *Program, _ *Manifest) { p.Extensions.Garbled = labels(-1) },
		"1 garbled batches":     func(p *Program, _ *Manifest) { p.Extensions.Garbled = labels(1) },
		"-1 random OTs":         func(p *Program, _ *Manifest) { p.Extensions.Pads[0] = -1 },
		"of which [0 0] are":    func(p *Program, _ *Manifest) { p.Extensions.Pads[1] = 1 },
		"accepted are one to 3": func(p *Program, _ *Manifest) { p.Input.Shape = []int{1, 1, 1, 2} },
		"inputs from NaN":       func(p *Program, _ *Manifest) { p.Input.Lo = math.NaN() },
		"inputs from 0 to +Inf": func(p *Program, _ *Manifest) { p.Input.Hi = math.Inf(1) },
		"images resized to -1":  func(p *Program, _ *Manifest) { p.Input.Resize = -1 },
		"stands where a level":  one(Instr{Op: SendRing, In: []Operand{{Len: 2}}, Ints: []int{32}}),
		"takes 2 OTs":           one(Instr{Op: OTPads, Out: []Operand{{Len: 2}, {Len: 2}}, Ints: []int{0}}),
		"from number 1 on": func(p *Program, _ *Manifest) {
			p.Extensions.Pads[0] = 3
			p.Online = []Level{{Recv: []Instr{{Op: OTPads, Out: []Operand{{Len: 2}, {Len: 2}}, Ints: []int{1}}}}}
		},
		"another extension": func(p *Program, _ *Manifest) {
			p.Party, p.Circuits, p.Extensions = cost.Server, []Circuit{sign32}, cost.Extensions{OT: cost.Ferret, Garbled: labels(31)}
			p.Online = []Level{{Send: []Instr{{Op: GCTrees, Ints: []int{0, 0, 1, 0}}}}}
		},
		"batch 0 has 7": func(p *Program, _ *Manifest) {
			p.Party, p.Circuits, p.Extensions = cost.Server, []Circuit{sign32}, cost.Extensions{Garbled: labels(7)}
			p.Online = []Level{{Recv: []Instr{{Op: GCZero, Ints: []int{0, 0, 1, 0}}}}}
		},
		"circuit 0: circuit: none": func(p *Program, _ *Manifest) { p.Circuits = []Circuit{{Name: "adder"}} },
		"the ring has 32": func(p *Program, _ *Manifest) {
			p.Circuits = []Circuit{{Name: circuit.ReLUTask, Params: []int{64, 20, 0}, Scheme: cost.HalfGates}}
		},
		"it is the server's alone": func(p *Program, _ *Manifest) {
			p.Online = []Level{{Recv: []Instr{{Op: GCZero, Ints: []int{0, 0, 1, 2}}}}}
		},
	} {
		p, m := bare()
		change(p, m)
		if err := p.check(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// labels is a garbled batch of so many label OTs.
func labels(n int64) []cost.Labels { return []cost.Labels{{Garbler: cost.Server, OTs: n}} }

func fill[T any](to []T, v T) {
	for i := range to {
		to[i] = v
	}
}

// one puts an instruction among the computations.
func one(in Instr) func(*Program, *Manifest) {
	return func(p *Program, _ *Manifest) { p.Online = []Level{{Compute: []Instr{in}}} }
}

// sign32 is the sign of 32 bits.
var sign32 = Circuit{Name: circuit.CarryTask, Params: []int{32, 0}, Scheme: cost.HalfGates}

// TestGarbledOperandsFitTheCircuit: a part's operands have an instance's elements for each instance, and results of its kind.
func TestGarbledOperandsFitTheCircuit(t *testing.T) {
	for _, c := range []struct {
		circuit int
		in, out []Operand
		ok      bool
	}{
		{0, nil, []Operand{{Buf: 1, Len: 64}}, true},
		{0, nil, []Operand{{Buf: 0, Len: 64}}, false},
		{1, nil, []Operand{{Buf: 0, Len: 64}}, true},
		{1, nil, []Operand{{Buf: 1, Len: 64}}, false},
		{1, []Operand{{Buf: 0, Len: 4 * 64}}, nil, true},
		{1, []Operand{{Buf: 0, Len: 4*64 - 4}}, nil, false},
		{1, []Operand{{Buf: 0, Len: 4*64 + 1}}, nil, false},
		{2, nil, nil, false},
		{-1, nil, nil, false},
	} {
		wires := map[int]int64{0: 31, 1: 4 * 20}[c.circuit] // an instance
		p := &Program{Ring: 32, Extensions: cost.Extensions{Garbled: labels(64 * wires)}, Buffers: []Buffer{{Ring, 300}, {Bits, 300}},
			Circuits: []Circuit{sign32, {Name: circuit.MaxPoolTask, Params: []int{32, 20, 0, 4}, Scheme: cost.HalfGates}}}
		in := Instr{Op: GCLabels, In: c.in, Out: c.out, Ints: []int{0, 0, 64, c.circuit}}
		if err := p.checkGarbled(in); (err == nil) != c.ok {
			t.Error(fmt.Sprint(c), err)
		}
	}
}

// TestGarbledPartsEndAtWords: a part's bits are a view of whole words, or reach the end.
func TestGarbledPartsEndAtWords(t *testing.T) {
	for _, c := range []struct {
		lo, count, of int
		ok            bool
	}{
		{0, 100, 100, true}, {64, 36, 100, true}, {0, 64, 100, true}, {0, 65, 100, false}, {64, 37, 100, false}, {1, 64, 100, false},
		{math.MaxInt - 63, 64, 100, false},
	} {
		p := &Program{Ring: 32, Extensions: cost.Extensions{Garbled: labels(int64(31 * c.count))}, Buffers: []Buffer{{Bits, 100}}, Circuits: []Circuit{sign32}}
		in := Instr{Op: GCGarble, Out: []Operand{{Len: c.of}}, Ints: []int{0, c.lo, c.count, 0}}
		if err := p.checkGarbled(in); (err == nil) != c.ok {
			t.Error(fmt.Sprint(c), err)
		}
	}
}
