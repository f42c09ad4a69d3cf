//go:build !amd64

package ot

import "sotto/runtime/prg"

// kernelRows is the rows that a kernel takes at a time: there is none.
const kernelRows = 0

// rowSpace is a kernel's own.
type rowSpace struct{}

// make fills rows of m from word first on, as many as suit the kernel, and gives their number.
func (s *rowSpace) make([]prg.Block, *matrix, int) int { return 0 }

// putRecords writes n words of lineColumns columns, each XORed with that of choice, to a line of each record.
func putRecords(records []byte, stride int, c []column, choice []uint64, n int) {
	putRecordsPortable(records, stride, c, choice, 0, n)
}

// getRecords is its inverse, with no choice.
func getRecords(c []column, records []byte, stride, n int) {
	getRecordsPortable(c, records, stride, 0, n)
}

// addMasked sets dst ^= x & mask in the first n words.
func (dst *column) addMasked(x *column, mask uint64, n int) { addMaskedPortable(dst, x, mask, 0, n) }

// fold sets n words of v and b.u.
func (b *leafBits) fold(v *[fieldBits]column, n int) {
	for g := range n {
		b.foldWord(g, v)
	}
}

// There are no kernels for trees and the sparse matrix.

func (g *grower) levelKernel([]prg.Block, prg.Tweak, *prg.Block) bool { return false }

func addToPairKernel([]prg.Block, uint64, prg.Block) bool { return false }

func addRowsKernel(y, r []prg.Block, w []uint64, mask uint64) bool { return false }
