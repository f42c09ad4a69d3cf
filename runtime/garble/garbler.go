package garble

import (
	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// Garbler garbles instances of one circuit. It holds no state between calls:
// any range of instances may be garbled at any time, and again, with the same
// result. It is safe for concurrent use.
type Garbler struct {
	engine *engine
	delta  prg.Block
	deltas block // delta in every lane
	seed   prg.Seed
}

// NewGarbler makes the garbler of c by a scheme. The key of hash, delta and seed are drawn
// afresh for a batch (see the package comment), the seed for each Garbler;
// first is the first of the tweaks it may use. It errs if c fails Check,
// lsb(delta) is 0, or the tweaks leave the domain prg.Garbling.
func NewGarbler(scheme cost.Scheme, c *circuit.Circuit, hash *prg.Hash, delta prg.Block, seed prg.Seed, first prg.Tweak) (*Garbler, error) {
	e, err := newEngine(scheme, c, hash, first)
	if err != nil {
		return nil, err
	}
	if delta.Lsb() != 1 {
		return nil, errDelta
	}
	e.scratch.New = func() any {
		return &scratch{
			slots:  make([]block, e.plan.slots),
			wires:  make([]*block, e.plan.slots),
			inputs: make([]prg.Block, lanes*e.plan.garbler),
			zeros:  prg.NewStream(seed),
		}
	}
	g := &Garbler{engine: e, delta: delta, seed: seed}
	for j := range g.deltas {
		g.deltas[j] = delta
	}
	return g, nil
}

// Garble garbles count instances, the first of them absolute instance first
// (steps 1 to 3). evalZero has the zero-labels of the evaluator's inputs,
// count*Evaluator blocks, early the garbler's early inputs, packed in their
// order, ring.BitWords(count*Early) words; it fills tables, count times the scheme's TableBlocks, and permute,
// the output's permute bits, len(Outputs)*ring.BitWords(count) words. Layouts
// are those of the package comment. It errs on a wrong length or a range past
// MaxInstances, having written nothing.
func (g *Garbler) Garble(first, count int, evalZero []prg.Block, early []uint64, tables []prg.Block, permute []uint64) error {
	p := g.engine.plan
	if err := firstError(
		g.engine.checkRange(first, count),
		checkLen("zero-labels of the evaluator", len(evalZero), count*p.evaluator),
		checkLen("words of the garbler's early bits", len(early), ring.BitWords(count*p.early)),
		checkLen("tables", len(tables), count*g.engine.table),
		checkLen("permute bits", len(permute), p.outputs*ring.BitWords(count)),
	); err != nil {
		return err
	}
	clear(permute)
	ring.Parallel(count, grain, func(lo, hi int) {
		s := g.engine.scratch.Get().(*scratch)
		g.engine.spans(first, lo, hi, count, func(at span) {
			s.zeros.Seek(uint64(first+at.block) * uint64(p.garbler))
			s.zeros.Blocks(s.inputs[:at.width*p.garbler])
			g.span(s, at, count, known{evalZero, early}, tables, permute)
		})
		s.wipe()
		g.engine.scratch.Put(s)
	})
	return nil
}

// known are a chunk's inputs: the evaluator's zero-labels and the early bits.
type known struct {
	zero  []prg.Block
	early []uint64
}

// span garbles one span.
func (g *Garbler) span(s *scratch, at span, count int, in known, tables []prg.Block, permute []uint64) {
	p, words := g.engine.plan, ring.BitWords(count)
	for _, t := range p.steps {
		a, b := s.wires[t.a], s.wires[t.b]
		switch t.op {
		case loadGarbler:
			s.load(t.dst, s.inputs[t.n*at.width+at.at-at.block:][:at.n])
		case loadEarly:
			g.early(s.fill(t.dst), at, in.early, t.n)
		case loadEvaluator:
			s.load(t.dst, at.column(in.zero, p.evaluator, t.n))
		case xor:
			g.engine.kernels.xor(s.fill(t.dst), a, b, at.n)
		case invert:
			g.engine.kernels.xor(s.fill(t.dst), a, &g.deltas, at.n)
		case and:
			gate := g.engine.and(at, t, s, tables)
			g.gate(s, &gate)
		case store:
			permute[t.n*words+at.at/64] |= colours(a, at.n) << (at.at % 64)
		}
	}
}

// gate garbles an AND gate by the scheme.
func (g *Garbler) gate(s *scratch, t *andGate) {
	if g.engine.scheme == cost.ThreeHalves {
		g.threeHalves(s, t)
	} else {
		g.engine.kernels.garble(g, s, t)
	}
}

// early sets the zero-labels of early input w: those under which the label of its bit is zero.
func (g *Garbler) early(dst *block, at span, bits []uint64, w int) {
	for j := range dst[:at.n] {
		k := (at.at+j)*g.engine.plan.early + w
		dst[j] = g.delta.MaskIf(bits[k/64] >> (k % 64))
	}
}

// and garbles an AND gate (step 2), a pass after the other over its lanes.
func (g *Garbler) and(s *scratch, t *andGate) {
	n, a, b := t.n, t.a, t.b
	xorLanes(&s.a1, a, &g.deltas, n)
	xorLanes(&s.b1, b, &g.deltas, n)
	g.engine.hash.Sum(s.ha0[:n], a[:n], t.j)
	g.engine.hash.Sum(s.ha1[:n], s.a1[:n], t.j)
	g.engine.hash.Sum(s.hb0[:n], b[:n], t.j+lanes)
	g.engine.hash.Sum(s.hb1[:n], s.b1[:n], t.j+lanes)
	for i := range n {
		a0, ha0, hb0 := a[i], s.ha0[i], s.hb0[i]
		pa, pb := a0.Lsb(), b[i].Lsb()
		tg := ha0.Xor(s.ha1[i]).Xor(g.delta.MaskIf(pb))
		te := hb0.Xor(s.hb1[i]).Xor(a0)
		wg := ha0.Xor(tg.MaskIf(pa))
		we := hb0.Xor(te.Xor(a0).MaskIf(pb))
		t.dst[i] = wg.Xor(we)
		*t.pair(i) = [2]prg.Block{tg, te}
	}
}

// Labels fills out, count*(Garbler-Early) blocks, with the active labels of the
// garbler's late inputs of count instances from absolute instance first on (step
// 4). bits are the inputs, packed in the order of the labels, bit k%64 of word
// k/64, ring.BitWords(count*(Garbler-Early)) words. It errs as Garble does.
//
// Only one value of an instance's inputs may ever be sent: two labels of one
// wire reveal Delta.
func (g *Garbler) Labels(first, count int, bits []uint64, out []prg.Block) error {
	n := count * g.engine.plan.garbler
	if err := firstError(
		g.engine.checkRange(first, count),
		checkLen("labels of the garbler", len(out), n),
		checkLen("words of the garbler's bits", len(bits), ring.BitWords(n)),
	); err != nil {
		return err
	}
	start := uint64(first) * uint64(g.engine.plan.garbler)
	ring.Parallel(n, labelGrain, func(lo, hi int) {
		zeros := prg.NewStream(g.seed)
		zeros.Seek(start + uint64(lo))
		zeros.Blocks(out[lo:hi])
		for k := lo; k < hi; k++ {
			out[k] = out[k].Xor(g.delta.MaskIf(bits[k/64] >> (k % 64)))
		}
	})
	return nil
}

// Wipe clears the garbler's secrets. It is of no use afterwards.
func (g *Garbler) Wipe() {
	g.delta, g.deltas, g.seed = prg.Block{}, block{}, prg.Seed{}
}
