package he

import (
	"io"
	"runtime"

	"sotto/ir/cost"
	"sotto/runtime/he/ntt"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// The evaluator's work on one layer, for some blocks of outputs at a time: transform their weights, sum the products for each group of
// units, mask, flood and round.

// layerProduct is what the products of one layer have in common.
type layerProduct[W ring.Word] struct {
	*Evaluator[W]
	plan    cost.HEPlan
	taps    [][]tap
	weights []W
	private prg.Seed
	shares  [][]W
	short   bool         // weights are short polynomials
	support *ntt.Support // of the others
}

// maxWeightBytes bounds the transformed weights that are held at a time.
const maxWeightBytes = 96 << 20

// tile is how many replies are summed in one pass over weights and uploads: blocks of outputs by groups.
type tile struct{ outputs, groups int }

// tileReplies bounds a tile.
const tileReplies = 16

// newTile shares uploads between outputs, and large weights between groups as well.
func (l *layerProduct[W]) newTile(outputs, groups int) tile {
	t := tile{tileReplies, 1}
	if !l.short {
		t.groups = min(4, groups)
		t.outputs = tileReplies / t.groups
	}
	for t.outputs > 1 && ceilDiv(outputs, t.outputs)*ceilDiv(groups, t.groups) < runtime.GOMAXPROCS(0) {
		t.outputs /= 2
	}
	return t
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

func newLayerProduct[W ring.Word](v *Evaluator[W], plan cost.HEPlan, weights []W, private prg.Seed, shares [][]W) *layerProduct[W] {
	l := &layerProduct[W]{Evaluator: v, plan: plan, taps: taps(plan), weights: weights, private: private, shares: shares}
	if l.short = short(plan, v.q[0]); !l.short {
		l.support = support(plan, l.taps, v.q[0])
	}
	return l
}

// maxReplies bounds the replies that wait for their turn to be sent.
const maxReplies = 512

// step is how many blocks of outputs are worked on at a time: as many as the bounds of memory allow, whole tiles if possible.
func (l *layerProduct[W]) step() int { return l.stepOf(l.plan, l.short) }

func (v *Evaluator[W]) stepOf(plan cost.HEPlan, short bool) int {
	size := plan.InBlocks() * len(v.q) * degree * 8
	if short {
		size /= plan.Pitch
	}
	n := max(1, min(maxReplies/plan.ChunkGroups(), maxWeightBytes/size))
	return max(n&^(tileReplies-1), min(n, tileReplies-1))
}

// chunk multiplies the uploads of a chunk by all weights.
func (l *layerProduct[W]) chunk(chunk int, uploads [][]ciphertext, w io.Writer) error {
	outputs := chunkOutputs(l.plan, chunk)
	for first := 0; first < l.plan.OutBlocks(); first += l.step() {
		weights := l.transform(first, min(l.step(), l.plan.OutBlocks()-first))
		replies := l.replies(chunk, first, weights, uploads, outputs)
		l.wipeShort(weights)
		for _, reply := range replies {
			if _, err := w.Write(reply); err != nil {
				return err
			}
		}
	}
	return nil
}

// replies gives the messages of the blocks of outputs from first on, in the order of their travel.
func (l *layerProduct[W]) replies(chunk, first int, weights []blockWeights, uploads [][]ciphertext, outputs [][]output) [][]byte {
	all := make([][]byte, len(weights)*len(uploads))
	tiles := l.tiles(weights, len(uploads))
	ring.Parallel(len(tiles), 1, func(lo, hi int) {
		s := l.scratch.take()
		defer l.scratch.give(s)
		for _, t := range tiles[lo:hi] {
			l.fit(s, t.n*t.groups)
			for k := range t.n * t.groups {
				j, g := t.first+k%t.n, t.group+k/t.n
				task := (chunk*l.plan.OutBlocks()+first+j)*l.plan.ChunkGroups() + g
				s.replies[k].stream = at(l.private, uint64(task)*taskBlocks)
			}
			l.sum(s, weights[t.first:t.first+t.n], uploads[t.group:t.group+t.groups])
			for k := range t.n * t.groups {
				j, g := t.first+k%t.n, t.group+k/t.n
				all[j*len(uploads)+g] = l.finish(s, &s.replies[k], first+j, outputs[g])
			}
		}
	})
	return all
}

// wipeShort wipes weights whose memory is not kept.
func (l *layerProduct[W]) wipeShort(weights []blockWeights) {
	if !l.short {
		return
	}
	for _, b := range weights {
		for _, limb := range b.rows {
			poly(limb).wipe()
		}
	}
}

// part is the replies of a tile: n blocks of outputs, which read the same channels, for groups of the chunk.
type part struct{ first, n, group, groups int }

// tiles covers all replies.
func (l *layerProduct[W]) tiles(weights []blockWeights, groups int) []part {
	var all []part
	size := l.newTile(len(weights), groups)
	for j := 0; j < len(weights); {
		n := 1
		for n < size.outputs && j+n < len(weights) && weights[j+n].lo == weights[j].lo && weights[j+n].hi == weights[j].hi {
			n++
		}
		for g := 0; g < groups; g += size.groups {
			all = append(all, part{j, n, g, min(size.groups, groups-g)})
		}
		j += n
	}
	return all
}

// transform gives the weights of n blocks of outputs.
func (l *layerProduct[W]) transform(first, n int) []blockWeights {
	all := make([]blockWeights, n)
	for j := range all {
		lo, hi := l.plan.Reads(first + j)
		all[j] = blockWeights{lo: lo, hi: hi}
	}
	in := l.plan.InBlocks()
	values := l.room(n * in)
	for j := range all {
		all[j].place(values[j*in:], len(l.q))
	}
	ring.Parallel(n*in, 1, func(from, to int) {
		for job := from; job < to; job++ {
			if b, k := all[job/in], job%in; k < b.hi-b.lo {
				values[job].wipe()
				l.transformOne(values[job], b.lo+k, first+job/in)
			}
		}
	})
	return all
}

// Reserve takes the memory that the weights of any of these layers need at a time. Without it a layer that needs more than those before
// takes its own while theirs is still there.
func (v *Evaluator[W]) Reserve(plans []cost.HEPlan) {
	n := 0
	for _, p := range plans {
		if !short(p, v.q[0]) {
			n = max(n, min(v.stepOf(p, false), p.OutBlocks())*p.InBlocks())
		}
	}
	v.values = ntt.NewVectors(n*len(v.q), degree)
}

// room gives memory for n polynomials of weights. That of whole polynomials is kept for later layers.
func (l *layerProduct[W]) room(n int) []poly {
	vectors := l.values
	if l.short {
		vectors = ntt.NewVectors(n*len(l.q), degree/l.plan.Pitch)
	} else if len(vectors) < n*len(l.q) {
		l.values.wipe()
		l.values = ntt.NewVectors(n*len(l.q), degree)
		vectors = l.values
	}
	all := make([]poly, n)
	for j := range all {
		all[j] = vectors[j*len(l.q) : (j+1)*len(l.q)]
	}
	return all
}

// transformOne sets p, which is zero, to the weights from one block of channels to one of outputs.
func (l *layerProduct[W]) transformOne(p poly, inBlock, outBlock int) {
	all := terms(l.plan, l.taps, inBlock, outBlock)
	for i, m := range l.q {
		if l.short {
			addTerms(l.basis, i, p[i], all, l.weights, l.plan.Pitch)
			m.ForwardPowers(p[i])
		} else {
			addTerms(l.basis, i, p[i], all, l.weights, 1)
			m.ForwardSparse(p[i], l.support)
		}
	}
}

// productScratch is the memory in which the replies of one tile after another are made: of as many as the largest tile had.
type productScratch[W ring.Word] struct {
	replies []replyState
	small   []uint64
	digits  []uint64
	mask    []W
	words   [2][]uint64
	sums    [2][][]*ntt.Sum // of c0 and of c1: by limb and reply
}

// replyState is a reply on its way.
type replyState struct {
	stream *prg.Stream
	u      poly // values
	c0, c1 poly // coefficients
}

func (v *Evaluator[W]) newScratch() *productScratch[W] {
	s := &productScratch[W]{small: make([]uint64, degree), digits: make([]uint64, degree), mask: make([]W, degree),
		words: [2][]uint64{make([]uint64, degree), make([]uint64, degree)}}
	for c := range s.sums {
		s.sums[c] = make([][]*ntt.Sum, len(v.q))
	}
	return s
}

// fit makes room for a tile of n replies. Small layers have small tiles, and memory that nothing computes in is not there: wiping it
// would be the first to touch it.
func (v *Evaluator[W]) fit(s *productScratch[W], n int) {
	for len(s.replies) < n {
		s.replies = append(s.replies, replyState{nil, newPoly(len(v.q)), newPoly(len(v.q)), newPoly(len(v.q))})
		for i, m := range v.q {
			for c := range s.sums {
				s.sums[c][i] = append(s.sums[c][i], m.NewSum())
			}
		}
	}
}

func (s *productScratch[W]) wipe() {
	for _, r := range s.replies {
		r.u.wipe()
		r.c0.wipe()
		r.c1.wipe()
	}
	poly{s.small, s.digits, s.words[0], s.words[1]}.wipe()
	ring.Wipe(s.mask)
}

// sum computes weights times uploads plus encryptions of zero, (p0*u, p1*u + e1), as coefficients, for each group all outputs. The noise
// of their c0 comes with the flooding.
func (l *layerProduct[W]) sum(s *productScratch[W], weights []blockWeights, uploads [][]ciphertext) {
	replies := s.replies[:len(weights)*len(uploads)]
	for _, r := range replies {
		ternary(r.stream, s.small)
		l.small(r.u, s.small)
	}
	c0, c1 := make([][][]uint64, len(uploads)), make([][][]uint64, len(uploads))
	for i := range l.q {
		for g, all := range uploads {
			c0[g], c1[g] = c0[g][:0], c1[g][:0]
			for _, u := range all[weights[0].lo:weights[0].hi] {
				c0[g], c1[g] = append(c0[g], u.c0[i]), append(c1[g], u.c1[i])
			}
		}
		l.sumLimb(s, i, weights, c0, c1)
	}
	for _, r := range replies {
		noise(r.stream, s.small)
		for i, m := range l.q {
			m.Inverse(r.c0[i])
			m.Inverse(r.c1[i])
			l.addSigned(r.c1, i, s.small, s.words[0])
		}
	}
}

// sumLimb sums products and zeros modulo limb i.
func (l *layerProduct[W]) sumLimb(s *productScratch[W], i int, weights []blockWeights, c0, c1 [][][]uint64) {
	rows := make([][][]uint64, len(weights))
	for j, b := range weights {
		rows[j] = b.rows[i]
	}
	n := len(weights)
	s0, s1 := make([][]*ntt.Sum, len(c0)), make([][]*ntt.Sum, len(c0))
	for g := range c0 {
		s0[g], s1[g] = s.sums[0][i][g*n:(g+1)*n], s.sums[1][i][g*n:(g+1)*n]
		if l.short {
			ntt.Mix(s0[g], rows, c0[g])
			ntt.Mix(s1[g], rows, c1[g])
		}
	}
	if !l.short {
		ntt.MulAddMatrix(s0, s1, rows, c0, c1)
	}
	for k := range n * len(c0) {
		r, a, b := &s.replies[k], s.sums[0][i][k], s.sums[1][i][k]
		ntt.MulAddPairs(a, b, [][]uint64{r.u[i]}, [][]uint64{l.p0[i]}, [][]uint64{l.p1[i]})
		a.Reduce(r.c0[i])
		b.Reduce(r.c1[i])
	}
}

// finish makes the message of a reply, and this party's shares.
func (l *layerProduct[W]) finish(s *productScratch[W], r *replyState, outBlock int, group []output) []byte {
	p := l.plan.Params
	n := len(group) * l.plan.BlockOutputs(outBlock)
	out := make([]byte, l.plan.ReplySize(n))
	head := ring.PackedLen(degree, p.C1Bits())
	l.dropC1(r.c1)
	l.reply.pack(out[:head], r.c1, degree, p.C1Drop(), p.C1Bits(), &s.words)
	l.outputs(r.c0, outBlock, group)
	l.share(s, r, outBlock, group)
	l.floodC0(r.c0, r.stream, s.digits[:steps(n)], s.words[0])
	l.reply.pack(out[head:], r.c0, n, p.C0Drop(), p.C0Bits(), &s.words)
	r.stream.Wipe()
	return out
}

// dropC1 divides c1 by Q/Q', rounding.
func (b *basis) dropC1(c1 poly) {
	for k := len(b.q) - 1; k >= len(b.reply.q); k-- {
		for i := range k {
			b.q[i].DivideRound(c1[i], c1[k], b.q[k])
		}
	}
}

// outputs moves the coefficients of c0 that are outputs to the front, output channel by output channel.
func (l *layerProduct[W]) outputs(c0 poly, outBlock int, group []output) {
	for _, row := range c0 {
		// Coefficients ascend, so that none is overwritten before it is read.
		to := 0
		for m := range l.plan.BlockOutputs(outBlock) {
			base := m * l.plan.Cw * l.plan.Pitch
			for _, o := range group {
				row[to] = row[base+int(o.coefficient)]
				to++
			}
		}
	}
}

// share masks the outputs with uniform r, and keeps -r.
func (l *layerProduct[W]) share(s *productScratch[W], r *replyState, outBlock int, group []output) {
	n := len(group) * l.plan.BlockOutputs(outBlock)
	mask := s.mask[:n]
	prg.Words(r.stream, mask)
	area := l.plan.Rows.Out * l.plan.Cols.Out
	for m := range l.plan.BlockOutputs(outBlock) {
		for k, o := range group {
			l.shares[o.image][(outBlock*l.plan.Mw+m)*area+int(o.pixel)] = -mask[m*len(group)+k]
		}
	}
	clear(s.mask[n:steps(n)])
	addEncoded(l.basis, r.c0, s.mask[:steps(n)], s.words[0])
}

// steps rounds a number of words up to what vectors may have.
func steps(n int) int { return (n + ntt.Step - 1) &^ (ntt.Step - 1) }

// floodC0 adds the flooding to as many outputs as there are digits, and divides by Q/Q': one digit before each limb is dropped, one after the
// last. A digit is uniform over the modulus that it is dropped with, so that together they are uniform over
// q_(L-1) * ... * 2^FloodBits numbers. It spoils digits, and words, as many.
func (b *basis) floodC0(c0 poly, stream *prg.Stream, digits, words []uint64) {
	for k := len(b.q) - 1; k >= len(b.reply.q); k-- {
		uniform(stream, b.q[k].Q(), digits)
		b.floodDrop(c0, k, digits, words)
	}
	prg.Words(stream, digits)
	size := b.params.FloodBits()
	for j, x := range digits {
		digits[j] = x&(1<<size-1) - 1<<(size-1)
	}
	for i := range b.reply.q {
		b.addSigned(c0, i, digits, words)
	}
}

// floodDrop adds digits below q_k, read as centred, and drops limb k.
func (b *basis) floodDrop(c0 poly, k int, digits, words []uint64) {
	for j, x := range digits {
		digits[j] = uint64(centred(b.q[k].Q(), x))
	}
	for i := range k + 1 {
		b.addSigned(c0, i, digits, words)
	}
	for i := range k {
		b.q[i].DivideRound(c0[i][:len(digits)], c0[k], b.q[k])
	}
}

// addSigned adds numbers in two's complement to the first residues of limb i.
func (b *basis) addSigned(p poly, i int, x, words []uint64) {
	m, row := b.q[i], p[i][:len(x)]
	ntt.Residues(m, words, x)
	m.Add(row, row, words)
}
