package nonlin_test

import (
	"fmt"
	"math"
	"testing"

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

// TestTruncationProbability runs 10^6 truncations with fresh shares and wants as many results of floor + 1 as the dropped
// fractions add up to, in total and for each sixteenth of the range of the fraction, within 6 standard deviations: an honest
// run fails less than once in 10^7 times. At f = 4, P(1) = (r + 1) / 2^f instead would be off by some 200 deviations.
func TestTruncationProbability(t *testing.T) {
	const n = 1_000_000
	for _, f := range []int{4, 12} {
		t.Run(fmt.Sprintf("f=%d", f), func(t *testing.T) {
			c := newTruncCase(f, cost.Client, within[uint32](30, n))
			session(t, c.declared(t).extensions, 3, func(p *end) error { return c.run(p, 0) })
			c.check(t)
			checkProbability(t, c)
		})
	}
}

func checkProbability(t *testing.T, c truncCase[uint32]) {
	t.Helper()
	const parts = 16
	var got, want, variance [parts + 1]float64 // the last is the total
	x, z := sum(c.x), sum(c.z)
	for i := range x {
		floor, p := ideal.Trunc(x[i], c.f)
		for _, j := range []int{int(p * parts), parts} {
			got[j] += float64(z[i] - floor)
			want[j] += p
			variance[j] += p * (1 - p)
		}
	}
	for j := range got {
		if math.Abs(got[j]-want[j]) > 6*math.Sqrt(variance[j]) {
			t.Errorf("part %d: %g results of floor + 1, want %.1f with a deviation of %.1f", j, got[j], want[j], math.Sqrt(variance[j]))
		}
	}
}
