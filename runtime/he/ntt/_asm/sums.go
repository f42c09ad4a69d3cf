package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// accumulatorPairs is how many pairs of registers with low and high parts of sums a tile has: the multiplications have
// a latency of four cycles and leave the rest of the registers to factors.
const accumulatorPairs = 8

// tile is a part of some sums that stays in registers while terms are added: width vectors of each.
type tile struct {
	low, high reg.Register // arrays of pointers, one for each sum
	offset    reg.Register
	lows      [][]vector
	highs     [][]vector
	width     int
}

func newTile(sums int) *tile {
	t := &tile{low: argument("low"), high: argument("high"), offset: GP64(), width: accumulatorPairs / sums}
	XORQ(t.offset, t.offset)
	for range sums {
		t.lows = append(t.lows, vectors(t.width))
		t.highs = append(t.highs, vectors(t.width))
	}
	return t
}

// vectors gives n new registers.
func vectors(n int) []vector {
	v := make([]vector, n)
	for i := range v {
		v[i] = ZMM()
	}
	return v
}

// pointer loads pointer i of an array.
func pointer(array reg.Register, i int) reg.Register {
	p := GP64()
	MOVQ(Mem{Base: array, Disp: wordBytes * i}, p)
	return p
}

// at gives the place of vector j of the tile in a vector of N words.
func (t *tile) at(base reg.Register, j int) Mem {
	return Mem{Base: base, Index: t.offset, Scale: 1, Disp: zmmBytes * j}
}

// accumulators calls f for each register of the tile and its place.
func (t *tile) accumulators(f func(v vector, at Mem)) {
	for i := range t.lows {
		low, high := pointer(t.low, i), pointer(t.high, i)
		for j := range t.width {
			f(t.lows[i][j], t.at(low, j))
			f(t.highs[i][j], t.at(high, j))
		}
	}
}

// add adds the product of two factors to vector j of sum i.
func (t *tile) add(i, j int, x, y vector) {
	VPMADD52LUQ(y, x, t.lows[i][j])
	VPMADD52HUQ(y, x, t.highs[i][j])
}

// list walks over an array that is an argument, from its start for each tile.
type list struct{ start, at reg.Register }

func newList(name string) list { return list{argument(name), GP64()} }

// sumOfProducts is a function that goes over the tiles of some sums, and over the terms in each. Of the lists each has
// some words a term, and term adds one.
func sumOfProducts(sums int, lists []list, words []int, term func(t *tile)) {
	t, terms, batches, count := newTile(sums), argument("terms"), argument("batches"), GP64()
	Label("tile")
	t.accumulators(func(v vector, at Mem) { VMOVDQU64(at, v) })
	for _, l := range lists {
		MOVQ(l.start, l.at)
	}
	MOVQ(terms, count)
	Label("term")
	term(t)
	for i, l := range lists {
		ADDQ(Imm(uint64(wordBytes*words[i])), l.at)
	}
	repeat(count, "term")
	t.accumulators(func(v vector, at Mem) { VMOVDQU64(v, at) })
	ADDQ(U32(zmmBytes*t.width), t.offset)
	repeat(batches, "tile")
	leave()
}

// mulAdd adds products of vectors to as many sums.
func mulAdd(sums int) {
	kernel(fmt.Sprintf("mulAdd%d", sums), "func(low, high, w, x **uint64, terms, batches int)",
		fmt.Sprintf("mulAdd%d adds w[t]*x[%d*t+i] to sum i of %d for all terms t, at least one: the low 52 bits of products to", sums, sums, sums),
		fmt.Sprintf("low, the high 52 bits to high. Vectors have %d*batches words. It needs AVX512IFMA.", accumulatorPairs/sums*lanes))
	w, x := newList("w"), newList("x")
	sumOfProducts(sums, []list{w, x}, []int{1, sums}, func(t *tile) {
		factors, at := vectors(t.width), pointer(w.at, 0)
		for j := range factors {
			VMOVDQU64(t.at(at, j), factors[j])
		}
		for i := range sums {
			at := pointer(x.at, i)
			for j := range factors {
				t.add(i, j, load(t.at(at, j)), factors[j])
			}
		}
	})
}

// mix adds multiples of vectors to as many sums.
func mix(sums int) {
	kernel(fmt.Sprintf("mix%d", sums), "func(low, high **uint64, c *uint64, x **uint64, terms, batches int)",
		fmt.Sprintf("mix%d adds c[%d*t+i]*x[t] to sum i of %d for all terms t, at least one: the low 52 bits of products to low,", sums, sums, sums),
		fmt.Sprintf("the high 52 bits to high. Vectors have %d*batches words. It needs AVX512IFMA.", accumulatorPairs/sums*lanes))
	c, x := newList("c"), newList("x")
	sumOfProducts(sums, []list{c, x}, []int{sums, 1}, func(t *tile) {
		factors, at := vectors(t.width), pointer(x.at, 0)
		for j := range factors {
			VMOVDQU64(t.at(at, j), factors[j])
		}
		for i := range sums {
			scalar := ZMM()
			VPBROADCASTQ(Mem{Base: c.at, Disp: wordBytes * i}, scalar)
			for j := range factors {
				t.add(i, j, factors[j], scalar)
			}
		}
	})
}
