package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// sum is a vector of sums of products, in one register or split over two.
type sum struct{ low, cross vector }

// start begins sums at a vector in memory.
func (k kernel) start(m Mem) sum { return k.startAt(k.load(m)) }

func (k kernel) startAt(v vector) sum {
	s := sum{low: v}
	if k.split() {
		s.cross = k.vector()
		VPXOR(s.cross, s.cross, s.cross)
	}
	return s
}

// total gives the sums.
func (k kernel) total(s sum) vector {
	if k.split() {
		t := k.vector()
		VPSLLQ(Imm(32), s.cross, t)
		VPADDQ(t, s.low, s.low)
		VPSRLQ(Imm(32), s.cross, s.cross)
		VPSLLQ(Imm(32), s.cross, s.cross)
		VPADDQ(s.cross, s.low, s.low)
	}
	return s.low
}

// factor is a vector by which others are multiplied, with the halves of its words swapped where sums are split.
type factor struct{ v, swapped vector }

func (k kernel) factor(v vector) factor {
	f := factor{v: v}
	if k.split() {
		f.swapped = k.vector()
		VPSHUFD(Imm(0b10_11_00_01), v, f.swapped)
	}
	return f
}

// products collects additions of products to sums. A processor that gives an addition to any of its units gives many to
// those that multiply, unless multiplications come in batches: then these are in the queues first.
type products struct {
	k       kernel
	batch   int
	pending []func()
}

func (k kernel) products(batch int) *products { return &products{k: k, batch: batch} }

// add adds x times each factor to a sum. It uses up x.
func (p *products) add(x vector, factors []factor, sums []sum) {
	for i, f := range factors {
		to := p.k.vector()
		if i == len(factors)-1 {
			to = x
		}
		p.one(x, to, f, sums[i])
	}
	if len(p.pending) >= p.batch {
		p.flush()
	}
}

// one adds x*f to s; to, which may be x, is for the product.
func (p *products) one(x, to vector, f factor, s sum) {
	switch {
	case p.k.split():
		low := p.k.vector()
		VPMULUDQ(x, f.v, low)
		VPMULLD(x, f.swapped, to)
		p.later(func() { VPADDQ(low, s.low, s.low) })
		p.later(func() { VPADDD(to, s.cross, s.cross) })
	case p.k.element == f32:
		VFMADD231PS(x, f.v, s.low)
	case p.k.element == u64:
		VPMULLQ(x, f.v, to)
		p.later(func() { VPADDQ(to, s.low, s.low) })
	default:
		VPMULLD(x, f.v, to)
		p.later(func() { VPADDD(to, s.low, s.low) })
	}
}

func (p *products) later(add func()) { p.pending = append(p.pending, add) }

// flush adds what waits.
func (p *products) flush() {
	for _, add := range p.pending {
		add()
	}
	p.pending = nil
}
