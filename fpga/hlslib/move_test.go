package hlslib_test

import (
	"testing"

	"sotto/fpga/hlslib"
	"sotto/fpga/lower"
	"sotto/ir/cost"
	"sotto/runtime/kernel"
	"sotto/runtime/ring"
)

// movement is the ints of a movement, its operand's elements, and the runtime's result.
type movement[W ring.Word] struct {
	op   lower.Operation
	ints []int
	x    []W
	y    []W
}

// walks are nested loops, whose innermost step is one or another, forth and back.
func walks[W ring.Word](t *testing.T, b *bench[W]) (all []movement[W]) {
	for _, l := range []struct {
		of kernel.Loops
		x  int
	}{
		{kernel.Loops{First: 0, Of: []int{10, 1}}, 10}, {kernel.Loops{First: 9, Of: []int{10, -1}}, 10}, {kernel.Loops{First: 3, Of: []int{7, 40, 5, 1}}, 300},
		{kernel.Loops{First: 1, Of: []int{4, 100, 3, 7, 33, 3}}, 600}, {kernel.Loops{First: 0, Of: []int{2, 0, 6, 31, 1, 0, 29, 1}}, 200},
		{kernel.Loops{First: 63, Of: []int{3, 64, 8, -8, 8, 1}}, 300},
	} {
		n := 1
		for i := 0; i < len(l.of.Of); i += 2 {
			n *= l.of.Of[i]
		}
		m := movement[W]{op: lower.OpWalk, ints: append([]int{l.of.First, len(l.of.Of) / 2}, l.of.Of...), x: words[W](b.rnd, l.x), y: make([]W, n)}
		if err := kernel.Walk(l.of, m.y, m.x); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// resamples are paddings and slices.
func resamples[W ring.Word](t *testing.T, b *bench[W]) (all []movement[W]) {
	for _, p := range []kernel.Pad{{C: 3, H: 5, W: 7, Top: 1, Bottom: 2, Left: 3, Right: 1}, {C: 1, H: 1, W: 1, Left: 2}, {C: 2, H: 16, W: 9, Top: 3}, {C: 4, H: 3, W: 4}} {
		m := movement[W]{op: lower.OpResample, ints: []int{p.C, p.H, p.OutH(), -p.Top, 1, p.W, p.OutW(), -p.Left, 1}, x: words[W](b.rnd, p.C*p.H*p.W), y: make([]W, p.C*p.OutH()*p.OutW())}
		if err := kernel.Pad2D(p, m.y, m.x); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	for _, s := range []kernel.Slice{{C: 2, H: 9, W: 11, StartH: 1, StartW: 1, StrideH: 2, StrideW: 2}, {C: 3, H: 8, W: 8, StrideH: 2, StrideW: 2}, {C: 1, H: 5, W: 5, StartH: 4, StartW: 4, StrideH: 3, StrideW: 3}} {
		m := movement[W]{op: lower.OpResample, ints: []int{s.C, s.H, s.OutH(), s.StartH, s.StrideH, s.W, s.OutW(), s.StartW, s.StrideW}, x: words[W](b.rnd, s.C*s.H*s.W), y: make([]W, s.C*s.OutH()*s.OutW())}
		if err := kernel.Slice2D(s, m.y, m.x); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// addMovement puts a movement on a bench, as one command, and as commands of a part each.
func addMovement[W ring.Word](b *bench[W], m movement[W]) {
	const part = 64
	x := b.put(m.x)
	for _, size := range []int{len(m.y), part} {
		y := b.room(len(m.y))
		b.want(y, m.y)
		for lo := 0; lo < len(m.y); lo += size {
			c := command(m.op, cost.Client, min(size, len(m.y)-lo))
			c.Lo, c.In[0], c.Out[0] = uint32(lo), x, y+uint32(lo)
			ints(&c, m.ints...)
			b.add(c)
		}
	}
}

// addIndex puts elements by a list on a bench, of one vector or of two.
func addIndex[W ring.Word](b *bench[W], n, first, second int) {
	x, behind, y := words[W](b.rnd, first), words[W](b.rnd, second), make([]W, n)
	list := make([]uint64, (n+1)/2)
	for i := range y {
		at := b.rnd.IntN(first + second)
		list[i/2] |= uint64(at) << (32 * (i % 2))
		if y[i] = x[min(at, first-1)]; at >= first {
			y[i] = behind[at-first]
		}
	}
	c := command(lower.OpIndex, cost.Server, n)
	c.In[0], c.Weight[0], c.Out[0] = b.put(x), b.putBits(list), b.room(n)
	if second > 0 {
		c.In[1] = b.put(behind)
	}
	ints(&c, first)
	b.want(c.Out[0], y)
	b.add(c)
}

// addRanges puts ranges on a bench: each two numbers from and to, then a length.
func addRanges[W ring.Word](b *bench[W], room int, x []W, ranges ...[3]int) {
	c := command(lower.OpRanges, cost.Client, 0)
	c.In[0], c.Out[0] = b.put(x), b.room(room)
	var list []uint64
	for _, r := range ranges {
		list = append(list, uint64(r[0])|uint64(r[1])<<32, uint64(r[2]))
		b.want(c.Out[0]+uint32(r[1]), x[r[0]:r[0]+r[2]])
		c.N += uint32(r[2])
	}
	c.Weight[0] = b.putBits(list)
	ints(&c, len(ranges))
	b.add(c)
}

func testMove[W ring.Word](t *testing.T, c hlslib.Config) {
	b := newBench[W](5)
	for _, m := range append(walks(t, b), resamples(t, b)...) {
		addMovement(b, m)
	}
	for _, n := range []int{1, 2, 77, c.Chunk, 3*c.Chunk + 5} {
		addIndex(b, n, 50, 0)
		addIndex(b, n, 20, 31)
		v, planes := words[W](b.rnd, n+9), bits(b.rnd, 64*n).Words()
		plain, ofBits := command(lower.OpCopy, cost.Client, n), command(lower.OpCopyBits, cost.Client, n)
		plain.In[0], plain.Out[0] = b.put(v)+9, b.room(n+3)+3
		b.want(plain.Out[0], v[9:])
		ofBits.In[0], ofBits.Out[0] = b.putBits(planes), b.roomBits(n+1)+1
		b.wantBits(ofBits.Out[0], planes)
		b.add(plain)
		b.add(ofBits)
	}
	addRanges(b, 1000, words[W](b.rnd, 900), [3]int{0, 3, 5}, [3]int{7, 64, 1}, [3]int{100, 101, 700}, [3]int{850, 900, 50})
	addRanges(b, 5, words[W](b.rnd, 5), [3]int{1, 0, 4})
	b.check(t, c, inTurn)
	b.check(t, c, sideBySide)
}

// TestMove holds movements against the runtime's: whole and in parts, across tiles.
func TestMove(t *testing.T) { each(t, testMove[uint32], testMove[uint64]) }

// packed is a message of elements of some bits, filled up to words.
func packed[W ring.Word](x []W, width int) []uint64 {
	b := make([]byte, ring.PackedLen(len(x), width))
	ring.Pack(b, x, width)
	message := make([]uint64, (len(b)+7)/8)
	for i, v := range b {
		message[i/8] |= uint64(v) << (8 * (i % 8))
	}
	return message
}

func testLink[W ring.Word](t *testing.T, c hlslib.Config) {
	b := newBench[W](6)
	l := ring.Width[W]()
	for _, width := range []int{1, 2, 7, 13, 31, 32, l - 1, l} {
		for _, n := range []int{1, 3, 64, c.Chunk + 1, 2*c.Chunk + 65} {
			x := words[W](b.rnd, n)
			message := packed(x, width)
			b.sent = append(b.sent, message...)
			b.board.Incoming = append(b.board.Incoming, message...)
			send, recv := command(lower.OpSendRing, cost.Client, n), command(lower.OpRecvRing, cost.Client, n)
			ints(&send, width)
			ints(&recv, width)
			send.In[0], recv.Out[0] = b.put(x), b.room(n)
			ring.MulConst(x, x, 1<<(l-width))
			ring.Shr(x, x, uint(l-width))
			b.want(recv.Out[0], x)
			b.add(send)
			b.add(recv)
		}
	}
	for _, n := range []int{1, 63, 64, 65, 64*c.Chunk + 100} {
		v := bits(b.rnd, n)
		dirty := append([]uint64(nil), v.Words()...)
		if n%64 != 0 {
			dirty[len(dirty)-1] |= ^uint64(0) << (n % 64)
		}
		b.sent = append(b.sent, v.Words()...)
		b.board.Incoming = append(b.board.Incoming, dirty...)
		send, recv := command(lower.OpSendBits, cost.Client, n), command(lower.OpRecvBits, cost.Client, n)
		send.In[0], recv.Out[0] = b.putBits(v.Words()), b.roomBits(ring.BitWords(n))
		b.wantBits(recv.Out[0], v.Words())
		blocks, back := command(lower.OpSendBlocks, cost.Client, len(dirty)), command(lower.OpRecvBlocks, cost.Client, len(dirty))
		b.sent = append(b.sent, dirty...)
		b.board.Incoming = append(b.board.Incoming, dirty...)
		blocks.In[0], back.Out[0] = b.putBits(dirty), b.roomBits(len(dirty))
		b.wantBits(back.Out[0], dirty)
		for _, c := range []lower.Command{send, recv, blocks, back} {
			b.add(c)
		}
	}
	b.check(t, c, inTurn)
	b.check(t, c, sideBySide)
}

// TestLink holds messages against ring.Pack, bit for bit, and what is received against ring.Unpack.
func TestLink(t *testing.T) { each(t, testLink[uint32], testLink[uint64]) }
