package ring

import (
	"sync"
	"unsafe"
)

// Packing 32-bit elements by kernels. A register has 16 elements, which are 2*width bytes.

const (
	packedRegister = 16 // elements
	leastPacked    = 4  // bits: below, a byte has parts of more than two lanes of two elements
	mostPacked     = 28 // bits: above, two elements and up to 7 bits before them are more than a lane of 64
	mostUnpacked   = 25 // bits: above, an element may lie in five bytes
)

// packTable says where the bytes of a packed register come from: lanes have two elements each, moved left by shift bits.
type packTable struct {
	first, other     [registerBytes]uint8 // the byte of a lane that goes there, and that of the next lane, if their bits exist
	shift            [8]uint64
	isFirst, isOther uint64
	whole            uint64 // the packed bytes
}

// unpackTable says in which four bytes of a packed register an element lies, and after how many bits it begins.
type unpackTable struct {
	place [registerBytes]uint8
	shift [packedRegister]uint32
	whole uint64
}

var packTables = sync.OnceValue(func() *[mostPacked + 1]packTable {
	var tables [mostPacked + 1]packTable
	for width := leastPacked; width <= mostPacked; width++ {
		tables[width].fill(width)
	}
	return &tables
})

var unpackTables = sync.OnceValue(func() *[mostUnpacked + 1]unpackTable {
	var tables [mostUnpacked + 1]unpackTable
	for width := 1; width <= mostUnpacked; width++ {
		tables[width].fill(width)
	}
	return &tables
})

func (t *packTable) fill(width int) {
	t.whole = 1<<(2*width) - 1
	for lane := range t.shift {
		begin := 2 * width * lane
		t.shift[lane] = uint64(begin % 8)
		for b := begin / 8; b <= (begin+2*width-1)/8; b++ {
			from := uint8(8*lane + b - begin/8)
			if t.isFirst>>b&1 == 0 {
				t.first[b], t.isFirst = from, t.isFirst|1<<b
			} else {
				t.other[b], t.isOther = from, t.isOther|1<<b
			}
		}
	}
}

func (t *unpackTable) fill(width int) {
	t.whole = 1<<(2*width) - 1
	for i := range t.shift {
		begin := width * i
		t.shift[i] = uint32(begin % 8)
		for b := range 4 {
			t.place[4*i+b] = uint8(begin/8 + b) // beyond the register's bytes there are zeros
		}
	}
}

// packVectors packs as many elements as make whole registers, and says how many that are.
func packVectors[W Word](dst []byte, src []W, width uint) int {
	n := len(src) / packedRegister
	if !hasPacking || Width[W]() != 32 || width < leastPacked || width > mostPacked || n == 0 {
		return 0
	}
	t := &packTables()[width]
	pack32(&dst[0], p32(src), n, (*byte)(unsafe.Pointer(t)), int(2*width), 1<<width-1, uint64(32-width))
	return n * packedRegister
}

// unpackVectors is the inverse.
func unpackVectors[W Word](dst []W, src []byte, width uint) int {
	n := len(dst) / packedRegister
	if !hasPacking || Width[W]() != 32 || width > mostUnpacked || n == 0 {
		return 0
	}
	t := &unpackTables()[width]
	unpack32(p32(dst), &src[0], n, (*byte)(unsafe.Pointer(t)), int(2*width), 1<<width-1)
	return n * packedRegister
}
