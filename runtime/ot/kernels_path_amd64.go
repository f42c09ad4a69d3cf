package ot

import (
	"golang.org/x/sys/cpu"

	"sotto/runtime/prg"
)

//go:generate go -C ../prg/_asm run . -kernels ot -out ../../ot/kernels_amd64.s -stubs ../../ot/kernels_amd64.go -pkg ot

// wide tells whether this machine has what all kernels need. Tests take the other path too.
var wide = cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VBMI && cpu.X86.HasAVX512GFNI

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
