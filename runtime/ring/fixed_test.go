package ring

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// nearestEven rounds x * 2^frac with big numbers.
func nearestEven(x float64, frac int) *big.Int {
	// floor(2 x 2^frac + 1) / 2, taking one off an odd result that comes from an exact half.
	scaled := new(big.Rat).SetFloat64(x)
	scaled.Mul(scaled, new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(1), uint(frac))))
	half := new(big.Rat).Add(scaled, big.NewRat(1, 2))
	floor := new(big.Int).Div(half.Num(), half.Denom())
	if half.IsInt() && floor.Bit(0) == 1 {
		floor.Sub(floor, big.NewInt(1))
	}
	return floor
}

func testEncode[W Word](t *rapid.T) {
	frac := rapid.IntRange(0, Width[W]()-1).Draw(t, "frac")
	limit := Limit[W](frac)
	x := rapid.OneOf(rapid.Float64Range(-limit, limit), rapid.Just(limit), rapid.Just(-limit),
		rapid.Map(rapid.IntRange(-9, 9), func(i int) float64 { return max(-limit, min(limit, math.Ldexp(float64(i), -frac-1))) })).Draw(t, "x")
	dst, back := make([]W, 1), make([]float64, 1)
	if err := Encode(dst, []float64{x}, frac, limit); err != nil {
		t.Fatal(err)
	}
	want := nearestEven(x, frac)
	if !want.IsInt64() || Signed(dst[0]) != want.Int64() {
		t.Fatalf("%g with %d fraction bits: %d, want %v", x, frac, Signed(dst[0]), want)
	}
	Decode(back, dst, frac)
	if tol := math.Ldexp(0.5, -frac); math.Abs(back[0]-x) > tol+math.Abs(x)*0x1p-52 {
		t.Fatalf("%g with %d fraction bits comes back as %g", x, frac, back[0])
	}
}

func TestEncodeAgainstBigNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		testEncode[uint32](t)
		testEncode[uint64](t)
	})
}

func TestEncodeRefuses(t *testing.T) {
	one := func(x, bound float64, frac int) error { return Encode(make([]uint32, 2), []float64{0, x}, frac, bound) }
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"above", one(2.5, 2, 16), "ring: encode: element 1 is 2.5: want a value in [-2, 2]"},
		{"below", one(-2.5, 2, 16), "ring: encode: element 1 is -2.5: want a value in [-2, 2]"},
		{"not a number", one(math.NaN(), 2, 16), "ring: encode: element 1 is NaN: want a value in [-2, 2]"},
		{"infinite", one(math.Inf(1), 2, 16), "ring: encode: element 1 is +Inf: want a value in [-2, 2]"},
		{"bound", one(0, 32768, 16), "ring: encode: bound 32768 does not fit 32 bits with 16 fraction bits: want 0 to 32767.99998474121"},
		{"bound not a number", one(0, math.NaN(), 16), "ring: encode: bound NaN does not fit 32 bits with 16 fraction bits: want 0 to 32767.99998474121"},
		{"fraction", one(0, 1, 32), "ring: encode: 32 fraction bits in a 32-bit ring: want 0 to 31"},
	} {
		if c.err == nil || c.err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.name, c.err, c.want)
		}
	}
}

func TestEncodeFloat32(t *testing.T) {
	dst, back := make([]uint64, 3), make([]float32, 3)
	if err := Encode(dst, []float32{-1.5, 0.25, 3}, 1, 4); err != nil {
		t.Fatal(err)
	}
	// -3 exactly; half to even 0; 6.
	if Signed(dst[0]) != -3 || dst[1] != 0 || dst[2] != 6 {
		t.Errorf("encoded %d", dst)
	}
	Decode(back, dst, 1)
	if back[0] != -1.5 || back[1] != 0 || back[2] != 3 {
		t.Errorf("decoded %v", back)
	}
}
