package ring

import (
	"fmt"
	"math"
)

// Float is what fixed-point values are made from and read back to.
type Float interface{ ~float32 | ~float64 }

// Limit returns the largest bound that Encode accepts for frac fraction bits: the largest real number whose encoding
// is below 2^(l-1), (2^(l-1) - 1) / 2^frac at l = 32; at l = 64 the nearest float64 below that.
func Limit[W Word](frac int) float64 {
	half := math.Ldexp(1, Width[W]()-1)
	return math.Ldexp(min(half-1, math.Nextafter(half, 0)), -frac)
}

// Encode sets dst[i] = round(src[i] * 2^frac) mod 2^l, half to even. Every src[i] must be in [-bound, bound], bound
// at most Limit(frac), 0 <= frac < l; the error names the first element that is not, and dst is then incomplete.
// The lengths of dst and src must agree. (Whether an element is in bounds is not hidden from the party that holds
// the plain values.)
func Encode[W Word, F Float](dst []W, src []F, frac int, bound float64) error {
	match(len(dst), len(src), len(src))
	if frac < 0 || frac >= Width[W]() {
		return fmt.Errorf("ring: encode: %d fraction bits in a %d-bit ring: want 0 to %d", frac, Width[W](),
			Width[W]()-1)
	}
	if limit := Limit[W](frac); !(bound >= 0 && bound <= limit) {
		return fmt.Errorf("ring: encode: bound %g does not fit %d bits with %d fraction bits: want 0 to %g",
			bound, Width[W](), frac, limit)
	}
	scale := math.Ldexp(1, frac) // a power of two: the product below is exact
	for i, x := range src {
		if !(math.Abs(float64(x)) <= bound) { // written so that NaN fails
			return fmt.Errorf("ring: encode: element %d is %g: want a value in [%g, %g]", i, float64(x), -bound, bound)
		}
		dst[i] = W(int64(math.RoundToEven(float64(x) * scale)))
	}
	return nil
}

// Decode sets dst[i] = src[i] / 2^frac, reading src[i] as signed, rounded to F.
func Decode[F Float, W Word](dst []F, src []W, frac int) {
	match(len(dst), len(src), len(src))
	scale := math.Ldexp(1, -frac)
	for i, v := range src {
		dst[i] = F(float64(Signed(v)) * scale)
	}
}
