package ir

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A convolution is what its definition says, whatever its strides, pads, dilations and groups.
func TestConvolveByDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
		groups := draw("groups", 1, 2)
		g := window{c: groups * draw("channels", 1, 3), h: draw("h", 1, 7), w: draw("w", 1, 7), kh: draw("kh", 1, 3), kw: draw("kw", 1, 3),
			sh: draw("sh", 1, 3), sw: draw("sw", 1, 3), ph: draw("ph", 0, 2), pw: draw("pw", 0, 2), dh: draw("dh", 1, 2), dw: draw("dw", 1, 2)}
		spanH, spanW := g.dh*(g.kh-1)+1, g.dw*(g.kw-1)+1
		if spanH > g.h+2*g.ph || spanW > g.w+2*g.pw {
			t.Skip("a kernel larger than the image")
		}
		g.oh, g.ow = (g.h+2*g.ph-spanH)/g.sh+1, (g.w+2*g.pw-spanW)/g.sw+1
		outC := groups * draw("outputs", 1, 2)
		numbers := func(name string, n int) []int64 {
			return rapid.SliceOfN(rapid.Int64Range(-9, 9), n, n).Draw(t, name)
		}
		x, w := numbers("x", g.c*g.h*g.w), numbers("weights", outC*g.c/groups*g.kh*g.kw)
		got := make([]int64, outC*g.oh*g.ow)
		convolve(g, groups, outC, got, x, w)
		if want := defined(g, groups, outC, x, w); !slices.Equal(got, want) {
			t.Fatalf("%+v in %d groups: %v, by definition %v", g, groups, got, want)
		}
	})
}

func defined(g window, groups, outC int, x, w []int64) (dst []int64) {
	inPer, outPer := g.c/groups, outC/groups
	for o := range outC {
		for at := range g.oh * g.ow {
			var sum int64
			for tap := range inPer * g.kh * g.kw {
				c, ky, kx := o/outPer*inPer+tap/(g.kh*g.kw), tap/g.kw%g.kh, tap%g.kw
				y, col := at/g.ow*g.sh+ky*g.dh-g.ph, at%g.ow*g.sw+kx*g.dw-g.pw
				if 0 <= y && y < g.h && 0 <= col && col < g.w {
					sum += w[o*inPer*g.kh*g.kw+tap] * x[(c*g.h+y)*g.w+col]
				}
			}
			dst = append(dst, sum)
		}
	}
	return dst
}
