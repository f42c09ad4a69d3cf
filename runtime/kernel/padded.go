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
				x := v * c.DilW
				at = append(at, i*p.channel()+u*c.DilH*p.row()+x%p.phases*p.phase+x/p.phases)
			}
		}
	}
	return at
}

// surround sets dst to x with the zeros.
func surround[T Number](p padded, dst, x []T) {
	ring.Parallel(p.c.InC*p.height, units(p.row()), func(lo, hi int) {
		surroundRows(p, dst[lo*p.row():hi*p.row()], x, lo)
	})
}

// surroundRows sets dst to rows from the first-th of all channels on.
func surroundRows[T Number](p padded, dst, x []T, first int) {
	c := p.c
	for r := first; len(dst) > 0; r, dst = r+1, dst[p.row():] {
		row := dst[:p.row()]
		y := r%p.height - c.PadH
		if y < 0 || y >= c.InH {
			clear(row)
			continue
		}
		from := x[(r/p.height*c.InH+y)*c.InW:][:c.InW]
		for phase := range p.phases {
			strided(row[phase*p.phase:][:p.phase], from, phase-c.PadW, p.phases)
		}
	}
}
