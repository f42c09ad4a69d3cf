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
	n := d.n
	for b := range d.s {
		zero, one := d.in[2*b*n:][:n], d.in[(2*b+1)*n:][:n]
		for j, s := range d.s[b][:n] {
			s = seed(s)
			zero[j], one[j] = s, prg.Block{Lo: s.Lo | 1, Hi: s.Hi}
		}
	}
	d.hashes(4 * n)
	d.correct(cw[:n])
}

// correct makes the correction word of each tree. Of the children left and right the path goes on in one, kept, and leaves the other, lost: which, says
// a mask, and of lost children their sum is all that is asked for.
func (d *dealing) correct(cw []prg.Block) {
	n := len(cw)
	left0, right0, left1, right1 := d.out[:n], d.out[n:][:n], d.out[2*n:][:n], d.out[3*n:][:n]
	s0, s1, t0, t1, vs, cs, alpha := d.s[0][:n], d.s[1][:n], d.t[0][:n], d.t[1][:n], d.v[:n], d.c[:n], d.alpha[:n]
	for j := range cw {
		a := alpha[j] >> 63
		alpha[j] <<= 1
		l, r := left0[j].Xor(left1[j]), right0[j].Xor(right1[j])
		both := l.Xor(r).MaskIf(a)
		kept, lost := l.Xor(both), r.Xor(both)
		v := lost.Lo>>vBit&1 ^ vs[j] ^ a // the child that is left of the path gives 1
		w := seed(lost)
		w.Lo |= (l.Lo>>leftBit&1^a^1)<<leftBit | (v^cs[j])<<vBit | (r.Lo>>rightBit&1^a)<<rightBit
		cw[j] = w
		cs[j] = 0
		vs[j] ^= kept.Lo>>vBit&1 ^ v
		shift := a * tStep & 63
		s0[j], t0[j] = child(left0[j], right0[j], a, w, t0[j], shift)
		s1[j], t1[j] = child(left1[j], right1[j], a, w, t1[j], shift)
	}
}

// child is the one on the path, corrected if t, and its control bit as a mask.
func child(left, right prg.Block, a uint64, w prg.Block, t, shift uint64) (prg.Block, uint64) {
	s := left.Xor(left.Xor(right).MaskIf(a))
	s.Lo ^= w.Lo & t
	s.Hi ^= w.Hi & t
	return s, -(s.Lo >> shift & 1)
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
