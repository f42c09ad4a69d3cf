package ideal

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"sotto/runtime/ring"
)

func TestTruncTable(t *testing.T) {
	for _, c := range []struct {
		x     int32
		f     int
		floor int32
		p     float64
	}{
		{0, 4, 0, 0}, {1, 4, 0, 1. / 16}, {15, 4, 0, 15. / 16}, {16, 4, 1, 0},
		{-1, 4, -1, 15. / 16}, {-16, 4, -1, 0}, {-17, 4, -2, 15. / 16},
		{7, 0, 7, 0}, {math.MaxInt32, 30, 1, 1 - 1./(1<<30)}, {math.MinInt32, 31, -1, 0}, {math.MinInt32, 1, math.MinInt32 / 2, 0},
	} {
		if floor, p := Trunc(uint32(c.x), c.f); int32(floor) != c.floor || p != c.p {
			t.Errorf("Trunc(%d, %d) = %d with P(1) = %g, want %d with %g", c.x, c.f, int32(floor), p, c.floor, c.p)
		}
	}
}

// TestTruncIsDivision compares floor and the dropped fraction with the exact quotient: x = floor * 2^f + p * 2^f.
func TestTruncIsDivision(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x, f := rapid.Int64().Draw(rt, "x"), rapid.IntRange(0, 52).Draw(rt, "f") // up to 52 bits a float64 is exact
		floor, p := Trunc(uint64(x), f)
		dropped, _ := big.NewFloat(p).Mul(big.NewFloat(p), big.NewFloat(math.Ldexp(1, f))).Int(nil)
		back := new(big.Int).Lsh(big.NewInt(int64(floor)), uint(f))
		if floor != ExactTrunc(uint64(x), f) || p < 0 || p >= 1 || back.Add(back, dropped).Cmp(big.NewInt(x)) != 0 {
			rt.Errorf("Trunc(%d, %d) = %d with P(1) = %g", x, f, int64(floor), p)
		}
	})
}

func TestDReLUIsTheSignAtAWidth(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		width := rapid.IntRange(1, 64).Draw(rt, "width")
		bound := int64(1) << (width - 1)
		x := rapid.Int64Range(-bound, bound-1).Draw(rt, "x")
		want := uint64(0)
		if x >= 0 {
			want = 1
		}
		if got := DReLU(uint64(x), width); got != want {
			rt.Errorf("DReLU(%d, %d) = %d, want %d", x, width, got, want)
		}
		if width <= ring.Width[uint32]() && DReLU(uint32(x), width) != want {
			rt.Errorf("at l = 32 DReLU(%d, %d) is not %d", x, width, want)
		}
	})
}

func TestMuxAndSquare(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		x := rapid.Uint64().Draw(rt, "x")
		if Mux(0, x) != 0 || Mux(1, x) != x || Mux(2, uint32(x)) != 0 || Mux(3, uint32(x)) != uint32(x) {
			rt.Errorf("Mux of %#x: %#x and %#x", x, Mux(0, x), Mux(1, x))
		}
		square := new(big.Int).SetUint64(x)
		square.Mul(square, square)
		low := new(big.Int).And(square, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
		if Square(x) != low || Square(uint32(x)) != uint32(low) {
			rt.Errorf("Square(%#x) = %#x and %#x, want %#x and its low half", x, Square(x), Square(uint32(x)), low)
		}
	})
}
