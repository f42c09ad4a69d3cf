package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The kernels of OT extensions work on a chunk of a bit matrix by columns: a column has columnBytes, and a register eight of
// its 64-bit words, which are 512 rows.
const (
	columnBytes  = 512
	matrixGroup  = 8 // columns whose words of 64 rows make a cache line
	matrixGroups = 16
	leaves       = 16 // of a tree of SoftSpoken
	fieldBits    = 4
)

// evenLanes and oddLanes choose 128-bit lanes 0, 2 or 1, 3 of both operands of VSHUFI64X2.
const (
	evenLanes = 0x88
	oddLanes  = 0xdd
)

// lanes transposes the 128-bit lanes of four registers: lane i of register j becomes lane j of register i.
func lanes(v []vector) []vector {
	t, out := vectors(4, ZMM), vectors(4, ZMM)
	VSHUFI64X2(Imm(evenLanes), v[1], v[0], t[0])
	VSHUFI64X2(Imm(oddLanes), v[1], v[0], t[1])
	VSHUFI64X2(Imm(evenLanes), v[3], v[2], t[2])
	VSHUFI64X2(Imm(oddLanes), v[3], v[2], t[3])
	for i := range 2 {
		VSHUFI64X2(Imm(evenLanes), t[2+i], t[i], out[i])
		VSHUFI64X2(Imm(oddLanes), t[2+i], t[i], out[2+i])
	}
	return out
}

// words8 transposes the words of eight registers: word i of register j becomes word j of register i.
func words8(v []vector) []vector {
	out := make([]vector, len(v))
	low, high := vectors(4, ZMM), vectors(4, ZMM)
	for i := range low {
		VPUNPCKLQDQ(v[2*i+1], v[2*i], low[i])
		VPUNPCKHQDQ(v[2*i+1], v[2*i], high[i])
	}
	for i, even := range lanes(low) {
		out[2*i] = even
	}
	for i, odd := range lanes(high) {
		out[2*i+1] = odd
	}
	return out
}

// interleave merges the bytes of pairs of registers, half of them apart: the low and the high bytes of each lane.
func interleave(v []vector) []vector {
	out := vectors(len(v), ZMM)
	half := len(v) / 2
	for i := range half {
		VPUNPCKLBW(v[half+i], v[i], out[i])
		VPUNPCKHBW(v[half+i], v[i], out[half+i])
	}
	return out
}

// rowsGFNI makes rows of columns.
func rowsGFNI() {
	n := entry("rowsGFNI", "func(dst, columns, scratch *uint64, batches int)",
		"rowsGFNI turns 512*batches rows of a matrix of 128 columns, which are 512 bytes apart, into blocks. scratch has 8 KiB. It",
		"needs AVX512BW, AVX512VBMI and GFNI.")
	dst, columns, scratch := argument("dst"), argument("columns"), argument("scratch")
	Label("loop")

	// Eight columns at a time: bits of 8 columns and 8 rows meet in a word, and change places.
	gather, bit := ZMM(), ZMM()
	VMOVDQU64(gatherBytes(), gather)
	VPBROADCASTQ(words64("bitOfByte", 0x8040201008040201), bit)
	at, to, left := GP64(), GP64(), GP64()
	MOVQ(columns, at)
	MOVQ(scratch, to)
	MOVQ(U32(matrixGroups), left)
	Label("columns")
	v := vectors(matrixGroup, ZMM)
	for i := range v {
		VMOVDQU64(Mem{Base: at, Disp: columnBytes * i}, v[i])
	}
	for i, w := range words8(v) {
		VPERMB(w, gather, w)
		VGF2P8AFFINEQB(Imm(0), w, bit, w)
		VMOVDQU64(w, Mem{Base: to, Disp: zmmBytes * matrixGroups * i})
	}
	ADDQ(U32(columnBytes*matrixGroup), at)
	ADDQ(U32(zmmBytes), to)
	repeat(left, "columns")

	// 64 rows at a time: the 16 bytes of each row come together.
	MOVQ(scratch, at)
	MOVQ(U32(matrixGroup), left)
	Label("rows")
	r := vectors(matrixGroups, ZMM)
	for i := range r {
		VMOVDQU64(Mem{Base: at, Disp: zmmBytes * i}, r[i])
	}
	storeRows(dst, r)
	ADDQ(U32(zmmBytes*matrixGroups), at)
	ADDQ(U32(zmmBytes*matrixGroups), dst)
	repeat(left, "rows")

	ADDQ(U32(zmmBytes), columns)
	repeat(n, "loop")
	leave()
}

// storeRows writes 64 rows, of which register q has byte q.
func storeRows(dst reg.Register, r []vector) {
	// After level k a unit has 2^k bytes of a row, and the low or the high half of the rows was taken at each level: these choices are
	// the number of the register, the first one on top.
	for step := matrixGroups / 2; step > 0; step /= 2 {
		next := make([]vector, len(r))
		for from := 0; from < len(r); from += 2 * step {
			copy(next[from:], interleave(r[from:from+2*step]))
		}
		r = next
	}
	// Register s has row 16*lane + s.
	for s := 0; s < matrixGroups; s += 4 {
		for lane, four := range lanes(r[s : s+4]) {
			VMOVDQU64(four, Mem{Base: dst, Disp: blockBytes * (16*lane + s)})
		}
	}
}

// gatherBytes is VPERMB's index that brings byte p of words 7 to 0 together as word p.
func gatherBytes() Mem {
	index := make([]uint64, 8)
	for p := range index {
		for i := range 8 {
			index[p] |= uint64(8*(7-i)+p) << (8 * i)
		}
	}
	return words64("gatherBytes", index...)
}

// recordsAVX512 writes lines of records.
func recordsAVX512() {
	n := entry("recordsAVX512", "func(records *byte, stride int, columns, choice *uint64, batches int)",
		"recordsAVX512 writes, for each of 8*batches records that are stride bytes apart, the words of eight columns, which are 512",
		"bytes apart, each XORed with the record's word of choice. It needs AVX512F.")
	columns, choice := argument("columns"), argument("choice")
	to := newRecordRows(argument("records"), argument("stride"))
	Label("loop")
	c := ZMM()
	VMOVDQU64(Mem{Base: choice}, c)
	v := vectors(matrixGroup, ZMM)
	for i := range v {
		VPXORQ(Mem{Base: columns, Disp: columnBytes * i}, c, v[i])
	}
	at := to.eight()
	for i, line := range words8(v) {
		VMOVDQU64(line, at[i])
	}
	to.advance()
	for _, p := range []reg.Register{columns, choice} {
		ADDQ(U32(zmmBytes), p)
	}
	repeat(n, "loop")
	leave()
}

// recordRows walks over lines of records, eight at a time.
type recordRows struct{ at, stride, three, eightfold reg.Register }

func newRecordRows(at, stride reg.Register) recordRows {
	r := recordRows{at, stride, GP64(), GP64()}
	LEAQ(Mem{Base: stride, Index: stride, Scale: 2}, r.three)
	MOVQ(stride, r.eightfold)
	SHLQ(Imm(3), r.eightfold)
	return r
}

// eight gives the places of the next eight.
func (r recordRows) eight() (m []Mem) {
	four := GP64()
	LEAQ(Mem{Base: r.at, Index: r.stride, Scale: 4}, four)
	for _, base := range []reg.Register{r.at, four} {
		m = append(m, Mem{Base: base}, Mem{Base: base, Index: r.stride, Scale: 1}, Mem{Base: base, Index: r.stride, Scale: 2},
			Mem{Base: base, Index: r.three, Scale: 1})
	}
	return m
}

func (r recordRows) advance() { ADDQ(r.eightfold, r.at) }

// fromRecordsAVX512 reads lines of records.
func fromRecordsAVX512() {
	n := entry("fromRecordsAVX512", "func(columns *uint64, records *byte, stride, batches int)",
		"fromRecordsAVX512 brings the words of eight columns together, which are 512 bytes apart, from 8*batches records that are",
		"stride bytes apart. It needs AVX512F.")
	columns := argument("columns")
	from := newRecordRows(argument("records"), argument("stride"))
	Label("loop")
	v := vectors(matrixGroup, ZMM)
	for i, m := range from.eight() {
		VMOVDQU64(m, v[i])
	}
	for i, column := range words8(v) {
		VMOVDQU64(column, Mem{Base: columns, Disp: columnBytes * i})
	}
	from.advance()
	ADDQ(U32(zmmBytes), columns)
	repeat(n, "loop")
	leave()
}

// addMaskedAVX512 adds what a mask lets through.
func addMaskedAVX512() {
	n := entry("addMaskedAVX512", "func(dst, x *uint64, mask uint64, batches int)",
		"addMaskedAVX512 sets dst ^= x & mask for 8*batches words. It needs AVX512F.")
	dst, x := argument("dst"), argument("x")
	m := ZMM()
	VPBROADCASTQ(argument("mask"), m)
	Label("loop")
	v := ZMM()
	VPANDQ(Mem{Base: x}, m, v)
	VPXORQ(Mem{Base: dst}, v, v)
	VMOVDQU64(v, Mem{Base: dst})
	for _, p := range []reg.Register{dst, x} {
		ADDQ(U32(zmmBytes), p)
	}
	repeat(n, "loop")
	leave()
}

// foldAVX512 is the sums over the leaves of a tree.
func foldAVX512() {
	n := entry("foldAVX512", "func(v, u, r *uint64, batches int)",
		"foldAVX512 sets, for 8*batches words, column j of v to the sum of the rows x of r that have bit j set, and u to that of all",
		"sixteen. Columns and rows are 512 bytes apart. It needs AVX512F.")
	v, u, r := argument("v"), argument("u"), argument("r")
	Label("loop")
	s := vectors(leaves, ZMM)
	for x := range s {
		VMOVDQU64(Mem{Base: r, Disp: columnBytes * x}, s[x])
	}
	for j := range fieldBits { // adding neighbours halves the leaves and drops the bit that they differ in
		odd := ZMM()
		VMOVDQA64(s[1], odd)
		for x := 3; x < len(s); x += 2 {
			VPXORQ(s[x], odd, odd)
		}
		VMOVDQU64(odd, Mem{Base: v, Disp: columnBytes * j})
		half := make([]vector, len(s)/2)
		for x := range half {
			half[x] = s[2*x]
			VPXORQ(s[2*x+1], half[x], half[x])
		}
		s = half
	}
	VMOVDQU64(s[0], Mem{Base: u})
	for _, p := range []reg.Register{v, u, r} {
		ADDQ(U32(zmmBytes), p)
	}
	repeat(n, "loop")
	leave()
}
