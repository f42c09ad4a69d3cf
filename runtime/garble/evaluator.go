package garble

import (
	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// Evaluator evaluates garbled instances of one circuit. It holds no state
// between calls and is safe for concurrent use.
type Evaluator struct {
	engine *engine
}

// NewEvaluator makes the evaluator of c by a scheme, with the garbler's hash key and first
// tweak. It errs if c fails Check or the tweaks leave the domain prg.Garbling.
func NewEvaluator(scheme cost.Scheme, c *circuit.Circuit, hash *prg.Hash, first prg.Tweak) (*Evaluator, error) {
	e, err := newEngine(scheme, c, hash, first)
	if err != nil {
		return nil, err
	}
	e.scratch.New = func() any { return &scratch{slots: make([]block, e.plan.slots), wires: make([]*block, e.plan.slots)} }
	return &Evaluator{e}, nil
}

// active are a chunk's inputs: active labels and tables.
type active struct {
	evaluator, garbler, tables []prg.Block
}

// Evaluate evaluates count instances, the first of them absolute instance
// first (steps 5 and 6), on the active labels of the evaluator's inputs,
// count*Evaluator blocks, those of the garbler's late ones, count*(Garbler-Early) blocks, and
// the tables, count times the scheme's TableBlocks. It fills colour with the outputs' colour
// bits, len(Outputs)*ring.BitWords(count) words: their XOR with the garbler's
// permute bits is the output. It errs on a wrong length or a range past
// MaxInstances, having written nothing. Wrong labels or tables give wrong
// bits, never an error.
func (e *Evaluator) Evaluate(first, count int, evalLabels, garbLabels, tables []prg.Block, colour []uint64) error {
	p := e.engine.plan
	if err := firstError(
		e.engine.checkRange(first, count),
		checkLen("labels of the evaluator", len(evalLabels), count*p.evaluator),
		checkLen("labels of the garbler", len(garbLabels), count*p.garbler),
		checkLen("tables", len(tables), count*e.engine.table),
		checkLen("colour bits", len(colour), p.outputs*ring.BitWords(count)),
	); err != nil {
		return err
	}
	clear(colour)
	ring.Parallel(count, grain, func(lo, hi int) {
		s := e.engine.scratch.Get().(*scratch)
		e.engine.spans(first, lo, hi, count, func(at span) {
			e.span(s, at, count, active{evalLabels, garbLabels, tables}, colour)
		})
		s.wipe()
		e.engine.scratch.Put(s)
	})
	return nil
}

// span evaluates one span.
func (e *Evaluator) span(s *scratch, at span, count int, in active, colour []uint64) {
	p, words := e.engine.plan, ring.BitWords(count)
	for _, t := range p.steps {
		a, b := s.wires[t.a], s.wires[t.b]
		switch t.op {
		case loadGarbler:
			s.load(t.dst, at.column(in.garbler, p.garbler, t.n))
		case loadEarly:
			clear(s.fill(t.dst)[:at.n])
		case loadEvaluator:
			s.load(t.dst, at.column(in.evaluator, p.evaluator, t.n))
		case xor:
			e.engine.kernels.xor(s.fill(t.dst), a, b, at.n)
		case invert: // the active label of a wire is also that of its complement
			copy(s.fill(t.dst)[:at.n], a[:at.n])
		case and:
			gate := e.engine.and(at, t, s, in.tables)
			e.gate(s, &gate)
		case store:
			colour[t.n*words+at.at/64] |= colours(a, at.n) << (at.at % 64)
		}
	}
}

// gate evaluates an AND gate by the scheme.
func (e *Evaluator) gate(s *scratch, t *andGate) {
	if e.engine.scheme == cost.ThreeHalves {
		e.threeHalves(s, t)
	} else {
		e.engine.kernels.evaluate(e, s, t)
	}
}

// and evaluates an AND gate (step 5), a pass after the other over its lanes.
func (e *Evaluator) and(s *scratch, t *andGate) {
	n, a, b := t.n, t.a, t.b
	e.engine.hash.Sum(s.ha0[:n], a[:n], t.j)
	e.engine.hash.Sum(s.hb0[:n], b[:n], t.j+lanes)
	for i := range n {
		pair := t.pair(i)
		la, lb := a[i], b[i]
		wg := s.ha0[i].Xor(pair[0].MaskIf(la.Lsb()))
		we := s.hb0[i].Xor(pair[1].Xor(la).MaskIf(lb.Lsb()))
		t.dst[i] = wg.Xor(we)
	}
}
