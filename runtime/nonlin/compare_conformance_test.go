package nonlin_test

import (
	"fmt"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/ideal"
	"sotto/runtime/nonlin"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

func TestComparisonConforms(t *testing.T) {
	bothRings(t, conformComparison[uint32], conformComparison[uint64])
}

func conformComparison[W ring.Word](t *testing.T) {
	l := ring.Width[W]()
	for _, deploy := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		for _, size := range [][2]int{{1, l}, {64, l - 1}, {65, 2}, {1000, 6}, {1000, 20}, {4099, l}} {
			n, width := size[0], size[1]
			t.Run(fmt.Sprintf("%s n=%d width=%d", deploy, n, width), func(t *testing.T) {
				c := comparisonCase[W]{deploy, nonlin.Compare[W]{Bits: width - 1}, cost.Comparison{Bits: width - 1}, share(within[W](width-1, n)),
					[2]ring.Bits{ring.NewBits(n), ring.NewBits(n)}}
				d := c.declared(t)
				measured := session(t, d.extensions, 3, c.run)
				c.check(t)
				compareCase(t, "comparison", 0, measured, d)
			})
		}
	}
}

// comparisonCase is one sign by OT: of a masked value the client's corrections go offline.
type comparisonCase[W ring.Word] struct {
	deploy cost.Deployment
	nonlin.Compare[W]
	form cost.Comparison
	x    [2][]W
	d    [2]ring.Bits
}

func (c comparisonCase[W]) declared(t *testing.T) declared {
	t.Helper()
	l, n := ring.Width[W](), len(c.x[0])
	x, body := "x", ""
	if c.deploy == cost.ClientServer {
		x, body = "m", fmt.Sprintf("%%m = mask %%x : M i%dq12[%d]\n", l, n)
	}
	return declare(t, c.deploy, fmt.Sprintf("%%x: A i%dq12[%d]", l, n),
		body+fmt.Sprintf("%%y = ot.drelu %%%s {width=%d} : B u1[%d]", x, c.Bits+1, n))
}

// bits are those of so many planes; carries those of a level of the tree.
func (c comparisonCase[W]) bits(planes int) ring.Bits {
	return ring.NewBits(planes * int(cost.Padded(int64(len(c.x[0])))))
}

func (c comparisonCase[W]) nodes(level int) ring.Bits {
	if c.form.Nodes(level) == 1 {
		return ring.NewBits(len(c.x[0]))
	}
	return c.bits(2*c.form.Nodes(level) - 1)
}

func (c comparisonCase[W]) run(p *end) error {
	o, err := c.prepare(p)
	if err == nil {
		err = p.conn.BeginPhase(onlinePhase(0))
	}
	if err != nil {
		return err
	}
	leaves := c.choose
	if p.role == cost.Server {
		leaves = c.answer
	}
	nodes, err := leaves(p, o)
	for level := 0; level < c.form.Levels() && err == nil; level++ {
		nodes, err = c.level(p, o, nodes, level)
	}
	if err != nil {
		return err
	}
	nonlin.Sign(c.d[p.role], nodes, c.x[p.role], c.Bits+1, p.role)
	return nil
}

// comparisonOTs is what a party has of OTs and triples, and the corrections.
type comparisonOTs struct{ e, chosen, masks, a, b, product ring.Bits }

// early tells whether the corrections go offline.
func (c comparisonCase[W]) early() bool { return c.deploy == cost.ClientServer }

// prepare is the offline phase: the messages of both extensions cross.
func (c comparisonCase[W]) prepare(p *end) (o comparisonOTs, err error) {
	if err = p.conn.BeginPhase(offlinePhase(0)); err != nil {
		return o, err
	}
	triples := c.form.Triples()
	o = comparisonOTs{c.bits(c.form.ChoicePlanes()), c.bits(2 * c.form.Digits()), c.bits(c.form.MaskPlanes()), c.bits(triples), c.bits(2 * triples), c.bits(2 * triples)}
	var out []byte
	if p.role == cost.Client {
		choice := randomBits(o.e.Len())
		c.Choose(o.e, c.x[p.role], choice)
		out, err = extend(p.receives, choice, func(m []prg.Block) error {
			return ot.ReceiverMasks(p.receives.hash, choice.Words(), m, p.receives.take(len(m)), o.chosen.Words())
		})
	}
	q, p0 := c.bits(2*triples), c.bits(2*triples)
	if err == nil && triples > 0 {
		o.a = randomBits(o.a.Len())
		var u []byte
		u, err = extend(p.receives, o.a, func(m []prg.Block) error {
			return ot.ReceiverBits(p.receives.hash, m, p.receives.take(len(m)), bitPlanes(q))
		})
		out = append(out, u...)
	}
	if p.role == cost.Client && c.early() {
		out = append(out, o.e.Bytes()...)
	}
	if err == nil {
		err = c.hear(p, o, p0, out)
	}
	if err == nil && triples > 0 {
		err = ot.Products(o.product.Words(), o.a.Words(), o.b.Words(), p0.Words(), q.Words())
	}
	return o, err
}

// hear sends out and takes the peer's message as the sender of its OTs.
func (c comparisonCase[W]) hear(p *end, o comparisonOTs, p0 ring.Bits, out []byte) error {
	u16, u := make([]byte, cost.SoftSpokenBytes(int64(o.e.Len()))), make([]byte, cost.SoftSpokenBytes(int64(o.a.Len())))
	in := u
	if p.role == cost.Server {
		in = make([]byte, len(u16)+len(u))
		if c.early() {
			in = append(in, o.e.Bytes()...)
		}
	}
	if err := p.conn.Exchange(out, in); err != nil {
		return err
	}
	if p.role == cost.Server {
		in = in[copy(u16, in):]
		if c.early() {
			copy(o.e.Bytes(), in[len(u):])
		}
		if err := extended(p.sends, u16, o.e.Len(), func(k []prg.Block) error {
			return ot.SenderMasks(p.sends.hash, p.sends.sender.Delta(), k, p.sends.take(len(k)), o.masks.Words())
		}); err != nil {
			return err
		}
	}
	if len(u) == 0 {
		return nil
	}
	return extended(p.sends, in[:len(u)], o.a.Len(), func(k []prg.Block) error {
		return ot.SenderBits(p.sends.hash, p.sends.sender.Delta(), k, p.sends.take(len(k)), bitPlanes(p0), bitPlanes(o.b))
	})
}

func bitPlanes(b ring.Bits) ot.BitPlanes {
	return ot.BitPlanes{Words: b.Words(), Stride: len(b.Words()) / ot.BitsPerOT}
}

// extend makes OTs with choices and uses their blocks.
func extend(x *extension, choice ring.Bits, use func([]prg.Block) error) (u []byte, err error) {
	m := make([]prg.Block, choice.Len())
	if u, err = x.receiver.Extend(choice.Words(), len(m), m); err != nil {
		return nil, err
	}
	return u, use(m)
}

// extended is the sender's end.
func extended(x *extension, u []byte, n int, use func([]prg.Block) error) error {
	k := make([]prg.Block, n)
	if err := x.sender.Extend(n, u, k); err != nil {
		return err
	}
	return use(k)
}

// choose is the client's part up to its shares of the digits.
func (c comparisonCase[W]) choose(p *end, o comparisonOTs) (ring.Bits, error) {
	leaves, message := c.nodes(0), c.bits(c.form.MessagePlanes())
	if !c.early() {
		if err := p.conn.Send(o.e.Bytes()); err != nil {
			return leaves, err
		}
	}
	if err := p.conn.ReadFull(message.Bytes()); err != nil {
		return leaves, err
	}
	c.Select(leaves, c.x[p.role], message, o.chosen)
	return leaves, nil
}

// answer is the server's.
func (c comparisonCase[W]) answer(p *end, o comparisonOTs) (ring.Bits, error) {
	leaves, message := c.nodes(0), c.bits(c.form.MessagePlanes())
	if !c.early() {
		if err := p.conn.ReadFull(o.e.Bytes()); err != nil {
			return leaves, err
		}
	}
	pads, base := c.bits(c.form.MessagePlanes()), c.bits(c.form.Leaves())
	c.Turn(pads, base, o.masks, o.e)
	c.Answer(message, leaves, c.x[p.role], pads, base)
	p.conn.Begin()
	_, err := p.conn.Write(message.Bytes())
	if err == nil && c.form.Levels() == 0 {
		err = p.conn.End()
	}
	return leaves, err
}

// level joins the nodes of a level. A party opens as soon as it can: the server's first opening travels with its answer, and so do
// the client's of a level and the next, then the server's of two levels, and so on.
func (c comparisonCase[W]) level(p *end, o comparisonOTs, nodes ring.Bits, level int) (ring.Bits, error) {
	own, peer, joined := c.bits(c.form.OpenedPlanes(level)), c.bits(c.form.OpenedPlanes(level)), c.nodes(level+1)
	c.Open(own, nodes, o.a, o.b, level)
	first := level%2 == int(p.role) // of a message
	if first {
		p.conn.Begin()
	}
	_, err := p.conn.Write(own.Bytes())
	if err == nil && (!first || level+1 == c.form.Levels()) {
		err = p.conn.End()
	}
	if err == nil {
		err = p.conn.ReadFull(peer.Bytes())
	}
	if err != nil {
		return joined, err
	}
	c.Join(joined, nodes, own, peer, o.b, o.product, level)
	return joined, nil
}

func (c comparisonCase[W]) check(t *testing.T) {
	t.Helper()
	for i, x := range sum(c.x) {
		want := ideal.DReLU(x, c.Bits+1)
		if got := c.d[0].Get(i) ^ c.d[1].Get(i); got != want {
			t.Fatalf("x=%#x: %d, want %d", x, got, want)
		}
	}
}
