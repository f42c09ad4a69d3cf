package kernel

import (
	"cmp"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// Pool is the geometry of pooling, with the fields and the rules of cost.Tournament.
type Pool cost.Tournament

// Check reports geometry that makes no pooling. Every method below wants a p that passes.
func (p Pool) Check() error { return cost.Tournament(p).Check() }

// OutH returns the output rows, floor((H + 2 PadH - KH) / StrideH) + 1.
func (p Pool) OutH() int { return cost.Tournament(p).OutH() }

// OutW returns the output columns, floor((W + 2 PadW - KW) / StrideW) + 1.
func (p Pool) OutW() int { return cost.Tournament(p).OutW() }

// SumPool sets dst[c,y,x] to the sum of x's window there, the padding counting as zeros: dst has C*OutH*OutW elements,
// x has C*H*W. (An average pool divides by KH*KW, which in a ring is a product and a truncation.)
func SumPool[T Number](p Pool, dst, x []T) error {
	m := new(Mover[T])
	defer m.Wipe()
	return m.SumPool(p, dst, x)
}

// SumPool is the function of that name.
func (m *Mover[T]) SumPool(p Pool, dst, x []T) error {
	if err := p.fits("sumpool", len(dst), len(x)); err != nil {
		return err
	}
	s := &m.pooling
	s.p, s.dst, s.x, s.sums = p, dst, x, m.room(p.C*p.W)
	ring.Run(p.C, units(p.OutH()*p.OutW()*p.KH*p.KW), s)
	return nil
}

// pooling is a sum pool under way.
type pooling[T Number] struct {
	p      Pool
	dst, x []T
	sums   []T // of a window's rows, column by column, for each channel
}

// Do pools channels lo to hi-1.
func (s *pooling[T]) Do(lo, hi int) {
	p, outH, outW := s.p, s.p.OutH(), s.p.OutW()
	sums := s.sums[lo*p.W:][:p.W]
	for row := lo * outH; row < hi*outH; row++ {
		top, bottom := cost.Tournament(p).Rows(row % outH)
		sumRows(sums, s.x[(row/outH*p.H+top)*p.W:][:(bottom-top)*p.W])
		sumColumns(p, s.dst[row*outW:][:outW], sums)
	}
}

// sumRows sets sums to the sum of rows that lie behind one another.
func sumRows[T Number](sums, rows []T) {
	for n := copy(sums, rows); n < len(rows); n += len(sums) {
		row := rows[n:][:len(sums)]
		for i, v := range row {
			sums[i] += v
		}
	}
}

// sumColumns sets dst to the sums of the windows' columns, of which row has one each.
func sumColumns[T Number](p Pool, dst, row []T) {
	clear(dst)
	for k := range p.KW {
		at := k - p.PadW // of the first window's column k
		lo, hi := inside(len(dst), len(row), at, p.StrideW)
		if lo == hi {
			continue
		}
		from := row[at+lo*p.StrideW:]
		for j := range dst[lo:hi] {
			dst[lo+j] += from[j*p.StrideW]
		}
	}
}

// Unpool sets dst[c,y,x] to the sum of dy over the windows that see that place: the adjoint of SumPool. dst has C*H*W elements, dy has
// C*OutH*OutW.
func Unpool[T Number](p Pool, dst, dy []T) error {
	if err := p.fits("unpool", len(dy), len(dst)); err != nil {
		return err
	}
	t := cost.Tournament(p)
	outH, outW := t.OutH(), t.OutW()
	ring.Parallel(p.C, units(outH*outW*p.KH*p.KW), func(lo, hi int) {
		clear(dst[lo*p.H*p.W : hi*p.H*p.W])
		for row := lo * outH; row < hi*outH; row++ {
			top, bottom := t.Rows(row % outH)
			for y := top; y < bottom; y++ {
				line := dst[(row/outH*p.H+y)*p.W:][:p.W]
				for ox, d := range dy[row*outW:][:outW] {
					left, right := t.Cols(ox)
					for x := left; x < right; x++ {
						line[x] += d
					}
				}
			}
		}
	})
	return nil
}

// SumStretches sets dst[i] to the sum of the i-th of len(dst) equal stretches of each of batch samples of x.
func SumStretches[T Number](batch int, dst, x []T) error {
	n := len(dst)
	if err := checkDims("sums", dim{"sums", n, 1, maxDim}, dim{"samples", batch, 1, maxDim}); err != nil {
		return err
	}
	per := len(x) / batch / n
	if err := sized("sums", "x", len(x), batch*n*per); err != nil {
		return err
	}
	ring.Parallel(n, units(batch*per), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			var sum T
			for s := range batch {
				for _, v := range x[(s*n+i)*per:][:per] {
					sum += v
				}
			}
			dst[i] = sum
		}
	})
	return nil
}

// MaxPool sets dst[c,y,x] to the largest element of x's window there, padding left out; ring elements are compared as
// signed. It computes in the clear, for evaluation and as a reference: shares have no order.
func MaxPool[T Number](p Pool, dst, x []T) error {
	shift := signBit[T]()
	return p.each("maxpool", len(dst), len(x), func(o, at, rows, cols int) {
		best := x[at] + shift
		for ; rows > 0; rows-- {
			for _, v := range x[at:][:cols] {
				best = max(best, v+shift)
			}
			at += p.W
		}
		dst[o] = best - shift
	})
}

// signBit returns what added to an element turns the signed order into the order of T: 2^(l-1) in a ring, zero for
// floats.
func signBit[T Number]() T {
	var t T
	switch p := any(&t).(type) {
	case *uint32:
		*p = 1 << 31
	case *uint64:
		*p = 1 << 63
	}
	return t
}

// each checks p and the lengths, then calls f for every window o: its live elements are rows x cols, from position at
// of the input.
func (p Pool) each(op string, dst, x int, f func(o, at, rows, cols int)) error {
	if err := p.fits(op, dst, x); err != nil {
		return err
	}
	t := cost.Tournament(p)
	outH, outW := t.OutH(), t.OutW()
	ring.Parallel(p.C, units(outH*outW*p.KH*p.KW), func(lo, hi int) {
		for row := lo * outH; row < hi*outH; row++ {
			top, bottom := t.Rows(row % outH)
			for ox := range outW {
				left, right := t.Cols(ox)
				f(row*outW+ox, (row/outH*p.H+top)*p.W+left, bottom-top, right-left)
			}
		}
	})
	return nil
}

// fits checks p and the lengths.
func (p Pool) fits(op string, dst, x int) error {
	if err := p.Check(); err != nil {
		return err
	}
	return cmp.Or(sized(op, "dst", dst, cost.Tournament(p).Windows()), sized(op, "x", x, p.C*p.H*p.W))
}
