package search

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// additive is an engine whose validation loss is the sum of what its sites' likeliest options lose, and whose training loss has a slope of -worth at
// each logit.
type additive struct {
	bilevel
	lose  [][]float64
	worth []float64
	sizes []int
}

func (e *additive) Eval(Split) (Metrics, error) {
	sum, from := 0.5, 0
	for site, n := range e.sizes {
		p := make([]float64, n)
		softmax(p, e.a[from:from+n])
		sum += dot(p, e.lose[site])
		from += n
	}
	return Metrics{Loss: sum, Samples: 1}, nil
}

func (e *additive) Gradient(b Batch, _, da []float32) (float64, error) {
	for i := range da {
		da[i] = float32(-e.worth[i])
	}
	m, err := e.Eval(b.Split)
	return m.Loss, err
}

func (e *additive) Step(Batch, float64) (Metrics, error) { return Metrics{Samples: 1}, nil }

// Where losses add up, what is picked loses least of all networks that hold the limits.
func TestLinearizeLosesLeast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawnSpace(t, rapid.IntRange(1, 5).Draw(t, "sites"))
		e := &additive{sizes: s.Options}
		e.a = make([]float32, s.logits())
		for _, n := range s.Options {
			e.lose = append(e.lose, append([]float64{0}, rapid.SliceOfN(rapid.Float64Range(-0.1, 2), n-1, n-1).Draw(t, "lose")...))
			s.Effects = append(s.Effects, make([]float64, n))
		}
		l, err := NewLinearize(e, s, 2)
		if err != nil {
			t.Fatal(err)
		}
		trials := 0
		for done := false; !done; trials++ {
			if _, done, err = l.Step(); err != nil {
				t.Fatal(err)
			}
		}
		if want := 1 + s.logits() - len(s.Options); trials != want {
			t.Fatalf("%d trials, %d networks to try", trials, want)
		}
		kept := make([]float64, s.logits())
		s.each(func(site, from, to int) {
			for i := from; i < to; i++ {
				kept[i] = math.Exp(-e.lose[site][i-from])
			}
		})
		most, there := best(s, kept)
		options, _, err := l.Best()
		if there != (err == nil) {
			t.Fatalf("a network holds the limits: %v; picked %v, %v", there, options, err)
		}
		if there && scoreOf(s, kept, options) < most-1e-5 {
			t.Fatalf("%v loses %v, the least is %v", options, -scoreOf(s, kept, options), -most)
		}
	})
}

// Gates close in the order of what each of their ReLUs is worth, until the limit holds to the last one.
func TestGatesKeepTheMostWorth(t *testing.T) {
	const n, most = 40, 13
	e := &additive{worth: make([]float64, n)}
	e.a = make([]float32, n)
	relus, each := make([]float64, n), make([]float64, n)
	for i := range e.worth {
		relus[i], each[i] = float64(1+i%3), float64((i*7)%n)/n
		e.worth[i] = each[i] * relus[i] / 2 // 2 is about their mean
	}
	price := func(kept []bool) (Measures, error) {
		relus := 0.0
		for _, k := range kept {
			if k {
				relus++
			}
		}
		return Measures{"relus": relus}, nil
	}
	g := NewGates(e, relus, price, []Limit{{"relus", most}}, GateSettings{Epochs: 500, Batches: 2, GateRate: 0.05, Penalty: 0.01, Growth: 1.1, Slow: 0.01, Open: 0.01})
	e2 := run(t, g)
	kept, err := g.Kept()
	if err != nil {
		t.Fatal(err)
	}
	var got []float64
	for i, k := range kept {
		if k {
			got = append(got, each[i])
		}
		if want := float32(map[bool]int{true: 1}[k]); e.a[i] != want {
			t.Errorf("gate %d of the engine is %v, want %v", i, e.a[i], want)
		}
	}
	slices.Sort(got)
	if len(got) > most || len(got) == 0 || got[0] < float64(n-len(got))/n-1e-9 {
		t.Errorf("kept are %v", got)
	}
	if last := e2[len(e2)-1].Measures["relus"]; last > most {
		t.Errorf("the last entry has %v ReLUs, beyond %d", last, most)
	}
}
