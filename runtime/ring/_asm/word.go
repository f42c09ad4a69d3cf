package main

import (
	"fmt"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const zmmBytes = 64

type vector = reg.VecVirtual

// word is one of the two sizes of ring elements, with the instructions for a register of them.
type word struct {
	bits, lanes            int
	load, store            func(from, to Op)
	add, sub, mul, and, or func(b, a, dst Op)
	shiftLeft, shiftRight  func(count, a, dst Op)
	broadcast              func(from, to Op)
	signs                  func(from, k Op) // the mask of the negative lanes
	addWhere, subWhere     func(b, a, k, dst Op)
	mask                   func(from, k Op)
	xorMasks               func(b, a, k Op)
	funnel                 func(count, high, low Op) // low is moved down, and high follows
}

var words = []word{
	{bits: 32, lanes: 16,
		load:       func(f, t Op) { VMOVDQU32(f, t) },
		store:      func(f, t Op) { VMOVDQU32(f, t) },
		add:        func(b, a, d Op) { VPADDD(b, a, d) },
		sub:        func(b, a, d Op) { VPSUBD(b, a, d) },
		mul:        func(b, a, d Op) { VPMULLD(b, a, d) },
		and:        func(b, a, d Op) { VPANDD(b, a, d) },
		or:         func(b, a, d Op) { VPORD(b, a, d) },
		shiftLeft:  func(c, a, d Op) { VPSLLD(c, a, d) },
		shiftRight: func(c, a, d Op) { VPSRLD(c, a, d) },
		broadcast:  func(f, t Op) { VPBROADCASTD(f, t) },
		signs:      func(f, k Op) { VPMOVD2M(f, k) },
		addWhere:   func(b, a, k, d Op) { VPADDD(b, a, k, d) },
		subWhere:   func(b, a, k, d Op) { VPSUBD(b, a, k, d) },
		mask:       func(f, k Op) { KMOVW(f, k) },
		xorMasks:   func(b, a, k Op) { KXORW(b, a, k) },
		funnel:     func(c, h, l Op) { VPSHRDVD(c, h, l) },
	},
	{bits: 64, lanes: 8,
		load:       func(f, t Op) { VMOVDQU64(f, t) },
		store:      func(f, t Op) { VMOVDQU64(f, t) },
		add:        func(b, a, d Op) { VPADDQ(b, a, d) },
		sub:        func(b, a, d Op) { VPSUBQ(b, a, d) },
		mul:        func(b, a, d Op) { VPMULLQ(b, a, d) },
		and:        func(b, a, d Op) { VPANDQ(b, a, d) },
		or:         func(b, a, d Op) { VPORQ(b, a, d) },
		shiftLeft:  func(c, a, d Op) { VPSLLQ(c, a, d) },
		shiftRight: func(c, a, d Op) { VPSRLQ(c, a, d) },
		broadcast:  func(f, t Op) { VPBROADCASTQ(f, t) },
		signs:      func(f, k Op) { VPMOVQ2M(f, k) },
		addWhere:   func(b, a, k, d Op) { VPADDQ(b, a, k, d) },
		subWhere:   func(b, a, k, d Op) { VPSUBQ(b, a, k, d) },
		mask:       func(f, k Op) { KMOVB(f, k) },
		xorMasks:   func(b, a, k Op) { KXORB(b, a, k) },
		funnel:     func(c, h, l Op) { VPSHRDVQ(c, h, l) },
	},
}

// types writes a signature's element type for this size: E stands for it.
func (w word) types(signature string) string {
	return strings.ReplaceAll(signature, "E", fmt.Sprintf("uint%d", w.bits))
}

func (w word) begin(name, signature string, doc ...string) {
	TEXT(fmt.Sprintf("%s%d", name, w.bits), NOSPLIT, w.types(signature))
	doc[0] = fmt.Sprintf("%s%d %s", name, w.bits, doc[0])
	Doc(doc...)
}

func pointer(name string) reg.Register { return Load(Param(name), GP64()) }

// loop runs body for the counter n, which is not zero, and leaves the function.
func loop(n reg.Register, body func()) {
	Label("loop")
	body()
	DECQ(n)
	JNZ(LabelRef("loop"))
	VZEROUPPER()
	RET()
}

// everywhere gives an argument in every lane.
func (w word) everywhere(name string) vector {
	v := ZMM()
	if w.bits == 32 {
		w.broadcast(Load(Param(name), GP32()), v)
	} else {
		w.broadcast(Load(Param(name), GP64()), v)
	}
	return v
}

// count gives an argument as the count of shifts.
func count(name string) vector {
	v := XMM()
	VMOVQ(Load(Param(name), GP64()), v)
	return v
}

// at is register i of an array.
func at(base reg.Register, i int) Mem { return Mem{Base: base, Disp: zmmBytes * i} }

func (w word) loaded(base reg.Register, i int) vector {
	v := ZMM()
	w.load(at(base, i), v)
	return v
}

// next moves arrays on by so many registers.
func next(registers int, arrays ...reg.Register) {
	for _, a := range arrays {
		ADDQ(U32(registers*zmmBytes), a)
	}
}
