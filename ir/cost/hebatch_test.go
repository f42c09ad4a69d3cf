package cost

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A map of a batch is what its layer computes of the images, in either form: with the images laid out, all of them convolved, and the outputs
// brought to their places.
func TestBatchMapsAreLayers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		groups, samples := rapid.IntRange(1, 3).Draw(t, "groups"), rapid.IntRange(1, 3).Draw(t, "samples")
		of := HELayer{InC: groups * rapid.IntRange(1, 2).Draw(t, "in"), OutC: groups * rapid.IntRange(1, 2).Draw(t, "out"), Groups: groups}
		for _, axis := range [][5]*int{{&of.InH, &of.KH, &of.StrideH, &of.PadH, &of.DilH}, {&of.InW, &of.KW, &of.StrideW, &of.PadW, &of.DilW}} {
			*axis[1], *axis[2] = rapid.IntRange(1, 3).Draw(t, "kernel"), rapid.IntRange(1, 3).Draw(t, "stride")
			*axis[3], *axis[4] = rapid.IntRange(0, 5).Draw(t, "pad"), rapid.IntRange(1, 2).Draw(t, "dilation")
			*axis[0] = rapid.IntRange(max(1, *axis[4]*(*axis[1]-1)+1-2**axis[3]), 7).Draw(t, "size")
		}
		inLen, outLen, weights := convLens(of)
		x, w, y := numbers(samples*inLen, 3), numbers(weights, 5), numbers(samples*outLen, 7)
		for _, c := range []struct {
			m      BatchMap
			a, b   []int
			result []int
		}{{Forward, x, w, nil}, {ByInput, y, w, make([]int, len(x))}, {ByWeights, x, y, make([]int, len(w))}} {
			want := make([]int, samples*outLen)
			for s := range samples {
				eachProduct(of, func(at, in, tap int) {
					switch in, at := s*inLen+in, s*outLen+at; c.m {
					case Forward:
						want[at] += x[in] * w[tap]
					case ByInput:
						c.result[in] += y[at] * w[tap]
					case ByWeights:
						c.result[tap] += x[in] * y[at]
					}
				})
			}
			if c.m != Forward {
				want = c.result
			}
			for _, taps := range []bool{false, true} {
				if got := computed(newHEBatch(c.m, samples, of, taps), c.a, c.b, len(want)); !slices.Equal(got, want) {
					t.Fatalf("map %d, taps %v, of %d samples of %+v: %v, want %v", c.m, taps, samples, of, got, want)
				}
			}
		}
	})
}

// computed is a map by its layer.
func computed(b HEBatch, x, w []int, n int) []int {
	images, weights, index := laid(x, b.ImageIndex()), laid(w, b.WeightIndex()), b.ResultIndex()
	inLen, outLen, wLen := convLens(b.Layer)
	if len(images) != b.Images*inLen || len(weights) != wLen {
		return nil
	}
	out, result := make([]int, b.Images*outLen), make([]int, n)
	for i := range b.Images {
		eachProduct(b.Layer, func(y, x, tap int) { out[i*outLen+y] += images[i*inLen+x] * weights[tap] })
	}
	if index == nil {
		return out
	}
	if len(index) != len(out) {
		return nil
	}
	for i, at := range index {
		result[at] += out[i]
	}
	return result
}

func laid(x []int, index []int32) []int {
	if index == nil {
		return x
	}
	out := make([]int, len(index))
	for i, at := range index {
		if at >= 0 {
			out[i] = x[at]
		}
	}
	return out
}

// eachProduct visits the products of a convolution.
func eachProduct(l HELayer, f func(out, in, weight int)) {
	rows, cols := newHEAxis(l.InH, l.KH, l.StrideH, l.PadH, l.DilH), newHEAxis(l.InW, l.KW, l.StrideW, l.PadW, l.DilW)
	perIn, perOut := l.InC/l.Groups, l.OutC/l.Groups
	for at := range l.OutC * rows.Out * cols.Out {
		o, y, x := at/(rows.Out*cols.Out), at/cols.Out%rows.Out, at%cols.Out
		for tap := range perIn * l.KH * l.KW {
			c, u, v := tap/(l.KH*l.KW), tap/l.KW%l.KH, tap%l.KW
			row, col := y*l.StrideH-l.PadH+u*l.DilH, x*l.StrideW-l.PadW+v*l.DilW
			if row >= 0 && row < l.InH && col >= 0 && col < l.InW {
				f(at, ((o/perOut*perIn+c)*l.InH+row)*l.InW+col, o*perIn*l.KH*l.KW+tap)
			}
		}
	}
}

func convLens(l HELayer) (in, out, weights int) {
	rows, cols := newHEAxis(l.InH, l.KH, l.StrideH, l.PadH, l.DilH), newHEAxis(l.InW, l.KW, l.StrideW, l.PadW, l.DilW)
	return l.InC * l.InH * l.InW, l.OutC * rows.Out * cols.Out, l.OutC * (l.InC / l.Groups) * l.KH * l.KW
}

// numbers are n that no pattern of places shares.
func numbers(n, seed int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = (i*i*seed+17*i+seed)%101 - 50
	}
	return out
}

// Convolutions of a batch fit the encryption in all three maps up to the sizes that training takes; the gradient by weights of large images as
// a product of matrices.
func TestBatchMapsFit(t *testing.T) {
	large := HELayer{3, 224, 224, 64, 7, 7, 2, 2, 3, 3, 1, 1, 1}
	for _, c := range []struct {
		samples int
		of      HELayer
	}{{32, squareLayer(1, 28, 6, 5, 1, 2)}, {32, HELinear(120, 400)}, {8, squareLayer(64, 32, 64, 3, 1, 1)}, {8, large}} {
		for _, m := range []BatchMap{Forward, ByInput, ByWeights} {
			b, p, err := Balanced.PlanBatch(m, c.samples, c.of, 64)
			if err != nil || p.Batch != b.Images || p.Layer != b.Layer {
				t.Errorf("map %d of %d samples of %+v: %+v as %+v, %v", m, c.samples, c.of, b, p, err)
			}
		}
	}
}
