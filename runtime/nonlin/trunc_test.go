package nonlin_test

import (
	"fmt"
	"math"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"sotto/ir/cost"
	"sotto/runtime/ideal"
	"sotto/runtime/nonlin"
	"sotto/runtime/ring"
)

func TestTruncationConforms(t *testing.T) {
	for _, receiver := range []cost.Party{cost.Client, cost.Server} {
		t.Run(fmt.Sprintf("receiver %v", receiver), func(t *testing.T) {
			bothRings(t, func(t *testing.T) { conformTrunc[uint32](t, receiver) }, func(t *testing.T) { conformTrunc[uint64](t, receiver) })
		})
	}
}

// truncCase is one truncation, its input shares and where its output shares go.
type truncCase[W ring.Word] struct {
	f        int
	receiver cost.Party
	x, z     [2][]W
}

func newTruncCase[W ring.Word](f int, receiver cost.Party, x []W) truncCase[W] {
	return truncCase[W]{f, receiver, share(x), [2][]W{make([]W, len(x)), make([]W, len(x))}}
}

// declared is the op's cost: a masked operand has the server as the receiver, a share the client.
func (c truncCase[W]) declared(t *testing.T) declared {
	t.Helper()
	deploy, sharing := cost.Outsourced, "A"
	if c.receiver == cost.Server {
		deploy, sharing = cost.ClientServer, "M"
	}
	l, n := ring.Width[W](), len(c.x[0])
	return declare(t, deploy, fmt.Sprintf("%%x: %s i%dq%d[%d]", sharing, l, c.f, n),
		fmt.Sprintf("%%y = ot.trunc %%x {bits=%d} : A i%dq0[%d]", c.f, l, n))
}

// run is the protocol as one party, case k of its session.
func (c truncCase[W]) run(p *end, k int) error {
	if p.role == c.receiver {
		return c.receive(p, k)
	}
	return c.send(p, k)
}

func (c truncCase[W]) receive(p *end, k int) error {
	x := c.x[p.role]
	n, step := len(x), nonlin.Trunc[W]{F: c.f, Party: p.role}
	if err := p.conn.BeginPhase(offlinePhase(k)); err != nil {
		return err
	}
	u, choice, q, err := choose[W](p.receives, n)
	if err == nil {
		err = p.conn.Send(u)
	}
	if err == nil {
		err = p.conn.BeginPhase(onlinePhase(k))
	}
	if err != nil {
		return err
	}
	e, v := ring.NewBits(n), make([]W, n)
	step.Choose(e, x, choice)
	in := make([]byte, ring.PackedLen(n, c.f))
	if err := p.conn.Exchange(e.Bytes(), in); err != nil {
		return err
	}
	ring.Unpack(v, in, c.f)
	step.Receive(c.z[p.role], x, e, choice, q, v)
	return nil
}

func (c truncCase[W]) send(p *end, k int) error {
	x := c.x[p.role]
	n, step := len(x), nonlin.Trunc[W]{F: c.f, Party: p.role}
	if err := p.conn.BeginPhase(offlinePhase(k)); err != nil {
		return err
	}
	u, err := p.receive(cost.SoftSpokenBytes(int64(n)))
	if err != nil {
		return err
	}
	p0, p1, err := pads[W](p.sends, n, u)
	if err == nil {
		err = p.conn.BeginPhase(onlinePhase(k))
	}
	if err != nil {
		return err
	}
	e, v := ring.NewBits(n), make([]W, n)
	step.Correlate(v, x, p0, p1)
	out, in := make([]byte, ring.PackedLen(n, c.f)), make([]byte, ring.PackedLen(n, 1))
	ring.Pack(out, v, c.f)
	if err := p.conn.Exchange(out, in); err != nil {
		return err
	}
	ring.UnpackBits(e, in)
	step.Send(c.z[p.role], x, e, p0)
	return nil
}

// check compares with the functionality: floor, or one more where something was dropped.
func (c truncCase[W]) check(t *testing.T) {
	t.Helper()
	x, z := sum(c.x), sum(c.z)
	for i := range x {
		if floor, p := ideal.Trunc(x[i], c.f); z[i] != floor && (z[i] != floor+1 || p == 0) {
			t.Fatalf("n=%d f=%d: x=%#x: %#x, want %#x + {0,1}, P(1) = %g", len(x), c.f, x[i], z[i], floor, p)
		}
	}
}

func conformTrunc[W ring.Word](t *testing.T, receiver cost.Party) {
	l := ring.Width[W]()
	var cases []truncCase[W]
	for i, n := range sizes {
		for _, f := range []int{1, 12, l/2 + i, l - 3} {
			cases = append(cases, newTruncCase(f, receiver, within[W](l-2, n)))
		}
	}
	d := cases[0].declared(t)
	measured := session(t, d.extensions, 1+2*len(cases), func(p *end) error {
		return inOrder(cases, func(k int, c truncCase[W]) error { return c.run(p, k) })
	})
	for k, c := range cases {
		c.check(t)
		compareCase(t, fmt.Sprintf("n=%d f=%d", len(c.x[0]), c.f), k, measured, c.declared(t))
	}
}

// TestTruncationProbability runs 10^6 truncations with fresh shares, with SOTTO_LONG 10^7, and wants as many results of
// floor + 1 as the dropped fractions add up to: in total, within 6 standard deviations, and by the chi-square of all values of
// the fraction, or of 256 stretches of them. An honest run fails less than once in 10^7 times. At f = 4, P(1) = (r + 1) / 2^f
// instead would be off by some 200 deviations.
func TestTruncationProbability(t *testing.T) {
	const batch = 1_000_000
	for _, f := range []int{4, 12} {
		t.Run(fmt.Sprintf("f=%d", f), func(t *testing.T) {
			var s roundings
			for range nonlin.Samples(batch) / batch {
				c := newTruncCase(f, cost.Client, within[uint32](30, batch))
				session(t, c.declared(t).extensions, 3, func(p *end) error { return c.run(p, 0) })
				c.check(t)
				s.add(c)
			}
			s.check(t)
		})
	}
}

// roundings counts results of floor + 1 beside their expectation, by the dropped fraction.
type roundings struct{ got, want, variance [256]float64 }

func (s *roundings) add(c truncCase[uint32]) {
	x, z := sum(c.x), sum(c.z)
	for i := range x {
		floor, p := ideal.Trunc(x[i], c.f)
		j := int(p * float64(len(s.got)))
		s.got[j] += float64(z[i] - floor)
		s.want[j] += p
		s.variance[j] += p * (1 - p)
	}
}

func (s *roundings) check(t *testing.T) {
	t.Helper()
	const deviations, never = 6, 1e-7
	var off, variance, chi float64
	kinds := 0
	for j, v := range s.variance {
		if v == 0 { // no fraction, or none with a choice
			continue
		}
		d := s.got[j] - s.want[j]
		off, variance, chi, kinds = off+d, variance+v, chi+d*d/v, kinds+1
	}
	p := distuv.ChiSquared{K: float64(kinds)}.Survival(chi)
	t.Logf("%.2f deviations in total; chi-square %.1f of %d kinds, p = %.3g", off/math.Sqrt(variance), chi, kinds, p)
	if math.Abs(off) > deviations*math.Sqrt(variance) || p < never {
		t.Errorf("results of floor + 1 are %.1f deviations off; chi-square %.1f of %d kinds has p = %.3g", off/math.Sqrt(variance), chi, kinds, p)
	}
}
