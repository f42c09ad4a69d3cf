package plain

import (
	"math"

	"sotto/runtime/kernel"
	"sotto/runtime/ring"
)

// updateGrain is the elements of a share of an optimiser's pass.
const updateGrain = 1 << 14

// Conversions of products keep compilers from one rounding for a product and a sum: all machines give the same bits.

// update is an optimiser's pass: f sets dst for arguments of the same length, and gets all arguments of the call for the single numbers among them.
func update(n int, f func(dst []float32, x [3][]float32, c *call)) (func(*call) error, int, error) {
	return simple(func(c *call) error {
		ring.Parallel(len(c.dst), updateGrain, func(lo, hi int) {
			var x [3][]float32
			for i := range n {
				x[i] = c.args[i][lo:hi]
			}
			f(c.dst[lo:hi], x, c)
		})
		return nil
	})
}

func sgdVelocity(s *step) (func(*call) error, int, error) {
	momentum, decay := float32(s.of.Float("momentum")), float32(s.of.Float("decay"))
	return update(3, func(dst []float32, x [3][]float32, _ *call) {
		v, g, w := x[0][:len(dst)], x[1][:len(dst)], x[2][:len(dst)]
		for i := range dst {
			dst[i] = float32(momentum*v[i]) + (g[i] + float32(decay*w[i]))
		}
	})
}

func sgdWeight(*step) (func(*call) error, int, error) {
	return update(2, func(dst []float32, x [3][]float32, c *call) {
		w, v, rate := x[0][:len(dst)], x[1][:len(dst)], c.args[2][0]
		for i := range dst {
			dst[i] = w[i] - float32(rate*v[i])
		}
	})
}

func sgdNesterov(s *step) (func(*call) error, int, error) {
	momentum, decay := float32(s.of.Float("momentum")), float32(s.of.Float("decay"))
	return update(3, func(dst []float32, x [3][]float32, c *call) {
		w, v, g, rate := x[0][:len(dst)], x[1][:len(dst)], x[2][:len(dst)], c.args[3][0]
		for i := range dst {
			dst[i] = w[i] - float32(rate*((g[i]+float32(decay*w[i]))+float32(momentum*v[i])))
		}
	})
}

func adamMean(s *step) (func(*call) error, int, error) {
	beta, decay := float32(s.of.Float("beta")), float32(s.of.Float("decay"))
	return update(3, func(dst []float32, x [3][]float32, _ *call) {
		m, g, w := x[0][:len(dst)], x[1][:len(dst)], x[2][:len(dst)]
		for i := range dst {
			dst[i] = float32(beta*m[i]) + float32((1-beta)*(g[i]+float32(decay*w[i])))
		}
	})
}

func adamSquare(s *step) (func(*call) error, int, error) {
	beta, decay := s.of.Float("beta"), float32(s.of.Float("decay"))
	old, fresh := float32(beta), float32(1-beta)
	return update(3, func(dst []float32, x [3][]float32, _ *call) {
		q, g, w := x[0][:len(dst)], x[1][:len(dst)], x[2][:len(dst)]
		for i := range dst {
			d := g[i] + float32(decay*w[i])
			dst[i] = float32(old*q[i]) + float32(fresh*float32(d*d))
		}
	})
}

// adamWeight divides in double precision: running means of squares are as small as gradients' squares.
func adamWeight(s *step) (func(*call) error, int, error) {
	beta1, beta2, eps := s.of.Float("beta1"), s.of.Float("beta2"), s.of.Float("eps")
	return update(3, func(dst []float32, x [3][]float32, c *call) {
		rate, t := float64(c.args[3][0]), float64(c.args[4][1])
		size, root := rate/(1-math.Pow(beta1, t)), 1/(1-math.Pow(beta2, t))
		w, m, q := x[0][:len(dst)], x[1][:len(dst)], x[2][:len(dst)]
		for i := range dst {
			dst[i] = float32(float64(w[i]) - size*float64(m[i])/(math.Sqrt(float64(q[i])*root)+eps))
		}
	})
}

func clipNorm(*step) (func(*call) error, int, error) {
	return simple(func(c *call) error {
		sum := 0.0
		for _, g := range c.args {
			sum += kernel.Dot(kernel.Channels{Samples: 1, Channels: 1, Each: len(g)}, g, g)
		}
		c.dst[0] = float32(math.Sqrt(sum))
		return nil
	})
}

func clipScale(s *step) (func(*call) error, int, error) {
	const never = 1e-6 // as ir declares it
	most := s.of.Float("most")
	return simple(func(c *call) error {
		return kernel.Times(c.dst, c.args[0], float32(min(1, most/(float64(c.args[1][0])+never))), 0)
	})
}
