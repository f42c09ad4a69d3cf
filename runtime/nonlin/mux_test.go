package nonlin_test

import (
	"fmt"
	"slices"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/ideal"
	"sotto/runtime/nonlin"
	"sotto/runtime/ring"
)

func TestMuxConforms(t *testing.T) {
	bothRings(t, conformMux[uint32], conformMux[uint64])
}

type muxCase[W ring.Word] struct {
	x, z [2][]W
	d    [2]ring.Bits
}

func (c muxCase[W]) declared(t *testing.T) declared {
	t.Helper()
	l, n := ring.Width[W](), len(c.x[0])
	return declare(t, cost.Outsourced, fmt.Sprintf("%%d: B u1[%d], %%x: A i%dq12[%d]", n, l, n),
		fmt.Sprintf("%%y = ot.mux %%d, %%x : A i%dq12[%d]", l, n))
}

func (c muxCase[W]) run(p *end, k int) error {
	x, d := c.x[p.role], c.d[p.role]
	n, step := len(x), nonlin.Mux[W]{}
	if err := p.conn.BeginPhase(offlinePhase(k)); err != nil {
		return err
	}
	u, choice, q, err := choose[W](p.receives, n)
	if err != nil {
		return err
	}
	peerU := make([]byte, len(u))
	if err := p.conn.Exchange(u, peerU); err != nil {
		return err
	}
	p0, p1, err := pads[W](p.sends, n, peerU)
	if err == nil {
		err = p.conn.BeginPhase(onlinePhase(k))
	}
	if err != nil {
		return err
	}
	e, v, ePeer := ring.NewBits(n), make([]W, n), ring.NewBits(n)
	step.Choose(e, d, choice)
	step.Correlate(v, x, d, p0, p1)
	out := append(slices.Clone(e.Bytes()), ring.Bytes(v)...)
	in := make([]byte, len(out))
	if err := p.conn.Exchange(out, in); err != nil {
		return err
	}
	bits := ring.PackedLen(n, 1)
	ring.UnpackBits(ePeer, in[:bits])
	copy(ring.Bytes(v), in[bits:])
	step.Output(c.z[p.role], x, d, ePeer, p0, e, choice, q, v)
	return nil
}

func conformMux[W ring.Word](t *testing.T) {
	var cases []muxCase[W]
	for _, n := range sizes {
		x := within[W](ring.Width[W]()-1, n)
		cases = append(cases, muxCase[W]{share(x), [2][]W{make([]W, n), make([]W, n)}, shareBits(randomBits(n))})
	}
	d := cases[0].declared(t)
	measured := session(t, d.extensions, 1+2*len(cases), func(p *end) error {
		return inOrder(cases, func(k int, c muxCase[W]) error { return c.run(p, k) })
	})
	for k, c := range cases {
		x, z := sum(c.x), sum(c.z)
		for i := range x {
			bit := c.d[0].Get(i) ^ c.d[1].Get(i)
			if want := ideal.Mux(bit, x[i]); z[i] != want {
				t.Fatalf("n=%d: %d * %#x: %#x, want %#x", len(x), bit, x[i], z[i], want)
			}
		}
		compareCase(t, fmt.Sprintf("n=%d", len(x)), k, measured, c.declared(t))
	}
}
