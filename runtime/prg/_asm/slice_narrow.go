package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels of an AND gate by three-halves garbling for sixteen registers of one block. Twelve blocks go through the rounds side by
// side; what is to be added to them waits on the stack, and so do the hashes until the slicing of their instance.

// besides is how many blocks go through the rounds side by side: the hashes of two instances garbling, of four evaluating.
const besides = 12

// dwords of a block for VPSHUFD: its lowest everywhere, that of its high half everywhere, and the lowest of each half twice.
const (
	lowEverywhere  = 0x00
	topEverywhere  = 0xaa
	lowestOfHalves = 0xa0
)

// spread gives bit number at of each dword that VPSHUFD picks, in all of its bits.
func spread(x Op, pick, at uint64) vector {
	m := XMM()
	VPSHUFD(Imm(pick), x, m)
	VPSLLD(Imm(31-at), m, m)
	VPSRAD(Imm(31), m, m)
	return m
}

// xorOf gives x ^ y. y may lie in memory.
func xorOf(x vector, y Op) vector {
	v := XMM()
	VPXOR(y, x, v)
	return v
}

// turnedBlock gives w*x.
func turnedBlock(x vector) vector {
	swapped, v := XMM(), XMM()
	VPSHUFD(Imm(swapWords), x, swapped)
	VPSLLDQ(Imm(wordBytes), swapped, v)
	VPXOR(swapped, v, v)
	return v
}

// elementOf gives E.
func elementOf(a, b vector) vector {
	low, v := XMM(), XMM()
	VPUNPCKLQDQ(a, a, low)
	VPSRLDQ(Imm(wordBytes), a, v)
	VPXOR(low, v, v)
	VPXOR(b, v, v)
	return v
}

// exchangedBlock gives (B_L, A_R).
func exchangedBlock(a, b vector) vector {
	v := XMM()
	VSHUFPD(Imm(lowThenTop&3), a, b, v)
	return v
}

// halves gives what unpack makes of two blocks that may lie in memory: of VPUNPCKLQDQ (x_L, y_L), of VPUNPCKHQDQ (x_R, y_R).
func halves(unpack func(...Op), x, y Mem) vector {
	v := XMM()
	VMOVDQU(x, v)
	unpack(y, v, v)
	return v
}

// sliceTweaks are the tweaks of the three things that are hashed of a gate in one instance.
type sliceTweaks struct{ j reg.Register }

// apply XORs the tweaks to the states of an instance, per of each thing, and goes on to the next instance.
func (t sliceTweaks) apply(s []vector) {
	per := len(s) / 3
	for i := range 3 {
		at, tweak := GP64(), XMM()
		LEAQ(Mem{Base: t.j, Disp: blockOfTweaks * i}, at)
		VMOVQ(at, tweak)
		for _, x := range s[per*i : per*(i+1)] {
			VPXOR(tweak, x, x)
		}
	}
	INCQ(t.j)
}

// colourlessBlock gives the label of colour 0 of a wire in instance i, and the mask of its colour.
func colourlessBlock(labels reg.Register, i int, delta Op) (zero, colour vector) {
	zero = loadBlock(labels, i)
	colour = spread(zero, lowEverywhere, 0)
	xorMasked(colour, delta, zero)
	return zero, colour
}

// garbleThreeHalvesAESNI garbles one AND gate, two instances at a time.
func garbleThreeHalvesAESNI() {
	n := entry("garbleThreeHalvesAESNI",
		"func(keys, delta, dst, a, b, control, tables *uint64, stride, batches int, tweak, shift uint64)",
		"garbleThreeHalvesAESNI garbles one AND gate by three-halves in 2*batches instances: the labels of a wire side by side, the",
		"three words of tables stride bytes apart. It adds the control bits, moved up by shift, to both halves of the blocks of",
		"control. It needs AES-NI and AVX.")
	dst, a, b, control := argument("dst"), argument("a"), argument("b"), argument("control")
	table, stride := argument("tables"), argument("stride")
	keys, t, shift := loadedKeys{argument("keys")}, sliceTweaks{argument("tweak")}, argument("shift")
	const instances, hashes = 2, 6
	sums, places := newWaiting(besides), newWaiting(3)
	delta := storeOffsets(argument("delta"), places)

	Label("loop")
	s := vectors(besides, XMM) // A0, A1, B0, B1 and the sums of each instance
	k0 := keys.key(0)
	for i := range instances {
		own := s[hashes*i : hashes*(i+1)]
		a0, _ := colourlessBlock(a, i, delta.d)
		b0, _ := colourlessBlock(b, i, delta.d)
		VPXOR(k0, a0, own[0])
		VPXOR(k0, b0, own[2])
		VPXOR(a0, own[2], own[4])
		for j := 0; j < hashes; j += 2 {
			VPXOR(delta.d, own[j], own[j+1])
		}
	}
	encrypt(keys, s)
	k0 = keys.key(0)
	for j := 0; j < besides; j += 2 {
		VMOVDQU(s[j], sums.block(j))
		VPXOR(k0, s[j], s[j])
		VMOVDQU(s[j+1], sums.block(j+1))
		VPXOR(k0, s[j+1], s[j+1])
	}
	for i := range instances {
		t.apply(s[hashes*i : hashes*(i+1)])
	}
	encrypt(keys, s)
	for j := 0; j < besides; j += 2 { // H of the label of colour 0, and of both
		VPXOR(sums.block(j), s[j], s[j])
		VMOVDQU(s[j], sums.block(j))
		VPXOR(sums.block(j+1), s[j+1], s[j+1])
		VPXOR(s[j], s[j+1], s[j+1])
		VMOVDQU(s[j+1], sums.block(j+1))
	}
	for i := range instances {
		sliceBlock(sliced{i, dst, a, b, control, shift, delta}, func(j int) Mem { return sums.block(hashes*i + j) }, table)
		PREFETCHT0(Mem{Base: table, Disp: cacheLine})
		ADDQ(stride, table)
	}
	for _, p := range []reg.Register{dst, a, b, control} {
		ADDQ(Imm(blockBytes*instances), p)
	}
	repeat(n, "loop")
	sums.clear()
	places.clear()
	leave()
}

// storedOffsets are Delta, w*Delta and w^2*Delta in memory.
type storedOffsets struct{ d, wd, wwd Mem }

func storeOffsets(delta reg.Register, to waiting) storedOffsets {
	o := storedOffsets{to.block(0), to.block(1), to.block(2)}
	d := loadBlock(delta, 0)
	wd := turnedBlock(d)
	VMOVDQU(d, o.d)
	VMOVDQU(wd, o.wd)
	VMOVDQU(xorOf(d, wd), o.wwd)
	return o
}

// sliced is an instance of a batch, and where its labels and control bits are.
type sliced struct {
	i                         int
	dst, a, b, control, shift reg.Register
	delta                     storedOffsets
}

// sliceBlock makes the ciphertexts, control bits and output label of an instance of its hashes f_0, f_0 ^ f_1, g_0, g_0 ^ g_1, h_0,
// h_0 ^ h_1.
func sliceBlock(at sliced, hash func(int) Mem, table reg.Register) {
	o := at.delta
	a0, ma := colourlessBlock(at.a, at.i, o.d)
	b0, mb := colourlessBlock(at.b, at.i, o.d)
	mp, mq := spread(hash(1), topEverywhere, 1), spread(hash(3), topEverywhere, 1)
	e := elementOf(a0, b0)
	we := turnedBlock(e)

	c := halves(unpackLow, hash(0), hash(2))
	VPXOR(halves(unpackLow, hash(4), hash(4)), c, c)
	xorMasked(mp, e, c)
	xorMasked(mq, we, c)
	both := XMM()
	VPAND(ma, mb, both)
	xorMasked(both, o.d, c)
	VMOVDQU(c, Mem{Base: at.dst, Disp: blockBytes * at.i})

	w01 := halves(unpackLow, hash(1), hash(3))
	VPXOR(exchangedBlock(a0, b0), w01, w01)
	VPXOR(o.wd, we, we)
	xorMasked(ma, xorOf(e, o.wwd), w01)
	xorMasked(mb, we, w01)
	xorMasked(mp, o.wd, w01)
	xorMasked(mq, o.wwd, w01)
	VMOVDQU(w01, Mem{Base: table})
	w2 := XMM()
	VMOVDQU(hash(5), w2)
	xorMasked(ma, xorOf(e, we), w2)
	xorMasked(mb, xorOf(e, o.d), w2)
	xorMasked(mp, o.d, w2)
	xorMasked(mq, o.wd, w2)
	VMOVQ(w2, Mem{Base: table, Disp: 2 * wordBytes})

	addControlBits(at, [at2 + 1][]Op{{hash(0), hash(4), mp}, {hash(2), hash(4), mq}, {hash(1), ma}, {hash(3), mb}, {hash(5), ma, mb}})
}

// unpackLow and unpackHigh are VPUNPCKLQDQ and VPUNPCKHQDQ.
func unpackLow(ops ...Op)  { VPUNPCKLQDQ(ops[0], ops[1], ops[2]) }
func unpackHigh(ops ...Op) { VPUNPCKHQDQ(ops[0], ops[1], ops[2]) }

// addControlBits ORs the control bits of a gate, each the sum of bits 0 of high halves, to what stands in the block of control. It goes
// from the topmost down, so that each step moves what is there up.
func addControlBits(at sliced, bits [at2 + 1][]Op) {
	z := XMM()
	VPXOR(z, z, z)
	for i := at2; i >= atL; i-- {
		v := XMM()
		VMOVDQU(bits[i][0], v)
		for _, more := range bits[i][1:] {
			VPXOR(more, v, v)
		}
		VPAND(words64("top1", 0, 1), v, v)
		VPADDQ(z, z, z)
		VPOR(v, z, z)
	}
	count := XMM()
	VMOVQ(at.shift, count)
	VPSLLQ(count, z, z)
	VPUNPCKHQDQ(z, z, z)
	to := Mem{Base: at.control, Disp: blockBytes * at.i}
	VPOR(to, z, z)
	VMOVDQU(z, to)
}

// evaluateThreeHalvesAESNI evaluates one AND gate, four instances at a time.
func evaluateThreeHalvesAESNI() {
	n := entry("evaluateThreeHalvesAESNI",
		"func(keys, dst, a, b, control, tables *uint64, stride, batches int, tweak, shift uint64)",
		"evaluateThreeHalvesAESNI evaluates one AND gate by three-halves in 4*batches instances: the labels of a wire side by side,",
		"the three words of tables stride bytes apart. Both halves of the blocks of control have the control bits, moved up by",
		"shift. It needs AES-NI and AVX.")
	dst, a, b, control := argument("dst"), argument("a"), argument("b"), argument("control")
	table, stride := argument("tables"), argument("stride")
	keys, t, shift := loadedKeys{argument("keys")}, sliceTweaks{argument("tweak")}, argument("shift")
	const instances, hashes = 4, 3
	sums := newWaiting(besides)

	Label("loop")
	s := vectors(besides, XMM) // A, B and their sum of each instance
	k0 := keys.key(0)
	for i := range instances {
		la, lb, lx := s[hashes*i], s[hashes*i+1], s[hashes*i+2]
		VPXOR(Mem{Base: a, Disp: blockBytes * i}, k0, la)
		VPXOR(Mem{Base: b, Disp: blockBytes * i}, k0, lb)
		VPXOR(Mem{Base: a, Disp: blockBytes * i}, lb, lx)
	}
	encrypt(keys, s)
	k0 = keys.key(0)
	for j := range s {
		VMOVDQU(s[j], sums.block(j))
		VPXOR(k0, s[j], s[j])
	}
	for i := range instances {
		t.apply(s[hashes*i : hashes*(i+1)])
	}
	encrypt(keys, s)
	for j := range s {
		VPXOR(sums.block(j), s[j], s[j])
		VMOVDQU(s[j], sums.block(j))
	}
	for i := range instances {
		joinBlock(sliced{i: i, dst: dst, a: a, b: b, control: control, shift: shift}, func(j int) Mem { return sums.block(hashes*i + j) }, table)
		PREFETCHT0(Mem{Base: table, Disp: cacheLine})
		ADDQ(stride, table)
	}
	for _, p := range []reg.Register{dst, a, b, control} {
		ADDQ(Imm(blockBytes*instances), p)
	}
	repeat(n, "loop")
	sums.clear()
	leave()
}

// joinBlock gives an instance's output label of its hashes f, g, h.
func joinBlock(at sliced, hash func(int) Mem, table reg.Register) {
	la, lb := loadBlock(at.a, at.i), loadBlock(at.b, at.i)
	colours := XMM()
	VPUNPCKLQDQ(lb, la, colours)
	mij, mk := spread(colours, lowestOfHalves, 0), spread(xorOf(la, lb), lowEverywhere, 0)

	z, next, count := loadBlock(at.control, at.i), XMM(), XMM()
	VMOVQ(at.shift, count)
	VPSRLQ(count, z, z)
	VPSRLQ(Imm(atR), z, next)
	VSHUFPD(Imm(lowThenTop&3), next, z, next) // z_L and z_R in bits 0
	rs := halves(unpackHigh, hash(0), hash(1))
	VPXOR(halves(unpackHigh, hash(2), hash(2)), rs, rs)
	VPXOR(next, rs, rs)
	VPSRLQ(Imm(at0), next, next)
	xorMasked(mij, next, rs)
	VPSRLQ(Imm(at2), z, z)
	xorMasked(mk, z, rs)
	mr, ms := spread(rs, lowEverywhere, 0), spread(rs, topEverywhere, 0)

	c := halves(unpackLow, hash(0), hash(1))
	VPXOR(halves(unpackLow, hash(2), hash(2)), c, c)
	xorMasked(mij, xorOf(exchangedBlock(la, lb), Mem{Base: table}), c)
	third := XMM()
	VMOVDDUP(Mem{Base: table, Disp: 2 * wordBytes}, third)
	xorMasked(mk, third, c)
	e := elementOf(la, lb)
	xorMasked(mr, e, c)
	xorMasked(ms, turnedBlock(e), c)
	VMOVDQU(c, Mem{Base: at.dst, Disp: blockBytes * at.i})
}
