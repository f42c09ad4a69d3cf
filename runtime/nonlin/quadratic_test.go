package nonlin_test

import (
	"fmt"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/ideal"
	"sotto/runtime/nonlin"
	"sotto/runtime/ring"
)

func TestQuadraticConforms(t *testing.T) {
	bothRings(t, conformQuadratics[uint32], conformQuadratics[uint64])
}

func conformQuadratics[W ring.Word](t *testing.T) {
	for _, c := range []struct{ channels, size, k int }{{1, 1, 0}, {3, 1, 1}, {2, 65, 0}, {5, 49, 3}, {64, 196, 1}} {
		t.Run(fmt.Sprintf("%dx%d, k=%d", c.channels, c.size, c.k), func(t *testing.T) { conformQuadratic[W](t, c.channels, c.size, c.k) })
	}
}

func conformQuadratic[W ring.Word](t *testing.T, channels, size, k int) {
	l, n := ring.Width[W](), channels*size
	x, b := within[W](l-1, n), randomWords[W](channels)
	shares, blind, g := share(x), randomWords[W](n), make([]W, n)
	r, x1 := shares[0], shares[1]
	product := make([]W, n)
	ring.Mul(product, r, blind)
	c := share(product)
	y := [2][]W{make([]W, n), make([]W, n)}
	nonlin.QuadraticBlind(g, x1, blind, nonlin.PerChannel(b, len(g)), k)
	conformLocal(t, [2]local[W]{
		{nil, n, func(in []W) { nonlin.QuadraticClient(y[0], r, in, c[0], k) }},
		{g, 0, func([]W) { nonlin.QuadraticServer(y[1], x1, c[1], nonlin.PerChannel(b, len(x1)), k) }},
	}, declare(t, cost.ClientServer, fmt.Sprintf("%%x: M i%dq8[%d,%d,1]", l, channels, size),
		fmt.Sprintf("%%b = param @b : S i%dq%d[%d]\n%%y = beaver.quadratic %%x, %%b : A i%dq%d[%d,%d,1]", l, 8+k, channels, l, 16+k, channels, size)))
	for i, got := range sum(y) {
		if want := ideal.Quadratic(x[i], b[i/size], k); got != want {
			t.Fatalf("2^%d*x^2 + %#x*x of %#x: %#x, want %#x", k, b[i/size], x[i], got, want)
		}
	}
}
