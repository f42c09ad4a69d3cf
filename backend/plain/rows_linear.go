package plain

import (
	"sotto/ir"
	"sotto/runtime/kernel"
)

// convOf is the geometry of a convolution with v's attributes.
func convOf(v *ir.Value, x, w []int) kernel.Conv {
	stride, pad, dilation := v.Ints("stride"), v.Ints("pad"), v.Ints("dilation")
	return kernel.Conv{InC: x[0], InH: x[1], InW: x[2], OutC: w[0], KH: w[2], KW: w[3], StrideH: stride[0], StrideW: stride[1],
		PadH: pad[0], PadW: pad[1], DilH: dilation[0], DilW: dilation[1], Groups: v.Int("groups")}
}

// matrix is the convolution of one pixel that is a fully connected layer.
func matrix(w []int) kernel.Conv {
	return kernel.Conv{InC: w[1], InH: 1, InW: 1, OutC: w[0], KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}
}

func conv(s *step) (func(*call) error, int, error) {
	return forward(s, convOf(s.of, s.of.Args[0].Type.Shape, s.of.Args[1].Type.Shape))
}

func linear(s *step) (func(*call) error, int, error) {
	return forward(s, matrix(s.of.Args[1].Type.Shape))
}

// forward is a linear layer. Its arguments are the input, the weights, a bias if there is one, and what is added.
func forward(s *step, c kernel.Conv) (func(*call) error, int, error) {
	b, err := kernel.NewBatchConv[float32](c, s.batch())
	if err != nil {
		return nil, 0, err
	}
	biased := len(s.of.Args) > 2
	return func(c *call) error {
		var bias, add []float32
		if biased {
			bias = c.args[2]
		}
		if s.adds {
			add = c.args[len(c.args)-1]
		}
		return b.Apply(c.dst, c.args[0], c.args[1], bias, add, c.scratch)
	}, b.Scratch(), nil
}

func convBack(s *step) (func(*call) error, int, error) {
	return backward(s, convOf(s.of, s.of.Type.Shape, s.of.Args[1].Type.Shape))
}

func linearBack(s *step) (func(*call) error, int, error) {
	return backward(s, matrix(s.of.Args[1].Type.Shape))
}

// backward is the gradient of a linear layer by its input. Its arguments are the gradient by the result, the weights, and what is added.
func backward(s *step, c kernel.Conv) (func(*call) error, int, error) {
	b, err := kernel.NewBatchConvBack[float32](c, s.batch())
	if err != nil {
		return nil, 0, err
	}
	return func(c *call) error {
		var add []float32
		if s.adds {
			add = c.args[2]
		}
		return b.Apply(c.dst, c.args[0], c.args[1], nil, add, c.scratch)
	}, b.Scratch(), nil
}

func convWeights(s *step) (func(*call) error, int, error) {
	return weights(s, convOf(s.of, s.of.Args[0].Type.Shape, s.of.Type.Shape))
}

func linearWeights(s *step) (func(*call) error, int, error) {
	return weights(s, matrix(s.of.Type.Shape))
}

// weights is the gradient of a linear layer by its weights.
func weights(s *step, c kernel.Conv) (func(*call) error, int, error) {
	g, err := kernel.NewBatchGradient[float32](c, s.batch())
	if err != nil {
		return nil, 0, err
	}
	return func(c *call) error { return g.Apply(c.dst, c.args[0], c.args[1], nil, c.scratch) }, g.Scratch(), nil
}
