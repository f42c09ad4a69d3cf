package program

import (
	"fmt"

	"sotto/runtime/kernel"
)

// Bilinear maps f of two values, as training takes them: z <- x, y, u with z = f(x, y) + u. Of two opened values E = x - a and F = y - b, and shares
// of masks and of C = f(a, b), party i has f(x, y) by two of them:
//
//	f(E, b_i + i*F) + C_i, then f(a_i, F) added
//
// Tensors of a batch lie one sample behind the other. A fully connected layer is a convolution of images of one pixel, and sums of products
// along channels are the gradient by the weights of a depthwise one of 1x1.
const (
	Mul        Opcode = "mul"          // z <- x, y, u: elementwise
	BatchConv  Opcode = "batch.conv"   // z <- x, w, u [n, geometry]: a convolution of n samples
	BatchConvX Opcode = "batch.conv.x" // dx <- dy, w, u [n, geometry]: its gradient by x
	BatchConvW Opcode = "batch.conv.w" // dw <- x, dy, u [n, geometry]: its gradient by w, a sum over the batch
)

// bilinears gives the numbers of each map: of convolutions the samples, and the geometry of one as kernel.Conv lists it.
var bilinears = map[Opcode]int{Mul: 0, BatchConv: 1 + 13, BatchConvX: 1 + 13, BatchConvW: 1 + 13}

func init() {
	for op, ints := range bilinears {
		shapes[op] = shape{k(r), k(r, r, r), false, ints}
	}
	shapes[MulPublic] = shape{k(r), k(r, r), false, 0}
}

// MulPublic multiplies by a number that both parties know at run time: see Program.Publics.
const MulPublic Opcode = "mul.public" // y <- x, p: p is one number, the same at both parties

// Bilinear tells whether an opcode is a bilinear map.
func (op Opcode) Bilinear() bool { _, ok := bilinears[op]; return ok }

// BatchGeometry reads the samples and the convolution of one of them that some ints describe.
func BatchGeometry(ints []int) (n int, c kernel.Conv) { return ints[0], Geometry(ints[1:]) }

// checkBilinear checks a map of x and y elements to z.
func checkBilinear(op Opcode, ints []int, z, x, y int) error {
	if want, ok := bilinears[op]; !ok || len(ints) != want {
		return fmt.Errorf("no bilinear map is called %q and has %d numbers", op, len(ints))
	}
	if op == Mul {
		if x != z || y != z {
			return fmt.Errorf("%d products of %d and %d elements", z, x, y)
		}
		return nil
	}
	n, c := BatchGeometry(ints)
	if n < 1 || n > maxElements {
		return fmt.Errorf("a batch of %d", n)
	}
	if err := c.Check(); err != nil {
		return err
	}
	if !fits(n, c.InLen()) || !fits(n, c.OutLen()) {
		return fmt.Errorf("%d samples of %d and %d elements", n, c.InLen(), c.OutLen())
	}
	in, out := n*c.InLen(), n*c.OutLen()
	padded := c.PaddedLen()
	if op == BatchConvX {
		padded = c.BackLen()
	}
	if padded < 0 || !fits(n, padded) || n*padded > maxPadded(in, out) {
		return fmt.Errorf("padding of %d samples of %d elements to %d, accepted are at most %d in all", n, c.InLen(), padded, maxPadded(in, out))
	}
	want := map[Opcode][3]int{BatchConv: {out, in, c.WeightLen()}, BatchConvX: {in, out, c.WeightLen()}, BatchConvW: {c.WeightLen(), in, out}}[op]
	if got := [3]int{z, x, y}; got != want {
		return fmt.Errorf("elements of the result and both arguments are %v, accepted are %v", got, want)
	}
	return nil
}

// fits tells whether a product of positive numbers is one of elements.
func fits(n, each int) bool { return each <= maxElements/n }
