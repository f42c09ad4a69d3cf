package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// laneBytes is the part of a vector in which shuffles work.
const laneBytes = 16

// squares writes the kernel that transposes squares, each as wide as a vector, and adds to them.
func (k kernel) squares() {
	k.begin("squares", "func(dst *%[1]s, dstStep int, add *%[1]s, addStep int, src *%[1]s, srcStep, squares int)",
		"is micro.squares for at least one square.")
	src, dst, add := Load(Param("src"), GP64()), Load(Param("dst"), GP64()), Load(Param("add"), GP64())
	srcStep, dstStep, addStep := k.step("srcStep"), k.step("dstStep"), k.step("addStep")
	count := Load(Param("squares"), GP64())
	group := laneBytes / k.element.bytes // rows that one lane of a vector transposes
	dstGroup, addGroup := times(dstStep, group), times(addStep, group)
	Label("square")
	rows := make([]vector, k.lanes())
	for j := range rows {
		rows[j] = k.load(Mem{Base: src})
		ADDQ(srcStep, src)
	}
	columns := k.inLanes(rows)
	for c, column := range columns {
		d, a := moved(dst), moved(add)
		for lane, v := range k.acrossLanes(column) {
			if lane > 0 {
				ADDQ(dstGroup, d)
				ADDQ(addGroup, a)
			}
			k.add(Mem{Base: a}, v)
			k.move(v, Mem{Base: d})
		}
		if c < len(columns)-1 {
			ADDQ(dstStep, dst)
			ADDQ(addStep, add)
		}
	}
	back(dst, dstStep, dstGroup)
	back(add, addStep, addGroup)
	ADDQ(Imm(uint64(k.vectorBytes())), dst)
	ADDQ(Imm(uint64(k.vectorBytes())), add)
	DECQ(count)
	JNZ(LabelRef("square"))
	leave()
}

// step loads a parameter of elements as bytes.
func (k kernel) step(param string) reg.Register {
	r := Load(Param(param), GP64())
	SHLQ(Imm(map[int]uint64{4: 2, 8: 3}[k.element.bytes]), r)
	return r
}

// times gives r times 2 or 4.
func times(r reg.Register, n int) reg.Register {
	m := moved(r)
	SHLQ(Imm(map[int]uint64{2: 1, 4: 2}[n]), m)
	return m
}

func moved(r reg.Register) reg.Register {
	m := GP64()
	MOVQ(r, m)
	return m
}

// back undoes the steps inside a group.
func back(r, step, group reg.Register) {
	ADDQ(step, r)
	SUBQ(group, r)
}

// inLanes transposes inside of lanes. In group g of rows, [c][g] has in its lane l the column l*len(group)+c.
func (k kernel) inLanes(rows []vector) [][]vector {
	group := laneBytes / k.element.bytes
	columns := make([][]vector, group)
	for g := 0; g < len(rows); g += group {
		for c, v := range k.lane(rows[g : g+group]) {
			columns[c] = append(columns[c], v)
		}
	}
	return columns
}

// lane transposes as many rows as a lane has elements.
func (k kernel) lane(r []vector) []vector {
	if len(r) == 2 {
		low, high := k.pair(VPUNPCKLQDQ, VPUNPCKHQDQ, r[0], r[1])
		return []vector{low, high}
	}
	a, b := k.pair(VPUNPCKLDQ, VPUNPCKHDQ, r[0], r[1])
	c, d := k.pair(VPUNPCKLDQ, VPUNPCKHDQ, r[2], r[3])
	c0, c1 := k.pair(VPUNPCKLQDQ, VPUNPCKHQDQ, a, c)
	c2, c3 := k.pair(VPUNPCKLQDQ, VPUNPCKHQDQ, b, d)
	return []vector{c0, c1, c2, c3}
}

// pair gives two mixtures of a and b. It uses up b.
func (k kernel) pair(low, high func(...Op), a, b vector) (vector, vector) {
	l := k.vector()
	low(b, a, l)
	high(b, a, b)
	return l, b
}

// acrossLanes transposes whole lanes: the result i has lane i of every vector.
func (k kernel) acrossLanes(v []vector) []vector {
	if len(v) == 2 {
		a, b := k.vector(), k.vector()
		VPERM2I128(Imm(0x20), v[1], v[0], a)
		VPERM2I128(Imm(0x31), v[1], v[0], b)
		return []vector{a, b}
	}
	const even, odd = 0b10_00_10_00, 0b11_01_11_01 // lanes 0 and 2 of both sources, lanes 1 and 3
	shuffle := func(lanes uint64, a, b vector) vector {
		t := k.vector()
		VSHUFI64X2(Imm(lanes), b, a, t)
		return t
	}
	a, b := shuffle(even, v[0], v[1]), shuffle(odd, v[0], v[1])
	c, d := shuffle(even, v[2], v[3]), shuffle(odd, v[2], v[3])
	return []vector{shuffle(even, a, c), shuffle(even, b, d), shuffle(odd, a, c), shuffle(odd, b, d)}
}
