package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const wordBytes = 8 // of a pointer and an int

// tiles writes the kernel of the matrix product, for tiles of some pixels and one panel of output channels.
func (k kernel) tiles(name string, pixels int) {
	k.begin(name, "func(acc, from *%[1]s, step int, w *%[1]s, offsets *int, depth int, x *%[1]s, pixels *int, tiles int)",
		"is micro.tiles or micro.single for at least one tile and a depth of at least 1.")
	acc, from, pixel, count := k.kept("acc"), k.kept("from"), k.kept("pixels"), k.kept("tiles")
	Label("tile")
	bases := k.bases(pixel, pixels)
	sums := k.begun(from, pixels)
	w, offset := Load(Param("w"), GP64()), Load(Param("offsets"), GP64())
	n := Load(Param("depth"), GP64())
	Label("depth")
	k.rank1(bases, sums, w, offset)
	ADDQ(Imm(wordBytes), offset)
	ADDQ(I32(int32(k.panelBytes())), w)
	DECQ(n)
	JNZ(LabelRef("depth"))
	to := acc.next(pixels * k.panelBytes())
	for p := range pixels {
		for v, s := range sums[p] {
			k.move(k.total(s), Mem{Base: to, Disp: k.place(p, v)})
		}
	}
	DECQ(count.at)
	JNZ(LabelRef("tile"))
	leave()
}

// panelBytes is the width of a panel.
func (k kernel) panelBytes() int { return k.vectors() * k.vectorBytes() }

// place is where a pixel's vector is in a tile.
func (k kernel) place(pixel, vector int) int { return pixel*k.panelBytes() + vector*k.vectorBytes() }

// kept is a variable on the stack: a tile leaves no registers for what changes between tiles.
type kept struct{ at Mem }

// kept makes a variable that begins as a parameter.
func (k kernel) kept(param string) kept {
	v := kept{AllocLocal(wordBytes)}
	MOVQ(Load(Param(param), GP64()), v.at)
	return v
}

// next gives the variable's value and adds to it.
func (v kept) next(add int) reg.Register {
	r := GP64()
	MOVQ(v.at, r)
	ADDQ(I32(int32(add)), v.at)
	return r
}

// bases gives the address of each pixel of a tile.
func (k kernel) bases(pixel kept, pixels int) []reg.Register {
	at, x := pixel.next(pixels*wordBytes), Load(Param("x"), GP64())
	bases := make([]reg.Register, pixels)
	for p := range bases {
		r := GP64()
		MOVQ(Mem{Base: at, Disp: p * wordBytes}, r)
		LEAQ(k.at(x, r), r)
		bases[p] = r
	}
	return bases
}

// begun loads the sums of a tile, pixels step elements apart.
func (k kernel) begun(from kept, pixels int) [][]sum {
	at, step := GP64(), Load(Param("step"), GP64())
	MOVQ(from.at, at)
	sums := make([][]sum, pixels)
	for p := range sums {
		for v := range k.vectors() {
			sums[p] = append(sums[p], k.start(Mem{Base: at, Disp: v * k.vectorBytes()}))
		}
		LEAQ(k.at(at, step), at)
	}
	MOVQ(at, from.at)
	return sums
}

// rank1 adds the products of one step of the depth.
func (k kernel) rank1(bases []reg.Register, sums [][]sum, w, offset reg.Register) {
	o := GP64()
	MOVQ(Mem{Base: offset}, o)
	var factors []factor
	for v := range k.vectors() {
		factors = append(factors, k.factor(k.load(Mem{Base: w, Disp: v * k.vectorBytes()})))
	}
	products := k.products(k.batch)
	for p, base := range bases {
		products.add(k.broadcast(k.at(base, o)), factors, sums[p])
	}
	products.flush()
}
