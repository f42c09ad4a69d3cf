package fss

import (
	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// Key is a party's key of a batch of comparisons at a width. It is good for one evaluation.
type Key struct {
	Width int
	Party cost.Party  // client or server
	Roots []prg.Block // its own seeds, one a comparison
	Dealt []prg.Block // from the dealer
}

// KeyBlocks is the blocks of a key of n comparisons of one batch: roots, then what is dealt.
func KeyBlocks(n, width int) int { return n + blocksOf(n, width) }

// NewKey reads the key of n comparisons from KeyBlocks(n, width) blocks.
func NewKey(blocks []prg.Block, n, width int, party cost.Party) Key {
	return Key{width, party, blocks[:n], blocks[n:]}
}

// Sign sets d to the party's share of drelu (step 4), y the opened values. It panics unless the key is one of len(y) comparisons
// and d has as many bits.
func Sign[W ring.Word](d ring.Bits, k Key, y []W) {
	check[W](len(y), k.Width, len(k.Dealt), k.Roots)
	if d.Len() != len(y) || k.Party > cost.Server {
		panic("fss: as many signs as values, of a client or a server")
	}
	h, levels := prg.NewHash(k.Dealt[0]), cost.ComparisonLevels(k.Width)
	ring.Parallel(len(y), grain, func(lo, hi int) {
		e := &evaluation{hash: h}
		defer e.wipe()
		tiles(lo, hi, k.Width, func(lo, hi, at int) {
			start(e, k.Roots[lo:hi], y[lo:hi], k.Width, k.Party)
			d.Words()[lo/tile] = e.tree(k.Dealt[at:], levels)
		})
	})
}

// evaluation is a tile of trees on the way to y.
type evaluation struct {
	hash *prg.Hash
	n    int
	s    [tile]prg.Block // s_b, with control bits that do not matter
	t    [tile]uint64    // t_b, as masks of all bits
	v    [tile]uint64    // the output so far, in bit vBit
	y    [tile]uint64    // the bits of the path still to come, highest first
	leaf [tile]uint64    // y within its leaf
	in   [tile]prg.Block
	out  [tile]prg.Block
}

func start[W ring.Word](e *evaluation, roots []prg.Block, y []W, width int, party cost.Party) {
	e.n = copy(e.s[:], roots)
	server := uint64(party)
	for j, x := range y {
		e.t[j] = -server
		e.v[j] = (uint64(x) >> (width - 1) & server) << vBit
		e.y[j], e.leaf[j] = path(x, width), leafIndex(x, width)
	}
}

// tree gives the output bits of the tile.
func (e *evaluation) tree(dealt []prg.Block, levels int) uint64 {
	for range levels {
		e.level(dealt[:e.n])
		dealt = dealt[e.n:]
	}
	return e.leaves(dealt[:e.n])
}

// hashes sets out to H(in).
func (e *evaluation) hashes() {
	copy(e.out[:e.n], e.in[:e.n])
	e.hash.Permute(e.out[:e.n])
}

// level goes down to the child that y's next bit names.
func (e *evaluation) level(cw []prg.Block) {
	for j := range cw {
		s := e.s[j]
		e.in[j] = prg.Block{Lo: s.Lo&^control | e.y[j]>>63, Hi: s.Hi}
	}
	e.hashes()
	for j, c := range cw {
		in, out, t := e.in[j], e.out[j], e.t[j]
		lo := in.Lo ^ out.Lo ^ c.Lo&t
		e.s[j] = prg.Block{Lo: lo, Hi: in.Hi ^ out.Hi ^ c.Hi&t}
		e.v[j] ^= lo
		e.t[j] = -(lo >> (e.y[j] >> 63 * tStep & 63) & 1)
		e.y[j] <<= 1
	}
}

// leaves takes y's point out of every leaf.
func (e *evaluation) leaves(cw []prg.Block) (bits uint64) {
	for j := range cw {
		e.in[j] = seed(e.s[j])
	}
	e.hashes()
	for j, c := range cw {
		in, out, t, z := e.in[j], e.out[j], e.t[j], e.leaf[j]
		lo, hi := in.Lo^out.Lo^c.Lo&t, in.Hi^out.Hi^c.Hi&t
		word := lo ^ (lo^hi)&-(z>>6)
		bits |= (word>>(z&63) ^ e.v[j]>>vBit) & 1 << j
	}
	return bits
}

func (e *evaluation) wipe() {
	ring.Wipe(e.s[:])
	ring.Wipe(e.t[:])
	ring.Wipe(e.v[:])
	ring.Wipe(e.in[:])
	ring.Wipe(e.out[:])
}
