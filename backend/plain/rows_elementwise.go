package plain

import (
	"sotto/ir"
	"sotto/runtime/kernel"
	"sotto/runtime/ring"
)

// clip is a ReLU. One that only part of the elements take leaves the others as they are.
func clip(s *step) (func(*call) error, int, error) {
	b, _ := clips(s.of)
	keep, n := s.of.Ints("keep"), s.of.Type.Len()
	if len(keep) == 0 {
		return simple(func(c *call) error { return kernel.Clip(b, c.dst, c.args[0]) })
	}
	return simple(func(c *call) error {
		return kept(keep, n, c.dst, c.args[0], func(lo, hi int) error { return kernel.Clip(b, c.dst[lo:hi], c.args[0][lo:hi]) })
	})
}

// clipBack is a ReLU's gate.
func clipBack(s *step) (func(*call) error, int, error) {
	b, _ := clips(s.of)
	keep, n := s.of.Ints("keep"), s.of.Type.Len()
	if len(keep) == 0 {
		return simple(func(c *call) error { return kernel.ClipBack(b, c.dst, c.args[0], c.args[1]) })
	}
	return simple(func(c *call) error {
		x := c.args[0]
		return kept(keep, n, c.dst, c.args[1], func(lo, hi int) error { return kernel.ClipBack(b, c.dst[lo:hi], x[lo:hi], c.args[1][lo:hi]) })
	})
}

// kept sets dst to x, and to what f gives where ranges of the samples say so.
func kept(keep []int, n int, dst, x []float32, f func(lo, hi int) error) error {
	var failed error
	for at := 0; at < len(dst); at += n {
		done := at
		ir.Ranges(keep, func(_, lo, hi int) {
			copy(dst[done:at+lo], x[done:at+lo])
			if err := f(at+lo, at+hi); err != nil {
				failed = err
			}
			done = at + hi
		})
		copy(dst[done:at+n], x[done:at+n])
	}
	return failed
}

func times(factor float32) func(*step) (func(*call) error, int, error) {
	return func(*step) (func(*call) error, int, error) {
		return simple(func(c *call) error { return kernel.Times(c.dst, c.args[0], factor, 0) })
	}
}

func square(*step) (func(*call) error, int, error) {
	return simple(func(c *call) error { return kernel.Polynomial(c.dst, c.args[0], 1, 0, 0) })
}

func x2act(s *step) (func(*call) error, int, error) {
	scale := float32(s.of.Float("scale"))
	return simple(func(c *call) error {
		return kernel.Polynomial(c.dst, c.args[0], scale*c.args[1][0], c.args[2][0], c.args[3][0])
	})
}

func x2actBack(s *step) (func(*call) error, int, error) {
	scale := float32(s.of.Float("scale"))
	return simple(func(c *call) error {
		return kernel.PolynomialBack(c.dst, c.args[0], c.args[3], 2*scale*c.args[1][0], c.args[2][0])
	})
}

func x2actSums(s *step) (func(*call) error, int, error) {
	scale, ch := float32(s.of.Float("scale")), s.channels(s.args[0], 1)
	return simple(func(c *call) error {
		err := kernel.Powers(ch, (*[3]float32)(c.dst), c.args[0], c.args[1])
		c.dst[0] *= scale
		return err
	})
}

func quadratic(s *step) (func(*call) error, int, error) {
	ch := s.channels(s.args[0], s.args[1].Type.Len())
	return simple(func(c *call) error {
		return ch.Planes(c.dst, c.args[0], func(dst, x []float32, channel int) error {
			return kernel.Polynomial(dst, x, 1, c.args[1][channel], 0)
		})
	})
}

func scale(s *step) (func(*call) error, int, error) {
	ch := s.channels(s.args[0], s.args[1].Type.Len())
	return simple(func(c *call) error { return kernel.EachChannel(ch, c.dst, c.args[0], c.args[1], nil) })
}

func shift(s *step) (func(*call) error, int, error) {
	ch := s.channels(s.args[0], s.args[1].Type.Len())
	return simple(func(c *call) error { return kernel.EachChannel(ch, c.dst, c.args[0], nil, c.args[1]) })
}

func add(s *step) (func(*call) error, int, error) {
	return simple(func(c *call) error { return kernel.Plus(s.bounds, c.dst, c.args[0], c.args[1]) })
}

func mul(*step) (func(*call) error, int, error) {
	return simple(func(c *call) error { return kernel.PolynomialBack(c.dst, c.args[0], c.args[1], 1, 0) })
}

func fill(s *step) (func(*call) error, int, error) {
	x := float32(s.of.Float("x"))
	return simple(func(c *call) error {
		for i := range c.dst {
			c.dst[i] = x
		}
		return nil
	})
}

// dropSerial is the elements that one core drops while the other is woken.
const dropSerial = 1 << 12

func dropout(s *step) (func(*call) error, int, error) {
	p, site := s.of.Float("p"), uint64(s.of.Int("site"))
	kept := float32(1 / (1 - p))
	return simple(func(c *call) error {
		seed, step := uint64(c.args[1][0]), uint64(c.args[1][1])
		ring.Parallel(len(c.dst), dropSerial, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				if ir.Dropped(seed, step, site, uint64(i), p) {
					c.dst[i] = 0
				} else {
					c.dst[i] = c.args[0][i] * kept
				}
			}
		})
		return nil
	})
}

func sums(s *step) (func(*call) error, int, error) {
	ch := s.channels(s.args[0], s.of.Int("n"))
	return simple(func(c *call) error { return kernel.Sums(ch, c.dst, c.args[0]) })
}

func products(s *step) (func(*call) error, int, error) {
	ch := s.channels(s.args[0], s.of.Int("n"))
	return simple(func(c *call) error { return kernel.Products(ch, c.dst, c.args[0], c.args[1]) })
}

// mix is the sum of options, each times its share.
func mix(*step) (func(*call) error, int, error) {
	return simple(func(c *call) error {
		shares := ir.Softmax(c.args[0])
		err := kernel.Times(c.dst, c.args[1], shares[0], 0)
		for j := 2; j < len(c.args) && err == nil; j++ {
			err = kernel.PlusTimes(c.dst, c.dst, c.args[j], shares[j-1])
		}
		return err
	})
}

func mixLogits(s *step) (func(*call) error, int, error) {
	ch := s.channels(s.args[1], 1)
	return simple(func(c *call) error {
		shares, dots, mean := ir.Softmax(c.args[0]), make([]float64, len(c.dst)), 0.0
		for j, option := range c.args[2:] {
			dots[j] = kernel.Dot(ch, c.args[1], option)
			mean += float64(shares[j]) * dots[j]
		}
		for j, d := range dots {
			c.dst[j] = float32(float64(shares[j]) * (d - mean))
		}
		return nil
	})
}

func mixOption(s *step) (func(*call) error, int, error) {
	j := s.of.Int("option")
	return simple(func(c *call) error { return kernel.Times(c.dst, c.args[1], ir.Softmax(c.args[0])[j], 0) })
}
