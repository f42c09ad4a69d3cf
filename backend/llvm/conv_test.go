package llvm

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"sotto/runtime/kernel"

	"pgregory.net/rapid"
)

// drawConv draws a small convolution; sizes around those of vectors and tiles come up often.
func drawConv(t *rapid.T) kernel.Conv {
	n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	c := kernel.Conv{KH: n("kh", 1, 4), KW: n("kw", 1, 11), StrideH: n("sh", 1, 3), StrideW: n("sw", 1, 3), PadH: n("ph", 0, 3), PadW: n("pw", 0, 3),
		DilH: n("dh", 1, 2), DilW: n("dw", 1, 3), Groups: n("groups", 1, 3)}
	c.InC, c.OutC = c.Groups*n("in", 1, 9), c.Groups*n("out", 1, 70)
	c.InH = max(n("h", 1, 18), c.DilH*(c.KH-1)+1-2*c.PadH)
	c.InW = max(n("w", 1, 18), c.DilW*(c.KW-1)+1-2*c.PadW)
	return c
}

// small gives integers that floats of one layer add without loss, and that wrap in neither ring's way only.
func small[T kernel.Number](rng *rand.Rand, n int) []T {
	v := make([]T, n)
	for i := range v {
		v[i] = T(rng.IntN(1 << 6))
	}
	return v
}

// convolve is the definition of a convolution, with what an epilogue adds.
func convolve[T kernel.Number](c kernel.Conv, after Epilogue, o operands[T]) []T {
	y := make([]T, c.OutLen())
	perIn, perOut, at := c.InC/c.Groups, c.OutC/c.Groups, 0
	for out := range c.OutC {
		for oy := range c.OutH() {
			for ox := range c.OutW() {
				var sum T
				for i := range perIn {
					for u := range c.KH {
						for v := range c.KW {
							iy, ix := oy*c.StrideH-c.PadH+u*c.DilH, ox*c.StrideW-c.PadW+v*c.DilW
							if iy >= 0 && iy < c.InH && ix >= 0 && ix < c.InW {
								sum += o.w[((out*perIn+i)*c.KH+u)*c.KW+v] * o.x[((out/perOut*perIn+i)*c.InH+iy)*c.InW+ix]
							}
						}
					}
				}
				if after.Add {
					sum += o.u[at]
				}
				if after.Bias {
					sum += o.bias[out]
				}
				y[at] = sum
				at++
			}
		}
	}
	return y
}

func checkConv[T kernel.Number](c kernel.Conv, after Epilogue, call func(o operands[T])) error {
	rng := rand.New(rand.NewPCG(1, 2))
	o := operands[T]{make([]T, c.OutLen()), small[T](rng, c.InLen()), small[T](rng, c.OutLen()), small[T](rng, c.WeightLen()), small[T](rng, c.OutC)}
	call(o)
	if want := convolve(c, after, o); !slices.Equal(o.y, want) {
		i := slices.IndexFunc(want, func(T) bool { return true })
		for i < len(want) && o.y[i] == want[i] {
			i++
		}
		return fmt.Errorf("%+v %+v: element %d is %v: want %v", c, after, i, o.y[i], want[i])
	}
	return nil
}

// checkConvs compiles convolutions at once and holds each against the definition.
func checkConvs(t testing.TB, clang string, target Target, list []Convolution) {
	k := CompileConvolutions(list, target)
	lib := build(t, clang, target, k.Text)
	for i, c := range list {
		var err error
		switch c.Elem {
		case I32:
			err = checkConv(c.Geometry, c.After, func(o operands[uint32]) { run(t, lib, &k.Plan, i, o) })
		case I64:
			err = checkConv(c.Geometry, c.After, func(o operands[uint64]) { run(t, lib, &k.Plan, i, o) })
		default:
			err = checkConv(c.Geometry, c.After, func(o operands[float32]) { run(t, lib, &k.Plan, i, o) })
		}
		if err != nil {
			t.Errorf("%s, %s: %v", clang, target.Name, err)
		}
	}
}

var elems = []Elem{I32, I64, F32}

func drawConvolution(t *rapid.T) Convolution {
	return Convolution{drawConv(t), rapid.SampledFrom(elems).Draw(t, "elem"), Epilogue{rapid.Bool().Draw(t, "add"), rapid.Bool().Draw(t, "bias")}}
}

func TestConvolutionsAgainstDefinition(t *testing.T) {
	const batch = 12
	draw := rapid.Custom(drawConvolution)
	for i, clang := range clangs(t) {
		for j, target := range runnable(t) {
			var list []Convolution
			for k := range batch {
				list = append(list, draw.Example(1000*i+100*j+k))
			}
			checkConvs(t, clang, target, list)
		}
	}
}

// TestTypicalConvolutions are shapes that drawn ones do not reach: blocks of input channels, several chunks, written-out and other
// kernels, depthwise layers, one pixel, one channel.
func TestTypicalConvolutions(t *testing.T) {
	square := func(in, size, out, k, stride, pad, groups int) kernel.Conv {
		return kernel.Conv{InC: in, InH: size, InW: size, OutC: out, KH: k, KW: k, StrideH: stride, StrideW: stride, PadH: pad, PadW: pad, DilH: 1, DilW: 1, Groups: groups}
	}
	var list []Convolution
	for _, c := range []kernel.Conv{square(3, 40, 64, 7, 2, 3, 1), square(32, 28, 64, 3, 1, 1, 1), square(400, 7, 33, 3, 1, 1, 1), square(700, 1, 100, 1, 1, 0, 1),
		square(24, 20, 24, 3, 1, 1, 24), square(16, 21, 16, 3, 2, 1, 16), square(8, 15, 24, 5, 1, 2, 8), square(1, 28, 16, 5, 1, 0, 1), square(64, 56, 16, 1, 2, 0, 1), square(40, 15, 70, 1, 1, 0, 2), square(24, 13, 40, 1, 3, 0, 2),
		square(20, 7, 20, 3, 1, 1, 20), square(6, 30, 6, 3, 2, 0, 6), square(5, 20, 10, 5, 2, 2, 5), square(9, 7, 9, 7, 1, 0, 9), square(3, 40, 3, 3, 3, 1, 3)} {
		for _, e := range elems {
			list = append(list, Convolution{c, e, Epilogue{Add: true, Bias: e != I64}})
		}
	}
	for _, target := range runnable(t) {
		checkConvs(t, clangs(t)[0], target, list)
	}
}

// FuzzConvolution reads a geometry from bytes: sixteen small numbers in the order of the fields.
func FuzzConvolution(f *testing.F) {
	f.Add([]byte{3, 9, 8, 20, 2, 3, 0, 0, 1, 2, 0, 1, 0, 0, 1, 1})
	f.Add([]byte{4, 15, 15, 1, 2, 2, 1, 1, 1, 1, 0, 0, 6, 2, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < 16 {
			return
		}
		n := func(i, lo, hi int) int { return lo + int(b[i])%(hi-lo+1) }
		c := kernel.Conv{KH: n(4, 1, 5), KW: n(5, 1, 11), StrideH: n(6, 1, 3), StrideW: n(7, 1, 3), PadH: n(8, 0, 3), PadW: n(9, 0, 3), DilH: n(10, 1, 3), DilW: n(11, 1, 3), Groups: n(12, 1, 8)}
		c.InC, c.OutC = c.Groups*n(0, 1, 8), c.Groups*n(3, 1, 70)
		c.InH, c.InW = max(n(1, 1, 20), c.DilH*(c.KH-1)+1-2*c.PadH), max(n(2, 1, 20), c.DilW*(c.KW-1)+1-2*c.PadW)
		checkConvs(t, clangs(t)[0], runnable(t)[0], []Convolution{{c, elems[n(13, 0, 2)], Epilogue{b[14]&1 != 0, b[15]&1 != 0}}})
	})
}

// TestModulesVerify asks the verifiers of the LLVM releases that are installed.
func TestModulesVerify(t *testing.T) {
	c := kernel.Conv{InC: 5, InH: 9, InW: 9, OutC: 20, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilH: 1, DilW: 1, Groups: 1}
	deep := kernel.Conv{InC: 6, InH: 9, InW: 9, OutC: 6, KH: 5, KW: 5, StrideH: 2, StrideW: 2, PadH: 2, PadW: 2, DilH: 1, DilW: 1, Groups: 6}
	ran := false
	for _, opt := range []string{"opt-14", "opt-19", "opt"} {
		path, err := exec.LookPath(opt)
		if err != nil {
			continue
		}
		ran = true
		for _, target := range targets {
			for _, e := range elems {
				verify(t, path, CompileConvolutions([]Convolution{{c, e, Epilogue{true, true}}, {deep, e, Epilogue{}}}, target))
			}
			for i := range uint64(4) {
				rng := rand.New(rand.NewPCG(5, i))
				k, err := Compile(drawn(rng, 32<<(i%2)), target)
				if err != nil {
					t.Fatal(err)
				}
				verify(t, path, k)
			}
		}
	}
	if !ran {
		t.Skip("opt is not installed: modules are not verified")
	}
}

func verify(t *testing.T, opt string, k *Kernels) {
	t.Helper()
	run := exec.Command(opt, "-passes=verify", "-disable-output")
	run.Stdin = strings.NewReader(k.Text)
	if out, err := run.CombinedOutput(); err != nil {
		t.Errorf("%s, %s: %v\n%s", opt, k.Plan.Target, err, out)
	}
}
