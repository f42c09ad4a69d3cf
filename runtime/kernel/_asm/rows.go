package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rows writes the kernel that computes rows of one output channel, pixels side by side in a vector.
func (k kernel) rows() {
	k.begin("rows", "func(dst *%[1]s, width, rows int, add *%[1]s, addStep int, x *%[1]s, xStep int, w *%[1]s, offsets *int, depth int, bias *%[1]s)",
		"is micro.rows for at least one pixel and a depth of at least 1.")
	dst, addRow, xRow, count := Load(Param("dst"), GP64()), k.kept("add"), k.kept("x"), k.kept("rows")
	Label("row")
	add, x := GP64(), GP64()
	MOVQ(addRow.at, add)
	MOVQ(xRow.at, x)
	left := Load(Param("width"), GP64())
	Label("chunk")
	for _, vectors := range []int{2, 1} {
		CMPQ(left, Imm(uint64(vectors*k.lanes())))
		JG(LabelRef(fmt.Sprintf("chunk%d", 2*vectors)))
	}
	for _, vectors := range []int{1, 2, 4} {
		Label(fmt.Sprintf("chunk%d", vectors))
		k.chunk(fmt.Sprintf("depth%d", vectors), vectors, dst, add, x, left)
		JG(LabelRef("chunk"))
		if vectors != 4 {
			JMP(LabelRef("next"))
		}
	}
	Label("next")
	// What the last chunk went too far; left is not positive.
	LEAQ(k.at(dst, left), dst)
	for _, v := range []struct {
		at    kept
		param string
	}{{addRow, "addStep"}, {xRow, "xStep"}} {
		step := k.step(v.param)
		ADDQ(step, v.at.at)
	}
	DECQ(count.at)
	JNZ(LabelRef("row"))
	leave()
}

// chunk computes some vectors, of which the last may be there in part or not at all, and goes on by them. It ends with the
// flags of what is left.
func (k kernel) chunk(depth string, vectors int, dst, add, x, left reg.Register) {
	bias := k.broadcast(Mem{Base: Load(Param("bias"), GP64())})
	var sums []sum
	for range vectors {
		v := k.vector()
		k.move(bias, v)
		sums = append(sums, k.startAt(v))
	}
	w, offset := Load(Param("w"), GP64()), Load(Param("offsets"), GP64())
	n := Load(Param("depth"), GP64())
	Label(depth)
	at := GP64()
	MOVQ(Mem{Base: offset}, at)
	LEAQ(k.at(x, at), at)
	f := k.factor(k.broadcast(Mem{Base: w}))
	products := k.products(min(k.batch, vectors))
	for v, s := range sums {
		products.add(k.load(Mem{Base: at, Disp: v * k.vectorBytes()}), []factor{f}, []sum{s})
	}
	products.flush()
	ADDQ(Imm(wordBytes), offset)
	ADDQ(Imm(uint64(k.element.bytes)), w)
	DECQ(n)
	JNZ(LabelRef(depth))
	for v, s := range sums {
		k.masked(k.total(s), left, v, Mem{Base: add, Disp: v * k.vectorBytes()}, Mem{Base: dst, Disp: v * k.vectorBytes()})
	}
	for _, r := range []reg.Register{dst, add, x} {
		ADDQ(I32(int32(vectors*k.vectorBytes())), r)
	}
	SUBQ(Imm(uint64(vectors*k.lanes())), left)
}
