package ir

import "testing"

func TestInputRange(t *testing.T) {
	for _, c := range []struct {
		mean, std []float64
		lo, hi    float64
	}{
		{nil, nil, 0, 1},
		{[]float64{0.5}, []float64{0.25}, -2, 2},
		{[]float64{0.5, 0.25}, []float64{0.5, 0.125}, -2, 6}, // the widest channel
		{[]float64{0.5}, nil, -0.5, 1},                       // never less than [0,1]: pixels need not be normalised alike
		{nil, []float64{0.5}, 0, 2},
	} {
		p := &Value{Op: Input, Attrs: Attrs{}}
		if c.mean != nil {
			p.Set("mean", c.mean)
		}
		if c.std != nil {
			p.Set("std", c.std)
		}
		if lo, hi := InputRange(p); lo != c.lo || hi != c.hi {
			t.Errorf("mean %v, std %v: [%g, %g], want [%g, %g]", c.mean, c.std, lo, hi, c.lo, c.hi)
		}
	}
}
