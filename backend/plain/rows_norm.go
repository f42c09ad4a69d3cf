package plain

import (
	"sotto/ir"
	"sotto/runtime/kernel"
)

// channels is how a step's tensor has its channels, or so many equal stretches.
func (s *step) channels(x *ir.Value, n int) kernel.Channels {
	return kernel.Channels{Samples: s.batch(), Channels: n, Each: x.Type.Len() / n}
}

// byChannel is channels by the first dimension.
func (s *step) byChannel(x *ir.Value) kernel.Channels { return s.channels(x, x.Type.Shape[0]) }

func moments(s *step) (func(*call) error, int, error) {
	ch := s.byChannel(s.args[0])
	return simple(func(c *call) error { return kernel.Moments(ch, c.dst, c.args[0]) })
}

// halves gives means and variances.
func halves(moments []float32) (mean, variance []float32) {
	return moments[:len(moments)/2], moments[len(moments)/2:]
}

func batchNorm(s *step) (func(*call) error, int, error) {
	n := kernel.Norm{Channels: s.byChannel(s.args[0]), Eps: s.of.Float("eps")}
	return simple(func(c *call) error {
		n := n
		n.Gamma, n.Beta = c.args[1], c.args[2]
		n.Mean, n.Variance = halves(c.args[3])
		return n.Apply(s.bounds, c.dst, c.args[0], s.addend(c, 4))
	})
}

// addend is the argument behind the op's own, if there is one.
func (s *step) addend(c *call, at int) []float32 {
	if s.adds {
		return c.args[at]
	}
	return nil
}

func norm(s *step) (func(*call) error, int, error) {
	n := kernel.Norm{Channels: s.byChannel(s.args[0]), Eps: s.of.Float("eps")}
	return simple(func(c *call) error {
		n := n
		n.Gamma, n.Beta, n.Mean, n.Variance = c.args[1], c.args[2], c.args[3], c.args[4]
		return n.Apply(s.bounds, c.dst, c.args[0], s.addend(c, 5))
	})
}

func normSums(s *step) (func(*call) error, int, error) {
	n := kernel.Norm{Channels: s.byChannel(s.args[0]), Eps: s.of.Float("eps")}
	return simple(func(c *call) error {
		n := n
		n.Mean, n.Variance = halves(c.args[1])
		return n.Sums(c.dst, c.args[0], c.args[2])
	})
}

func normBack(s *step) (func(*call) error, int, error) {
	n := kernel.Norm{Channels: s.byChannel(s.args[0]), Eps: s.of.Float("eps")}
	return simple(func(c *call) error {
		n := n
		n.Gamma = c.args[1]
		n.Mean, n.Variance = halves(c.args[2])
		return n.Back(c.dst, c.args[0], c.args[3], c.args[4])
	})
}
