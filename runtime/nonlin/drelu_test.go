package nonlin_test

import (
	"fmt"
	"testing"

	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/garble"
	"sotto/runtime/ideal"
	"sotto/runtime/nonlin"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

func TestDReLUConforms(t *testing.T) {
	bothRings(t, conformDReLU[uint32], conformDReLU[uint64])
}

// dreluCase is one sign of a masked value: the client's share is known offline.
type dreluCase[W ring.Word] struct {
	width int
	x     [2][]W
	d     [2]ring.Bits
}

func (c dreluCase[W]) declared(t *testing.T) declared {
	t.Helper()
	l, n := ring.Width[W](), len(c.x[0])
	return declare(t, cost.ClientServer, fmt.Sprintf("%%x: A i%dq12[%d]", l, n),
		fmt.Sprintf("%%m = mask %%x : M i%dq12[%d]\n%%y = gc.drelu %%m {width=%d} : B u1[%d]", l, n, c.width, n))
}

func (c dreluCase[W]) run(p *end) error {
	circ, err := circuit.Carry(c.width - 1)
	if err != nil {
		return err
	}
	if err := p.conn.BeginPhase(offlinePhase(0)); err != nil {
		return err
	}
	if p.role == cost.Client {
		return c.evaluate(p, circ)
	}
	return c.garble(p, circ)
}

// lowBits are a party's inputs of the circuit, instance by instance.
func (c dreluCase[W]) lowBits(p cost.Party) []uint64 {
	b := ring.NewBits(len(c.x[p]) * (c.width - 1))
	ring.BlockBits(b, c.x[p], 1, c.width-1)
	return b.Words()
}

func (c dreluCase[W]) evaluate(p *end, circ *circuit.Circuit) error {
	n, wires := len(c.x[0]), int64(c.width-1)
	evaluator, err := garble.NewEvaluator(cost.HalfGates, circ, p.receives.hash, prg.Garbling.First())
	if err != nil {
		return err
	}
	active := make([]prg.Block, n*circ.Evaluator)
	u, err := p.receives.receiver.Extend(c.lowBits(cost.Client), len(active), active)
	if err == nil {
		err = p.conn.Send(u)
	}
	if err != nil {
		return err
	}
	tables, err := p.receive(cost.HalfGatesBytes(wires, int64(n)))
	if err == nil {
		err = p.conn.BeginPhase(onlinePhase(0))
	}
	if err != nil {
		return err
	}
	labels, err := p.receive(cost.LabelBytes(wires, int64(n)))
	if err != nil {
		return err
	}
	colour := ring.NewBits(n)
	err = evaluator.Evaluate(0, n, active, loadBlocks(labels), loadBlocks(tables), colour.Words())
	nonlin.Sign(c.d[cost.Client], colour, c.x[cost.Client], c.width, cost.Client)
	return err
}

func (c dreluCase[W]) garble(p *end, circ *circuit.Circuit) error {
	n := len(c.x[0])
	garbler, err := garble.NewGarbler(cost.HalfGates, circ, p.sends.hash, p.sends.sender.Delta(), prg.NewSeed(), prg.Garbling.First())
	if err != nil {
		return err
	}
	zero, tables, permute := make([]prg.Block, n*circ.Evaluator), make([]prg.Block, 2*n*circ.ANDs()), ring.NewBits(n)
	u, err := p.receive(cost.SoftSpokenBytes(int64(len(zero))))
	if err == nil {
		err = p.sends.sender.Extend(len(zero), u, zero)
	}
	if err == nil {
		err = garbler.Garble(0, n, zero, nil, tables, permute.Words())
	}
	if err == nil {
		err = p.conn.Send(prg.Bytes(tables))
	}
	if err == nil {
		err = p.conn.BeginPhase(onlinePhase(0))
	}
	if err != nil {
		return err
	}
	labels := make([]prg.Block, n*circ.Garbler)
	if err := garbler.Labels(0, n, c.lowBits(cost.Server), labels); err != nil {
		return err
	}
	nonlin.Sign(c.d[cost.Server], permute, c.x[cost.Server], c.width, cost.Server)
	return p.conn.Send(prg.Bytes(labels))
}

func loadBlocks(b []byte) []prg.Block {
	blocks := make([]prg.Block, len(b)/prg.BlockBytes)
	prg.Load(blocks, b)
	return blocks
}

// conformDReLU has a session a case: each garbled batch has its own Delta.
func conformDReLU[W ring.Word](t *testing.T) {
	l := ring.Width[W]()
	for _, size := range [][2]int{{1, l}, {63, l}, {64, l - 1}, {65, 2}, {1000, 3}, {1000, 20}, {4099, l}} {
		n, width := size[0], size[1]
		t.Run(fmt.Sprintf("n=%d width=%d", n, width), func(t *testing.T) {
			c := dreluCase[W]{width, share(within[W](width-1, n)), [2]ring.Bits{ring.NewBits(n), ring.NewBits(n)}}
			d := c.declared(t)
			measured := session(t, d.extensions, 3, c.run)
			c.check(t)
			compareCase(t, "drelu", 0, measured, d)
		})
	}
}

func (c dreluCase[W]) check(t *testing.T) {
	t.Helper()
	for i, x := range sum(c.x) {
		want := ideal.DReLU(x, c.width)
		if got := c.d[0].Get(i) ^ c.d[1].Get(i); got != want {
			t.Fatalf("x=%#x: drelu %d, want %d", x, got, want)
		}
	}
}
