package kernel

import "testing"

func BenchmarkSumPool(b *testing.B) {
	p := Pool{C: 64, H: 112, W: 112, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1}
	x, dst := fill[uint32](1, p.C*p.H*p.W), make([]uint32, p.C*p.OutH()*p.OutW())
	b.SetBytes(int64(4 * len(x)))
	for b.Loop() {
		if err := SumPool(p, dst, x); err != nil {
			b.Fatal(err)
		}
	}
}
