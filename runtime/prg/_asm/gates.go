package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// blockOfTweaks is the distance of the tweaks of a gate's two halves: garble's lanes.
const blockOfTweaks = 64

// VPERMI2Q's indices of words that turn vectors of T_G and of T_E into pairs, and back. Words 8 to 15 are those of the
// second vector.
var (
	pairsLow  = []uint64{0, 1, 8, 9, 2, 3, 10, 11}
	pairsHigh = []uint64{4, 5, 12, 13, 6, 7, 14, 15}
	firsts    = []uint64{0, 1, 4, 5, 8, 9, 12, 13}
	seconds   = []uint64{2, 3, 6, 7, 10, 11, 14, 15}
)

// permuted gives the words of (x, y) that an index in memory names.
func permuted(index Mem, x, y vector) vector {
	v := ZMM()
	VMOVDQU64(index, v)
	VPERMI2Q(y, x, v)
	return v
}

// lowBits gives the mask of the words of the blocks in v whose bit 0 is set: both words of a block or neither.
func lowBits(v vector, one Mem) reg.Register {
	low, k := ZMM(), K()
	VPUNPCKLQDQ(v, v, low)
	VPTESTMQ_BCST(one, low, k)
	return k
}

// xorIf sets v ^= x in the words of a mask.
func xorIf(k reg.Register, x, v vector) { VPXORQ(x, v, k, v) }

// loadBlocks gives vector i of an array of blocks.
func loadBlocks(base reg.Register, i int) vector {
	v := ZMM()
	VMOVDQU64(Mem{Base: base, Disp: zmmBytes * i}, v)
	return v
}

// cacheLine is how far ahead in its row a kernel asks for memory: a row's lines are far from each other in time, and a
// processor foresees the next line of a few rows, not of 64.
const cacheLine = 64

// rows walks over what consecutive instances have of something, stride bytes apart.
type rows struct{ at, stride reg.Register }

// next gives the places of the next four instances, and asks for what follows them in their rows.
func (r rows) next() [zmmBlocks]Mem {
	two := GP64()
	LEAQ(Mem{Base: r.at, Index: r.stride, Scale: 2}, two)
	m := [zmmBlocks]Mem{
		{Base: r.at}, {Base: r.at, Index: r.stride, Scale: 1},
		{Base: two}, {Base: two, Index: r.stride, Scale: 1},
	}
	for _, at := range m {
		PREFETCHT0(at.Offset(cacheLine))
	}
	return m
}

// advance goes on by four instances.
func (r rows) advance() { LEAQ(Mem{Base: r.at, Index: r.stride, Scale: 4}, r.at) }

// half is one half of an AND gate at the garbler: the states of the hashes of a wire's two labels, a register each for
// every four instances, and their pi(x).
type half struct{ zero, one, piZero, piOne []vector }

// states are all states of a half.
func (h *half) states() []vector { return append(append([]vector(nil), h.zero...), h.one...) }

// begin loads the labels for 0 and makes those for 1, all XORed with key 0.
func (h *half) begin(keys *residentKeys, labels reg.Register, delta vector) {
	for i := range h.zero {
		VPXORQ(Mem{Base: labels, Disp: zmmBytes * i}, keys[0], h.zero[i])
		VPXORQ(delta, h.zero[i], h.one[i])
	}
}

// tweak goes from the first pi to the second: both labels of an instance have one tweak.
func (h *half) tweak(key vector, t *tweaks, from uint64) {
	h.piZero, h.piOne = make([]vector, len(h.zero)), make([]vector, len(h.one))
	for i := range h.zero {
		v := t.plus(from + uint64(zmmBlocks*i))
		h.piZero[i] = tweaked(key, h.zero[i], v)
		h.piOne[i] = tweaked(key, h.one[i], v)
	}
}

// sums gives H of the label for 0 and the XOR of both hashes.
func (h *half) sums(i int) (zero, both vector) {
	VPXORQ(h.piZero[i], h.zero[i], h.zero[i])
	VPTERNLOGQ(Imm(xor3), h.piOne[i], h.zero[i], h.one[i])
	return h.zero[i], h.one[i]
}

// garbleVAES512 garbles one AND gate: step 2 of package garble. Eight instances have eight registers of labels.
func garbleVAES512() {
	n := entry("garbleVAES512", "func(keys, delta, dst, a, b, tables *uint64, stride, batches int, tweak uint64)",
		"garbleVAES512 garbles one AND gate in 8*batches instances: the labels of a wire side by side, the pairs of tables",
		"stride bytes apart. It needs AVX512F and VAES.")
	dst, a, b := argument("dst"), argument("a"), argument("b")
	table := rows{argument("tables"), argument("stride")}
	keys := loadKeys(argument("keys"))
	t := loadTweaks(argument("tweak"))
	delta := ZMM()
	VBROADCASTI32X4(Mem{Base: argument("delta")}, delta)
	const registers = inFlight / 4 // of each of the labels A0, A1, B0, B1
	low, high := words64("pairsLow", pairsLow...), words64("pairsHigh", pairsHigh...)
	one := words64("one", 1)

	Label("loop")
	ha := &half{zero: vectors(registers, ZMM), one: vectors(registers, ZMM)}
	hb := &half{zero: vectors(registers, ZMM), one: vectors(registers, ZMM)}
	ha.begin(keys, a, delta)
	hb.begin(keys, b, delta)
	states := append(ha.states(), hb.states()...)
	encrypt(keys, states)
	ha.tweak(keys[0], t, 0)
	hb.tweak(keys[0], t, blockOfTweaks)
	encrypt(keys, states)
	for i := range registers {
		a0, b0 := loadBlocks(a, i), loadBlocks(b, i)
		pa, pb := lowBits(a0, one), lowBits(b0, one)
		c, tg := ha.sums(i)    // H(A0), H(A0) ^ H(A1)
		we, both := hb.sums(i) // H(B0), T_E ^ A0 = H(B0) ^ H(B1)
		xorIf(pb, delta, tg)
		xorIf(pa, tg, c)
		VPXORQ(we, c, c)
		xorIf(pb, both, c)
		VMOVDQU64(c, Mem{Base: dst, Disp: zmmBytes * i})
		VPXORQ(a0, both, both)
		storePairs(table, low, high, tg, both)
	}
	t.advance(zmmBlocks * registers)
	for _, p := range []reg.Register{dst, a, b} {
		ADDQ(U32(zmmBytes*registers), p)
	}
	repeat(n, "loop")
	leave()
}

// storePairs writes four pairs of tables.
func storePairs(table rows, low, high Mem, tg, te vector) {
	to := table.next()
	for i, index := range []Mem{low, high} {
		pairs := permuted(index, tg, te)
		VMOVDQU(pairs.AsY(), to[2*i])
		VEXTRACTI64X4(Imm(1), pairs, to[2*i+1])
	}
	table.advance()
}

// loadPairs reads four pairs of tables.
func loadPairs(table rows, first, second Mem) (tg, te vector) {
	from := table.next()
	var pairs [2]vector
	for i := range pairs {
		pairs[i] = ZMM()
		VBROADCASTI64X4(from[2*i], pairs[i]) // fills the register: avo takes a half for one that keeps the rest
		VINSERTI64X4(Imm(1), from[2*i+1], pairs[i], pairs[i])
	}
	table.advance()
	return permuted(first, pairs[0], pairs[1]), permuted(second, pairs[0], pairs[1])
}

// evaluateVAES512 evaluates one AND gate: step 5 of package garble. Sixteen instances have eight registers of labels.
func evaluateVAES512() {
	n := entry("evaluateVAES512", "func(keys, dst, a, b, tables *uint64, stride, batches int, tweak uint64)",
		"evaluateVAES512 evaluates one AND gate in 16*batches instances: the labels of a wire side by side, the pairs of",
		"tables stride bytes apart. It needs AVX512F and VAES.")
	dst, a, b := argument("dst"), argument("a"), argument("b")
	table := rows{argument("tables"), argument("stride")}
	keys := loadKeys(argument("keys"))
	t := loadTweaks(argument("tweak"))
	const registers = inFlight / 2 // of each of the labels A, B
	first, second := words64("firsts", firsts...), words64("seconds", seconds...)
	one := words64("one", 1)

	Label("loop")
	s := vectors(inFlight, ZMM)
	for i := range registers {
		VPXORQ(Mem{Base: a, Disp: zmmBytes * i}, keys[0], s[i])
		VPXORQ(Mem{Base: b, Disp: zmmBytes * i}, keys[0], s[registers+i])
	}
	encrypt(keys, s)
	y := make([]vector, inFlight)
	for i := range registers {
		y[i] = tweaked(keys[0], s[i], t.plus(uint64(zmmBlocks*i)))
		y[registers+i] = tweaked(keys[0], s[registers+i], t.plus(blockOfTweaks+uint64(zmmBlocks*i)))
	}
	encrypt(keys, s)
	for i := range registers { // H(A) ^ H(B), which leaves registers for the rest
		VPXORQ(y[i], s[i], s[i])
		VPTERNLOGQ(Imm(xor3), y[registers+i], s[registers+i], s[i])
	}
	for i, c := range s[:registers] {
		la, lb := loadBlocks(a, i), loadBlocks(b, i)
		sa, sb := lowBits(la, one), lowBits(lb, one)
		tg, te := loadPairs(table, first, second)
		xorIf(sa, tg, c)
		xorIf(sb, te, c)
		xorIf(sb, la, c)
		VMOVDQU64(c, Mem{Base: dst, Disp: zmmBytes * i})
	}
	t.advance(zmmBlocks * registers)
	for _, p := range []reg.Register{dst, a, b} {
		ADDQ(U32(zmmBytes*registers), p)
	}
	repeat(n, "loop")
	leave()
}

// xorVAES512 is the XOR of two wires. It moves what the other kernels move, 64 bytes at a time: a load of what two
// narrower stores wrote would have to wait for them.
func xorVAES512() {
	n := entry("xorVAES512", "func(dst, a, b *uint64, batches int)",
		"xorVAES512 sets dst = a ^ b for 16*batches blocks. It needs AVX512F.")
	dst, a, b := argument("dst"), argument("a"), argument("b")
	Label("loop")
	v := vectors(4, ZMM)
	for i := range v {
		VMOVDQU64(Mem{Base: a, Disp: zmmBytes * i}, v[i])
		VPXORQ(Mem{Base: b, Disp: zmmBytes * i}, v[i], v[i])
		VMOVDQU64(v[i], Mem{Base: dst, Disp: zmmBytes * i})
	}
	for _, p := range []reg.Register{dst, a, b} {
		ADDQ(U32(zmmBytes*len(v)), p)
	}
	repeat(n, "loop")
	leave()
}
