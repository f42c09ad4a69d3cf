package fss

import (
	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// Deal makes the keys of a batch of comparisons at a width, step 2: into dealt, cost.ComparisonBlocks(len(r), width) blocks, which
// go to both parties. Roots are the parties' seeds, uniform; r the sums of their shares; key the batch's hash key, fresh. It
// panics unless there are 1 to Batch comparisons, and a root of each party for each.
func Deal[W ring.Word](dealt []prg.Block, key prg.Block, width int, roots [2][]prg.Block, r []W) {
	check[W](len(r), width, len(dealt), roots[:]...)
	dealt[0] = key
	h, levels := prg.NewHash(key), cost.ComparisonLevels(width)
	ring.Parallel(len(r), grain, func(lo, hi int) {
		d := &dealing{hash: h}
		defer d.wipe()
		tiles(lo, hi, width, func(lo, hi, at int) {
			begin(d, width, [2][]prg.Block{roots[0][lo:hi], roots[1][lo:hi]}, r[lo:hi])
			d.tree(dealt[at:], levels)
		})
	})
}

// dealing is a tile of trees on the way to alpha.
type dealing struct {
	hash  *prg.Hash
	n     int
	s     [2][tile]prg.Block // s_b, with control bits that do not matter
	t     [2][tile]uint64    // t_b, as masks of all bits
	v     [tile]uint64       // V, bit 0
	c     [tile]uint64       // added by the first correction word, bit 0
	alpha [tile]uint64       // the bits that are still to come, highest first
	leaf  [tile]uint64       // alpha within its leaf
	in    [4 * tile]prg.Block
	out   [4 * tile]prg.Block
}

func begin[W ring.Word](d *dealing, width int, roots [2][]prg.Block, r []W) {
	d.n = len(r)
	for b := range roots {
		copy(d.s[b][:], roots[b])
	}
	for j, x := range r {
		d.t[0][j], d.t[1][j] = 0, ^uint64(0)
		d.v[j] = 0
		d.c[j] = 1 ^ uint64(x)>>(width-1)&1
		d.alpha[j], d.leaf[j] = path(x, width), leafIndex(x, width)
	}
}

// tree writes the correction words of all levels and the leaf.
func (d *dealing) tree(dealt []prg.Block, levels int) {
	for range levels {
		d.level(dealt[:d.n])
		dealt = dealt[d.n:]
	}
	d.leaves(dealt[:d.n])
}

// hashes sets out to H of the first n blocks of in.
func (d *dealing) hashes(n int) {
	copy(d.out[:n], d.in[:n])
	d.hash.Permute(d.out[:n])
	for i := range n {
		d.out[i] = d.out[i].Xor(d.in[i])
	}
}

// level makes the correction words of one level and goes down to the child on the path. in and out have the children of both
// parties: 2b+k is child k of party b.
func (d *dealing) level(cw []prg.Block) {
	for j := range cw {
		for b := range d.s {
			s := seed(d.s[b][j])
			d.in[2*b*d.n+j], d.in[(2*b+1)*d.n+j] = s, prg.Block{Lo: s.Lo | 1, Hi: s.Hi}
		}
	}
	d.hashes(4 * d.n)
	for j := range cw {
		d.correct(cw, j)
	}
}

// correct makes the correction word of one tree.
func (d *dealing) correct(cw []prg.Block, j int) {
	n, a := d.n, d.alpha[j]>>63
	d.alpha[j] <<= 1
	left, right := [2]prg.Block{d.out[j], d.out[2*n+j]}, [2]prg.Block{d.out[n+j], d.out[3*n+j]}
	var keep, lose [2]prg.Block
	for b := range keep {
		keep[b], lose[b] = prg.Swap(a, left[b], right[b])
	}
	lost := lose[0].Xor(lose[1])
	v := lost.Lo>>vBit&1 ^ d.v[j] ^ a // the child that is left of the path gives 1
	tLeft := (left[0].Lo^left[1].Lo)>>leftBit&1 ^ a ^ 1
	tRight := (right[0].Lo^right[1].Lo)>>rightBit&1 ^ a
	cw[j] = seed(lost)
	cw[j].Lo |= tLeft<<leftBit | (v^d.c[j])<<vBit | tRight<<rightBit
	d.c[j] = 0
	d.v[j] ^= (keep[0].Lo^keep[1].Lo)>>vBit&1 ^ v
	for b := range keep {
		d.s[b][j] = prg.Block{Lo: keep[b].Lo ^ cw[j].Lo&d.t[b][j], Hi: keep[b].Hi ^ cw[j].Hi&d.t[b][j]}
		d.t[b][j] = -(d.s[b][j].Lo >> (a * tStep & 63) & 1)
	}
}

// leaves makes the correction words of the leaves: the table of [z < alpha] over a leaf's points.
func (d *dealing) leaves(cw []prg.Block) {
	for j := range cw {
		d.in[j], d.in[d.n+j] = seed(d.s[0][j]), seed(d.s[1][j])
	}
	d.hashes(2 * d.n)
	for j := range cw {
		all := -(d.v[j] ^ d.c[j])
		less := below(d.leaf[j])
		cw[j] = d.out[j].Xor(d.out[d.n+j]).Xor(prg.Block{Lo: all ^ less.Lo, Hi: all ^ less.Hi})
	}
}

// below is the block whose bit z is [z < a], a < 128.
func below(a uint64) prg.Block {
	ones, high := uint64(1)<<(a&63)-1, -(a >> 6)
	return prg.Block{Lo: ones | high, Hi: ones & high}
}

func (d *dealing) wipe() {
	for b := range d.s {
		ring.Wipe(d.s[b][:])
		ring.Wipe(d.t[b][:])
	}
	for _, v := range [][]uint64{d.v[:], d.c[:], d.alpha[:], d.leaf[:]} {
		ring.Wipe(v)
	}
	ring.Wipe(d.in[:])
	ring.Wipe(d.out[:])
}
