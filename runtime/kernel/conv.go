package kernel

import (
	"cmp"
	"fmt"
)

// Conv is the geometry of a two-dimensional convolution (a cross-correlation, as in every deep learning framework):
//
//	dst[o,y,x] = sum over i, u, v of w[o,i,u,v] * x[g*InC/Groups + i, y*StrideH - PadH + u*DilH, x*StrideW - PadW + v*DilW]
//
// where g = o / (OutC/Groups) is o's group, i < InC/Groups, u < KH, v < KW, and x is zero beyond its edges.
type Conv struct {
	InC, InH, InW    int
	OutC             int
	KH, KW           int
	StrideH, StrideW int
	PadH, PadW       int // rows of zeros above and below, columns left and right
	DilH, DilW       int // distance between taps, 1 for an ordinary kernel
	Groups           int // 1 for an ordinary convolution, InC for a depthwise one
}

// Check reports geometry that makes no convolution. Every method below wants a c that passes.
func (c Conv) Check() error {
	err := checkDims("conv", dim{"input channels", c.InC, 1, maxDim}, dim{"input height", c.InH, 1, maxDim},
		dim{"input width", c.InW, 1, maxDim}, dim{"output channels", c.OutC, 1, maxDim},
		dim{"kernel height", c.KH, 1, maxDim}, dim{"kernel width", c.KW, 1, maxDim},
		dim{"vertical stride", c.StrideH, 1, maxDim}, dim{"horizontal stride", c.StrideW, 1, maxDim},
		dim{"vertical pad", c.PadH, 0, maxDim}, dim{"horizontal pad", c.PadW, 0, maxDim},
		dim{"vertical dilation", c.DilH, 1, maxDim}, dim{"horizontal dilation", c.DilW, 1, maxDim},
		dim{"groups", c.Groups, 1, maxDim})
	if err != nil {
		return err
	}
	if c.InC%c.Groups != 0 || c.OutC%c.Groups != 0 {
		return fmt.Errorf("kernel: conv: %d groups do not divide %d input and %d output channels", c.Groups, c.InC,
			c.OutC)
	}
	if h, w := c.DilH*(c.KH-1)+1, c.DilW*(c.KW-1)+1; h > c.InH+2*c.PadH || w > c.InW+2*c.PadW {
		return fmt.Errorf("kernel: conv: kernel %dx%d (%dx%d with dilation) does not fit a %dx%d input with pad %dx%d",
			c.KH, c.KW, h, w, c.InH, c.InW, c.PadH, c.PadW)
	}
	return cmp.Or(checkProduct("conv", "input elements", c.InC, c.InH, c.InW),
		checkProduct("conv", "padded input elements", c.InC, c.InH+2*c.PadH, c.InW+2*c.PadW+c.StrideW),
		checkProduct("conv", "multiply-adds", c.OutC, c.OutH(), c.OutW(), c.InC/c.Groups, c.KH, c.KW))
}

// OutH returns the output rows: floor((InH + 2 PadH - DilH (KH-1) - 1) / StrideH) + 1.
func (c Conv) OutH() int { return (c.InH+2*c.PadH-c.DilH*(c.KH-1)-1)/c.StrideH + 1 }

// OutW returns the output columns: floor((InW + 2 PadW - DilW (KW-1) - 1) / StrideW) + 1.
func (c Conv) OutW() int { return (c.InW+2*c.PadW-c.DilW*(c.KW-1)-1)/c.StrideW + 1 }

// InLen returns the elements of the input, InC * InH * InW.
func (c Conv) InLen() int { return c.InC * c.InH * c.InW }

// PaddedLen bounds the elements of the input with its padding, which a convolution takes as memory beside its tensors.
func (c Conv) PaddedLen() int { return c.InC * (c.InH + 2*c.PadH) * (c.InW + 2*c.PadW + c.StrideW) }

// BackLen bounds the elements of the gradient of the output with the zeros around it that the gradient by the input reads (Batch), and the
// residues of the stride that it goes through one by one: what that takes as memory beside its tensors.
func (c Conv) BackLen() int {
	side := func(in, out, taps, stride, pad, dilation int) int {
		return out + ((taps-1)*dilation)/stride + (in+pad)/stride + 2 + min(stride, in)
	}
	return c.OutC * side(c.InH, c.OutH(), c.KH, c.StrideH, c.PadH, c.DilH) * side(c.InW, c.OutW(), c.KW, c.StrideW, c.PadW, c.DilW)
}

// OutLen returns the elements of the output, OutC * OutH * OutW.
func (c Conv) OutLen() int { return c.OutC * c.OutH() * c.OutW() }

// Depth returns the products summed in one output element, InC/Groups * KH * KW.
func (c Conv) Depth() int { return c.InC / c.Groups * c.KH * c.KW }

// WeightLen returns the elements of the weights, OutC * Depth.
func (c Conv) WeightLen() int { return c.OutC * c.Depth() }

// MACs returns the multiply-adds, those with padding zeros included: OutLen * Depth.
func (c Conv) MACs() int { return c.OutLen() * c.Depth() }
