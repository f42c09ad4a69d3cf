package pass

import (
	"fmt"
	"slices"
)

// Gates says by the path of a ReLU which of its elements keep it.
type Gates map[string]Gate

// Gate is a mask of a tensor: ones where the ReLU stays, zeros where it goes. Its shape is that of the tensor, [N] of all elements in a
// row, [C] for whole channels, or [1] for all.
type Gate struct {
	Shape []int
	Keep  []int64
}

// Ranges gives the mask for a tensor of a shape as ranges of elements in row-major order: [lo, hi, lo, hi, ...].
func (g Gate) Ranges(shape []int) ([]int, error) {
	n := product(shape)
	row := len(g.Shape) == 1 && slices.Contains([]int{1, shape[0], n}, g.Shape[0])
	if !row && !slices.Equal(g.Shape, shape) {
		return nil, fmt.Errorf("the gates have shape %v: accepted are %v, [%d], [%d] for whole channels, and [1]", g.Shape, shape, n, shape[0])
	}
	if len(g.Keep) != product(g.Shape) {
		return nil, fmt.Errorf("%d gates of shape %v", len(g.Keep), g.Shape)
	}
	var out []int
	each := n / len(g.Keep)
	for i, keep := range g.Keep {
		switch {
		case keep != 0 && keep != 1:
			return nil, fmt.Errorf("gate %d is %d: accepted are 0 and 1", i, keep)
		case keep == 0:
		case len(out) > 0 && out[len(out)-1] == i*each:
			out[len(out)-1] += each
		default:
			out = append(out, i*each, (i+1)*each)
		}
	}
	return out, nil
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
