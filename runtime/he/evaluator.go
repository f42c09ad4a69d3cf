package he

import (
	"fmt"
	"io"

	"sotto/ir/cost"
	"sotto/runtime/he/ntt"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// Evaluator is the party that holds the weights. Its methods are for one goroutine at a time; each uses all cores.
type Evaluator[W ring.Word] struct {
	*basis
	rnd    io.Reader
	p0, p1 poly // values of the public key
}

// NewEvaluator reads a public key of params.KeyBytes(). rnd is crypto/rand.Reader, except in tests.
func NewEvaluator[W ring.Word](params cost.HEParams, public []byte, rnd io.Reader) (*Evaluator[W], error) {
	b, err := newBasis[W](params)
	if err != nil {
		return nil, err
	}
	if int64(len(public)) != params.KeyBytes() {
		return nil, fmt.Errorf("homomorphic products: a public key of %d bytes: accepted are %d", len(public), params.KeyBytes())
	}
	v := &Evaluator[W]{basis: b, rnd: rnd, p0: newPoly(len(b.q)), p1: newPoly(len(b.q))}
	var seed prg.Seed
	copy(seed[:], public)
	b.expand(v.p1, seed, 0)
	if err := b.unpack(v.p0, public[len(seed):]); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	return v, nil
}

// unpack reads what pack wrote, and refuses what is no residue.
func (b *basis) unpack(p poly, src []byte) error {
	size := ring.PackedLen(degree, b.params.LimbBits)
	for i, row := range p {
		ring.Unpack(row, src[i*size:(i+1)*size], b.params.LimbBits)
		for j, x := range row {
			if x >= b.q[i].Q() {
				return fmt.Errorf("homomorphic products: coefficient %d is not below the modulus of limb %d", j, i)
			}
		}
	}
	return nil
}

// ciphertext is an upload as values.
type ciphertext struct{ c0, c1 poly }

// Multiply reads the uploads of a layer, multiplies them by its weights, and writes the replies. It fills shares, one of
// plan.OutLen() elements for each image.
func (v *Evaluator[W]) Multiply(plan cost.HEPlan, weights []W, r io.Reader, w io.Writer, shares [][]W) error { // step 2
	if err := v.check(plan); err != nil {
		return err
	}
	if err := checkVectors("share", shares, plan.Batch, plan.OutLen()); err != nil {
		return err
	}
	if err := checkWeights(plan, weights); err != nil {
		return err
	}
	private, err := drawSeed(v.rnd)
	if err != nil {
		return err
	}
	defer ring.Wipe(private[:])
	var seed prg.Seed
	if _, err := io.ReadFull(r, seed[:]); err != nil {
		return fmt.Errorf("homomorphic products: seed of uploads: %w", err)
	}
	product := layerProduct[W]{v, plan, taps(plan), weights, private, shares}
	for chunk := range plan.Chunks() {
		uploads, err := v.read(plan, chunk, seed, r)
		if err != nil {
			return err
		}
		if err := product.chunk(chunk, uploads, w); err != nil {
			return err
		}
	}
	return nil
}

// checkWeights refuses weights beyond the bound that the noise was computed for. It looks at all of them.
func checkWeights[W ring.Word](plan cost.HEPlan, weights []W) error {
	if len(weights) != plan.WeightLen() {
		return fmt.Errorf("homomorphic products: %d weights, want %d", len(weights), plan.WeightLen())
	}
	bound := plan.Params.WeightBits
	if bound >= ring.Width[W]()-1 {
		return nil
	}
	var above W
	for _, x := range weights {
		above |= (x + 1<<bound) >> (bound + 1)
	}
	if above != 0 {
		return fmt.Errorf("homomorphic products: a weight is 2^%d or more, in units of its last fraction bit: accepted are smaller ones", bound)
	}
	return nil
}

// read takes in the uploads of a chunk: [group][block of channels].
func (v *Evaluator[W]) read(plan cost.HEPlan, chunk int, seed prg.Seed, r io.Reader) ([][]ciphertext, error) {
	first, groups := chunkGroups(plan, chunk)
	n, size := plan.InBlocks(), int(plan.Params.PolyBytes())
	all := make([]ciphertext, groups*n)
	in := make([]byte, window()*size)
	for from := 0; from < len(all); from += window() {
		part := all[from:min(from+window(), len(all))]
		if _, err := io.ReadFull(r, in[:len(part)*size]); err != nil {
			return nil, fmt.Errorf("homomorphic products: uploads: %w", err)
		}
		errs := make([]error, len(part))
		ring.Parallel(len(part), 1, func(lo, hi int) {
			for i := lo; i < hi; i++ {
				part[i] = ciphertext{newPoly(len(v.q)), newPoly(len(v.q))}
				errs[i] = v.unpack(part[i].c0, in[i*size:(i+1)*size])
				v.expand(part[i].c1, seed, first*n+from+i)
			}
		})
		if err := firstError(errs); err != nil {
			return nil, fmt.Errorf("upload: %w", err)
		}
	}
	byGroup := make([][]ciphertext, groups)
	for g := range byGroup {
		byGroup[g] = all[g*n : (g+1)*n]
	}
	return byGroup, nil
}

// layerProduct is what the products of one layer have in common.
type layerProduct[W ring.Word] struct {
	*Evaluator[W]
	plan    cost.HEPlan
	taps    [][]tap
	weights []W
	private prg.Seed
	shares  [][]W
}

// maxWeightBytes bounds the transformed weights that are held at a time.
const maxWeightBytes = 1 << 27

// chunk multiplies the uploads of a chunk by all weights, some blocks of outputs at a time.
func (l *layerProduct[W]) chunk(chunk int, uploads [][]ciphertext, w io.Writer) error {
	outputs := chunkOutputs(l.plan, chunk)
	step := max(1, min(window(), maxWeightBytes/(l.plan.InBlocks()*len(l.q)*degree*8)))
	for first := 0; first < l.plan.OutBlocks(); first += step {
		weights := l.transform(first, min(step, l.plan.OutBlocks()-first))
		replies := make([][]byte, len(weights)*len(uploads))
		ring.Parallel(len(replies), 1, func(lo, hi int) {
			s := l.newScratch()
			defer s.wipe()
			for i := lo; i < hi; i++ {
				j, g := i/len(uploads), i%len(uploads)
				task := (chunk*l.plan.OutBlocks()+first+j)*l.plan.ChunkGroups() + g
				l.sum(s, weights[j], uploads[g], at(l.private, uint64(task)*taskBlocks))
				replies[i] = l.finish(s, first+j, outputs[g])
			}
		})
		for _, reply := range replies {
			if _, err := w.Write(reply); err != nil {
				return err
			}
		}
	}
	return nil
}

// transform gives the weights of n blocks of outputs.
func (l *layerProduct[W]) transform(first, n int) []blockWeights {
	type job struct{ j, in int }
	var jobs []job
	all := make([]blockWeights, n)
	for j := range all {
		lo, hi := l.plan.Reads(first + j)
		all[j] = blockWeights{lo, make([]poly, hi-lo)}
		for in := lo; in < hi; in++ {
			jobs = append(jobs, job{j, in})
		}
	}
	ring.Parallel(len(jobs), 1, func(lo, hi int) {
		for _, job := range jobs[lo:hi] {
			p := newPoly(len(l.q))
			transform(l.basis, l.plan, l.taps, l.weights, first+job.j, job.in, p)
			all[job.j].rows[job.in-all[job.j].first] = p
		}
	})
	return all
}

// productScratch is the memory in which one reply after another is made.
type productScratch[W ring.Word] struct {
	stream *prg.Stream
	c0, c1 poly
	u      poly
	small  []uint64
	digits []uint64
	mask   []W
	wide   []wide
	words  []uint64
	sums   [][2]*ntt.Sum
}

func (l *layerProduct[W]) newScratch() *productScratch[W] {
	n := len(l.q)
	s := &productScratch[W]{c0: newPoly(n), c1: newPoly(n), u: newPoly(n), small: make([]uint64, degree), digits: make([]uint64, degree),
		mask: make([]W, degree), wide: make([]wide, degree), words: make([]uint64, degree)}
	for _, m := range l.q {
		s.sums = append(s.sums, [2]*ntt.Sum{m.NewSum(), m.NewSum()})
	}
	return s
}

func (s *productScratch[W]) wipe() {
	for _, p := range []poly{s.c0, s.c1, s.u, {s.small, s.digits, s.words}} {
		p.wipe()
	}
	ring.Wipe(s.mask)
	ring.Wipe(s.wide)
}

// sum computes weights times uploads plus an encryption of zero, (p0*u, p1*u + e1), as coefficients. The noise of its c0 comes
// with the flooding.
func (l *layerProduct[W]) sum(s *productScratch[W], weights blockWeights, uploads []ciphertext, stream *prg.Stream) {
	s.stream = stream
	ternary(stream, s.small)
	l.small(s.u, s.small)
	noise(stream, s.small)
	for i, m := range l.q {
		s0, s1 := s.sums[i][0], s.sums[i][1]
		for k, row := range weights.rows {
			upload := uploads[weights.first+k]
			s0.MulAdd(row[i], upload.c0[i])
			s1.MulAdd(row[i], upload.c1[i])
		}
		s0.MulAdd(l.p0[i], s.u[i])
		s1.MulAdd(l.p1[i], s.u[i])
		s0.Reduce(s.c0[i])
		s1.Reduce(s.c1[i])
		m.Inverse(s.c0[i])
		m.Inverse(s.c1[i])
		ntt.Residues(m, s.words, s.small)
		m.Add(s.c1[i], s.c1[i], s.words)
	}
}

// finish makes the message of a reply, and this party's shares.
func (l *layerProduct[W]) finish(s *productScratch[W], outBlock int, group []output) []byte {
	p := l.plan.Params
	n := len(group) * l.plan.BlockOutputs(outBlock)
	out := make([]byte, l.plan.ReplySize(n))
	head := ring.PackedLen(degree, p.C1Bits())
	l.roundC1(s)
	packWide(out[:head], s.wide, p.C1Bits(), s.words)
	l.outputs(s, outBlock, group)
	l.share(s, outBlock, group)
	l.floodC0(s, n)
	packWide(out[head:], s.wide[:n], p.C0Bits(), s.words)
	return out
}

// roundC1 drops limbs and low bits of c1, into wide.
func (l *layerProduct[W]) roundC1(s *productScratch[W]) {
	for k := len(l.q) - 1; k >= len(l.reply.q); k-- {
		for i := range k {
			l.q[i].DivideRound(s.c1[i], s.c1[k], l.q[k])
		}
	}
	l.round(s.wide, s.c1, l.plan.Params.C1Drop())
}

// round sets dst to the numbers with the given residues modulo Q', without their low bits.
func (l *layerProduct[W]) round(dst []wide, p poly, drop int) {
	for j := range dst {
		var r [2]uint64
		for i := range l.reply.q {
			r[i] = p[i][j]
		}
		dst[j] = l.reply.rounded(l.reply.compose(r), drop)
	}
}

// outputs moves the coefficients of c0 that are outputs to the front, output channel by output channel.
func (l *layerProduct[W]) outputs(s *productScratch[W], outBlock int, group []output) {
	for i := range l.q {
		// Coefficients ascend, so that none is overwritten before it is read.
		to := 0
		for m := range l.plan.BlockOutputs(outBlock) {
			base := m * l.plan.Cw * l.plan.Pitch
			for _, o := range group {
				s.c0[i][to] = s.c0[i][base+int(o.coefficient)]
				to++
			}
		}
	}
}

// share masks the outputs with uniform s, and keeps -s.
func (l *layerProduct[W]) share(s *productScratch[W], outBlock int, group []output) {
	n := len(group) * l.plan.BlockOutputs(outBlock)
	mask := s.mask[:n]
	prg.Words(s.stream, mask)
	for i, m := range l.q {
		row := s.c0[i][:n]
		for j, x := range mask {
			row[j] = below(m.Q(), row[j]+encode(l.basis, i, x))
		}
	}
	area := l.plan.Rows.Out * l.plan.Cols.Out
	for m := range l.plan.BlockOutputs(outBlock) {
		for k, o := range group {
			l.shares[o.image][(outBlock*l.plan.Mw+m)*area+int(o.pixel)] = -mask[m*len(group)+k]
		}
	}
}

// floodC0 adds the flooding to n outputs, one digit before each limb is dropped and one before the low bits are, and leaves the
// result in wide. A digit is uniform over the modulus that it is dropped with, so that together they are uniform over
// q_L * ... * 2^FloodBits numbers.
func (l *layerProduct[W]) floodC0(s *productScratch[W], n int) {
	digits := s.digits[:n]
	for k := len(l.q) - 1; k >= len(l.reply.q); k-- {
		uniform(s.stream, l.q[k].Q(), digits)
		l.floodDrop(s.c0, k, digits)
	}
	prg.Words(s.stream, digits)
	size := l.plan.Params.FloodBits()
	for i, m := range l.reply.q {
		row, q := s.c0[i][:n], m.Q()
		for j, x := range digits {
			row[j] = below(q, below(q, row[j]+x&(1<<size-1)+q-1<<(size-1)))
		}
	}
	l.round(s.wide[:n], s.c0, l.plan.Params.C0Drop())
}

// floodDrop adds a digit below q_k, read as centred, and drops limb k: (x + d - r) / q_k, with r = x + d mod q_k, centred.
func (l *layerProduct[W]) floodDrop(c0 poly, k int, digits []uint64) {
	last := l.q[k].Q()
	for j, digit := range digits {
		less := centred(last, digit) - centred(last, below(last, c0[k][j]+digit))
		for i, f := range l.drop[k] {
			c0[i][j] = f.times(uint64(int64(c0[i][j]+2*f.q) + less))
		}
	}
}
