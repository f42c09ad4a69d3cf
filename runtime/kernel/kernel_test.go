package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// fataler is what *testing.T and *rapid.T have in common here.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// fill returns n elements: uniform in a ring, small integers as floats, whose sums of products are exact in any order.
func fill[T Number](seed uint64, n int) []T {
	rng := rand.New(rand.NewPCG(seed, 1))
	v := make([]T, n)
	for i := range v {
		switch p := any(&v[i]).(type) {
		case *uint32:
			*p = rng.Uint32()
		case *uint64:
			*p = rng.Uint64()
		case *float32:
			*p = float32(rng.IntN(17) - 8)
		}
	}
	return v
}

// dirty returns n elements that a kernel has to overwrite.
func dirty[T Number](n int) []T { return fill[T](99, n) }

func equal[T Number](t fataler, what string, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], want[i])
		}
	}
}

// naiveConv is the definition in Conv's comment, term by term.
func naiveConv[T Number](c Conv, x, w []T) []T {
	var dst []T
	inG, outG := c.InC/c.Groups, c.OutC/c.Groups
	for o := range c.OutC {
		for y := range c.OutH() {
			for z := range c.OutW() {
				var sum T
				for i := range inG {
					for u := range c.KH {
						for v := range c.KW {
							iy, ix := y*c.StrideH-c.PadH+u*c.DilH, z*c.StrideW-c.PadW+v*c.DilW
							if iy < 0 || iy >= c.InH || ix < 0 || ix >= c.InW {
								continue
							}
							sum += w[((o*inG+i)*c.KH+u)*c.KW+v] * x[((o/outG*inG+i)*c.InH+iy)*c.InW+ix]
						}
					}
				}
				dst = append(dst, sum)
			}
		}
	}
	return dst
}

// drawConv draws a small convolution that passes Check.
func drawConv(t *rapid.T) Conv {
	n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	c := Conv{KH: n("kh", 1, 4), KW: n("kw", 1, 4), StrideH: n("sh", 1, 3), StrideW: n("sw", 1, 3),
		PadH: n("ph", 0, 5), PadW: n("pw", 0, 5), DilH: n("dh", 1, 3), DilW: n("dw", 1, 3), Groups: n("g", 1, 5)}
	in := rapid.SampledFrom([]int{1, 1, 2, 3, 90}).Draw(t, "in/group")       // 90 x 3 x 3 passes depthBlock
	out := rapid.SampledFrom([]int{1, 2, 4, 5, 17, 40}).Draw(t, "out/group") // 40 passes the widest panel
	c.InC, c.OutC = c.Groups*in, c.Groups*out
	c.InH = n("h", max(1, c.DilH*(c.KH-1)+1-2*c.PadH), 14)
	c.InW = n("w", max(1, c.DilW*(c.KW-1)+1-2*c.PadW), 14)
	return c
}

// checkConv compares every kernel that this machine has, and both ways to use it, with the definition.
func checkConv[T Number](t fataler, c Conv) {
	t.Helper()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	x, w, bias, add := fill[T](1, c.InLen()), fill[T](2, c.WeightLen()), fill[T](3, c.OutC), fill[T](4, c.OutLen())
	want := naiveConv(c, x, w)
	whole := make([]T, len(want))
	for i, v := range want {
		whole[i] = v + bias[i/(c.OutH()*c.OutW())] + add[i]
	}
	for _, m := range micros[T]() {
		for _, how := range []method[T]{newProduct(c, m, w, bias), newRows(c, m, w, bias)} {
			what := fmt.Sprintf("%s %T %+v", m.name, how, c)
			equal(t, what, applied(t, &Packed[T]{c, how}, x, add), whole)
		}
		p, err := pack(m, c, w, nil)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, fmt.Sprintf("%s %+v", m.name, c), applied(t, p, x, nil), want)
	}
}

// applied gives a map of x, computed into used memory, of which nothing beside the destination may change.
func applied[T Number](t fataler, p *Packed[T], x, add []T) []T {
	t.Helper()
	const margin = 70 // more than a chunk of rows
	n := p.c.OutLen()
	dst, scratch := dirty[T](n+2*margin), dirty[T](p.how.scratch(2)+margin)
	inner := p.how.scratch(2)
	if err := p.Apply(dst[margin:][:n:n], x, add, scratch[:inner:inner]); err != nil {
		t.Fatal(err)
	}
	clean := dirty[T](max(len(dst), len(scratch)))
	equal(t, "before dst", dst[:margin], clean[:margin])
	equal(t, "behind dst", dst[margin+n:], clean[margin+n:len(dst)])
	equal(t, "behind scratch", scratch[inner:], clean[inner:len(scratch)])
	return dst[margin:][:n]
}

func TestConvAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConv(t)
		checkConv[uint32](t, c)
		checkConv[uint64](t, c)
		checkConv[float32](t, c)
	})
}

// TestConvPaths names shapes that reach each path and its edges: blocks of depth and of pixels, odd channels, output
// rows that a tile straddles, panels that are full and that are not, rows shorter than a vector, one pixel, both cores.
func TestConvPaths(t *testing.T) {
	for name, c := range map[string]Conv{
		"3x3":                {InC: 30, InH: 21, InW: 19, OutC: 7, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilH: 1, DilW: 1, Groups: 1},
		"1x1":                {InC: 513, InH: 5, InW: 5, OutC: 3, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1},
		"1x1 stride 2":       {InC: 9, InH: 9, InW: 7, OutC: 4, KH: 1, KW: 1, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, Groups: 1},
		"7x7 stride 2":       {InC: 3, InH: 64, InW: 64, OutC: 5, KH: 7, KW: 7, StrideH: 2, StrideW: 2, PadH: 3, PadW: 3, DilH: 1, DilW: 1, Groups: 1},
		"one pixel":          {InC: 6, InH: 4, InW: 4, OutC: 10, KH: 4, KW: 4, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 2},
		"three pixels":       {InC: 2, InH: 1, InW: 3, OutC: 3, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1},
		"depthwise":          {InC: 8, InH: 40, InW: 40, OutC: 8, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilH: 1, DilW: 1, Groups: 8},
		"depthwise short":    {InC: 3, InH: 2, InW: 1, OutC: 3, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 3, DilH: 1, DilW: 1, Groups: 3},
		"depthwise dilated":  {InC: 3, InH: 9, InW: 9, OutC: 6, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 2, PadW: 2, DilH: 2, DilW: 2, Groups: 3},
		"depthwise stride 2": {InC: 3, InH: 9, InW: 8, OutC: 3, KH: 5, KW: 5, StrideH: 2, StrideW: 2, PadH: 2, PadW: 2, DilH: 1, DilW: 1, Groups: 3},
		"wide":               {InC: 4, InH: 3, InW: 150, OutC: 4, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilH: 1, DilW: 1, Groups: 4},
		"full panels":        {InC: 16, InH: 23, InW: 17, OutC: 64, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilH: 1, DilW: 1, Groups: 1},
		"weights not held":   {InC: 300, InH: 12, InW: 12, OutC: 260, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1},
		"one channel":        {InC: 1, InH: 28, InW: 28, OutC: 16, KH: 5, KW: 5, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1},
	} {
		t.Run(name, func(t *testing.T) {
			checkConv[uint32](t, c)
			checkConv[uint64](t, c)
			checkConv[float32](t, c)
		})
	}
}

func TestConvRefuses(t *testing.T) {
	good := Conv{InC: 2, InH: 4, InW: 4, OutC: 2, KH: 3, KW: 3, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}
	for want, change := range map[string]func(*Conv){
		"kernel: conv: vertical stride is 0: want 1 to 16777216":                             func(c *Conv) { c.StrideH = 0 },
		"kernel: conv: horizontal pad is -1: want 0 to 16777216":                             func(c *Conv) { c.PadW = -1 },
		"kernel: conv: 2 groups do not divide 2 input and 3 output channels":                 func(c *Conv) { c.Groups, c.OutC = 2, 3 },
		"kernel: conv: kernel 3x3 (5x3 with dilation) does not fit a 4x4 input with pad 0x0": func(c *Conv) { c.DilH = 2 },
		"kernel: conv: 4.722366482869645e+21 input elements: want at most 2^60":              func(c *Conv) { c.InC, c.InH, c.InW = maxDim, maxDim, maxDim },
		"kernel: conv: 4.951766060101384e+27 multiply-adds: want at most 2^60": func(c *Conv) {
			c.InC, c.OutC, c.KH, c.KW, c.PadH, c.PadW = 1, 1, maxDim/2, maxDim/2, maxDim/2, maxDim/2
		},
		"kernel: conv: dst has 3 elements: want 8": func(c *Conv) {},
	} {
		c := good
		change(&c)
		err := c.Check()
		if err == nil {
			err = Conv2D(c, make([]uint32, 3), make([]uint32, 32), make([]uint32, 36))
		}
		if err == nil || err.Error() != want {
			t.Errorf("%+v:\n got %v\nwant %s", c, err, want)
		}
	}
}

// FuzzConvGeometry holds that Check never panics, and that what it accepts is computed as defined.
func FuzzConvGeometry(f *testing.F) {
	f.Add(3, 8, 8, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1)
	f.Add(4, 5, 7, 4, 3, 3, 2, 1, 0, 3, 1, 2, 4)
	f.Add(1<<24, 1<<24, 1<<24, 1<<24, 1<<24, 1<<24, 1, 1, 1<<24, 1<<24, 1, 1, 1<<24)
	f.Add(-1, 0, 1, 1, 1, 1, 0, 0, -1, -1, 0, 0, 0)
	f.Fuzz(func(t *testing.T, inC, inH, inW, outC, kh, kw, sh, sw, ph, pw, dh, dw, groups int) {
		c := Conv{inC, inH, inW, outC, kh, kw, sh, sw, ph, pw, dh, dw, groups}
		if c.Check() != nil {
			return
		}
		if c.OutH() < 1 || c.OutW() < 1 || c.MACs() < 1 {
			t.Fatalf("%+v: output %d x %d, %d multiply-adds", c, c.OutH(), c.OutW(), c.MACs())
		}
		if c.MACs() <= 1<<16 && c.PaddedLen() <= 1<<16 {
			checkConv[uint32](t, c)
			checkConv[uint64](t, c)
			checkConv[float32](t, c)
		}
	})
}

func checkLinear[T Number](t fataler, out, in int) {
	t.Helper()
	w, x, dst := fill[T](1, out*in), fill[T](2, in), dirty[T](out)
	want := make([]T, out)
	for o := range want {
		for j, v := range x {
			want[o] += w[o*in+j] * v
		}
	}
	if err := Linear(dst, w, x, out, in); err != nil {
		t.Fatal(err)
	}
	equal(t, fmt.Sprintf("%d x %d", out, in), dst, want)
}

func TestLinearAgainstDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		out, in := rapid.IntRange(1, 70).Draw(t, "out"), rapid.IntRange(1, 70).Draw(t, "in")
		checkLinear[uint32](t, out, in)
		checkLinear[uint64](t, out, in)
		checkLinear[float32](t, out, in)
	})
	checkLinear[uint32](t, 1001, 2048) // both cores
	v := make([]uint32, 3)
	if err := Linear(v, v, v, 3, 3); err == nil || err.Error() != "kernel: linear: w has 3 elements: want 9" {
		t.Errorf("got %v", err)
	}
}
