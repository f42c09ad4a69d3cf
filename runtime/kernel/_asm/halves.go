package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// halves writes the kernel that parts rows into their even and odd columns.
func (k kernel) halves() {
	k.begin("halves", "func(even, odd *%[1]s, step int, src *%[1]s, srcStep int, pairs, rows int)",
		"is micro.halves for at least one row and one pair.")
	order := k.orders()
	rows := [3]reg.Register{Load(Param("even"), GP64()), Load(Param("odd"), GP64()), Load(Param("src"), GP64())}
	count := Load(Param("rows"), GP64())
	Label("row")
	even, odd, src := moved(rows[0]), moved(rows[1]), moved(rows[2])
	left := Load(Param("pairs"), GP64())
	Label("whole")
	CMPQ(left, Imm(uint64(k.lanes())))
	JL(LabelRef("part"))
	e, o := k.halved(order, k.load(Mem{Base: src}), k.load(Mem{Base: src, Disp: k.vectorBytes()}))
	k.move(e, Mem{Base: even})
	k.move(o, Mem{Base: odd})
	ADDQ(Imm(uint64(k.vectorBytes())), even)
	ADDQ(Imm(uint64(k.vectorBytes())), odd)
	ADDQ(I32(int32(2*k.vectorBytes())), src)
	SUBQ(Imm(uint64(k.lanes())), left)
	JMP(LabelRef("whole"))
	Label("part")
	TESTQ(left, left)
	JZ(LabelRef("next"))
	both := moved(left)
	ADDQ(left, both)
	a := k.loadFirst(k.first(both, 0), Mem{Base: src})
	b := k.loadFirst(k.first(both, 1), Mem{Base: src, Disp: k.vectorBytes()})
	e, o = k.halved(order, a, b)
	m := k.first(left, 0)
	k.storeFirst(m, e, Mem{Base: even})
	k.storeFirst(m, o, Mem{Base: odd})
	Label("next")
	for i, param := range []string{"step", "step", "srcStep"} {
		ADDQ(k.step(param), rows[i])
	}
	DECQ(count)
	JNZ(LabelRef("row"))
	leave()
}

// orders gives, for AVX-512, the places of even and of odd elements in two vectors.
func (k kernel) orders() [2]vector {
	if k.machine.bytes == avx2.bytes {
		return [2]vector{}
	}
	name := map[int]string{4: "halves32", 8: "halves64"}[k.element.bytes]
	table := k.places(name)
	at, order := GP64(), [2]vector{}
	LEAQ(table, at)
	for i := range order {
		order[i] = k.load(Mem{Base: at, Disp: i * k.vectorBytes()})
	}
	return order
}

var placeTables = map[string]Mem{}

// places is a vector of 0, 2, 4 and so on, then one of 1, 3, 5.
func (k kernel) places(name string) Mem {
	if table, ok := placeTables[name]; ok {
		return table
	}
	table := GLOBL(name, RODATA|NOPTR)
	for i := range 2 * k.lanes() {
		place := 2*(i%k.lanes()) + i/k.lanes()
		if k.element.bytes == 8 {
			DATA(i*k.element.bytes, U64(place))
		} else {
			DATA(i*k.element.bytes, U32(place))
		}
	}
	placeTables[name] = table
	return table
}

// halved gives the even and the odd elements of two vectors. It uses up a.
func (k kernel) halved(order [2]vector, a, b vector) (even, odd vector) {
	if k.machine.bytes == avx2.bytes {
		return k.halved2(a, b)
	}
	even = k.vector()
	k.move(a, even)
	for i, v := range []vector{even, a} {
		if k.element.bytes == 8 {
			VPERMT2Q(b, order[i], v)
		} else {
			VPERMT2D(b, order[i], v)
		}
	}
	return even, a
}

// halved2 is halved for AVX2, which first takes them from each half of both vectors.
func (k kernel) halved2(a, b vector) (even, odd vector) {
	const inOrder = 0b11_01_10_00 // changes the two words in the middle
	even, odd = k.vector(), k.vector()
	if k.element.bytes == 8 {
		VPUNPCKLQDQ(b, a, even)
		VPUNPCKHQDQ(b, a, odd)
	} else {
		VSHUFPS(Imm(0b10_00_10_00), b, a, even)
		VSHUFPS(Imm(0b11_01_11_01), b, a, odd)
	}
	VPERMQ(Imm(inOrder), even, even)
	VPERMQ(Imm(inOrder), odd, odd)
	return even, odd
}
