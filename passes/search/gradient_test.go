package search

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"
)

// bilevel is an engine whose two levels have closed forms: the training loss (w - Ma - c)' H (w - Ma - c) / 2 + cubic * sum (w - Ma - c)^3 / 6, and the
// validation loss |w - t|^2 / 2 + b'a.
type bilevel struct {
	w, v, a         []float32
	h, m            *mat.Dense
	c, t, b         *mat.VecDense
	cubic           float64
	momentum, decay float64
}

func (e *bilevel) vector(k Kind) []float32 { return [][]float32{e.w, e.a, e.v}[k] }

func (e *bilevel) Len(k Kind) int                     { return len(e.vector(k)) }
func (e *bilevel) Get(k Kind, dst []float32)          { copy(dst, e.vector(k)) }
func (e *bilevel) Set(k Kind, src []float32)          { copy(e.vector(k), src) }
func (e *bilevel) Eval(Split) (Metrics, error)        { return Metrics{Samples: 1}, nil }
func (e *bilevel) State() map[string][]float32        { return map[string][]float32{"w": e.w, "v": e.v} }
func (e *bilevel) Restore(map[string][]float32) error { return nil }

func dense(x []float32) *mat.VecDense {
	d := mat.NewVecDense(len(x), nil)
	for i, v := range x {
		d.SetVec(i, float64(v))
	}
	return d
}

// residual is w - Ma - c.
func (e *bilevel) residual() *mat.VecDense {
	var r mat.VecDense
	r.MulVec(e.m, dense(e.a))
	r.SubVec(dense(e.w), &r)
	r.SubVec(&r, e.c)
	return &r
}

// slope is the training loss's gradient by w.
func (e *bilevel) slope() *mat.VecDense {
	r := e.residual()
	var g mat.VecDense
	g.MulVec(e.h, r)
	for i := range g.Len() {
		g.SetVec(i, g.AtVec(i)+e.cubic*r.AtVec(i)*r.AtVec(i)/2)
	}
	return &g
}

func (e *bilevel) Gradient(b Batch, dw, da []float32) (float64, error) {
	var w, a mat.VecDense
	if b.Split == Valid {
		w.SubVec(dense(e.w), e.t)
		a.CloneFromVec(e.b)
	} else {
		w.CloneFromVec(e.slope())
		a.MulVec(e.m.T(), &w)
		a.ScaleVec(-1, &a)
	}
	for i := range dw {
		dw[i] = float32(w.AtVec(i))
	}
	for i := range da {
		da[i] = float32(a.AtVec(i))
	}
	return 0, nil
}

func (e *bilevel) Step(b Batch, rate float64) (Metrics, error) {
	g := e.slope()
	for i := range e.w {
		e.v[i] = float32(e.momentum*float64(e.v[i]) + g.AtVec(i) + e.decay*float64(e.w[i]))
		e.w[i] -= float32(rate * float64(e.v[i]))
	}
	return Metrics{Samples: 1}, nil
}

// hyper is the gradient by a of the validation loss after one step of w, in closed form.
func (e *bilevel) hyper(rate float64) *mat.VecDense {
	var moved, step mat.VecDense
	step.AddScaledVec(e.slope(), e.momentum, dense(e.v))
	step.AddScaledVec(&step, e.decay, dense(e.w))
	moved.AddScaledVec(dense(e.w), -rate, &step)
	moved.SubVec(&moved, e.t) // dL_valid/dw'
	// dw'/da = rate * (d slope / d residual) * M
	r := e.residual()
	curvature := mat.DenseCopyOf(e.h)
	for i := range r.Len() {
		curvature.Set(i, i, curvature.At(i, i)+e.cubic*r.AtVec(i))
	}
	var through, out mat.VecDense
	through.MulVec(curvature.T(), &moved)
	out.MulVec(e.m.T(), &through)
	out.AddScaledVec(e.b, rate, &out)
	return &out
}

const weightsOf, logitsOf = 5, 4

func drawBilevel(t *rapid.T, cubic float64) *bilevel {
	numbers := func(n int, label string) []float64 {
		return rapid.SliceOfN(rapid.Float64Range(-1, 1), n, n).Draw(t, label)
	}
	narrow := func(n int, label string) (out []float32) {
		for _, x := range numbers(n, label) {
			out = append(out, float32(x))
		}
		return out
	}
	e := &bilevel{w: narrow(weightsOf, "w"), v: narrow(weightsOf, "v"), a: narrow(logitsOf, "a"), cubic: cubic, momentum: 0.9, decay: 0.1}
	root := mat.NewDense(weightsOf, weightsOf, numbers(weightsOf*weightsOf, "h"))
	e.h = mat.NewDense(weightsOf, weightsOf, nil)
	e.h.Mul(root, root.T())
	e.m = mat.NewDense(weightsOf, logitsOf, numbers(weightsOf*logitsOf, "m"))
	e.c, e.t = mat.NewVecDense(weightsOf, numbers(weightsOf, "c")), mat.NewVecDense(weightsOf, numbers(weightsOf, "t"))
	e.b = mat.NewVecDense(logitsOf, numbers(logitsOf, "b"))
	return e
}

func twoSites() *Space {
	return &Space{Options: []int{2, 2}, Effects: [][]float64{{0, 0}, {0, 0}}, Price: func([]int) (Measures, error) { return nil, nil }}
}

func secondOrderOf(t *rapid.T, e *bilevel, rate float64) []float32 {
	g, err := NewGradient(e, twoSites(), GradientSettings{Epochs: 1, Batches: 1, Order: SecondOrder, Momentum: e.momentum, Decay: e.decay})
	if err != nil {
		t.Fatal(err)
	}
	before := append([]float32(nil), e.w...)
	if err := g.secondOrder(rate); err != nil {
		t.Fatal(err)
	}
	for i := range before {
		if e.w[i] != before[i] {
			t.Fatalf("weight %d is %v after the look ahead, it was %v", i, e.w[i], before[i])
		}
	}
	return g.buffers.da
}

// The finite difference is exact where the training loss is quadratic in the weights, and near where it is not.
func TestSecondOrderIsTheHypergradient(t *testing.T) {
	for _, c := range []struct {
		name             string
		cubic, tolerance float64
	}{{"quadratic", 0, 1e-4}, {"cubic", 0.5, 1e-3}} {
		t.Run(c.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				e := drawBilevel(t, c.cubic)
				rate := rapid.Float64Range(0.01, 0.5).Draw(t, "rate")
				want, got := e.hyper(rate), secondOrderOf(t, e, rate)
				for i, g := range got {
					if math.Abs(float64(g)-want.AtVec(i)) > c.tolerance*(1+mat.Norm(want, 2)) {
						t.Fatalf("logit %d: %v, the hypergradient is %v", i, g, want.AtVec(i))
					}
				}
			})
		})
	}
}

// With H = 1 and b = 0 the weights follow w = Ma + c, and the best logits are those of the least squares Ma = t - c.
func TestGradientSearchSolvesTheBilevelProblem(t *testing.T) {
	e := &bilevel{w: make([]float32, 2), v: make([]float32, 2), a: make([]float32, 2), h: mat.NewDense(2, 2, []float64{1, 0, 0, 1}),
		m: mat.NewDense(2, 2, []float64{1, 0.5, -0.5, 1}), c: mat.NewVecDense(2, []float64{0.1, -0.2}), t: mat.NewVecDense(2, []float64{0.7, 0.4}), b: mat.NewVecDense(2, nil)}
	s := &Space{Options: []int{2}, Effects: [][]float64{{0, 0}}, Price: func([]int) (Measures, error) { return Measures{}, nil }}
	g, err := NewGradient(e, s, GradientSettings{Epochs: 1, Batches: 4000, Order: SecondOrder, Rate: 0.2, LeastRate: 0.2, LogitRate: 3e-3})
	if err != nil {
		t.Fatal(err)
	}
	for done := false; !done; {
		if _, done, err = g.Step(); err != nil {
			t.Fatal(err)
		}
	}
	var want, gap mat.VecDense
	gap.SubVec(e.t, e.c)
	if err := want.SolveVec(e.m, &gap); err != nil {
		t.Fatal(err)
	}
	for i, l := range g.state.Logits {
		if math.Abs(l-want.AtVec(i)) > 0.02 {
			t.Errorf("logit %d is %.4f, the solution is %.4f", i, l, want.AtVec(i))
		}
	}
}

// The gradient of the price by the logits against central differences.
func TestPriceGradient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &Space{Options: []int{2, 3}, Mean: 5}
		logits := make([]float32, 5)
		for i := range logits {
			logits[i] = rapid.Float32Range(-2, 2).Draw(t, "logit")
		}
		for _, n := range s.Options {
			s.Effects = append(s.Effects, rapid.SliceOfN(rapid.Float64Range(-10, 10), n, n).Draw(t, "effects"))
		}
		got := make([]float64, 5)
		s.addPriceGradient(got, s.probabilities(logits), 0.5)
		for i := range logits {
			const h = 1e-2
			at := func(d float32) float64 {
				moved := append([]float32(nil), logits...)
				moved[i] += d
				return 0.5 * s.expected(s.probabilities(moved))
			}
			if want := (at(h) - at(-h)) / (2 * h); math.Abs(got[i]-want) > 1e-3*(1+math.Abs(want)) {
				t.Fatalf("logit %d: %v, by differences %v", i, got[i], want)
			}
		}
	})
}

// A search that is stopped after any batch and goes on from its saved state ends with the same logits.
func TestAResumedSearchIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := GradientSettings{Epochs: 3, Batches: 4, Order: SecondOrder, Rate: 0.1, LeastRate: 0.01, LogitRate: 0.1, LogitDecay: 0.01,
			Temperature: rapid.SampledFrom([]float64{0, 2}).Draw(t, "temperature"), Seed: 3, WarmUp: 1}
		e := drawBilevel(t, 0)
		twin := *e
		twin.w, twin.v, twin.a = append([]float32(nil), e.w...), append([]float32(nil), e.v...), append([]float32(nil), e.a...)
		whole := mustGradient(t, e, set)
		steps(t, whole, 12)
		cut := rapid.IntRange(0, 11).Draw(t, "stopped after")
		first := mustGradient(t, &twin, set)
		steps(t, first, cut)
		state, err := first.MarshalState()
		if err != nil {
			t.Fatal(err)
		}
		second := mustGradient(t, &twin, set)
		if err := second.UnmarshalState(state); err != nil {
			t.Fatal(err)
		}
		steps(t, second, 12-cut)
		for i, l := range whole.state.Logits {
			if second.state.Logits[i] != l {
				t.Fatalf("logit %d is %v when stopped after %d batches, else %v", i, second.state.Logits[i], cut, l)
			}
		}
	})
}

// stepper is an engine that steps its logits itself, each towards where its price is less, and keeps a list of all steps.
type stepper struct {
	bilevel
	turns []Turn
}

func (e *stepper) Step(b Batch, rate float64) (Metrics, error) {
	e.turns = append(e.turns, Turn{false, b, rate})
	return Metrics{Samples: 1}, nil
}

func (e *stepper) StepLogits(b Batch, rate float64) (Metrics, error) {
	e.turns = append(e.turns, Turn{true, b, rate})
	e.a[1] += float32(rate)
	return Metrics{}, nil
}

func (e *stepper) Set(Kind, []float32) { panic("its logits are its own") }

// A search whose engine steps logits itself takes the turns that its settings say, takes the logits as they come, and
// no settings that the engine's steps know nothing of.
func TestASearchByTurns(t *testing.T) {
	for _, warm := range []int{0, 2, 5} {
		e := &stepper{bilevel: bilevel{w: make([]float32, weightsOf), a: make([]float32, 4)}}
		set := GradientSettings{Epochs: 3, Batches: 4, Order: FirstOrder, Rate: 0.1, LeastRate: 0.01, LogitRate: 0.5, WarmUp: warm}
		g, err := NewGradient(e, twoSites(), set)
		if err != nil {
			t.Fatal(err)
		}
		for done := false; !done; {
			if _, done, err = g.Step(); err != nil {
				t.Fatal(err)
			}
		}
		if len(e.turns) != set.Turns() {
			t.Fatalf("%d turns, the settings say %d", len(e.turns), set.Turns())
		}
		for n, got := range e.turns {
			if want := set.Turn(n); got != want {
				t.Errorf("warm-up of %d epochs: turn %d is %+v, the settings say %+v", warm, n, got, want)
			}
		}
		if steps := 12 - 4*min(warm, 3); g.state.Logits[1] != 0.5*float64(steps) {
			t.Errorf("logit is %g after %d steps of it", g.state.Logits[1], steps)
		}
	}
	for _, set := range []GradientSettings{{Order: SecondOrder}, {Order: FirstOrder, Temperature: 1}, {Order: FirstOrder, LogitDecay: 1}} {
		set.Epochs, set.Batches = 1, 1
		if _, err := NewGradient(&stepper{bilevel: bilevel{a: make([]float32, 4)}}, twoSites(), set); err == nil {
			t.Errorf("a search by turns takes %+v", set)
		}
	}
}

func mustGradient(t *rapid.T, e Engine, set GradientSettings) *Gradient {
	g, err := NewGradient(e, twoSites(), set)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func steps(t *rapid.T, m Method, n int) {
	for range n {
		if _, _, err := m.Step(); err != nil {
			t.Fatal(err)
		}
	}
}
