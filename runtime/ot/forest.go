package ot

import (
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// forest expands the leaves of all trees into the matrix whose rows are COT blocks. Both parties run the same code: the
// receiver's leaves are in order of x and give V, the sender's are in order of x ^ Delta_t and give W. The missing leaf, at
// index 0, stands for a term with factor 0.
type forest struct {
	stream [trees][leaves]*prg.Stream
	from   int        // the first leaf there is
	work   *workspace // made at the first use
}

// workspace is what a region is worked on in, wiped after use.
type workspace struct {
	tiles [regionTiles]tile
	share [(trees + treesPerShare - 1) / treesPerShare]leafBits
}

// leafBits holds the expanded leaves of one tree, a missing one as zeros, and the sum over them.
type leafBits struct {
	r [leaves][chunkTiles]uint64
	u [chunkTiles]uint64
}

// plant starts the streams of the leaves of tree t.
func (f *forest) plant(t int, leaf [leaves]prg.Block) {
	for x := f.from; x < leaves; x++ {
		f.stream[t][x] = prg.NewStream(leaf[x].Seed())
	}
}

// wipe forgets the leaves; the workspace is wiped after each use.
func (f *forest) wipe() {
	for t := range f.stream {
		wipeStreams(f.stream[t][:])
	}
}

// wipeStreams wipes those that were started.
func wipeStreams(all []*prg.Stream) {
	for _, s := range all {
		if s != nil {
			s.Wipe()
		}
	}
}

// finishTree completes tree t of a chunk: tiles hold its columns, u the sums, and first is the record that the chunk begins
// with.
type finishTree func(t, first int, tiles []tile, u []uint64)

// extend fills dst with the next len(dst) rows, a region at a time.
func (f *forest) extend(dst []prg.Block, finish finishTree) {
	if f.work == nil {
		f.work = new(workspace)
	}
	defer ring.Wipe(f.work.share[:])
	const regionRows = regionTiles * tileRows
	for lo := 0; lo < len(dst); lo += regionRows {
		f.extendRegion(dst[lo:min(lo+regionRows, len(dst))], lo/tileRows, finish)
	}
}

// extendRegion goes over the region by columns, split between the cores by tree, and then by rows.
func (f *forest) extendRegion(rows []prg.Block, first int, finish finishTree) {
	tiles := f.work.tiles[:ring.BitWords(len(rows))]
	defer ring.Wipe(tiles)
	ring.Parallel(trees, treesPerShare, func(lo, hi int) {
		b := &f.work.share[lo/treesPerShare]
		for g := 0; g < len(tiles); g += chunkTiles {
			chunk := tiles[g:min(g+chunkTiles, len(tiles))]
			for t := lo; t < hi; t++ {
				f.expandTree(t, b, chunk)
				finish(t, first+g, chunk, b.u[:len(chunk)])
			}
		}
	})
	ring.Parallel(len(tiles), tilesPerShare, func(lo, hi int) {
		for g := lo; g < hi; g++ {
			tiles[g].rows(rows[g*tileRows:])
		}
	})
}

// expandTree sets the columns of tree t in each tile, and b.u.
func (f *forest) expandTree(t int, b *leafBits, tiles []tile) {
	for x := f.from; x < leaves; x++ {
		prg.Words(f.stream[t][x], b.r[x][:len(tiles)])
	}
	for g := range tiles {
		b.fold(g, tiles[g].field(t))
	}
}

// field gives the columns of tree t.
func (t *tile) field(i int) *[fieldBits]uint64 { return (*[fieldBits]uint64)(t[i*fieldBits:]) }

// fold sets v[j] to the xor of r_x over the x with bit j set, and u to that over all x, for the 64 OTs of word g. Adding
// neighbours halves the leaves and drops the bit that they differ in.
func (b *leafBits) fold(g int, v *[fieldBits]uint64) {
	g &= chunkTiles - 1 // shows the compiler that g is in range
	r := &b.r
	r1, r3, r5, r7 := r[1][g], r[3][g], r[5][g], r[7][g]
	r9, r11, r13, r15 := r[9][g], r[11][g], r[13][g], r[15][g]
	v[0] = r1 ^ r3 ^ r5 ^ r7 ^ r9 ^ r11 ^ r13 ^ r15
	s0, s1, s2, s3 := r1^r[0][g], r3^r[2][g], r5^r[4][g], r7^r[6][g]
	s4, s5, s6, s7 := r9^r[8][g], r11^r[10][g], r13^r[12][g], r15^r[14][g]
	v[1] = s1 ^ s3 ^ s5 ^ s7
	s1, s3, s5, s7 = s0^s1, s2^s3, s4^s5, s6^s7
	v[2] = s3 ^ s7
	s3, s7 = s1^s3, s5^s7
	v[3] = s7
	b.u[g] = s3 ^ s7
}
