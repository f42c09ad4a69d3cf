package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels of an AND gate by three-halves garbling, in the symbols of package garble. A block (x_L, x_R) is also taken for the
// element x_L + x_R*w of a field of four elements over the bits, w^2 = w + 1, so that slicing and dicing is, with
// E = (u, v) of the operands,
//
//	R_ij(A, B) = (i*B_L, j*A_R) ^ r_ij*E ^ s_ij*w*E
//
// and E of (A_1, B_0) and of (A_0, B_1) are E ^ w^2*Delta and E ^ Delta. Written out, step 2 is
//
//	C0         = hashes ^ p*E ^ q*w*E ^ ab*Delta
//	(G_0, G_1) = hashes ^ (B_L, A_R) ^ a*(E ^ w^2*Delta) ^ b*(w*E ^ w*Delta) ^ p*w*Delta ^ q*w^2*Delta
//	G_2        = hashes ^ (a*(E ^ w*E ^ w*Delta) ^ b*(E ^ Delta) ^ p*Delta ^ q*w*Delta)_L

// pick is VPTERNLOGQ's truth table of a | b&c.
const pick = 0xf8

// Selectors of two words: of VPSHUFD all that swap them, of VSHUFPD the low one of its first and the high one of its second operand.
const (
	swapWords  = 0x4e
	lowThenTop = 0xaa
)

// coinBit is the bit of the high half of a hash that is the garbler's coin. Its control bit is bit 0.
const coinBit = 1 << 1

// Places of control bits in a gate's word, as package garble has them.
const (
	atL = iota
	atR
	at0
	at1
	at2
)

// wordBytes is the size of half a block.
const wordBytes = 8

// turned gives w*x: (x_R, x_L ^ x_R).
func turned(x vector) vector {
	swapped, v := ZMM(), ZMM()
	VPSHUFD(Imm(swapWords), x, swapped)
	VPSLLDQ(Imm(wordBytes), swapped, v)
	VPXORQ(swapped, v, v)
	return v
}

// element gives E = (A_L ^ A_R ^ B_L, A_L ^ B_R).
func element(a, b vector) vector {
	low, v := ZMM(), ZMM()
	VPUNPCKLQDQ(a, a, low)
	VPSRLDQ(Imm(wordBytes), a, v)
	VPTERNLOGQ(Imm(xor3), b, low, v)
	return v
}

// exchanged gives (B_L, A_R).
func exchanged(a, b vector) vector {
	v := ZMM()
	VSHUFPD(Imm(lowThenTop), a, b, v)
	return v
}

// lows gives (x_L, y_L), tops (x_R, y_R).
func lows(x, y vector) vector {
	v := ZMM()
	VPUNPCKLQDQ(y, x, v)
	return v
}

func tops(x, y vector) vector {
	v := ZMM()
	VPUNPCKHQDQ(y, x, v)
	return v
}

// sum gives x ^ y.
func sum(x, y vector) vector {
	v := ZMM()
	VPXORQ(x, y, v)
	return v
}

// marked gives the mask of the words of v that have the bit of a word in memory.
func marked(v vector, bit Mem) reg.Register {
	k := K()
	VPTESTMQ_BCST(bit, v, k)
	return k
}

// word64 is one word in memory.
func word64(name string, w uint64) Mem { return words64(name, w) }

// offsets are Delta, w*Delta and w^2*Delta.
type offsets struct{ d, wd, wwd vector }

func loadOffsets(delta reg.Register) offsets {
	d := ZMM()
	VBROADCASTI32X4(Mem{Base: delta}, d)
	wd := turned(d)
	return offsets{d, wd, sum(d, wd)}
}

// coloured are the labels of colour 0 of a gate's operands in four instances, and the masks of their colours.
type coloured struct {
	a0, b0 vector
	ka, kb reg.Register
}

func loadColoured(a, b reg.Register, i int, one Mem, delta vector) coloured {
	c := coloured{a0: loadBlocks(a, i), b0: loadBlocks(b, i)}
	c.ka, c.kb = lowBits(c.a0, one), lowBits(c.b0, one)
	xorIf(c.ka, delta, c.a0)
	xorIf(c.kb, delta, c.b0)
	return c
}

// garbleThreeHalvesVAES512 garbles one AND gate: steps 1 to 3 of three-halves in package garble. The hashes of four instances are six
// registers. The slicing of a batch is woven into the rounds of the next.
func garbleThreeHalvesVAES512() {
	n := entry("garbleThreeHalvesVAES512",
		"func(keys, delta, dst, a, b, control, tables *uint64, stride, batches int, tweak, shift uint64)",
		"garbleThreeHalvesVAES512 garbles one AND gate by three-halves in 4*batches instances: the labels of a wire side by side,",
		"the three words of tables stride bytes apart. It adds the control bits, moved up by shift, to both halves of the blocks",
		"of control. It needs AVX512BW and VAES.")
	s := newSlicer()
	s.hash(0, nil)
	Label("loop")
	DECQ(n)
	JZ(LabelRef("last"))
	s.hash(1, s.slice())
	s.advance()
	JMP(LabelRef("loop"))
	Label("last")
	for _, step := range s.slice() {
		step()
	}
	leave()
}

// slicer is the state of garbling a gate.
type slicer struct {
	dst, a, b reg.Register
	control   places
	table     rows
	keys      broadcastKeys
	t         *tweaks
	o         offsets
	one       Mem
	f, g, h   pair // hashes of the batch whose slicing is next
}

// pair is the hash of a label of colour 0, and its sum with that of the other label.
type pair struct{ zero, both vector }

func newSlicer() *slicer {
	shift := XMM()
	VMOVQ(argument("shift"), shift)
	return &slicer{
		dst: argument("dst"), a: argument("a"), b: argument("b"),
		control: places{argument("control"), shift},
		table:   rows{argument("tables"), argument("stride")},
		keys:    broadcastKeys{argument("keys")},
		t:       loadTweaks(argument("tweak")),
		o:       loadOffsets(argument("delta")),
		one:     word64("one", 1),
		f:       pair{ZMM(), ZMM()}, g: pair{ZMM(), ZMM()}, h: pair{ZMM(), ZMM()},
	}
}

// advance goes on to the next batch's labels and control bits.
func (s *slicer) advance() {
	for _, p := range []reg.Register{s.dst, s.a, s.b, s.control.at} {
		ADDQ(U32(zmmBytes), p)
	}
}

// hash hashes all of a batch, so many batches on, and does other work meanwhile.
func (s *slicer) hash(ahead int, work []func()) {
	c := loadColoured(s.a, s.b, ahead, s.one, s.o.d)
	var hashed [3]*half // of A, B and their sum
	var states []vector
	for i := range hashed {
		hashed[i] = &half{zero: vectors(1, ZMM), one: vectors(1, ZMM)}
		states = append(states, hashed[i].states()...)
	}
	k0 := s.keys.key(0)
	VPXORQ(c.a0, k0, hashed[0].zero[0])
	VPXORQ(c.b0, k0, hashed[1].zero[0])
	VPXORQ(c.a0, hashed[1].zero[0], hashed[2].zero[0])
	for _, h := range hashed {
		VPXORQ(s.o.d, h.zero[0], h.one[0])
	}
	weave(s.keys, states, work[:len(work)/2])
	k0 = s.keys.key(0)
	for i, h := range hashed {
		h.tweak(k0, s.t, uint64(blockOfTweaks*i))
	}
	s.t.advance(zmmBlocks)
	weave(s.keys, states, work[len(work)/2:])
	for i, p := range []pair{s.f, s.g, s.h} {
		h := hashed[i]
		VPXORQ(h.piZero[0], h.zero[0], p.zero)
		VPXORQ(h.piOne[0], h.one[0], p.both)
		VPXORQ(p.zero, p.both, p.both)
	}
}

// slice makes the ciphertexts, control bits and output labels of a batch of its hashes, in steps.
func (s *slicer) slice() []func() {
	var of coloured
	var kp, kq, kab reg.Register
	var e, we, c, w01 vector
	f, g, h, w2, o, coin := s.f, s.g, s.h, s.h.both, s.o, word64("coin", coinBit)
	steps := []func(){
		func() { kp = marked(tops(f.both, f.both), coin) },
		func() { kq = marked(tops(g.both, g.both), coin) },
		func() { of = loadColoured(s.a, s.b, 0, s.one, o.d) },
	}
	steps = append(steps, s.control.add(0, controlBits{
		func() vector { return sum(f.zero, h.zero) }, func() vector { return sum(g.zero, h.zero) },
		func() vector { return f.both }, func() vector { return g.both }, func() vector { return h.both },
	}, []flip{{&kp, 1 << atL}, {&kq, 1 << atR}, {&of.ka, 1<<at0 | 1<<at2}, {&of.kb, 1<<at1 | 1<<at2}})...)
	steps = append(steps,
		func() { e = element(of.a0, of.b0) },
		func() { c = lows(f.zero, g.zero) },
		func() { we = turned(e) },
		func() { VPXORQ(lows(h.zero, h.zero), c, c) },
		func() { w01 = lows(f.both, g.both) },
		func() { xorIf(kp, e, c) },
		func() { xorIf(kp, o.wd, w01) },
		func() { xorIf(kp, o.d, w2) },
		func() { VPXORQ(exchanged(of.a0, of.b0), w01, w01) },
		func() { xorIf(kq, we, c) },
		func() { xorIf(kq, o.wwd, w01) },
		func() { xorIf(kq, o.wd, w2) },
		func() { kab = K(); KANDW(of.ka, of.kb, kab) },
		func() { VPXORQ(o.wd, we, we) },
		func() { xorIf(kab, o.d, c) },
		func() { xorIf(of.ka, sum(e, we), w2) },
		func() { VMOVDQU64(c, Mem{Base: s.dst}) },
		func() { xorIf(of.ka, sum(e, o.wwd), w01) },
		func() { xorIf(of.kb, sum(e, o.d), w2) },
		func() { xorIf(of.kb, we, w01) },
	)
	return append(steps, storeTriples(s.table, &w01, &w2)...)
}

// controlBits give vectors whose high halves have a control bit of a gate in bit 0, in the order of their places.
type controlBits [at2 + 1]func() vector

// flip is what a mask adds to a gate's control bits.
type flip struct {
	k    *reg.Register
	bits uint64
}

// places are the blocks that control bits are added to, and how far up.
type places struct{ at, shift reg.Register }

// add ORs the control bits of a gate in four instances, number i of a batch, to what stands in their blocks, in steps.
func (p places) add(i int, bits controlBits, flips []flip) []func() {
	z := ZMM()
	steps := []func(){func() { VPANDQ_BCST(word64("one", 1), bits[atL](), z) }}
	for at := atR; at <= at2; at++ {
		steps = append(steps, func() {
			moved := ZMM()
			VPSLLQ(Imm(uint64(at)), bits[at](), moved)
			VPTERNLOGQ_BCST(Imm(pick), bit(1<<at), moved, z)
		})
	}
	for _, f := range flips {
		steps = append(steps, func() { VPXORQ_BCST(bit(f.bits), z, *f.k, z) })
	}
	return append(steps, func() {
		VPSLLQ(p.shift, z, z)
		to, both := Mem{Base: p.at, Disp: zmmBytes * i}, tops(z, z)
		VPORQ(to, both, both)
		VMOVDQU64(both, to)
	})
}

// bit is a word of control bits in memory.
func bit(w uint64) Mem {
	names := map[uint64]string{1 << atL: "one", 1 << atR: "bitR", 1 << at0: "bit0", 1 << at1: "bit1", 1 << at2: "bit2",
		1<<at0 | 1<<at2: "bits02", 1<<at1 | 1<<at2: "bits12"}
	return word64(names[w], w)
}

// storeTriples writes the ciphertexts of four instances, G_0, G_1 and the low half of G_2, in steps.
func storeTriples(table rows, w01, w2 *vector) []func() {
	var to [zmmBlocks]Mem
	steps := []func(){func() { to = table.next() }}
	for i := range to {
		steps = append(steps, func() {
			VEXTRACTI32X4(Imm(uint64(i)), *w01, to[i])
			third := (*w2).AsX()
			if i > 0 {
				third = XMM()
				VEXTRACTI32X4(Imm(uint64(i)), *w2, third)
			}
			VMOVQ(third, to[i].Offset(2*wordBytes))
		})
	}
	return append(steps, table.advance)
}

// loadTriples reads them, (G_0, G_1) and (G_1, G_2), in steps.
func loadTriples(table rows, w01, w12 vector) []func() {
	var from [zmmBlocks]Mem
	steps := []func(){func() { from = table.next() }}
	for i := range from {
		steps = append(steps, func() {
			low, high := from[i], from[i].Offset(wordBytes)
			if i == 0 {
				VBROADCASTI32X4(low, w01)
				VBROADCASTI32X4(high, w12)
			} else {
				VINSERTI32X4(Imm(uint64(i)), low, w01, w01)
				VINSERTI32X4(Imm(uint64(i)), high, w12, w12)
			}
		})
	}
	return append(steps, table.advance)
}

// shifts gives how far control bits at two places are from bit 0, in the words of each block.
func shifts(shift vector, name string, low, high uint64) vector {
	v := ZMM()
	VPADDQ(words64(name, low, high, low, high, low, high, low, high), shift, v)
	return v
}

// evaluateThreeHalvesVAES512 evaluates one AND gate: steps 4 and 5 of three-halves in package garble. The hashes of eight instances are
// six registers. The joining of a batch is woven into the rounds of the next.
func evaluateThreeHalvesVAES512() {
	n := entry("evaluateThreeHalvesVAES512",
		"func(keys, dst, a, b, control, tables *uint64, stride, batches int, tweak, shift uint64)",
		"evaluateThreeHalvesVAES512 evaluates one AND gate by three-halves in 8*batches instances: the labels of a wire side by",
		"side, the three words of tables stride bytes apart. Both halves of the blocks of control have the control bits, moved",
		"up by shift. It needs AVX512BW and VAES.")
	j := newJoiner()
	j.hash(0, nil)
	Label("loop")
	DECQ(n)
	JZ(LabelRef("last"))
	j.hash(1, j.joinAll())
	j.advance()
	JMP(LabelRef("loop"))
	Label("last")
	for _, step := range j.joinAll() {
		step()
	}
	leave()
}

// joined is how many vectors of four instances a batch of evaluation has.
const joined = 2

// joiner is the state of evaluating a gate.
type joiner struct {
	dst, a, b, control   reg.Register
	table                rows
	keys                 broadcastKeys
	t                    *tweaks
	one                  Mem
	first, second, third vector            // how far z_L and z_R, z_0 and z_1, and z_2 are from bit 0
	hashes               [joined][3]vector // of A, B and their sum, of the batch whose joining is next
}

func newJoiner() *joiner {
	shift := ZMM()
	VPBROADCASTQ(argument("shift"), shift)
	j := &joiner{
		dst: argument("dst"), a: argument("a"), b: argument("b"), control: argument("control"),
		table: rows{argument("tables"), argument("stride")},
		keys:  broadcastKeys{argument("keys")},
		t:     loadTweaks(argument("tweak")),
		one:   word64("one", 1),
		first: shifts(shift, "placesLR", atL, atR), second: shifts(shift, "places01", at0, at1), third: shifts(shift, "places22", at2, at2),
	}
	for i := range j.hashes {
		j.hashes[i] = [3]vector{ZMM(), ZMM(), ZMM()}
	}
	return j
}

// advance goes on to the next batch's labels and control bits.
func (j *joiner) advance() {
	for _, p := range []reg.Register{j.dst, j.a, j.b, j.control} {
		ADDQ(U32(zmmBytes*joined), p)
	}
}

// hash hashes all of a batch, so many batches on, and does other work meanwhile.
func (j *joiner) hash(ahead int, work []func()) {
	s := vectors(3*joined, ZMM)
	k0 := j.keys.key(0)
	for i := range joined {
		la, lb, lx := s[3*i], s[3*i+1], s[3*i+2]
		at := zmmBytes * (joined*ahead + i)
		VPXORQ(Mem{Base: j.a, Disp: at}, k0, la)
		VPXORQ(Mem{Base: j.b, Disp: at}, k0, lb)
		VPXORQ(Mem{Base: j.a, Disp: at}, lb, lx)
	}
	weave(j.keys, s, work[:len(work)/2])
	k0 = j.keys.key(0)
	y := make([]vector, len(s))
	for i := range s {
		y[i] = tweaked(k0, s[i], j.t.plus(uint64(blockOfTweaks*(i%3)+zmmBlocks*(i/3))))
	}
	j.t.advance(zmmBlocks * joined)
	weave(j.keys, s, work[len(work)/2:])
	for i := range s {
		VPXORQ(y[i], s[i], j.hashes[i/3][i%3])
	}
}

// joinAll finds the output labels of a batch of its hashes, in steps.
func (j *joiner) joinAll() []func() {
	var steps []func()
	for i := range joined {
		steps = append(steps, j.join(i)...)
	}
	return steps
}

// join does so for four instances, number i of a batch.
func (j *joiner) join(i int) []func() {
	var la, lb, z, rs, c, e, we vector
	var kij, kk, kr, ks reg.Register
	f, g, h := j.hashes[i][0], j.hashes[i][1], j.hashes[i][2]
	w01, w12 := ZMM(), ZMM()
	added := func(k *reg.Register, by vector) func() {
		return func() {
			moved := ZMM()
			VPSRLVQ(by, z, moved)
			xorIf(*k, moved, rs)
		}
	}
	steps := []func(){
		func() { la, lb, z = loadBlocks(j.a, i), loadBlocks(j.b, i), loadBlocks(j.control, i) },
		func() { kij = marked(lows(la, lb), j.one) },
		func() { kk = lowBits(sum(la, lb), j.one) },
		func() { rs = tops(f, g) },
		func() { VPXORQ(tops(h, h), rs, rs) },
		func() {
			moved := ZMM()
			VPSRLVQ(j.first, z, moved)
			VPXORQ(moved, rs, rs)
		},
		added(&kij, j.second),
		added(&kk, j.third),
		func() { c = lows(f, g) },
		func() { VPXORQ(lows(h, h), c, c) },
		func() { kr = lowBits(rs, j.one) },
		func() { ks = marked(tops(rs, rs), j.one) },
	}
	steps = append(steps, loadTriples(j.table, w01, w12)...)
	return append(steps,
		func() { VPXORQ(exchanged(la, lb), w01, w01) },
		func() { xorIf(kij, w01, c) },
		func() { xorIf(kk, tops(w12, w12), c) },
		func() { e = element(la, lb) },
		func() { xorIf(kr, e, c) },
		func() { we = turned(e) },
		func() { xorIf(ks, we, c) },
		func() { VMOVDQU64(c, Mem{Base: j.dst, Disp: zmmBytes * i}) },
	)
}
