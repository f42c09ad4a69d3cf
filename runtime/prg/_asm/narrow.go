package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels of an AND gate for sixteen registers of one block. Sums of pi(x) that the second pi must leave room for
// wait on the stack, which is cleared in the end.

// waiting is the part of the stack frame where n blocks wait.
type waiting struct {
	at Mem
	n  int
}

func newWaiting(n int) waiting { return waiting{AllocLocal(blockBytes * n), n} }

func (w waiting) block(i int) Mem { return w.at.Offset(blockBytes * i) }

// clear overwrites what waited.
func (w waiting) clear() {
	zero := XMM()
	VPXOR(zero, zero, zero)
	for i := range w.n {
		VMOVDQU(zero, w.block(i))
	}
}

// halfTweaks are the tweaks of both halves of a gate in one instance.
type halfTweaks struct{ j, one vector }

func loadHalfTweaks(first reg.Register) halfTweaks {
	t := halfTweaks{XMM(), XMM()}
	VMOVQ(first, t.j)
	VMOVDQU(words64("one128", 1, 0), t.one)
	return t
}

// apply XORs j to the states of one half and j' to those of the other, and goes on to the next instance.
func (t halfTweaks) apply(a, b []vector) {
	j1 := XMM()
	VPADDQ(words64("plus64of128", blockOfTweaks, 0), t.j, j1)
	for i := range a {
		VPXOR(t.j, a[i], a[i])
		VPXOR(j1, b[i], b[i])
	}
	VPADDQ(t.one, t.j, t.j)
}

// mask gives bit 0 of a block in all its bits.
func mask(block vector) vector {
	m := XMM()
	VPSHUFD(Imm(0), block, m)
	VPSLLD(Imm(31), m, m)
	VPSRAD(Imm(31), m, m)
	return m
}

// xorMasked sets v ^= m & x. x may lie in memory.
func xorMasked(m vector, x Op, v vector) {
	t := XMM()
	VPAND(x, m, t)
	VPXOR(t, v, v)
}

// loadBlock gives block i of an array.
func loadBlock(base reg.Register, i int) vector {
	v := XMM()
	VMOVDQU(Mem{Base: base, Disp: blockBytes * i}, v)
	return v
}

// garbleAESNI garbles one AND gate, two instances at a time.
func garbleAESNI() {
	n := entry("garbleAESNI", "func(keys, delta, dst, a, b, tables *uint64, stride, batches int, tweak uint64)",
		"garbleAESNI garbles one AND gate in 2*batches instances: the labels of a wire side by side, the pairs of tables",
		"stride bytes apart. It needs AES-NI and AVX.")
	dst, a, b := argument("dst"), argument("a"), argument("b")
	table, stride := argument("tables"), argument("stride")
	keys := loadedKeys{argument("keys")}
	delta := loadBlock(argument("delta"), 0)
	t := loadHalfTweaks(argument("tweak"))
	const instances = inFlight / 4
	sums := newWaiting(inFlight)

	Label("loop")
	s := vectors(inFlight, XMM) // A0, A1, B0, B1 of each instance
	k0 := keys.key(0)
	for i := range instances {
		for h, labels := range []reg.Register{a, b} {
			zero, one := s[4*i+2*h], s[4*i+2*h+1]
			VPXOR(Mem{Base: labels, Disp: blockBytes * i}, k0, zero)
			VPXOR(delta, zero, one)
		}
	}
	encrypt(keys, s)
	k0 = keys.key(0)
	for i := range instances {
		for j := 4 * i; j < 4*i+4; j += 2 {
			both := XMM()
			VPXOR(s[j], s[j+1], both)
			VMOVDQU(s[j], sums.block(j))
			VMOVDQU(both, sums.block(j+1))
			VPXOR(k0, s[j], s[j])
			VPXOR(k0, s[j+1], s[j+1])
		}
		t.apply(s[4*i:4*i+2], s[4*i+2:4*i+4])
	}
	encrypt(keys, s)
	for i := range instances {
		c, tg, we, both := s[4*i], s[4*i+1], s[4*i+2], s[4*i+3]
		for j := 4 * i; j < 4*i+4; j += 2 {
			VPXOR(s[j], s[j+1], s[j+1]) // H of both labels
			VPXOR(sums.block(j+1), s[j+1], s[j+1])
			VPXOR(sums.block(j), s[j], s[j]) // H of the label for 0
		}
		a0, b0 := loadBlock(a, i), loadBlock(b, i)
		pa, pb := mask(a0), mask(b0)
		xorMasked(pb, delta, tg)
		xorMasked(pa, tg, c)
		VPXOR(we, c, c)
		xorMasked(pb, both, c)
		VMOVDQU(c, Mem{Base: dst, Disp: blockBytes * i})
		VPXOR(a0, both, both)
		VMOVDQU(tg, Mem{Base: table})
		VMOVDQU(both, Mem{Base: table, Disp: blockBytes})
		PREFETCHT0(Mem{Base: table, Disp: cacheLine})
		ADDQ(stride, table)
	}
	for _, p := range []reg.Register{dst, a, b} {
		ADDQ(Imm(blockBytes*instances), p)
	}
	repeat(n, "loop")
	sums.clear()
	leave()
}

// evaluateAESNI evaluates one AND gate, four instances at a time.
func evaluateAESNI() {
	n := entry("evaluateAESNI", "func(keys, dst, a, b, tables *uint64, stride, batches int, tweak uint64)",
		"evaluateAESNI evaluates one AND gate in 4*batches instances: the labels of a wire side by side, the pairs of",
		"tables stride bytes apart. It needs AES-NI and AVX.")
	dst, a, b := argument("dst"), argument("a"), argument("b")
	table, stride := argument("tables"), argument("stride")
	keys := loadedKeys{argument("keys")}
	t := loadHalfTweaks(argument("tweak"))
	const instances = inFlight / 2
	sums := newWaiting(instances)

	Label("loop")
	s := vectors(inFlight, XMM)
	sa, sb := s[:instances], s[instances:]
	k0 := keys.key(0)
	for i := range instances {
		VPXOR(Mem{Base: a, Disp: blockBytes * i}, k0, sa[i])
		VPXOR(Mem{Base: b, Disp: blockBytes * i}, k0, sb[i])
	}
	encrypt(keys, s)
	k0 = keys.key(0)
	for i := range instances {
		both := XMM()
		VPXOR(sa[i], sb[i], both)
		VMOVDQU(both, sums.block(i))
		VPXOR(k0, sa[i], sa[i])
		VPXOR(k0, sb[i], sb[i])
		t.apply(sa[i:i+1], sb[i:i+1])
	}
	encrypt(keys, s)
	for i, c := range sa {
		VPXOR(sb[i], c, c)
		VPXOR(sums.block(i), c, c)
		la, lb := loadBlock(a, i), loadBlock(b, i)
		xorMasked(mask(la), Mem{Base: table}, c)
		VPXOR(Mem{Base: table, Disp: blockBytes}, la, la)
		xorMasked(mask(lb), la, c)
		VMOVDQU(c, Mem{Base: dst, Disp: blockBytes * i})
		PREFETCHT0(Mem{Base: table, Disp: cacheLine})
		ADDQ(stride, table)
	}
	for _, p := range []reg.Register{dst, a, b} {
		ADDQ(Imm(blockBytes*instances), p)
	}
	repeat(n, "loop")
	sums.clear()
	leave()
}
