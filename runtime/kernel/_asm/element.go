package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vector is a virtual vector register.
type vector = reg.VecVirtual

// machine is a set of instructions with what a tile takes of its registers.
type machine struct {
	name   string
	needs  string
	bytes  int // of a vector
	vector func() vector
	pixels int // of a tile
	batch  int // products that wait in registers for their addition
}

var (
	avx2   = machine{"AVX2", "AVX2 and FMA", 32, func() vector { return YMM() }, 6, 1}
	avx512 = machine{"AVX512", "AVX512F, AVX512DQ and BMI2", 64, func() vector { return ZMM() }, 7, 14}

	machines = []machine{avx2, avx512}
)

// element is what a vector is of.
type element struct {
	name   string // in names of kernels
	goType string
	bytes  int
}

var (
	u32 = element{"U32", "uint32", 4}
	u64 = element{"U64", "uint64", 8}
	f32 = element{"F32", "float32", 4}

	elements = []element{u32, u64, f32}
)

// kernel is a kernel for one machine and one element.
type kernel struct {
	machine
	element
}

func (k kernel) lanes() int { return k.machine.bytes / k.element.bytes }

func (k kernel) vectorBytes() int { return k.machine.bytes }

// vectors is the number of vectors in a panel's width: as many as leave registers for a tile.
func (k kernel) vectors() int {
	if k.split() {
		return 1
	}
	return 2
}

// split says that a sum of products takes two registers: AVX2 has no product of 64 bits. One sums the products of the low
// halves, the other, in each half of a word, a product of a low and a high half, of which only the low 32 bits count.
func (k kernel) split() bool { return k.element == u64 && k.machine.bytes == avx2.bytes }

// begin starts a function. Its name, with the machine and the element, begins its comment.
func (k kernel) begin(name, signature, doc string) {
	name += k.element.name + k.machine.name
	TEXT(name, NOSPLIT, fmt.Sprintf(signature, k.goType))
	Pragma("noescape")
	Doc(fmt.Sprintf("%s %s It needs %s.", name, doc, k.needs))
}

func leave() {
	VZEROUPPER()
	RET()
}

// at is the element at an index.
func (k kernel) at(base, index reg.Register) Mem {
	return Mem{Base: base, Index: index, Scale: uint8(k.element.bytes)}
}

func (k kernel) load(m Mem) vector {
	v := k.vector()
	k.move(m, v)
	return v
}

// move moves a vector to or from memory.
func (k kernel) move(from, to Op) {
	if k.machine.bytes == avx512.bytes {
		VMOVDQU64(from, to)
		return
	}
	VMOVDQU(from, to)
}

func (k kernel) broadcast(m Mem) vector {
	v := k.vector()
	if k.element.bytes == 8 {
		VPBROADCASTQ(m, v)
	} else {
		VPBROADCASTD(m, v)
	}
	return v
}

// add sets v += x. x may lie in memory.
func (k kernel) add(x Op, v vector) {
	switch k.element {
	case u32:
		VPADDD(x, v, v)
	case u64:
		VPADDQ(x, v, v)
	case f32:
		VADDPS(x, v, v)
	}
}
