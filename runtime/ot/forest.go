package ot

import (
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// forest expands the leaves of all trees into the matrix whose rows are COT blocks. Both parties run the same code: the
// receiver's leaves are in order of x and give V, the sender's are in order of x ^ Delta_t and give W. The missing leaf, at
// index 0, stands for a term with factor 0.
type forest struct {
	leaf   [trees][leaves]prg.Block // what the streams begin from
	stream [trees][leaves]*prg.Stream
	from   int    // the first leaf there is
	words  uint64 // of each stream that are used up
	spaces chunkSpaces[treeSpace]
}

// treeSpace is the expanded leaves of a tree, and words of records for the trees of a line.
type treeSpace struct {
	leaf leafBits
	line [lineColumns]column
}

// leafBits holds the expanded leaves of one tree, a missing one as zeros, and the sum over them.
type leafBits struct {
	r [leaves]column
	u column
}

// plant starts the streams of the leaves of tree t.
func (f *forest) plant(t int, leaf [leaves]prg.Block) {
	for x := f.from; x < leaves; x++ {
		f.leaf[t][x], f.stream[t][x] = leaf[x], prg.NewStream(leaf[x].Seed())
	}
}

// keys gives the keys that the streams of all trees begin from, tree by tree, a missing one as zeros: what another implementation of the
// extension needs of the set-up. They are secret.
func (f *forest) keys() []prg.Block {
	var all []prg.Block
	for t := range f.leaf {
		all = append(all, f.leaf[t][:]...)
	}
	return all
}

// wipe forgets the leaves.
func (f *forest) wipe() {
	for t := range f.stream {
		ring.Wipe(f.leaf[t][:])
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

// extend fills dst with the next len(dst) rows. lines visits the trees of a line together: their columns are m's from tree t on.
func (f *forest) extend(dst []prg.Block, lines func(m *matrix, s *treeSpace, t, first, n int)) {
	f.spaces.extend(dst, func(m *matrix, s *treeSpace, first, n int) {
		for t := 0; t < trees; t += lineColumns {
			lines(m, s, t, first, n)
		}
	})
	f.words += uint64(ring.BitWords(len(dst)))
}

// expandTree sets n words of the columns of tree t, and b.u.
func (f *forest) expandTree(t int, b *leafBits, m *matrix, first, n int) {
	for x := f.from; x < leaves; x++ {
		f.stream[t][x].WordsAt(b.r[x][:n], f.words+uint64(first))
	}
	b.fold(m.field(t), n)
}

// field gives the columns of tree t.
func (m *matrix) field(t int) *[fieldBits]column { return (*[fieldBits]column)(m[t*fieldBits:]) }

// foldWord sets v[j] to the xor of r_x over the x with bit j set, and u to that over all x, for the 64 OTs of word g. Adding
// neighbours halves the leaves and drops the bit that they differ in.
func (b *leafBits) foldWord(g int, v *[fieldBits]column) {
	g &= chunkWords - 1 // shows the compiler that g is in range
	r := &b.r
	r1, r3, r5, r7 := r[1][g], r[3][g], r[5][g], r[7][g]
	r9, r11, r13, r15 := r[9][g], r[11][g], r[13][g], r[15][g]
	v[0][g] = r1 ^ r3 ^ r5 ^ r7 ^ r9 ^ r11 ^ r13 ^ r15
	s0, s1, s2, s3 := r1^r[0][g], r3^r[2][g], r5^r[4][g], r7^r[6][g]
	s4, s5, s6, s7 := r9^r[8][g], r11^r[10][g], r13^r[12][g], r15^r[14][g]
	v[1][g] = s1 ^ s3 ^ s5 ^ s7
	s1, s3, s5, s7 = s0^s1, s2^s3, s4^s5, s6^s7
	v[2][g] = s3 ^ s7
	s3, s7 = s1^s3, s5^s7
	v[3][g] = s7
	b.u[g] = s3 ^ s7
}
