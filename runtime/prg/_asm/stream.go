package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// highHalves gives data with four words, one in the high half of each block.
func highHalves(name string, w ...uint64) Mem {
	return words64(name, 0, w[0], 0, w[1], 0, w[2], 0, w[3])
}

// streamVAES512 is counter mode on 32 blocks at a time.
func streamVAES512() {
	n := entry("streamVAES512", "func(keys *uint64, dst *byte, batches int, first uint64)",
		"streamVAES512 fills dst with AES-128 of 32*batches consecutive 128-bit big-endian numbers, the high half of each 0.",
		"It needs AVX512BW and VAES.")
	dst := argument("dst")
	keys := loadKeys(argument("keys"))
	counter, swap := ZMM(), ZMM()
	VPBROADCASTQ(argument("first"), counter)
	VPANDQ(highHalves("highHalves", ^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)), counter, counter)
	VPADDQ(highHalves("highRamp", 0, 1, 2, 3), counter, counter)
	const low, high = 0x0001020304050607, 0x08090a0b0c0d0e0f // the bytes of both words, backwards
	VMOVDQU64(words64("swap", low, high, low, high, low, high, low, high), swap)
	Label("loop")
	s := vectors(inFlight, ZMM)
	for i := range s {
		VPSHUFB(swap, counter, s[i])
		VPXORQ(keys[0], s[i], s[i])
		VPADDQ(highHalves("highStep", zmmBlocks, zmmBlocks, zmmBlocks, zmmBlocks), counter, counter)
	}
	encrypt(keys, s)
	for i := range s {
		VMOVDQU64(s[i], Mem{Base: dst, Disp: zmmBytes * i})
	}
	ADDQ(U32(zmmBytes*inFlight), dst)
	repeat(n, "loop")
	leave()
}
