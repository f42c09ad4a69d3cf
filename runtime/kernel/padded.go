package kernel

import "sotto/runtime/ring"

// padded is a convolution's input with its zeros around it, in memory: channel by channel and row by row. The columns of
// a row may be sorted by their remainder modulo the stride, so that what consecutive pixels take lies side by side.
type padded struct {
	c      Conv
	phases int // remainders by which columns are sorted: the stride, or 1
	height int
	phase  int // columns of a phase
}

// newPadded has the columns as they are.
func newPadded(c Conv) padded { return padded{c, 1, c.InH + 2*c.PadH, c.InW + 2*c.PadW} }

// newPhases has them sorted.
func newPhases(c Conv) padded {
	return padded{c, c.StrideW, c.InH + 2*c.PadH, (c.InW + 2*c.PadW + c.StrideW - 1) / c.StrideW}
}

// row is the elements of a row.
func (p padded) row() int { return p.phases * p.phase }

// channel is the elements of a channel.
func (p padded) channel() int { return p.height * p.row() }

// same says that nothing differs from the input itself.
func (p padded) same() bool { return p.phases == 1 && p.c.PadH == 0 && p.c.PadW == 0 }

// len is the elements of all.
func (p padded) len() int { return p.c.InC * p.channel() }

// offsets gives where the factors of a group's weights lie, from the pixel's first on.
func (p padded) offsets() []int {
	c := p.c
	at := make([]int, 0, c.Depth())
	for i := range c.InC / c.Groups {
		for u := range c.KH {
			for v := range c.KW {
				at = append(at, i*p.channel()+u*c.DilH*p.row()+p.place(v*c.DilW))
			}
		}
	}
	return at
}

// surrounding sets dst to x with the zeros.
type surrounding[T Number] struct {
	p      padded
	dst, x []T
}

func (s *surrounding[T]) run(p padded, dst, x []T) {
	s.p, s.dst, s.x = p, dst, x
	ring.Run(p.c.InC*p.height, units(p.row()), s)
	s.dst, s.x = nil, nil
}

// Do sets rows lo to hi-1 of all channels.
func (s *surrounding[T]) Do(lo, hi int) {
	surroundRows(s.p, s.dst[lo*s.p.row():hi*s.p.row()], s.x, lo)
}

// surroundRows sets dst to rows from the first-th of all channels on, their columns as they are.
func surroundRows[T Number](p padded, dst, x []T, first int) {
	c := p.c
	for r := first; len(dst) > 0; r, dst = r+1, dst[p.row():] {
		row := dst[:p.row()]
		y := r%p.height - c.PadH
		if y < 0 || y >= c.InH {
			clear(row)
			continue
		}
		strided(row, x[(r/p.height*c.InH+y)*c.InW:][:c.InW], -c.PadW, 1)
	}
}

// fillInside sets what is not a zero around them of some channels, all of dst, to x.
func fillInside[T Number](p padded, m micro[T], dst, x []T) {
	c := p.c
	for ; len(dst) > 0; dst, x = dst[p.channel():], x[c.InH*c.InW:] {
		rows := dst[c.PadH*p.row():][:c.InH*p.row()]
		if p.phases == 2 {
			fillHalves(p, m, rows, x)
			continue
		}
		for y := range c.InH {
			row, from := rows[y*p.row():][:p.row()], x[y*c.InW:][:c.InW]
			for phase := range p.phases {
				strided(row[phase*p.phase:][:p.phase], from, phase-c.PadW, p.phases)
			}
		}
	}
}

// fillHalves is fillInside for the rows of a channel whose columns are sorted by twos.
func fillHalves[T Number](p padded, m micro[T], rows, x []T) {
	c := p.c
	even, odd := rows[p.place(c.PadW):], rows[p.place(c.PadW+1):]
	m.halves(halving[T]{even: even, odd: odd, step: p.row(), src: x, srcStep: c.InW, pairs: c.InW / 2, rows: c.InH})
	if last := c.InW - 1; last%2 == 0 {
		for y := range c.InH {
			even[y*p.row()+last/2] = x[y*c.InW+last]
		}
	}
}

// place is where a column lies in its row, zeros counted.
func (p padded) place(column int) int { return column%p.phases*p.phase + column/p.phases }
