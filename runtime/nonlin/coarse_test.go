package nonlin

import (
	"slices"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

func TestCoarseSignIsThatOfTheTruncatedValue(t *testing.T) {
	t.Run("32", testCoarse[uint32])
	t.Run("64", testCoarse[uint64])
}

// testCoarse compares the sign of what a truncation by each party gives with the one found from the shares' high bits, at the ring's
// width and at the narrowest that has room for the values.
func testCoarse[W ring.Word](t *testing.T) {
	s, l := deterministicTestRandomness("coarse"), ring.Width[W]()
	for _, width := range []int{l, l - 3, l/2 + 2} {
		for _, d := range []int{1, 2, 7, min(13, width-5)} {
			bound := int64(1)<<(width-2) - 1 // half of what the width has room for
			var x, own []W
			for _, v := range slices.Concat(edges[W](), testWords[W](s, 200)) {
				for _, v := range []W{W(ring.Signed(v) % bound), W(ring.Signed(v) % (1 << (d + 1)))} { // many near zero
					x, own = append(x, v, v, v), append(own, testWords[W](s, 1)[0], v, testWords[W](s, 1)[0]>>d<<d)
				}
			}
			shares := [2][]W{make([]W, len(x)), own}
			ring.Sub(shares[0], x, own)
			checkCoarse(t, width, d, x, shares)
		}
	}
}

func checkCoarse[W ring.Word](t *testing.T, width, d int, x []W, shares [2][]W) {
	t.Helper()
	n := len(x)
	s := deterministicTestRandomness("coarse OTs")
	o, e, v := testOTs[W](s, n), ring.NewBits(n), make([]W, n)
	var z, y [2][]W
	for p := range z {
		z[p], y[p] = make([]W, n), make([]W, n)
		Coarse(y[p], shares[p], d, cost.Party(p))
	}
	r, f := Trunc[W]{d, cost.Server}, Trunc[W]{d, cost.Client}
	r.Choose(e, shares[1], o.c)
	f.Correlate(v, shares[0], o.p0, o.p1)
	r.Receive(z[1], shares[1], e, o.c, o.q, v)
	f.Send(z[0], shares[0], e, o.p0)
	carry, _ := testComparing(s, width-d-1, y).run()
	for p := range carry {
		Sign(carry[p], carry[p], y[p], width-d, cost.Party(p))
	}
	for i := range x {
		want := uint64(1)
		if ring.Signed(z[0][i]+z[1][i]) < 0 {
			want = 0
		}
		if got := carry[0].Get(i) ^ carry[1].Get(i); got != want {
			t.Fatalf("width %d, drop %d: %#x shared with %#x becomes %#x, its sign %d", width, d, x[i], shares[1][i], z[0][i]+z[1][i], got)
		}
	}
}
