// Package pasnet is the latency model of the PASNet paper (DAC 2023) for a pair of FPGA boards, op by op over a float network: what the
// paper's search put into its loss. It is an estimate and nothing else: it counts one ring of 32 bits, no truncation and no offline phase,
// layers one after the other, and its comparison is a cost model of a protocol that is not secure over that ring. The
// formulas are reconstructed: they reproduce the published figures.
package pasnet

import (
	"fmt"

	"sotto/ir"
)

// Estimate is a network's.
type Estimate struct {
	Layers []Layer
	Total  Layer
	// EnergyMJ is both boards' over the latency, and PerKWSecond the paper's energy efficiency, 1 / (seconds * kW).
	EnergyMJ    float64
	PerKWSecond float64
}

// Layer is what an op of a network takes.
type Layer struct {
	Value     *ir.Value // nil for the total
	ComputeMS float64
	LinkMS    float64
	Bits      [2]int64 // that travel each way: of messages by turns, the client's first
	Messages  int      // that wait for each other
}

// MS is the latency of a layer: nothing overlaps.
func (l Layer) MS() float64 { return l.ComputeMS + l.LinkMS }

// Bytes that travel, both directions together.
func (l Layer) Bytes() int64 { return (l.Bits[0] + l.Bits[1] + 7) / 8 }

func (l *Layer) add(o Layer) {
	l.ComputeMS += o.ComputeMS
	l.LinkMS += o.LinkMS
	l.Bits[0] += o.Bits[0]
	l.Bits[1] += o.Bits[1]
	l.Messages += o.Messages
}

// Of prices a float network (stage NET) op by op. An op that the paper has no formula for is an error.
func Of(f *ir.Func, t Target) (Estimate, error) {
	var e Estimate
	for _, v := range f.Body {
		price, ok := formulas[v.Op.Name]
		if v.Op.ReLU {
			price, ok = rectify, true
		}
		if !ok && !v.Op.Moves {
			return e, fmt.Errorf("layer %s: PASNet's model has no formula for %s", v.Path, v.Op.Name)
		}
		if price == nil {
			continue
		}
		l := price(v, t)
		l.Value = v
		e.Layers = append(e.Layers, l)
		e.Total.add(l)
	}
	seconds := e.Total.MS() / 1e3
	e.EnergyMJ = seconds * t.Watts.Value * 1e3
	if seconds > 0 {
		e.PerKWSecond = 1 / (seconds * t.Watts.Value / 1e3)
	}
	return e, nil
}

// formula is the latency of an op.
type formula func(v *ir.Value, t Target) Layer

// formulas has every op that the model covers, but for ReLUs, and movements, which are free; nil is free too: done by the client, or folded into a
// neighbour.
var formulas = map[string]formula{
	"input": nil, "param": nil, "nn.add": nil, "nn.batchnorm": nil, "nn.scale": nil, "nn.shift": nil, "nn.negate": nil,
	"nn.dropout": nil, "nn.softmax": nil,
	"nn.conv2d": conv, "nn.linear": linear, "nn.x2act": square, "nn.square": square, "nn.avgpool": average,
	"nn.maxpool": greatest,
}

// Words of the ring, and the bits that a comparison of one element moves in each message after the first, which is one word: 16 digits of
// 2 bits, for each a choice of a word among one of 4 messages of a word, and the outcome (paper, 2PC-ReLU).
const (
	wordBits   = 32
	digits     = 16
	options    = 4
	choiceBits = digits * wordBits
	optionBits = options * choiceBits
	resultBits = 1
)

// conv is a convolution by a Beaver triple whose weights were opened before: three products for each of the dense convolution, groups or
// not, and the input opened both ways.
func conv(v *ir.Value, t Target) Layer {
	x, y, w := v.Args[0].Type.Shape, v.Type.Shape, v.Args[1].Type.Shape
	kernel := int64(w[2] * w[3])
	return opened(v, t, 3*float64(kernel*int64(y[1]*y[2])*int64(x[0])*int64(y[0]))*t.ConvPS.Value)
}

// linear is a convolution of 1x1 over one pixel.
func linear(v *ir.Value, t Target) Layer {
	return opened(v, t, 3*float64(v.Args[0].Type.Len())*float64(v.Type.Len())*t.ConvPS.Value)
}

// square opens its input, against a pair (A, A*A).
func square(v *ir.Value, t Target) Layer {
	return opened(v, t, 2*float64(v.Type.Len())*t.ElementPS.Value)
}

func average(v *ir.Value, t Target) Layer {
	return Layer{ComputeMS: 2 * float64(v.Args[0].Type.Len()) * t.ElementPS.Value * msPerPS}
}

// opened is work of so many picoseconds after an op's first argument was opened: a message each way, of which one waits for the other.
func opened(v *ir.Value, t Target, ps float64) Layer {
	l := Layer{ComputeMS: ps * msPerPS}
	for range 2 {
		l.message(t, wordBits*int64(v.Args[0].Type.Len()))
	}
	return l
}

func rectify(v *ir.Value, t Target) Layer {
	n := int64(v.Args[0].Type.Len())
	const work = wordBits*(digits+1) + wordBits*(digits+1+options*digits) + wordBits*options*digits + 1
	l := Layer{ComputeMS: work * float64(n) * t.ElementPS.Value * msPerPS}
	for _, bits := range []int64{wordBits, choiceBits * n, optionBits * n, resultBits * n} {
		l.message(t, bits)
	}
	return l
}

// greatest is a comparison of every input and three messages' delays more.
func greatest(v *ir.Value, t Target) Layer {
	l := rectify(v, t)
	for range 3 {
		l.message(t, 0)
	}
	return l
}

const msPerPS = 1e-9

// message waits for one: T + bits/Rt.
func (l *Layer) message(t Target, bits int64) {
	l.Bits[l.Messages%2] += bits
	l.Messages++
	l.LinkMS += t.Link.OneWayMS.Value + float64(bits)/8/t.Link.BytesPerSecond.Value*1e3
}
