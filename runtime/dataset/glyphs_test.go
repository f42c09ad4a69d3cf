package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"slices"
	"testing"
)

func digits(t testing.TB, n int) *Data {
	t.Helper()
	d, err := Glyphs(Shape{1, 28, 28}, 10, n)
	must(t, err)
	return d
}

// linear is softmax regression, trained by stochastic gradient descent: what a network without a hidden layer can do.
type linear struct {
	classes, n int
	w          []float64 // by class: n weights and a bias
}

func (l *linear) scores(x []float64) []float64 {
	p := make([]float64, l.classes)
	sum := 0.0
	for c := range p {
		row := l.w[c*(l.n+1):]
		for i, v := range x {
			p[c] += row[i] * v
		}
		p[c] = math.Exp(p[c] + row[l.n])
		sum += p[c]
	}
	for c := range p {
		p[c] /= sum
	}
	return p
}

func (l *linear) step(x []float64, label int, rate float64) {
	for c, p := range l.scores(x) {
		if c == label {
			p--
		}
		row := l.w[c*(l.n+1):]
		for i, v := range x {
			row[i] -= rate * p * v
		}
		row[l.n] -= rate * p
	}
}

func centred(pixels []uint8) []float64 {
	x := make([]float64, len(pixels))
	for i, v := range pixels {
		x[i] = float64(v)/128 - 1
	}
	return x
}

func (l *linear) accuracy(s *Split) float64 {
	right := 0
	for i := range s.Len() {
		p := l.scores(centred(s.Pixels(i)))
		if slices.Index(p, slices.Max(p)) == s.Label(i) {
			right++
		}
	}
	return float64(right) / float64(s.Len())
}

// TestALinearClassifierIsNotEnough: on the ten digits it is hardly better than chance, where examples/minionn.sotto is right more than nine
// times out of ten after a few epochs: there is no pixel whose level says anything, edges and their places do.
func TestALinearClassifierIsNotEnough(t *testing.T) {
	d := digits(t, 6_000)
	l := &linear{10, 28 * 28, make([]float64, 10*(28*28+1))}
	for epoch := range 3 {
		for _, i := range permutation(d.Train.Len(), newDice(1, uint64(epoch))) {
			l.step(centred(d.Train.Pixels(int(i))), d.Train.Label(int(i)), 0.002/float64(1+epoch))
		}
	}
	tested := l.accuracy(d.Test)
	t.Logf("a linear classifier: %.3f of the test images", tested)
	if tested > 0.25 {
		t.Errorf("a linear classifier gets %.3f of the test images right, want at most 0.25: they are too easy", tested)
	}
}

// Glyphs are the same everywhere and for ever: figures measured on them stay comparable.
func TestGlyphsAreFixed(t *testing.T) {
	for _, c := range []struct {
		shape   Shape
		classes int
		want    string
	}{
		{Shape{1, 28, 28}, 10, "28e9ba5b1606fc89"},
		{Shape{3, 32, 32}, 45, "7e09239662caf56f"},
	} {
		d, err := Glyphs(c.shape, c.classes, 300)
		must(t, err)
		h := sha256.New()
		for _, s := range []*Split{d.Train, d.Validation, d.Test.First(100)} {
			for i := range s.Len() {
				h.Write(s.Pixels(i))
				h.Write([]byte{byte(s.Label(i))})
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)[:8]); got != c.want {
			t.Errorf("%v of %d classes: %s, want %s", c.shape, c.classes, got, c.want)
		}
	}
}

func BenchmarkGlyphs(b *testing.B) {
	g, err := newGlyphs(Shape{1, 28, 28}, 10)
	must(b, err)
	pixels := make([]uint8, 28*28)
	for i := range b.N {
		g.draw(pixels, i%10, newDice(1, uint64(i)))
	}
}
