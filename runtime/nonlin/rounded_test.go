package nonlin_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/ideal"
	"sotto/runtime/nonlin"
	"sotto/runtime/ring"
)

func TestRoundedQuadraticConforms(t *testing.T) {
	bothRings(t, conformRounded[uint32], conformRounded[uint64])
}

func conformRounded[W ring.Word](t *testing.T) {
	l := ring.Width[W]()
	var cases []roundedCase[W]
	for _, c := range []struct{ channels, size, f, k int }{
		{1, 1, 1, 0}, {3, 1, 12, 1}, {2, 65, l / 2, 0}, {5, 49, l - 3, 3}, {64, 196, 13, 1}, {3, 784, l/2 + 4, 7},
	} {
		cases = append(cases, newRoundedCase[W](c.channels, c.size, nonlin.Rounded[W]{F: c.f, K: c.k}))
	}
	d := cases[0].declared(t)
	measured := session(t, d.extensions, 1+2*len(cases), func(p *end) error {
		return inOrder(cases, func(k int, c roundedCase[W]) error { return c.run(p, k) })
	})
	for k, c := range cases {
		c.check(t)
		compareCase(t, fmt.Sprintf("%dx%d, f=%d, k=%d", len(c.b), c.size, c.F, c.K), k, measured, c.declared(t))
	}
}

// roundedCase is one quadratic of truncated values, with its input shares and material.
type roundedCase[W ring.Word] struct {
	nonlin.Rounded[W]
	size        int
	b           []W // one a channel
	x, c, y     [2][]W
	mask, blind []W
}

func newRoundedCase[W ring.Word](channels, size int, step nonlin.Rounded[W]) roundedCase[W] {
	n := channels * size
	c := roundedCase[W]{Rounded: step, size: size, b: randomWords[W](channels), mask: randomWords[W](n), blind: randomWords[W](n)}
	c.x, c.y = share(within[W](ring.Width[W]()-2, n)), [2][]W{make([]W, n), make([]W, n)}
	product := make([]W, n)
	ring.Mul(product, c.mask, c.blind)
	c.c = share(product)
	return c
}

// declared is the op's cost for an operand of which the client knows its part offline. Fraction bits play no part but for k.
func (c roundedCase[W]) declared(t *testing.T) declared {
	t.Helper()
	l, channels := ring.Width[W](), len(c.b)
	frac := c.F // so that z has none and b has k
	return declare(t, cost.ClientServer, fmt.Sprintf("%%p: A i%dq%d[%d,%d,1]", l, frac, channels, c.size),
		fmt.Sprintf("%%x = mask %%p : M i%dq%d[%d,%d,1]\n", l, frac, channels, c.size)+fmt.Sprintf("%%b = param @b : S i%dq%d[%d]\n%%y = ot.quadratic %%x, %%b {bits=%d} : A i%dq%d[%d,%d,1]", l, c.K, channels, c.F, l, c.K, channels, c.size))
}

func (c roundedCase[W]) run(p *end, k int) error {
	if err := p.conn.BeginPhase(offlinePhase(k)); err != nil {
		return err
	}
	if p.role == cost.Client {
		return c.client(p, k)
	}
	return c.server(p, k)
}

// client sends what needs no pads with its part of the random OTs.
func (c roundedCase[W]) client(p *end, k int) error {
	x, n := c.x[cost.Client], len(c.blind)
	t0, v, g, u := make([]W, n), make([]W, n), make([]W, n), make([]W, n)
	own, e := ring.NewBits(n), ring.NewBits(n)
	random, choice, q, err := choose[W](p.receives, n)
	if err != nil {
		return err
	}
	c.Share(t0, x, cost.Client)
	ring.Sub(u, t0, c.mask)
	nonlin.Trunc[W]{F: c.F, Party: cost.Client}.Choose(own, x, choice)
	in := make([]byte, cost.SoftSpokenBytes(int64(n)))
	if err := p.conn.Exchange(slices.Concat(random, ring.Bytes(u), bitBytes(own)), in); err != nil {
		return err
	}
	p0, p1, err := pads[W](p.sends, n, in)
	if err != nil {
		return err
	}
	c.Offer(v, x, t0, p0, p1)
	c.Fix(u, c.c[0], p0, q, own)
	w := make([]W, n)
	c.Turn(w, x, t0, p0)
	if err := cmp.Or(p.conn.Send(packedBits(v, c.F)), p.conn.BeginPhase(onlinePhase(k))); err != nil {
		return err
	}
	in, err = p.receive(cost.BitBytes(int64(n), c.F) + int64(len(ring.Bytes(g))) + cost.BitBytes(int64(n), 1))
	if err != nil {
		return err
	}
	in = unpacked(v, c.F, in)
	ring.UnpackBits(e, unpacked(g, ring.Width[W](), in))
	c.Client(c.y[0], t0, g, u, w, v, e, own, choice)
	return nil
}

func (c roundedCase[W]) server(p *end, k int) error {
	x, n := c.x[cost.Server], len(c.blind)
	v, g, u, o, t1 := make([]W, n), make([]W, n), make([]W, n), make([]W, n), make([]W, n)
	own, e := ring.NewBits(n), ring.NewBits(n)
	random, choice, q, err := choose[W](p.receives, n)
	if err != nil {
		return err
	}
	first := make([]byte, int(cost.SoftSpokenBytes(int64(n)))+len(ring.Bytes(g))+len(bitBytes(e)))
	if err := p.conn.Exchange(random, first); err != nil {
		return err
	}
	p0, p1, err := pads[W](p.sends, n, first[:cost.SoftSpokenBytes(int64(n))])
	if err != nil {
		return err
	}
	ring.UnpackBits(e, unpacked(g, ring.Width[W](), first[cost.SoftSpokenBytes(int64(n)):]))
	c.Hold(u, c.c[1], g, c.blind, p0, e)
	in, err := p.receive(cost.BitBytes(int64(n), c.F))
	if err != nil {
		return err
	}
	unpacked(v, c.F, in)
	c.Pad(o, q, v, choice)
	if err := p.conn.BeginPhase(onlinePhase(k)); err != nil {
		return err
	}
	c.Share(t1, x, cost.Server)
	nonlin.QuadraticBlind(g, t1, c.blind, nonlin.PerChannel(c.b, len(g)), c.K)
	nonlin.Trunc[W]{F: c.F, Party: cost.Server}.Choose(own, x, choice)
	c.Correlate(v, x, t1, p0, p1, nonlin.PerChannel(c.b, len(v)))
	if err := p.conn.Send(slices.Concat(packedBits(v, c.F), ring.Bytes(g), bitBytes(own))); err != nil {
		return err
	}
	c.Rounded.Server(c.y[1], x, t1, u, o, own, e, nonlin.PerChannel(c.b, len(x)))
	return nil
}

// bitBytes is bits as they travel, packedBits the low f bits of elements; unpacked reads such and gives the rest.
func bitBytes(b ring.Bits) []byte { return b.Bytes()[:ring.PackedLen(b.Len(), 1)] }

func packedBits[W ring.Word](v []W, f int) []byte {
	out := make([]byte, ring.PackedLen(len(v), f))
	ring.Pack(out, v, f)
	return out
}

func unpacked[W ring.Word](v []W, f int, in []byte) (rest []byte) {
	n := ring.PackedLen(len(v), f)
	ring.Unpack(v, in[:n], f)
	return in[n:]
}

// check compares with the functionality: the polynomial of floor, or of one more where something was dropped.
func (c roundedCase[W]) check(t *testing.T) {
	t.Helper()
	x, y := sum(c.x), sum(c.y)
	up := 0
	for i, got := range y {
		z, p := ideal.Trunc(x[i], c.F)
		b := c.b[i/c.size]
		floor, next := ideal.Quadratic(z, b, c.K), ideal.Quadratic(z+1, b, c.K)
		if got != floor && (got != next || p == 0) {
			t.Fatalf("f=%d k=%d: element %d, x=%#x: %#x, want %#x or %#x, P = %g", c.F, c.K, i, x[i], got, floor, next, p)
		}
		if got == next && got != floor {
			up++
		}
	}
	if n := len(y); n > 10000 && (up < n/4 || up > 3*n/4) {
		t.Errorf("f=%d: %d of %d rounded up, the dropped fractions make half of them likely", c.F, up, n)
	}
}
