package kernel

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// near compares with a reference in float64; the bound is in units of the last place of numbers about as large as scale.
func near(t fataler, what string, got []float32, want []float64, scale float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	const ulps = 8
	bound := ulps * scale * math.Ldexp(1, -23)
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= bound) {
			t.Fatalf("%s: element %d is %v, want %v: %g apart", what, i, got[i], w, d)
		}
	}
}

// bounds are bounds of an activation, or none.
func bounds(r *rapid.T) Bounds {
	return rapid.SampledFrom([]Bounds{Unbounded, Positive, {0, 6}}).Draw(r, "bounds")
}

// TestFlows compares the passes of all machines bit for bit, between fences, with each destination that they allow.
func TestFlows(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n, seed := rapid.IntRange(0, 100).Draw(r, "n"), rapid.Uint64().Draw(r, "seed")
		p, b := reals(seed, 4), bounds(r)
		x, y := reals(seed+1, n), reals(seed+2, n)
		for i := range x {
			if odd := []float32{0, 6, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}; int(p[0]*100)&1 == 0 && i < len(odd) {
				x[i] = odd[i]
			}
		}
		lo, hi := b.gate()
		passes := map[string]func(f flows, dst, x, y []float32){
			"affine":    func(f flows, dst, x, y []float32) { f.affine(dst, x, p[0], p[1], p[2], b.Lo, b.Hi) },
			"affineAdd": func(f flows, dst, x, y []float32) { f.affineAdd(dst, x, y, p[0], p[1], p[2], b.Lo, b.Hi) },
			"gate":      func(f flows, dst, x, y []float32) { f.gate(dst, x, y, lo, hi) },
			"normal":    func(f flows, dst, x, y []float32) { f.normal(dst, x, y, p[0], p[1], p[2], p[3]) },
			"square":    func(f flows, dst, x, y []float32) { f.square(dst, x, p[0], p[1], p[2]) },
			"slope":     func(f flows, dst, x, y []float32) { f.slope(dst, x, y, p[0], p[1]) },
			"products": func(f flows, dst, x, y []float32) {
				var s [2 * sumLanes]float64
				f.products(&s, x, y)
				copy(dst, []float32{float32(total(s[:])), float32(total(s[sumLanes:]))})
			},
			"powers": func(f flows, dst, x, y []float32) {
				var s [3 * sumLanes]float64
				f.powers(&s, x, y)
				copy(dst, []float32{float32(total(s[:])), float32(total(s[sumLanes:])), float32(total(s[2*sumLanes:]))})
			},
		}
		t.Run("", func(t *testing.T) {
			for name, run := range passes {
				want := slices.Clone(x)
				run(portableFlows(), want, x, y)
				for i, f := range flowing() {
					for _, into := range []int{-1, 0, 1} {
						a, b, dst := fenced(t, x), fenced(t, y), fenced(t, x)
						if into >= 0 {
							dst = [][]float32{a, b}[into]
						}
						if into == 1 && (name == "products" || name == "powers") {
							continue
						}
						run(f, dst, a, b)
						bits(t, name, i, dst, want)
					}
				}
			}
		})
	})
}

// bits compares bit for bit; one number that is none is as good as another.
func bits(t fataler, name string, machine int, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) && !(got[i] != got[i] && want[i] != want[i]) {
			t.Fatalf("%s of machine %d: element %d is %v, want %v", name, machine, i, got[i], want[i])
		}
	}
}

func drawChannels(r *rapid.T) Channels {
	n := func(name string, hi int) int { return rapid.IntRange(1, hi).Draw(r, name) }
	return Channels{n("samples", 20), n("channels", 20), n("each", 70)}
}

// TestNorm compares batch normalisation and its gradients with float64.
func TestNorm(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := drawChannels(r)
		seed := rapid.Uint64().Draw(r, "seed")
		x, dy, add := reals(seed, c.Len()), reals(seed+1, c.Len()), reals(seed+2, c.Len())
		for i := range x {
			x[i] += 30 // far from zero for its spread
		}
		n := Norm{Channels: c, Gamma: reals(seed+3, c.Channels), Beta: reals(seed+4, c.Channels), Eps: 1e-5}
		moments, count := make([]float32, 2*c.Channels), float64(c.Samples*c.Each)
		none(r, Moments(c, moments, x))
		want := make([]float64, 2*c.Channels)
		at := func(i int) int { return i / c.Each % c.Channels }
		for i, v := range x {
			want[at(i)] += float64(v) / count
		}
		for i, v := range x {
			d := float64(v) - want[at(i)]
			want[c.Channels+at(i)] += d * d / count
		}
		near(r, "moments", moments, want, 30)
		n.Mean, n.Variance = moments[:c.Channels], moments[c.Channels:]
		y, dx, sums := make([]float64, c.Len()), make([]float64, c.Len()), make([]float64, 2*c.Channels)
		hat := func(i int) float64 {
			return (float64(x[i]) - float64(n.Mean[at(i)])) / math.Sqrt(float64(n.Variance[at(i)])+n.Eps)
		}
		for i := range x {
			y[i] = max(0, hat(i)*float64(n.Gamma[at(i)])+float64(n.Beta[at(i)])+float64(add[i]))
			sums[at(i)] += hat(i) * float64(dy[i])
			sums[c.Channels+at(i)] += float64(dy[i])
		}
		for i := range x {
			mean := (sums[c.Channels+at(i)] + hat(i)*sums[at(i)]) / count
			dx[i] = (float64(dy[i]) - mean) * float64(n.Gamma[at(i)]) / math.Sqrt(float64(n.Variance[at(i)])+n.Eps)
		}
		got, gotSums := make([]float32, c.Len()), make([]float32, 2*c.Channels)
		none(r, n.Apply(Positive, got, x, add))
		near(r, "normalised", got, y, 16)
		none(r, n.Sums(gotSums, x, dy))
		near(r, "sums", gotSums, sums, 16*math.Sqrt(count))
		none(r, n.Back(got, x, gotSums, dy))
		scale := 16.0
		for i := range n.Gamma {
			scale = max(scale, 16*math.Abs(float64(n.Gamma[i]))/math.Sqrt(float64(n.Variance[i])+n.Eps))
		}
		near(r, "gradient", got, dx, scale)
	})
}

// TestSumsOfChannels compares with float64, and one core with two.
func TestSumsOfChannels(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		c := drawChannels(r)
		seed := rapid.Uint64().Draw(r, "seed")
		x, dy := reals(seed, c.Len()), reals(seed+1, c.Len())
		sums, products, powers := make([]float64, c.Channels), make([]float64, c.Channels), make([]float64, 3)
		for i, v := range x {
			d, ch := float64(dy[i]), i/c.Each%c.Channels
			sums[ch] += float64(v)
			products[ch] += float64(v) * d
			powers[0] += float64(v) * float64(v) * d
			powers[1] += float64(v) * d
			powers[2] += d
		}
		got := make([]float32, c.Channels)
		none(r, Sums(c, got, x))
		near(r, "sums", got, sums, 100)
		none(r, Products(c, got, x, dy))
		near(r, "products", got, products, 100)
		var p [3]float32
		none(r, Powers(c, &p, x, dy))
		near(r, "powers", p[:], powers, 1000)
	})
}

// TestElementwise compares passes with what they say.
func TestElementwise(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n, seed, b := rapid.IntRange(1, 90).Draw(r, "n"), rapid.Uint64().Draw(r, "seed"), bounds(r)
		x, y, p := reals(seed, n), reals(seed+1, n), reals(seed+2, 3)
		for i := range x {
			x[i] *= 8
		}
		check := func(name string, run func(dst []float32) error, want func(x, y float64) float64) {
			dst, all := make([]float32, n), make([]float64, n)
			none(r, run(dst))
			for i := range all {
				all[i] = want(float64(x[i]), float64(y[i]))
			}
			near(r, name, dst, all, 1000)
		}
		clip := func(x float64) float64 { return min(max(x, float64(b.Lo)), float64(b.Hi)) }
		at := func(i int) float64 { return float64(p[i]) }
		check("clip", func(d []float32) error { return Clip(b, d, x) }, func(x, _ float64) float64 { return clip(x) })
		check("clip back", func(d []float32) error { return ClipBack(b, d, x, y) }, func(x, y float64) float64 {
			if x > float64(b.Lo) && x < float64(b.Hi) {
				return y
			}
			return 0
		})
		check("plus", func(d []float32) error { return Plus(b, d, x, y) }, func(x, y float64) float64 { return clip(x + y) })
		check("times", func(d []float32) error { return Times(d, x, p[0], p[1]) }, func(x, _ float64) float64 { return at(0)*x + at(1) })
		check("plus times", func(d []float32) error { return PlusTimes(d, y, x, p[0]) }, func(x, y float64) float64 { return at(0)*x + y })
		check("polynomial", func(d []float32) error { return Polynomial(d, x, p[0], p[1], p[2]) }, func(x, _ float64) float64 { return (at(0)*x+at(1))*x + at(2) })
		check("polynomial back", func(d []float32) error { return PolynomialBack(d, x, y, p[0], p[1]) }, func(x, y float64) float64 { return (at(0)*x + at(1)) * y })
	})
}

// TestPoolBack compares with the definitions.
func TestPoolBack(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := drawPool(r)
		x, dy := fill[float32](1, p.C*p.H*p.W), fill[float32](2, p.C*p.OutH()*p.OutW())
		top, mean := make([]float64, len(x)), make([]float64, len(x))
		for o, d := range dy {
			c, oy, ox, best := o/(p.OutH()*p.OutW()), o/p.OutW()%p.OutH(), o%p.OutW(), -1
			for i := range p.KH * p.KW {
				y, z := oy*p.StrideH-p.PadH+i/p.KW, ox*p.StrideW-p.PadW+i%p.KW
				if y < 0 || y >= p.H || z < 0 || z >= p.W {
					continue
				}
				at := (c*p.H+y)*p.W + z
				mean[at] += float64(d) / float64(p.KH*p.KW)
				if best < 0 || x[at] > x[best] {
					best = at
				}
			}
			top[best] += float64(d)
		}
		got := dirty[float32](len(x))
		none(r, MaxPoolBack(p, got, x, dy))
		near(r, "maxpool", got, top, 0)
		none(r, AvgPoolBack(p, got, dy))
		near(r, "avgpool", got, mean, 100)
	})
}
