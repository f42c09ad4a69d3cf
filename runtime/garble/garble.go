// Package garble garbles one small Boolean circuit for many instances at
// once, by half-gates.
//
// S. Zahur, M. Rosulek, D. Evans, "Two Halves Make a Whole: Reducing Data
// Transfer in Garbled Circuits Using Half Gates", EUROCRYPT 2015, figure 2,
// with free-XOR (Kolesnikov, Schneider, ICALP 2008), over the hash of
// runtime/prg. Semi-honest.
//
//	Delta         global offset of the garbler, lsb(Delta) = 1
//	W0, W1        labels of a wire for 0 and for 1, W1 = W0 ^ Delta
//	p = lsb(W0)   permute bit of a wire, at the garbler
//	s = lsb(W)    colour bit of the active label W, at the evaluator: s = p ^ value
//	H(W, j)       tweakable hash, two tweaks j, j' an AND gate and instance
//	T_G, T_E      the two ciphertexts of an AND gate
//
//	Garbler                                           Evaluator
//	1. W0 of its inputs from a seed, of the
//	   evaluator's inputs from the OTs
//	2. AND gates:
//	   T_G  = H(A0,j)  ^ H(A1,j)  ^ p_b*Delta
//	   T_E  = H(B0,j') ^ H(B1,j') ^ A0
//	   W_G0 = H(A0,j)  ^ p_a*T_G
//	   W_E0 = H(B0,j') ^ p_b*(T_E ^ A0)
//	   C0   = W_G0 ^ W_E0
//	                    ---- T_G, T_E ---->
//	3. keeps p of the outputs
//	4. active labels of its inputs
//	                    ---- W0 ^ x*Delta ---->
//	                                                  5. AND gates:
//	                                                     W_G = H(A,j)  ^ s_a*T_G
//	                                                     W_E = H(B,j') ^ s_b*(T_E ^ A)
//	                                                     C   = W_G ^ W_E
//	                                                  6. keeps s of the outputs
//
// The output is shared: p ^ s is its value, so no decoding table is sent. The
// evaluator's active labels come from correlated OTs, K ^ y*Delta of the
// zero-labels K: they are no message of this protocol. Of the garbler's inputs,
// those it knows when it garbles (circuit.Circuit.Early) need no message either:
// the active label of such a wire is the zero block, so W0 = x*Delta. That
// says nothing of x: the evaluator's view of a wire is its active label, and
// every hash has a tweak of its own, which is all that circular correlation
// robustness asks for, whatever the labels are.
//
// Cost an instance of a circuit of A ANDs: tables cost.HalfGatesBytes = 32*A
// bytes; garbler's labels cost.LabelBytes = 16 a late wire; 8*A AES
// blocks garbling (cost.GarbleAES), 4*A evaluating (cost.EvaluateAES); one
// message, and one more for the labels.
//
// Layouts. Instances lie in blocks of 64, the last of a chunk as many as are
// left, and in a block of n that begins at instance b of the chunk what
// is worked on together lies together: label
// of late input w of instance b+i at b*wires + w*n + i; tables of AND gate g at
// 2*(b*ANDs + g*n + i), T_G before T_E. So chunks of a multiple of 64, but for
// the last, leave no trace. Packed input bits have the order
// of the labels (ring.BlockBits), early ones that of ring.InstanceBits. The tables of
// three-halves lie instance by instance. Output bits are plane-major as
// ring.Planes has them: output o of instance i is bit i%64 of word
// o*ring.BitWords(count) + i/64, the rest of a last word zero.
//
// Tweaks. Instances are hashed in blocks of 64, numbered by absolute instance:
// AND gate g, half h, instance i has the tweak
// first + 64*(2*ANDs*(i/64) + 2*g + h) + i%64. A circuit of n instances owns
// the Tweaks(c, n) tweaks from first on; nobody may use them again under one
// hash key and Delta, except to garble the same chunk with the same
// labels. The caller draws a new key, Delta and seed after at most MaxANDs
// gates, summed over all that is garbled under them.
package garble

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// MaxANDs bounds the AND gates garbled under one hash key and Delta: 2^24, so
// q = 2^26 hashes. The bound on TMMO (Guo, Katz, Wang, Yu, S&P 2020) is of the
// order of (p*q + q^2)/2^128 for p calls to the permutation by the adversary.
const MaxANDs = 1 << 24

// lanes is how many instances a step works on. It fixes the tweaks, so both
// parties must agree on it, but shows in no layout.
const lanes = 64

// grain is the least number of instances for a goroutine of its own: Tuning,
// a multiple of 64 so that no two write one word of output bits.
const grain = 512

// labelGrain is the least number of labels for a goroutine of its own: Tuning.
const labelGrain = 1 << 14

// errDelta is returned for a Delta under which colour bits would say nothing.
var errDelta = errors.New("garble: lsb(Delta) is 0: it must be 1")

// MaxInstances returns how many instances of c one Garbler may garble:
// MaxANDs / ANDs, and at least one block of 64.
func MaxInstances(c *circuit.Circuit) int { return maxInstances(c.ANDs()) }

func maxInstances(ands int) int { return max(lanes, MaxANDs/max(1, ands)) }

// TweaksPerInstance returns the tweaks an instance uses: two an AND gate in half-gates, three in three-halves.
func TweaksPerInstance(s cost.Scheme, c *circuit.Circuit) uint64 {
	return uint64(s.Tweaks()) * uint64(c.ANDs())
}

// Tweaks returns the tweaks that n instances from instance 0 on own:
// TweaksPerInstance of every block of 64 begun. The next circuit under the
// same key starts after them.
func Tweaks(s cost.Scheme, c *circuit.Circuit, n int) uint64 {
	return TweaksPerInstance(s, c) * lanes * uint64(ring.BitWords(n))
}

// pairBlocks are T_G and T_E.
const pairBlocks = 2

// block is one vector of labels.
type block [lanes]prg.Block

// andGate is an AND gate of one span.
type andGate struct {
	n         int
	j         prg.Tweak   // of the first half in the first instance; the second half's is lanes further on
	dst, a, b *block      // labels, of which n count
	tables    []prg.Block // half-gates: from the gate's pair in the first instance on; three-halves: from the first instance's tables on
	stride    int         // blocks from what an instance has there to what the next has
	number    int         // of the gate, of so many
	gates     int
}

// pair returns the tables of the gate in lane i.
func (t *andGate) pair(i int) *[2]prg.Block {
	return (*[2]prg.Block)(t.tables[i*t.stride:])
}

// words are the ciphertexts of the gate in lane i. The tables of an instance are those of its gates, then their control bits.
func (t *andGate) words(i int) *gateWords {
	return (*gateWords)(t.table(i)[len(gateWords{})*t.number:])
}

// table is the tables of the instance in lane i, as words.
func (t *andGate) table(i int) []uint64 { return prg.Halves(t.tables[i*t.stride:][:t.stride]) }

// word says in which of an instance's words of control bits the gate's are, and how far up.
func (t *andGate) word() (at, shift int) {
	return len(gateWords{})*t.gates + t.number/cost.ControlGates, t.number % cost.ControlGates * controlBits
}

// store puts the words of control bits of the gates so far into the tables, where the gate is the last of its words; and clears
// what is left of an instance's last block, where it is the last of the circuit.
func (t *andGate) store(control *block) {
	last := t.number == t.gates-1
	if !last && (t.number+1)%cost.ControlGates != 0 {
		return
	}
	at, _ := t.word()
	for i := range t.n {
		table := t.table(i)
		table[at] = control[i].Lo
		if last {
			clear(table[at+1:])
		}
	}
}

// load gets the words of control bits from the tables, where the gate is the first of its words.
func (t *andGate) load(control *block) {
	at, shift := t.word()
	if shift > 0 {
		return
	}
	for i := range t.n {
		z := t.table(i)[at]
		control[i] = prg.Block{Lo: z, Hi: z}
	}
}

// scratch is what one goroutine works in.
type scratch struct {
	slots    []block
	wires    []*block // where the labels of a slot's wire are: in the slot, or in the input that they are
	a0, b0   block    // three-halves: labels of colour 0 of an AND gate's operands, their sum of each colour, and all that is hashed of them
	x0, x1   block
	sums     [6]block
	control  block // three-halves: the gates' control bits of a word, in the low half and for kernels in both
	a1, b1   block // labels for 1 of an AND gate's operands
	ha0, ha1 block // hashes of both labels of an AND gate's operands
	hb0, hb1 block

	// The garbler's alone: the generator of its inputs' zero-labels, and those
	// of up to 64 instances.
	zeros  *prg.Stream
	inputs []prg.Block
}

// wipe clears all labels before the scratch waits for its next use.
func (s *scratch) wipe() {
	clear(s.slots)
	clear(s.inputs)
	clear(s.wires)
	*s = scratch{slots: s.slots, wires: s.wires, zeros: s.zeros, inputs: s.inputs}
}

// load makes a slot's wire one whose labels lie side by side: where they are, if they are as many as the kernels may read.
func (s *scratch) load(slot int, labels []prg.Block) {
	if len(labels) == lanes {
		s.wires[slot] = (*block)(labels)
		return
	}
	copy(s.fill(slot)[:], labels)
}

// fill gives a slot for the labels of a wire that are yet to be made.
func (s *scratch) fill(slot int) *block {
	s.wires[slot] = &s.slots[slot]
	return &s.slots[slot]
}

// engine is what garbler and evaluator have in common.
type engine struct {
	plan    *plan
	scheme  cost.Scheme
	table   int // blocks of an instance's tables
	kernels kernels
	hash    *prg.Hash
	first   prg.Tweak
	scratch sync.Pool
}

// newEngine checks the circuit and the first tweak.
func newEngine(scheme cost.Scheme, c *circuit.Circuit, hash *prg.Hash, first prg.Tweak) (*engine, error) {
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("garble: %w", err)
	}
	if !slices.Contains(cost.Schemes(), scheme) {
		return nil, fmt.Errorf("garble: no scheme is called %q: accepted are %v", scheme, cost.Schemes())
	}
	e := &engine{plan: newPlan(c), scheme: scheme, kernels: newKernels(hash), hash: hash, first: first}
	e.table = int(scheme.TableBlocks(int64(e.plan.ands)))
	used := Tweaks(scheme, c, maxInstances(e.plan.ands))
	if end := uint64(prg.COTPad.First()); uint64(first) > end || used > end-uint64(first) {
		return nil, fmt.Errorf("garble: first tweak %#x: %d tweaks may follow, which must lie in the domain %v",
			uint64(first), used, prg.Garbling)
	}
	return e, nil
}

// span is a range of instances that share a block of tweaks and one of the
// chunk: n instances from instance at of the chunk on.
type span struct {
	at, n int
	block int       // first instance of their block of the chunk
	width int       // instances in that
	tweak prg.Tweak // of gate 0, half 0, the first of these instances
}

// place is where number k of so many things that each instance has begins, of the chunk's.
func (s span) place(each, k int) int { return s.block*each + k*s.width + s.at - s.block }

// column gives the labels of one wire of so many, of the chunk's.
func (s span) column(labels []prg.Block, wires, w int) []prg.Block {
	return labels[s.place(wires, w):][:s.n]
}

// spans calls f for the spans of instances [lo, hi) of a chunk of count, lo a multiple
// of 64, that begins at absolute instance first.
func (e *engine) spans(first, lo, hi, count int, f func(span)) {
	perBlock := prg.Tweak(int(e.scheme.Tweaks()) * e.plan.ands * lanes)
	for at := lo; at < hi; {
		lane := (first + at) % lanes
		n := min(hi-at, lanes-lane, lanes-at%lanes)
		block := at / lanes * lanes
		f(span{at, n, block, min(lanes, count-block), e.first + perBlock*prg.Tweak((first+at)/lanes) + prg.Tweak(lane)})
		at += n
	}
}

// and returns AND gate number t.n of the plan in a span of the chunk with these tables.
func (e *engine) and(at span, t step, s *scratch, tables []prg.Block) andGate {
	a, b := s.wires[t.a], s.wires[t.b] // before one of their slots becomes the gate's
	gate := andGate{
		n: at.n, j: at.tweak + prg.Tweak(int(e.scheme.Tweaks())*t.n*lanes),
		dst: s.fill(t.dst), a: a, b: b,
		number: t.n, gates: e.plan.ands,
	}
	if e.scheme == cost.HalfGates {
		gate.tables, gate.stride = tables[pairBlocks*at.place(e.plan.ands, t.n):], pairBlocks
	} else {
		gate.tables, gate.stride = tables[at.at*e.table:], e.table
	}
	return gate
}

// checkRange checks a range of absolute instances.
func (e *engine) checkRange(first, count int) error {
	limit := maxInstances(e.plan.ands)
	if first < 0 || count < 0 || first > limit || count > limit-first {
		return fmt.Errorf("garble: %d instances from instance %d on: 0 to %d are accepted under one key (%d ANDs)",
			count, first, limit, MaxANDs)
	}
	return nil
}

// checkLen checks the length of a slice.
func checkLen(what string, got, want int) error {
	if got != want {
		return fmt.Errorf("garble: %s: length %d, want %d", what, got, want)
	}
	return nil
}

// firstError returns the first of the errors that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// colours gathers the least significant bits of n labels.
func colours(labels *block, n int) uint64 {
	var word uint64
	for j := range labels[:n] {
		word |= labels[j].Lsb() << j
	}
	return word
}

// xorLanes sets dst = a ^ b.
func xorLanes(dst, a, b *block, n int) {
	for j := range dst[:n] {
		dst[j] = a[j].Xor(b[j])
	}
}
