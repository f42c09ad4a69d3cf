// Package materialtest holds what every source of material must pass.
package materialtest

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/program"
)

// Case is a manifest to make material for.
type Case struct {
	Name     string
	Manifest *program.Manifest
}

// Cases gives manifests with every kind of item, movement and linear map of a deployment, for a ring of bits bits.
func Cases(deploy cost.Deployment, bits int) []Case {
	elementwise := Cross
	if deploy == cost.Outsourced {
		elementwise = Square
	}
	lists := []struct {
		name  string
		items []program.Item
	}{
		{"nothing", nil},
		{"a mask nobody multiplies", []program.Item{Mask(1)}},
		{"linear", []program.Item{Mask(17), Linear(0, 5, 17)}},
		{"one element", []program.Item{Mask(1), Linear(0, 1, 1), elementwise(0, 1)}},
		{"stride", []program.Item{Mask(3 * 9 * 8), Conv(0, 3, 9, 8, 4, 3, 2, 1, 1, 1)}},
		{"groups", []program.Item{Mask(4 * 6 * 6), Conv(0, 4, 6, 6, 6, 3, 1, 1, 1, 2)}},
		{"depthwise, dilated", []program.Item{Mask(5 * 7 * 7), Conv(0, 5, 7, 7, 5, 3, 1, 2, 2, 5)}},
		{"one mask, many uses", []program.Item{
			Mask(2 * 4 * 4), Conv(0, 2, 4, 4, 3, 1, 1, 0, 1, 1), elementwise(0, 32), Conv(0, 2, 4, 4, 2, 3, 2, 1, 1, 1), Linear(0, 3, 32),
		}},
		{"more words than one core expands", []program.Item{Mask(1<<16 + 3), elementwise(0, 1<<16+3), Linear(0, 2, 1<<16+3)}},
		{"reshaped", []program.Item{
			Mask(2 * 3 * 3), Moved(program.Copy, 18, nil, 0), Linear(1, 4, 18), elementwise(1, 18),
		}},
		{"joined, one of them twice", []program.Item{
			Mask(8), Mask(4), Moved(program.Concat, 20, nil, 0, 1, 0), Conv(2, 5, 2, 2, 3, 2, 1, 1, 1, 1), elementwise(2, 20),
		}},
		{"padded and cut", []program.Item{
			Mask(2 * 3 * 3), Moved(program.Pad, 2*6*5, []int{2, 3, 3, 1, 2, 0, 2}, 0), Conv(1, 2, 6, 5, 2, 3, 1, 0, 1, 1),
			Moved(program.Slice, 2*2*2, []int{2, 3, 3, 0, 2}, 0), Linear(3, 3, 8), elementwise(3, 8),
		}},
		{"movements of movements, one unused", []program.Item{
			Mask(2 * 2 * 2), Moved(program.Pad, 2*4*4, []int{2, 2, 2, 1, 1, 1, 1}, 0), Moved(program.Copy, 32, nil, 1),
			Moved(program.Concat, 64, nil, 1, 2), Linear(2, 3, 32), Moved(program.Copy, 8, nil, 0), Linear(0, 2, 8),
		}},
	}
	cases := make([]Case, len(lists))
	for i, l := range lists {
		cases[i] = Case{l.name, Manifest(deploy, bits, l.items...)}
	}
	return cases
}

// Manifest puts items together. Each is of a layer of its own, and so are the weights of products.
func Manifest(deploy cost.Deployment, bits int, items ...program.Item) *program.Manifest {
	m := &program.Manifest{Version: program.Version, Deploy: deploy, Ring: bits, Items: items}
	for i := range items {
		items[i].Tag = i
		if items[i].Kind == program.Product {
			items[i].Weight = fmt.Sprintf("layer%d.weight", i)
		}
	}
	return m
}

// Mask is a mask of n elements.
func Mask(n int) program.Item { return program.Item{Kind: program.Mask, N: n} }

// Moved is a movement of masks into n elements.
func Moved(op program.Opcode, n int, ints []int, args ...int) program.Item {
	return program.Item{Kind: program.Moved, N: n, Op: op, Ints: ints, Args: args}
}

// Cross is the product of a mask of n elements with as many random ones.
func Cross(arg, n int) program.Item { return program.Item{Kind: program.Cross, N: n, Args: []int{arg}} }

// Square is the square of a mask of n elements.
func Square(arg, n int) program.Item {
	return program.Item{Kind: program.Square, N: n, Args: []int{arg}}
}

// Linear is a matrix of out by in elements times a mask.
func Linear(arg, out, in int) program.Item {
	return program.Item{Kind: program.Product, N: out, Args: []int{arg}, Op: program.Linear, Ints: []int{out, in}, WLen: out * in}
}

// Conv is a convolution of a mask of c channels of h x w, to out channels, with a square kernel, by groups.
func Conv(arg, c, h, w, out, kernel, stride, pad, dilation, groups int) program.Item {
	wlen := out * c / groups * kernel * kernel
	ints := []int{c, h, w, out, kernel, kernel, stride, stride, pad, pad, dilation, dilation, groups, wlen}
	return program.Item{Kind: program.Product, N: program.Geometry(ints).OutLen(), Args: []int{arg}, Op: program.Conv, Ints: ints, WLen: wlen}
}

// Bilinear is a map of two masks to n elements.
func Bilinear(op program.Opcode, n int, ints []int, a, b int) program.Item {
	return program.Item{Kind: program.Bilinear, N: n, Op: op, Ints: ints, Args: []int{a, b}}
}

// BilinearCases gives manifests with every bilinear map, for a ring of bits bits: outsourced.
func BilinearCases(bits int) []Case {
	// Five samples of 4 x 6 x 7 to 6 x 3 x 4 by 3 x 3 in two groups of stride 2, and three vectors of 5 to 4.
	conv := []int{5, 4, 6, 7, 6, 3, 3, 2, 2, 1, 1, 1, 1, 2}
	matrix := []int{3, 5, 1, 1, 4, 1, 1, 1, 1, 0, 0, 1, 1, 1}
	const x, w, y = 5 * 4 * 6 * 7, 6 * 2 * 3 * 3, 5 * 6 * 3 * 4
	lists := map[string][]program.Item{
		"elementwise":        {Mask(17), Mask(17), Bilinear(program.Mul, 17, nil, 0, 1)},
		"a mask with itself": {Mask(9), Bilinear(program.Mul, 9, nil, 0, 0)},
		"a spread mask":      {Mask(12), Mask(3), Moved(program.Walk, 12, []int{0, 3, 1, 4, 0}, 1), Bilinear(program.Mul, 12, nil, 0, 2)},
		"the three products of a layer": {Mask(x), Mask(w), Bilinear(program.BatchConv, y, conv, 0, 1), Mask(y),
			Bilinear(program.BatchConvX, x, conv, 3, 1), Bilinear(program.BatchConvW, w, conv, 0, 3)},
		"of a matrix": {Mask(15), Mask(20), Bilinear(program.BatchConv, 12, matrix, 0, 1), Mask(12),
			Bilinear(program.BatchConvX, 15, matrix, 3, 1), Bilinear(program.BatchConvW, 20, matrix, 0, 3)},
		"with others": {Mask(4), Square(0, 4), Linear(0, 3, 4), Bilinear(program.Mul, 4, nil, 0, 0), Mask(1)},
	}
	var cases []Case
	for name, items := range lists {
		cases = append(cases, Case{name, Manifest(cost.Outsourced, bits, items...)})
	}
	return cases
}
