package search

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// drawnSpace is a space whose prices are sums of options' prices and of neighbours that clash: not the sum of anything by site.
func drawnSpace(t *rapid.T, sites int) *Space {
	s := &Space{}
	var prices [][]float64
	for range sites {
		n := rapid.IntRange(1, 3).Draw(t, "options")
		s.Options = append(s.Options, n)
		prices = append(prices, rapid.SliceOfN(rapid.Float64Range(0, 10), n, n).Draw(t, "prices"))
	}
	clash := rapid.Float64Range(0, 5).Draw(t, "clash")
	s.Price = func(options []int) (Measures, error) {
		m := Measures{"latency": 0, "relus": 0}
		for i, o := range options {
			m["latency"] += prices[i][o]
			m["relus"] += float64(o)
			if i > 0 && o != options[i-1] {
				m["latency"] += clash
			}
		}
		return m, nil
	}
	s.Limits = []Limit{{"latency", rapid.Float64Range(0, 8*float64(sites)).Draw(t, "limit")}, {"relus", float64(rapid.IntRange(0, 2*sites).Draw(t, "most"))}}
	return s
}

func drawnProbabilities(t *rapid.T, s *Space) []float64 {
	logits := make([]float32, s.logits())
	for i := range logits {
		logits[i] = rapid.Float32Range(-3, 3).Draw(t, "logit")
	}
	return s.probabilities(logits)
}

// best is the most probable network that holds, by recursion.
func best(s *Space, p []float64) (most float64, found bool) {
	var visit func(options []int, from int, score float64)
	visit = func(options []int, from int, score float64) {
		site := len(options)
		if site == len(s.Options) {
			if m, _ := s.Price(options); len(m.Broken(s.Limits)) == 0 && (!found || score > most) {
				most, found = score, true
			}
			return
		}
		for o := range s.Options[site] {
			visit(append(slices.Clone(options), o), from+s.Options[site], score+math.Log(p[from+o]))
		}
	}
	visit(nil, 0, 0)
	return most, found
}

func scoreOf(s *Space, p []float64, options []int) (sum float64) {
	s.each(func(site, from, _ int) { sum += math.Log(p[from+options[site]]) })
	return sum
}

func TestDeriveIsTheBestOfASmallSpace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawnSpace(t, rapid.IntRange(1, 6).Draw(t, "sites"))
		p := drawnProbabilities(t, s)
		most, there := best(s, p)
		options, figures, err := s.Derive(p)
		var broken *BudgetError
		switch {
		case !there && !errors.As(err, &broken):
			t.Fatalf("no network holds %v, and Derive gave %v, %v", s.Limits, options, err)
		case !there:
			return
		case err != nil:
			t.Fatal(err)
		}
		if b := figures.Broken(s.Limits); len(b) > 0 {
			t.Fatalf("%v breaks %v", options, b)
		}
		if got := scoreOf(s, p, options); got < most-1e-9 {
			t.Fatalf("%v has probability e^%v, the best e^%v", options, got, most)
		}
	})
}

// What exchanges find holds the limits wherever they find anything, and no exchange at one or two sites betters it.
func TestExchangesKeepTheLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawnSpace(t, rapid.IntRange(2, 7).Draw(t, "sites"))
		p := drawnProbabilities(t, s)
		d := &derivation{space: s, least: Measures{}}
		s.each(func(_, from, to int) {
			var scores []float64
			for _, q := range p[from:to] {
				scores = append(scores, math.Log(q))
			}
			d.score = append(d.score, scores)
		})
		got, err := d.repaired()
		if err != nil {
			t.Fatal(err)
		}
		if got.options == nil {
			return
		}
		if b := got.figures.Broken(s.Limits); len(b) > 0 {
			t.Fatalf("%v breaks %v", got.options, b)
		}
		if most, _ := best(s, p); got.score > most+1e-9 {
			t.Fatalf("%v has score %v, beyond the best %v", got.options, got.score, most)
		}
		for sites := 1; sites <= 2; sites++ {
			if next, _ := d.exchange(got, sites); next.options != nil {
				t.Fatalf("%v is better than %v", next.options, got.options)
			}
		}
	})
}

// Of fifty sites only the cheap options hold, all but one dear one.
func TestDeriveOfAGreatSpace(t *testing.T) {
	const sites = 50
	s := &Space{Limits: []Limit{{"latency", sites + 9}}}
	for range sites {
		s.Options = append(s.Options, 2)
	}
	s.Price = func(options []int) (Measures, error) {
		sum := 0.0
		for _, o := range options {
			sum += 10 - 9*float64(o)
		}
		return Measures{"latency": sum}, nil
	}
	logits := make([]float32, 2*sites)
	for i := range sites {
		logits[2*i] = 1 + float32(i)/sites // the dear one is the likelier, most at the last site
	}
	options, _, err := s.Derive(s.probabilities(logits))
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range options {
		if want := min(1, sites-1-i); o != want {
			t.Fatalf("site %d has option %d, the last site alone can have the dear one", i, o)
		}
	}
}

func TestNothingHolds(t *testing.T) {
	s := &Space{Options: []int{2, 2}, Limits: []Limit{{"latency", 3}}, Price: func(o []int) (Measures, error) {
		return Measures{"latency": float64(10 - o[0] - o[1])}, nil
	}}
	_, _, err := s.Derive([]float64{0.5, 0.5, 0.5, 0.5})
	if want := "no network of the space holds latency <= 3, the least found is 8"; err == nil || err.Error() != want {
		t.Fatalf("%v, want %s", err, want)
	}
}
