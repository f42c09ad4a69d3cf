package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// expandKeys writes the key schedule of AES-128 (FIPS 197, section 5.2).
func expandKeys() {
	TEXT("expandKeys", NOSPLIT, "func(key, keys *uint64)")
	Pragma("noescape")
	Doc("expandKeys writes the eleven round keys of key, two words each, to keys. It needs AES-NI and AVX.")
	key, keys := argument("key"), argument("keys")
	k, t := XMM(), XMM()
	VMOVDQU(Mem{Base: key}, k)
	VMOVDQU(k, Mem{Base: keys})
	rcon := uint64(1)
	for r := 1; r <= rounds; r++ {
		word := XMM()
		VAESKEYGENASSIST(Imm(rcon), k, word)
		VPSHUFD(Imm(0xff), word, word) // its last word, in all four
		VMOVDQA(k, t)
		for range 3 { // word i becomes the XOR of words 0 to i
			VPSLLDQ(Imm(4), t, t)
			VPXOR(t, k, k)
		}
		VPXOR(word, k, k)
		VMOVDQU(k, Mem{Base: keys, Disp: r * blockBytes})
		if rcon <<= 1; rcon > 0xff {
			rcon ^= 0x11b // the field's polynomial
		}
	}
	RET()
}

const permuteSignature = "func(keys, b *uint64, batches int)"

// permuteAESNI is pi on eight blocks at a time.
func permuteAESNI() {
	n := entry("permuteAESNI", permuteSignature,
		"permuteAESNI applies AES-128 to each of 8*batches blocks in place. It needs AES-NI and AVX.")
	keys, b := loadedKeys{argument("keys")}, argument("b")
	Label("loop")
	s := vectors(inFlight, XMM)
	k0 := keys.key(0)
	for i := range s {
		VPXOR(Mem{Base: b, Disp: blockBytes * i}, k0, s[i])
	}
	encrypt(keys, s)
	for i := range s {
		VMOVDQU(s[i], Mem{Base: b, Disp: blockBytes * i})
	}
	ADDQ(Imm(blockBytes*inFlight), b)
	repeat(n, "loop")
	leave()
}

// permuteVAES512 is pi on 32 blocks at a time.
func permuteVAES512() {
	n := entry("permuteVAES512", permuteSignature,
		"permuteVAES512 applies AES-128 to each of 32*batches blocks in place. It needs AVX512F and VAES.")
	b := argument("b")
	keys := loadKeys(argument("keys"))
	Label("loop")
	s := vectors(inFlight, ZMM)
	for i := range s {
		VPXORQ(Mem{Base: b, Disp: zmmBytes * i}, keys[0], s[i])
	}
	encrypt(keys, s)
	for i := range s {
		VMOVDQU64(s[i], Mem{Base: b, Disp: zmmBytes * i})
	}
	ADDQ(U32(zmmBytes*inFlight), b)
	repeat(n, "loop")
	leave()
}

const hashSignature = "func(keys, dst, x *uint64, batches int, first uint64)"

// hashAESNI is TMMO on eight blocks at a time. pi(x) waits in dst while the second pi uses the registers.
func hashAESNI() {
	n := entry("hashAESNI", hashSignature,
		"hashAESNI sets dst[j] = H(x[j], first+j) for 8*batches blocks. It needs AES-NI and AVX.")
	keys, dst, x := loadedKeys{argument("keys")}, argument("dst"), argument("x")
	tweak, one := XMM(), XMM()
	VMOVQ(argument("first"), tweak)
	VMOVDQU(words64("one", 1, 0), one)
	Label("loop")
	s := vectors(inFlight, XMM)
	k0 := keys.key(0)
	for i := range s {
		VPXOR(Mem{Base: x, Disp: blockBytes * i}, k0, s[i])
	}
	encrypt(keys, s)
	k0 = keys.key(0)
	for i := range s {
		VMOVDQU(s[i], Mem{Base: dst, Disp: blockBytes * i})
		VPXOR(k0, s[i], s[i])
		VPXOR(tweak, s[i], s[i])
		VPADDQ(one, tweak, tweak)
	}
	encrypt(keys, s)
	for i := range s {
		VPXOR(Mem{Base: dst, Disp: blockBytes * i}, s[i], s[i])
		VMOVDQU(s[i], Mem{Base: dst, Disp: blockBytes * i})
	}
	ADDQ(Imm(blockBytes*inFlight), dst)
	ADDQ(Imm(blockBytes*inFlight), x)
	repeat(n, "loop")
	leave()
}

// hashVAES512 is TMMO on 32 blocks at a time.
func hashVAES512() {
	n := entry("hashVAES512", hashSignature,
		"hashVAES512 sets dst[j] = H(x[j], first+j) for 32*batches blocks. It needs AVX512F and VAES.")
	dst, x := argument("dst"), argument("x")
	keys := loadKeys(argument("keys"))
	t := loadTweaks(argument("first"))
	Label("loop")
	s := vectors(inFlight, ZMM)
	for i := range s {
		VPXORQ(Mem{Base: x, Disp: zmmBytes * i}, keys[0], s[i])
	}
	encrypt(keys, s)
	y := make([]vector, inFlight)
	for i := range s {
		y[i] = tweaked(keys[0], s[i], t.at)
		t.advance(zmmBlocks)
	}
	encrypt(keys, s)
	for i := range s {
		VPXORQ(y[i], s[i], s[i])
		VMOVDQU64(s[i], Mem{Base: dst, Disp: zmmBytes * i})
	}
	ADDQ(U32(zmmBytes*inFlight), dst)
	ADDQ(U32(zmmBytes*inFlight), x)
	repeat(n, "loop")
	leave()
}

// tweaked turns s = pi(x) into the second pi's input, XORed with tweak and key 0, and gives a copy of pi(x).
func tweaked(key, s, tweak vector) (y vector) {
	y = ZMM()
	VMOVDQA64(s, y)
	VPTERNLOGQ(Imm(xor3), tweak, key, s)
	return y
}
