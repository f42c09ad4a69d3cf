package plain

import (
	"sotto/runtime/kernel"
	"sotto/runtime/ring"
)

// poolOf is a pooling of all samples' channels, of images of a shape.
func (s *step) poolOf(x []int) kernel.Pool {
	k, stride, pad := s.of.Ints("kernel"), s.of.Ints("stride"), s.of.Ints("pad")
	return kernel.Pool{C: s.batch() * x[0], H: x[1], W: x[2], KH: k[0], KW: k[1], StrideH: stride[0], StrideW: stride[1], PadH: pad[0], PadW: pad[1]}
}

func maxPool(s *step) (func(*call) error, int, error) {
	p := s.poolOf(s.args[0].Type.Shape)
	return func(c *call) error { return kernel.MaxPool(p, c.dst, c.args[0]) }, 0, p.Check()
}

func avgPool(s *step) (func(*call) error, int, error) {
	p := s.poolOf(s.args[0].Type.Shape)
	share := 1 / float32(p.KH*p.KW)
	return func(c *call) error {
		if err := kernel.SumPool(p, c.dst, c.args[0]); err != nil {
			return err
		}
		return kernel.Times(c.dst, c.dst, share, 0)
	}, 0, p.Check()
}

func maxPoolBack(s *step) (func(*call) error, int, error) {
	p := s.poolOf(s.args[0].Type.Shape)
	return func(c *call) error { return kernel.MaxPoolBack(p, c.dst, c.args[0], c.args[1]) }, 0, p.Check()
}

func avgPoolBack(s *step) (func(*call) error, int, error) {
	p := s.poolOf(s.of.Type.Shape)
	return func(c *call) error { return kernel.AvgPoolBack(p, c.dst, c.args[0]) }, 0, p.Check()
}

func concat(s *step) (func(*call) error, int, error) {
	n := s.batch()
	return simple(func(c *call) error { return kernel.Concat(c.dst, n, c.args...) })
}

func pad(s *step) (func(*call) error, int, error) {
	x, sides := s.args[0].Type.Shape, s.of.Ints("sides")
	p := kernel.Pad{C: s.batch() * x[0], H: x[1], W: x[2], Top: sides[0], Bottom: sides[1], Left: sides[2], Right: sides[3]}
	return func(c *call) error { return kernel.Pad2D(p, c.dst, c.args[0]) }, 0, p.Check()
}

// slice takes rows and columns; where it begins behind the first, zeros may have to follow the last, and it is computed as declared.
func slice(s *step) (func(*call) error, int, error) {
	if s.of.Int("start") != 0 {
		return reference.make(s)
	}
	x, stride := s.args[0].Type.Shape, s.of.Int("stride")
	p := kernel.Slice{C: s.batch() * x[0], H: x[1], W: x[2], StrideH: stride, StrideW: stride}
	return func(c *call) error { return kernel.Slice2D(p, c.dst, c.args[0]) }, 0, p.Check()
}

func upsample(s *step) (func(*call) error, int, error) {
	return walk(s, s.of.Op.Loops(s.of).Flat())
}

func gather(s *step) (func(*call) error, int, error) { return walk(s, s.of.Ints("loops")) }

// walk takes the elements of each sample that loops come to.
func walk(s *step, flat []int) (func(*call) error, int, error) {
	l := kernel.Loops{First: flat[0], Of: flat[1:]}
	in, out := s.args[0].Type.Len(), s.of.Type.Len()
	return func(c *call) error {
		for x, dst := c.args[0], c.dst; len(x) > 0; x, dst = x[in:], dst[out:] {
			if err := kernel.Walk(l, dst[:out], x[:in]); err != nil {
				return err
			}
		}
		return nil
	}, 0, l.Check(out, in)
}

// scatter adds the elements of each sample where loops come to.
func scatter(s *step) (func(*call) error, int, error) {
	flat := s.of.Ints("loops")
	in, out := s.args[0].Type.Len(), s.of.Type.Len()
	return simple(func(c *call) error {
		clear(c.dst)
		ring.Parallel(len(c.dst)/out, 1, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				scattered(c.dst[i*out:][:out], c.args[0][i*in:][:in], flat[0], flat[1:])
			}
		})
		return nil
	})
}

// scattered adds x, in order, to the elements of dst that loops come to, and gives what is left of x.
func scattered(dst, x []float32, at int, loops []int) []float32 {
	if len(loops) == 0 {
		dst[at] += x[0]
		return x[1:]
	}
	for range loops[0] {
		x = scattered(dst, x, at, loops[2:])
		at += loops[1]
	}
	return x
}
