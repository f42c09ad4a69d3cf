package ot

import (
	"golang.org/x/sys/cpu"

	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

//go:generate go -C ../prg/_asm run . -kernels ot -out ../../ot/kernels_amd64.s -stubs ../../ot/kernels_amd64.go -pkg ot

// wide tells whether this machine has what all kernels need. Tests take the other path too.
var wide = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512GFNI

// scattered tells whether it has what the kernels of the sparse matrix need.
var scattered = cpu.X86.HasAVX && cpu.X86.HasBMI2

const (
	kernelWords = 8 // words of a column that a kernel takes at a time
	kernelRows  = kernelWords * tileRows
)

// rowSpace is the kernel's own.
type rowSpace [kernelRows]prg.Block

// batches is how many of the first n words the kernels take, in units of theirs.
func batches(n int) int {
	if !wide {
		return 0
	}
	return n / kernelWords
}

// make fills rows of m from word first on, as many as suit the kernel, and gives their number.
func (s *rowSpace) make(dst []prg.Block, m *matrix, first int) int {
	n := batches(len(dst) / tileRows)
	if n > 0 {
		_ = m[0][first+n*kernelWords-1] // the kernel knows no bounds
		rowsGFNI(&dst[0].Lo, &m[0][first], &s[0].Lo, n)
	}
	return n * kernelRows
}

// putRecords writes n words of lineColumns columns, each XORed with that of choice, to a line of each record.
func putRecords(records []byte, stride int, c []column, choice []uint64, n int) {
	b := batches(n)
	if b > 0 {
		_, _, _ = c[lineColumns-1], records[(n-1)*stride+8*lineColumns-1], choice[n-1]
		recordsAVX512(&records[0], stride, &c[0][0], &choice[0], b)
	}
	putRecordsPortable(records, stride, c, choice, b*kernelWords, n)
}

// getRecords is its inverse, with no choice.
func getRecords(c []column, records []byte, stride, n int) {
	b := batches(n)
	if b > 0 {
		_, _ = c[lineColumns-1], records[(n-1)*stride+8*lineColumns-1]
		fromRecordsAVX512(&c[0][0], &records[0], stride, b)
	}
	getRecordsPortable(c, records, stride, b*kernelWords, n)
}

// addMasked sets dst ^= x & mask in the first n words.
func (dst *column) addMasked(x *column, mask uint64, n int) {
	b := batches(n)
	addMaskedAVX512(&dst[0], &x[0], mask, b)
	addMaskedPortable(dst, x, mask, b*kernelWords, n)
}

// fold sets n words of v and b.u.
func (b *leafBits) fold(v *[fieldBits]column, n int) {
	k := batches(n)
	foldAVX512(&v[0][0], &b.u[0], &b.r[0][0], k)
	for g := k * kernelWords; g < n; g++ {
		b.foldWord(g, v)
	}
}

const (
	levelNodes = 32 // nodes that the level's kernel takes at a time
	pairNodes  = 16 // nodes that addToPair's kernel takes at a time
)

// levelKernel is level where a kernel suits; it gives whether one does. node has room for the children.
func (g *grower) levelKernel(node []prg.Block, first prg.Tweak, left *prg.Block) bool {
	width := len(node) / 2
	if !wide || g.hash.Path() != prg.VAES512 || width == 0 || width%levelNodes != 0 {
		return false
	}
	var sums [4]prg.Block
	levelVAES512(&g.hash.RoundKeys()[0].Lo, &node[0].Lo, &sums[0].Lo, width/levelNodes, uint64(first))
	*left = sums[0].Xor(sums[1]).Xor(sums[2]).Xor(sums[3])
	ring.Wipe(sums[:])
	return true
}

// addToPairKernel is addToPair where a kernel suits; it gives whether one does.
func addToPairKernel(node []prg.Block, pair uint64, f prg.Block) bool {
	if !wide || len(node) == 0 || len(node)%pairNodes != 0 {
		return false
	}
	addToPairAVX512(&node[0].Lo, &f.Lo, pair, len(node)/pairNodes)
	return true
}

// addRowsKernel is addRows where there is a kernel; it gives whether there is.
func addRowsKernel(y, r []prg.Block, w []uint64, mask uint64) bool {
	if !scattered {
		return false
	}
	if len(y) > 0 {
		addRowsAVX(&y[0].Lo, &r[0].Lo, &w[0], mask, len(y))
	}
	return true
}
