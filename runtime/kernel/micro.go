package kernel

//go:generate go -C _asm run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg kernel

// micro is the inner part of linear maps, the one that differs between machines and elements. Offsets, steps and lengths
// are in elements.
type micro[T Number] struct {
	name   string
	pixels int // of a tile
	lanes  int // output channels of a tile, and of a panel of weights
	side   int // of what squares transposes: a vector
	reach  int // pixels beyond a row that rows may read

	tiles, single func(tile[T]) // of some pixels, and of one
	squares       func(dst, add, src grid[T], squares int)
	rows          func(band[T])
	halves        func(halving[T])
}

// tile is some tiles of a matrix product, one behind the other. For each of a tile's pixels p and lanes j
//
//	acc[p][j] = from[p][j] + sum over k of w[k][j] * x[pixels[p] + offsets[k]]
//
// where rows of acc and w are lanes long, and those of from step apart.
type tile[T Number] struct {
	acc, from []T
	step      int
	w         []T
	offsets   []int
	x         []T
	pixels    []int // whole tiles of them
}

// grid is a matrix in memory: its rows are step apart.
type grid[T Number] struct {
	at   []T
	step int
}

// from is the grid from a row and a column on, which may be its ends.
func (g grid[T]) from(row, column int) grid[T] {
	return grid[T]{g.at[min(row*g.step+column, len(g.at)):], g.step}
}

// band is rows of one output channel. For each row y and pixel p below width
//
//	dst[y*width + p] = bias[0] + add[y*addStep + p] + sum over k of w[k] * x[y*xStep + offsets[k] + p]
type band[T Number] struct {
	dst         []T
	width, rows int
	add         []T
	addStep     int
	x           []T
	xStep       int
	w           []T
	offsets     []int
	bias        []T
}

// halving is rows to part into their even and odd columns, those of each step apart. For each row y and pair p below pairs
//
//	even[y*step + p] = src[y*srcStep + 2*p]
//	odd[y*step + p] = src[y*srcStep + 2*p + 1]
type halving[T Number] struct {
	even, odd   []T
	step        int
	src         []T
	srcStep     int
	pairs, rows int
}

// fastest gives the kernels to use on this machine.
func fastest[T Number]() micro[T] {
	list := micros[T]()
	return list[len(list)-1]
}

// transposeAdd sets dst = add + src transposed, where dst has rows x columns elements.
func (m micro[T]) transposeAdd(dst, add, src grid[T], rows, columns int) {
	whole, i := columns/m.side, 0
	for ; whole > 0 && i+m.side <= rows; i += m.side {
		m.squares(dst.from(i, 0), add.from(i, 0), src.from(0, i), whole)
		done := whole * m.side
		transposeAdd(dst.from(i, done), add.from(i, done), src.from(done, i), m.side, columns-done)
	}
	transposeAdd(dst.from(i, 0), add.from(i, 0), src.from(0, i), rows-i, columns)
}

// transposeAdd is micro.transposeAdd, element by element.
func transposeAdd[T Number](dst, add, src grid[T], rows, columns int) {
	for i := range rows {
		to, from := dst.at[i*dst.step:][:columns], add.at[i*add.step:][:columns]
		for j := range to {
			to[j] = from[j] + src.at[j*src.step+i]
		}
	}
}
