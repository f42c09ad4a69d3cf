package testbench

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"sotto/fpga/lower"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/runtime/nonlin"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// Trees of SoftSpoken: runtime/ot has them for itself.
const (
	fieldBits = 4
	trees     = 128 / fieldBits
	leaves    = 1 << fieldBits
)

// extension is a set-up of the runtime's SoftSpoken with the leaves that its streams begin from.
type extension struct {
	delta    prg.Block
	sender   *ot.Sender
	receiver *ot.Receiver
	known    [trees][leaves]prg.Block // at the sender, without the missing leaf
	all      [trees][leaves]prg.Block
}

// newExtension sets up twice with the same test randomness: once by the extension, once by its base OTs alone, whose keys are the trees'.
func newExtension(t *testing.T, seed uint64) *extension {
	t.Helper()
	sid, delta := []byte("hlslib"), testStream(seed).blocks(1)[0]
	sending, receiving := func() stream { return testStream(seed + 1) }, func() stream { return testStream(seed + 2) }
	setup, msg1, err := ot.NewSenderSetup(sid, delta, sending())
	check(t, err)
	receiver, msg2, err := ot.NewReceiver(sid, msg1, receiving())
	check(t, err)
	sender, err := setup.Finish(msg2)
	check(t, err)
	x := &extension{delta: delta, sender: sender, receiver: receiver}

	base, _, err := ot.NewBaseReceiver(sid, []uint64{^delta.Lo, ^delta.Hi}, 128, sending())
	check(t, err)
	point, both, err := ot.BaseSend(sid, 128, msg1, receiving())
	check(t, err)
	own, err := base.Keys(point)
	check(t, err)
	for tree := range trees {
		x.plant(tree, both[tree*fieldBits:][:fieldBits], own[tree*fieldBits:])
	}
	return x
}

// plant grows a tree at the receiver, and takes from it what the sender gets to know: it checks its base OTs, no more.
func (x *extension) plant(tree int, both [][2]prg.Block, own []prg.Block) {
	missing := 0
	for j := range fieldBits {
		bit := x.delta.Bit(tree*fieldBits + j)
		missing |= int(bit) << j
		if own[j] != both[j][1-bit] {
			panic("the base OTs gave another key")
		}
	}
	node := []prg.Block{both[fieldBits-1][0], both[fieldBits-1][1]}
	for len(node) < leaves {
		var next []prg.Block
		for _, n := range node {
			children := make([]prg.Block, 2)
			prg.NewStream(n.Seed()).Blocks(children)
			next = append(next, children...)
		}
		node = next
	}
	for i, leaf := range node {
		x.all[tree][i] = leaf
		if i != missing {
			x.known[tree][i^missing] = leaf
		}
	}
}

func flat(forest [trees][leaves]prg.Block) []uint64 {
	var words []uint64
	for _, tree := range forest {
		words = append(words, halves(tree[:])...)
	}
	return words
}

// words64 reads bytes as the words that they are on the wire.
func words64(p []byte) []uint64 {
	blocks := make([]prg.Block, len(p)/prg.BlockBytes)
	prg.Load(blocks, p)
	return halves(blocks)
}

// TestExtension holds batches of SoftSpoken's steps against the runtime's, message, M and K, one batch after the other: of whole chunks, of
// parts of them, and from the second word of a stream's block on.
func TestExtension(t *testing.T) {
	for design, d := range garblingDesigns {
		t.Run(fmt.Sprint(design), func(t *testing.T) {
			x := newExtension(t, uint64(100*design))
			used := 0
			for _, n := range []int{64, 4096 + 64*3, 1000, 130, 8192} {
				testBatch(t, x, design, d, used, n)
				used += ring.BitWords(n)
			}
		})
	}
}

func testBatch(t *testing.T, x *extension, design int, d garblingDesign, used, n int) {
	t.Helper()
	choices := testStream(uint64(n)).words(ring.BitWords(n))
	m, k := make([]prg.Block, n), make([]prg.Block, n)
	message, err := x.receiver.Extend(choices, n, m)
	check(t, err)
	check(t, x.sender.Extend(n, message, k))

	b := &board{design: design}
	all, known := b.onBits(flat(x.all)), b.onBits(flat(x.known))
	key := b.onBits(halves([]prg.Block{{}, x.delta, {}}))
	c, u := b.onBits(choices), b.onBits(blank(len(message)/8))
	rows, zeros := b.onBits(blank(2*n)), b.onBits(blank(2*n))
	model := target.Design{OT: d.ot}
	charged := int64(0)
	extend := func(cmd lower.Command) uint64 {
		charged = 0
		for lo := 0; lo < n; lo += 4096 {
			cmd.Lo, cmd.N = uint32(lo), uint32(min(4096, n-lo))
			ints(&cmd, used, 0)
			b.issue(cmd)
			charged += model.ExtendCycles(int(cmd.N), used+lo/64)
		}
		b.run(t)
		return b.cycles[1]
	}
	received := extend(lower.Command{Operation: lower.OpExtendReceive, Out: [lower.Outs]uint32{u, rows}, In: [lower.Ins]uint32{c}, Weight: [lower.WeightRefs]uint32{all, lower.None}})
	sent := extend(lower.Command{Operation: lower.OpExtendSend, Out: [lower.Outs]uint32{zeros}, In: [lower.Ins]uint32{u}, Weight: [lower.WeightRefs]uint32{known, key}})
	same(t, "message", b.bits[u:][:len(message)/8], words64(message))
	same(t, "M", b.bits[rows:][:2*n], halves(m))
	same(t, "K", b.bits[zeros:][:2*n], halves(k))
	if want := uint64(charged); received != want || sent != want {
		t.Errorf("%d OTs in %d and %d cycles, %d are charged", n, received, sent, want)
	}
}

// TestPads holds pads of random OTs, masks of 1-of-16 OTs and planes of bits against the runtime's, at both ends.
func TestPads(t *testing.T) {
	for design, d := range garblingDesigns {
		t.Run(fmt.Sprint(design), func(t *testing.T) {
			if d.ring == 32 {
				testPads[uint32](t, design, d)
			} else {
				testPads[uint64](t, design, d)
			}
		})
	}
}

func testPads[W ring.Word](t *testing.T, design int, d garblingDesign) {
	const n, first = 3 * ot.NCOTs, prg.Tweak(5)<<40 + 9
	s := testStream(uint64(design) + 70)
	k, head, choice := s.blocks(n), s.blocks(2), s.words(n/64)
	hash, delta := prg.NewHash(head[0]), head[1]
	m := make([]prg.Block, n)
	for i := range m {
		m[i] = k[i].Xor(delta.MaskIf(choice[i/64] >> (i % 64)))
	}
	p0, p1, q := make([]W, n), make([]W, n), make([]W, n)
	check(t, ot.SenderPads(hash, delta, k, first, 1, p0, p1))
	check(t, ot.ReceiverPads(hash, m, first, 1, q))
	masks, chosen := make([]uint64, n/ot.NCOTs*ot.NMaskWords), make([]uint64, n/ot.NCOTs*ot.NChosenWords)
	check(t, ot.SenderMasks(hash, delta, k, first, masks))
	check(t, ot.ReceiverMasks(hash, choice, m, first, chosen))
	const bitOTs = n - 10 // the last word of a plane is not whole
	stride := ring.BitWords(n)
	planes := func() ([]uint64, ot.BitPlanes) {
		w := make([]uint64, ot.BitsPerOT*stride)
		return w, ot.BitPlanes{Words: w, Stride: stride}
	}
	b0, to0 := planes()
	bd, tod := planes()
	bq, toq := planes()
	check(t, ot.SenderBits(hash, delta, k[:bitOTs], first, to0, tod))
	check(t, ot.ReceiverBits(hash, m[:bitOTs], first, toq))

	b := &board{design: design}
	key := b.onBits(halves([]prg.Block{head[0], delta, {}}))
	ks, ms, choices := b.onBits(halves(k)), b.onBits(halves(m)), b.onBits(choice)
	at := struct{ p0, p1, q, masks, chosen, b0, bd, bq uint32 }{b.onRing(blank(n)), b.onRing(blank(n)), b.onRing(blank(n)), b.onBits(blank(len(masks))),
		b.onBits(blank(len(chosen))), b.onBits(blank(2 * stride)), b.onBits(blank(2 * stride)), b.onBits(blank(2 * stride))}
	hashed := func(op lower.Operation, ots, each int, out [lower.Outs]uint32, in ...uint32) {
		for lo := 0; lo < ots; lo += 2 * ot.NCOTs {
			cmd := lower.Command{Operation: op, Lo: uint32(lo), N: uint32(min(2*ot.NCOTs, ots-lo)), Out: out, Weight: [lower.WeightRefs]uint32{lower.None, key}}
			copy(cmd.In[:], in)
			cmd.SetConstant(0, uint64(first))
			cmd.Ints[2] = int32(stride)
			b.issue(cmd)
		}
		b.run(t)
		model := target.Design{OT: d.ot}
		if want := model.HashCycles(2*ot.NCOTs, each) + model.HashCycles(ots-2*ot.NCOTs, each); b.cycles[1] != uint64(want) {
			t.Errorf("%v: %d cycles, %d are charged", op, b.cycles[1], want)
		}
	}
	hashed(lower.OpPads, n, 2, [lower.Outs]uint32{at.p0, at.p1}, ks)
	hashed(lower.OpChosenPads, n, 1, [lower.Outs]uint32{at.q}, ms)
	hashed(lower.OpMasks16, n, 2, [lower.Outs]uint32{at.masks}, ks)
	hashed(lower.OpChosen16, n, 1, [lower.Outs]uint32{at.chosen}, choices, ms)
	hashed(lower.OpBitPads, bitOTs, 2, [lower.Outs]uint32{at.b0, at.bd}, ks)
	hashed(lower.OpChosenBits, bitOTs, 1, [lower.Outs]uint32{at.bq}, ms)
	same(t, "p0", b.ring[at.p0:][:n], wide(p0))
	same(t, "p1", b.ring[at.p1:][:n], wide(p1))
	same(t, "q", b.ring[at.q:][:n], wide(q))
	same(t, "masks", b.bits[at.masks:][:len(masks)], masks)
	same(t, "chosen masks", b.bits[at.chosen:][:len(chosen)], chosen)
	same(t, "p0 of bits", b.bits[at.b0:][:2*stride], b0)
	same(t, "b", b.bits[at.bd:][:2*stride], bd)
	same(t, "q of bits", b.bits[at.bq:][:2*stride], bq)
}

// TestCompare holds every step of comparisons against the runtime's, of drawn shares, widths and numbers of instances, in slabs.
func TestCompare(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4)) // test randomness
	for _, c := range []struct{ design, bits, n int }{{0, 1, 64}, {0, 3, 70}, {0, 4, 1}, {0, 5, 100}, {0, 17, 300}, {0, 18, 100}, {0, 31, 200}, {1, 40, 130}, {1, 63, 257}, {1, 20, 1100}, {2, 13, 64}, {2, 31, 450}} {
		t.Run(fmt.Sprintf("%d-%d-%d", c.design, c.bits, c.n), func(t *testing.T) {
			if garblingDesigns[c.design].ring == 32 {
				testCompare[uint32](t, c.design, c.bits, c.n, rnd.Uint64())
			} else {
				testCompare[uint64](t, c.design, c.bits, c.n, rnd.Uint64())
			}
		})
	}
}

// comparing is a comparison of both parties by the runtime and by a board that has the memories of both.
type comparing[W ring.Word] struct {
	*testing.T
	*board
	cost.Comparison
	n, stride int
	draw      stream
	at        map[string]uint32
	want      map[string]ring.Bits
}

func testCompare[W ring.Word](t *testing.T, design, width, n int, seed uint64) {
	c := &comparing[W]{t, &board{design: design}, cost.Comparison{Bits: width}, n, ring.BitWords(n), testStream(seed), map[string]uint32{}, map[string]ring.Bits{}}
	x, steps := elements[W](c.draw, n), nonlin.Compare[W]{Bits: width}
	at := c.onRing(wide(x))
	choices, masks, ours := c.given("choices", c.ChoicePlanes()), c.given("masks", c.MaskPlanes()), c.given("masks of choices", 2*c.Digits())
	e := c.wanted("e", c.ChoicePlanes())
	steps.Choose(e, x, choices)
	c.do(lower.OpCompareChoose, []string{"e"}, at, "choices")
	pads, base := c.wanted("pads", c.MessagePlanes()), c.wanted("base", c.Leaves())
	steps.Turn(pads, base, masks, e)
	c.do(lower.OpCompareTurn, []string{"pads", "base"}, lower.None, "masks", "e")
	m, nodes := c.wanted("m", c.MessagePlanes()), c.wantedNodes("nodes 0", 0)
	steps.Answer(m, nodes, x, pads, base)
	c.do(lower.OpCompareAnswer, []string{"m", "nodes 0"}, at, "pads", "base")
	selected := c.wantedNodes("selected", 0)
	steps.Select(selected, x, m, ours)
	c.do(lower.OpCompareSelect, []string{"selected"}, at, "m", "masks of choices")
	c.joins(steps, nodes)
	c.products()
}

// joins goes through the levels.
func (c *comparing[W]) joins(steps nonlin.Compare[W], nodes ring.Bits) {
	if c.Levels() == 0 {
		return
	}
	a, b, product := c.given("a", c.Triples()), c.given("b", 2*c.Triples()), c.given("c", 2*c.Triples())
	for level := range c.Levels() {
		from, to, own, peer := fmt.Sprint("nodes ", level), fmt.Sprint("nodes ", level+1), fmt.Sprint("own ", level), fmt.Sprint("peer ", level)
		theirs := c.given(peer, c.OpenedPlanes(level))
		opened := c.wanted(own, c.OpenedPlanes(level))
		steps.Open(opened, nodes, a, b, level)
		c.do(lower.OpCompareOpen, []string{own}, lower.None, from, "a", "b")
		joined := c.wantedNodes(to, level+1)
		steps.Join(joined, nodes, opened, theirs, b, product, level)
		c.do(lower.OpCompareJoin, []string{to}, lower.None, from, own, peer, "b", "c")
		nodes = joined
	}
}

func (c *comparing[W]) products() {
	const words, productLoads, productStores = 5, 7, 2
	a, b, p0, q := c.draw.words(words), c.draw.words(2*words), c.draw.words(2*words), c.draw.words(2*words)
	want := make([]uint64, 2*words)
	check(c.T, ot.Products(want, a, b, p0, q))
	out := c.onBits(blank(2 * words))
	cmd := lower.Command{Operation: lower.OpProducts, Out: [lower.Outs]uint32{out}, In: [lower.Ins]uint32{c.onBits(a), c.onBits(b), c.onBits(p0), c.onBits(q)}}
	cycles := [3]uint64{}
	for lo := uint32(0); lo < words; lo += 3 {
		cmd.Lo, cmd.N = lo, min(3, words-lo)
		loads, stores := c.busiest(int(cmd.N), productLoads), c.busiest(int(cmd.N), productStores)
		cycles = [3]uint64{cycles[0] + loads, cycles[1] + loads, cycles[2] + stores}
		ints(&cmd, words)
		c.issue(cmd)
	}
	c.run(c.T)
	if c.cycles != cycles {
		c.Errorf("products: %d cycles, modelled are %d", c.cycles, cycles)
	}
	same(c.T, "products", c.bits[out:][:2*words], want)
}

// given draws a vector of planes and puts it into memory.
func (c *comparing[W]) given(name string, planes int) ring.Bits {
	words := c.draw.words(planes * c.stride)
	c.at[name] = c.onBits(words)
	return ring.WrapBits(words, 64*len(words))
}

// wanted is a vector that a step makes.
func (c *comparing[W]) wanted(name string, planes int) ring.Bits {
	c.want[name] = ring.NewBits(64 * planes * c.stride)
	c.at[name] = c.onBits(blank(planes * c.stride))
	return c.want[name]
}

// wantedNodes is one of nodes before a level, or of the carries.
func (c *comparing[W]) wantedNodes(name string, level int) ring.Bits {
	if m := c.Nodes(level); m > 1 {
		return c.wanted(name, 2*m-1)
	}
	c.want[name] = ring.NewBits(c.n)
	c.at[name] = c.onBits(blank(c.stride))
	return c.want[name]
}

// compareSlab is the instances of a command.
const compareSlab = 5 * 64

// do runs an operation in slabs, and compares its results, and its cycles with the model's of so many units.
func (c *comparing[W]) do(op lower.Operation, outs []string, x uint32, ins ...string) {
	c.Helper()
	cmd := lower.Command{Operation: op}
	for i, name := range outs {
		cmd.Out[i] = c.at[name]
	}
	in := cmd.In[:0]
	if x != lower.None {
		in = append(in, x)
	}
	for _, name := range ins {
		in = append(in, c.at[name])
	}
	numbers := []int{c.Bits, c.stride}
	if op == lower.OpCompareOpen || op == lower.OpCompareJoin {
		var level int
		if _, err := fmt.Sscanf(ins[0], "nodes %d", &level); err != nil {
			c.Fatal(err)
		}
		numbers = []int{c.Bits, level, c.stride}
	}
	takes, makes := c.words(op, numbers)
	want := [3]uint64{}
	slabs(c.n, compareSlab, func(lo, n uint32) {
		loads, stores := c.busiest(ring.BitWords(int(n)), takes), c.busiest(ring.BitWords(int(n)), makes)
		want = [3]uint64{want[0] + loads, want[1] + loads, want[2] + stores}
		cmd.Lo, cmd.N = lo, n
		ints(&cmd, numbers...)
		c.issue(cmd)
	})
	c.run(c.T)
	if c.cycles != want {
		c.Errorf("%v: %d cycles to load, compute and store, modelled are %d", op, c.cycles, want)
	}
	for _, name := range outs {
		same(c.T, fmt.Sprintf("%v: %s", op, name), c.board.bits[c.at[name]:][:len(c.want[name].Words())], c.want[name].Words())
	}
}

// busiest is the cycles of the unit that takes most columns.
func (c *comparing[W]) busiest(columns, each int) uint64 {
	return uint64(target.Design{Compare: target.Stream{Lanes: garblingDesigns[c.design].lanes}}.CompareWords(columns, each))
}

// words is the words of 64 bits that an operation takes of a column, and makes.
func (c *comparing[W]) words(op lower.Operation, numbers []int) (in, out int) {
	x, nodes := ring.Width[W](), func(level int) int { return 2*c.Nodes(level) - 1 } // 64 words of the ring; planes
	switch op {
	case lower.OpCompareChoose:
		return x + c.ChoicePlanes(), c.ChoicePlanes()
	case lower.OpCompareTurn:
		return c.MaskPlanes() + c.ChoicePlanes(), c.MessagePlanes() + c.Leaves()
	case lower.OpCompareAnswer:
		return x + c.MessagePlanes() + c.Leaves(), c.MessagePlanes() + nodes(0)
	case lower.OpCompareSelect:
		return x + c.MessagePlanes() + c.Leaves(), nodes(0)
	}
	level := numbers[1]
	if op == lower.OpCompareOpen {
		return 2 * c.OpenedPlanes(level), c.OpenedPlanes(level)
	}
	return 4*c.OpenedPlanes(level) + 2*(c.Nodes(level)%2), nodes(level + 1)
}
