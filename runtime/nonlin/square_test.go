package nonlin_test

import (
	"fmt"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/ideal"
	"sotto/runtime/nonlin"
	"sotto/runtime/ring"
)

func TestSquareConforms(t *testing.T) {
	bothRings(t, conformSquare[uint32], conformSquare[uint64])
}

func conformSquare[W ring.Word](t *testing.T) {
	for _, n := range sizes {
		t.Run(fmt.Sprintf("masked/n=%d", n), func(t *testing.T) { conformMaskedSquare(t, within[W](ring.Width[W]()-1, n)) })
		t.Run(fmt.Sprintf("opened/n=%d", n), func(t *testing.T) { conformOpenedSquare(t, within[W](ring.Width[W]()-1, n)) })
	}
}

// squareCost is the declared cost of a square of n elements in the given form.
func squareCost[W ring.Word](t *testing.T, deploy cost.Deployment, sharing string, n int) declared {
	t.Helper()
	l := ring.Width[W]()
	return declare(t, deploy, fmt.Sprintf("%%x: %s i%dq12[%d]", sharing, l, n), fmt.Sprintf("%%y = beaver.square %%x : A i%dq24[%d]", l, n))
}

// checkSquares compares shares with the functionality.
func checkSquares[W ring.Word](t *testing.T, x []W, y [2][]W) {
	t.Helper()
	for i, got := range sum(y) {
		if want := ideal.Square(x[i]); got != want {
			t.Fatalf("square of %#x: %#x, want %#x", x[i], got, want)
		}
	}
}

func conformMaskedSquare[W ring.Word](t *testing.T, x []W) {
	n := len(x)
	shares, b, g := share(x), randomWords[W](n), make([]W, n)
	r, x1 := shares[0], shares[1]
	product := make([]W, n)
	ring.Mul(product, r, b)
	c := share(product)
	y := [2][]W{make([]W, n), make([]W, n)}
	nonlin.SquareBlind(g, x1, b)
	conformLocal(t, [2]local[W]{
		{nil, n, func(in []W) { nonlin.SquareMaskedClient(y[0], r, in, c[0]) }},
		{g, 0, func([]W) { nonlin.SquareMaskedServer(y[1], x1, c[1]) }},
	}, squareCost[W](t, cost.ClientServer, "M", n))
	checkSquares(t, x, y)
}

func conformOpenedSquare[W ring.Word](t *testing.T, x []W) {
	n := len(x)
	plain, e, square := randomWords[W](n), make([]W, n), make([]W, n)
	ring.Sub(e, x, plain)
	ring.Mul(square, plain, plain)
	a, a2 := share(plain), share(square)
	y := [2][]W{make([]W, n), make([]W, n)}
	conformLocal(t, [2]local[W]{
		{nil, 0, func([]W) { nonlin.SquareOpened(y[0], e, a[0], a2[0], cost.Client) }},
		{nil, 0, func([]W) { nonlin.SquareOpened(y[1], e, a[1], a2[1], cost.Server) }},
	}, squareCost[W](t, cost.Outsourced, "E", n))
	checkSquares(t, x, y)
}
