package bench

import (
	"sotto/ir/cost"
	"sotto/runtime/kernel"
	"sotto/runtime/prg"
)

// soloPrimitives need no peer.
var soloPrimitives = []*Primitive{
	{Name: "conv.i32-embedded", Doc: "n multiply-adds of a 3x3 convolution 64 to 64 at 56x56 mod 2^32, on one core", N: 8 * conv56MACs, Solo: true, Prepare: convolve[uint32], Limit: i32Peak},
	{Name: "conv.i64-embedded", Doc: "the same mod 2^64", N: 4 * conv56MACs, Solo: true, Prepare: convolve[uint64], Limit: i64Peak},
	{Name: "conv.f32-embedded", Doc: "the same in float32", N: 8 * conv56MACs, Solo: true, Prepare: convolve[float32], Limit: f32Peak},
	{Name: "ntt.8192", Doc: "n forward transforms of 8192 residues modulo a prime of 50 bits, on one core", N: 20_000, Solo: true, Prepare: transform,
		Limit: func(l *Limits) Bound {
			return Bound{l.Word52 / float64(cost.TransformMACs52(transformDegree)), "52-bit multiply-adds of a core"}
		}},
}

// What convolutions of each element are held against, whoever made the kernel.
func i32Peak(l *Limits) Bound { return Bound{l.I32, "32-bit multiplications of a core"} }
func i64Peak(l *Limits) Bound { return Bound{l.I64, "64-bit multiplications of a core"} }
func f32Peak(l *Limits) Bound { return Bound{l.F32, "float multiply-adds of a core"} }

// conv56 is the layer of ResNets that others report.
var conv56 = kernel.Conv{InC: 64, InH: 56, InW: 56, OutC: 64, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilH: 1, DilW: 1, Groups: 1}

var conv56MACs = int64(conv56.MACs())

// convolve repeats the layer until n multiply-adds are done, the last time whole.
func convolve[T kernel.Number](_ *Session, n int64) (func() error, error) {
	x, w, y := make([]T, conv56.InLen()), make([]T, conv56.WeightLen()), make([]T, conv56.OutLen())
	fillSmall(x)
	fillSmall(w)
	p, err := kernel.PackConv(conv56, w, nil)
	if err != nil {
		return nil, err
	}
	scratch := make([]T, p.Scratch())
	return func() error {
		for done := int64(0); done < n; done += conv56MACs {
			if err := p.Apply(y, x, nil, scratch); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// fillSmall fills x with random integers of 12 bits, which no type loses.
func fillSmall[T kernel.Number](x []T) {
	raw := make([]uint32, len(x))
	prg.Words(prg.NewStream(prg.NewSeed()), raw)
	for i, r := range raw {
		x[i] = T(r >> 20)
	}
}
