package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// levelVAES512 is a level of a correlated GGM tree.
func levelVAES512() {
	n := entry("levelVAES512", "func(keys, node, left *uint64, batches int, first uint64)",
		"levelVAES512 turns 32*batches nodes into twice as many children, in place: of node x H(x, first+x) and that XORed with the node.",
		"It adds the first children up in the four blocks of left. It needs AVX512F and VAES.")
	node := argument("node")
	keys := loadKeys(argument("keys"))
	const (
		nodes     = zmmBlocks * inFlight
		nodeBytes = blockBytes * nodes
	)
	// From the last nodes to the first, for children overwrite nodes that come later.
	from, to, tweak := GP64(), GP64(), GP64()
	MOVQ(n, from)
	SUBQ(Imm(1), from)
	MOVQ(from, tweak)
	SHLQ(Imm(9), from)  // by nodeBytes
	SHLQ(Imm(5), tweak) // by nodes
	ADDQ(argument("first"), tweak)
	LEAQ(Mem{Base: node, Index: from, Scale: 2}, to)
	ADDQ(node, from)
	t := loadTweaks(tweak)
	sum := ZMM()
	VPXORQ(sum, sum, sum)

	Label("loop")
	s := vectors(inFlight, ZMM)
	for i := range s {
		VPXORQ(Mem{Base: from, Disp: zmmBytes * i}, keys[0], s[i])
	}
	encrypt(keys, s)
	y := make([]vector, inFlight)
	for i := range s {
		y[i] = tweaked(keys[0], s[i], t.at)
		t.advance(zmmBlocks)
	}
	t.advance(-2 * nodes & (1<<64 - 1))
	encrypt(keys, s)
	low, high := words64("pairsLow", pairsLow...), words64("pairsHigh", pairsHigh...)
	for i := inFlight - 1; i >= 0; i-- {
		other := y[i]
		VPXORQ(y[i], s[i], s[i])
		VPXORQ(s[i], sum, sum)
		VPXORQ(Mem{Base: from, Disp: zmmBytes * i}, s[i], other)
		VMOVDQU64(permuted(low, s[i], other), Mem{Base: to, Disp: 2 * zmmBytes * i})
		VMOVDQU64(permuted(high, s[i], other), Mem{Base: to, Disp: 2*zmmBytes*i + zmmBytes})
	}
	SUBQ(U32(nodeBytes), from)
	SUBQ(U32(2*nodeBytes), to)
	repeat(n, "loop")
	VMOVDQU64(sum, Mem{Base: argument("left")})
	leave()
}

// addToPairAVX512 adds a block to two nodes of many.
func addToPairAVX512() {
	n := entry("addToPairAVX512", "func(node, f *uint64, pair uint64, batches int)",
		"addToPairAVX512 adds f to nodes 2*pair and 2*pair+1 of 16*batches, and goes over all of them alike. It needs AVX512F.")
	node := argument("node")
	f, pair, number, step := ZMM(), ZMM(), ZMM(), ZMM()
	VBROADCASTI32X4(Mem{Base: argument("f")}, f)
	VPBROADCASTQ(argument("pair"), pair)
	VMOVDQU64(words64("pairNumbers", 0, 0, 0, 0, 1, 1, 1, 1), number)
	VPBROADCASTQ(words64("pairsOfRegister", 2), step)
	Label("loop")
	for i := range 4 {
		k, v := K(), ZMM()
		VPCMPEQQ(pair, number, k)
		VMOVDQU64(Mem{Base: node, Disp: zmmBytes * i}, v)
		xorIf(k, f, v)
		VMOVDQU64(v, Mem{Base: node, Disp: zmmBytes * i})
		VPADDQ(step, number, number)
	}
	ADDQ(U32(4*zmmBytes), node)
	repeat(n, "loop")
	leave()
}

// The code of the public matrix: ten positions in three words.
const (
	positionBits = 19
	spareBits    = 64 - 3*positionBits
	blockShift   = 4 // log2 blockBytes
)

// positions gives, for each of the ten, a register and by how many bits it has to be rotated right for the position to be lowest, with
// other bits above it.
func positions(words [3]reg.Register, use func(w reg.Register, rotate int)) {
	for _, w := range words {
		for i := range 3 {
			use(w, positionBits*i)
		}
	}
	tenth := GP64()
	for i, w := range words { // the spare bits on top of each word, side by side
		t := GP64()
		RORXQ(Imm(uint64(64-spareBits*(i+1))), w, t)
		ANDQ(U32((1<<spareBits-1)<<(spareBits*i)), t)
		if i == 0 {
			MOVQ(t, tenth)
		} else {
			ORQ(t, tenth)
		}
	}
	use(tenth, 0)
}

// rotated gives a register rotated right, and masked.
func rotated(w reg.Register, by int, mask reg.Register) reg.Register {
	t := GP64()
	RORXQ(Imm(uint64((by+64)%64)), w, t)
	ANDQ(mask, t)
	return t
}

// nextPositions loads an output's words.
func nextPositions(w reg.Register) (words [3]reg.Register) {
	for i := range words {
		words[i] = GP64()
		MOVQ(Mem{Base: w, Disp: 8 * i}, words[i])
	}
	ADDQ(Imm(8*uint64(len(words))), w)
	return words
}

// addRowsAVX encodes blocks.
func addRowsAVX() {
	n := entry("addRowsAVX", "func(y, r, w *uint64, mask uint64, batches int)",
		"addRowsAVX adds to each of batches blocks of y the ten blocks of r that three words of w name. mask has the bits of a position.",
		"It needs AVX and BMI2.")
	y, r, w, mask := argument("y"), argument("r"), argument("w"), argument("mask")
	SHLQ(Imm(blockShift), mask)
	Label("loop")
	sum := XMM()
	VMOVDQU(Mem{Base: y}, sum)
	positions(nextPositions(w), func(p reg.Register, rotate int) {
		VPXOR(Mem{Base: r, Index: rotated(p, rotate-blockShift, mask), Scale: 1}, sum, sum)
	})
	VMOVDQU(sum, Mem{Base: y})
	ADDQ(Imm(blockBytes), y)
	repeat(n, "loop")
	leave()
}
