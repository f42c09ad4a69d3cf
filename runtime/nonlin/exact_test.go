package nonlin

import (
	"slices"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/ideal"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// arithmeticOf turns shared bits into elements with test OTs, receiver first.
func arithmeticOf[W ring.Word](s *prg.Stream, receiver, sender ring.Bits) (zr, zs []W) {
	n := receiver.Len()
	o, e, v := testOTs[W](s, n), ring.NewBits(n), make([]W, n)
	zr, zs = make([]W, n), make([]W, n)
	Mux[W]{}.Choose(e, receiver, o.c)
	var a Arithmetic[W]
	a.Correlate(v, sender, o.p0, o.p1)
	a.Receive(zr, receiver, e, o.c, o.q, v)
	a.Send(zs, sender, e, o.p0)
	return zr, zs
}

func TestBitsBecomeElements(t *testing.T) {
	t.Run("32", testArithmetic[uint32])
	t.Run("64", testArithmetic[uint64])
}

func testArithmetic[W ring.Word](t *testing.T) {
	s := deterministicTestRandomness("arithmetic")
	for _, n := range []int{1, 64, 70, 2*grain + 65} {
		u := [2]ring.Bits{testBits(s, n), testBits(s, n)}
		zr, zs := arithmeticOf[W](s, u[0], u[1])
		for i := range n {
			if want := W(u[0].Get(i) ^ u[1].Get(i)); zr[i]+zs[i] != want {
				t.Fatalf("bit %d of %d: %#x, want %d", i, n, zr[i]+zs[i], want)
			}
		}
	}
}

// TestBitsCorrelationIsReduced holds the sender to l-1 bits an element.
func TestBitsCorrelationIsReduced(t *testing.T) {
	a := testVectors[uint64](500)
	Arithmetic[uint64]{}.Correlate(a.y, a.d, a.p0, a.p1)
	if top := slices.Max(a.y); top>>63 != 0 {
		t.Errorf("a correlation of %#x", top)
	}
}

func TestExactTruncation(t *testing.T) {
	t.Run("32", testExact[uint32])
	t.Run("64", testExact[uint64])
}

// testExact divides all edges, shared at random and with shares whose low bits are zero, by each party as the receiver.
func testExact[W ring.Word](t *testing.T) {
	s, l := deterministicTestRandomness("exact"), ring.Width[W]()
	for f := 1; f <= l-3; f++ {
		var x, own []W
		for _, v := range slices.Concat(edges[W](), testWords[W](s, 50)) {
			v = v&(1<<(l-1)-1) - 1<<(l-2) // in the range
			x, own = append(x, v, v, v), append(own, testWords[W](s, 1)[0], v, testWords[W](s, 1)[0]>>f<<f)
		}
		shares := [2][]W{make([]W, len(x)), own}
		ring.Sub(shares[0], x, own)
		for _, receiver := range []cost.Party{cost.Client, cost.Server} {
			checkExact(t, s, f, receiver, x, shares)
		}
	}
}

func checkExact[W ring.Word](t *testing.T, s *prg.Stream, f int, receiver cost.Party, x []W, shares [2][]W) {
	t.Helper()
	n, sender := len(x), receiver.Other()
	var z, u [2][]W
	for p := range z {
		z[p] = make([]W, n)
	}
	o, e, v := testOTs[W](s, n), ring.NewBits(n), make([]W, n)
	r, d := Trunc[W]{f, receiver}, Trunc[W]{f, sender}
	r.Choose(e, shares[receiver], o.c)
	d.Correlate(v, shares[sender], o.p0, o.p1)
	r.Receive(z[receiver], shares[receiver], e, o.c, o.q, v)
	d.Send(z[sender], shares[sender], e, o.p0)
	bits, _ := testComparing(s, f, shares).run()
	Excess(bits[cost.Server], bits[cost.Server], shares[cost.Server], f)
	u[receiver], u[sender] = arithmeticOf[W](s, bits[receiver], bits[sender])
	for i := range x {
		if got, want := z[0][i]+z[1][i]-u[0][i]-u[1][i], ideal.ExactTrunc(x[i], f); got != want {
			t.Fatalf("f=%d, receiver %v: %#x becomes %#x, want %#x", f, receiver, x[i], got, want)
		}
	}
}
