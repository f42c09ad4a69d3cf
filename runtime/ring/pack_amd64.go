package ring

import (
	"sync"
	"unsafe"
)

// Packing by kernels: a register's elements, 16 or 8, are a whole number of bytes at any width, and so are any eight.

const (
	laneBits   = 64 // of a register; where elements have 32, two are joined in one
	laneBytes  = laneBits / 8
	lanes      = registerBytes / laneBytes
	fewest     = 7 // bits in a lane: below, a byte would have parts of more than two lanes
	eight      = 8 // elements that packNarrow takes
	everyEight = 0x0101010101010101
)

// packTable says where the bits of a packed register come from: lanes turned left by turn bits, of which a byte of the output
// has some of the one and some of the other.
type packTable struct {
	first, other         [registerBytes]uint8
	firstBits, otherBits [registerBytes]uint8
	turn                 [lanes]uint64
}

// unpackTable says in which bytes of a packed register an element begins, which are behind them, and after how many bits it begins.
type unpackTable struct {
	place, behind [registerBytes]uint8
	shift         [registerBytes]uint8 // counts of an element's size, little endian
}

var (
	packTables32, packTables64     = tablesOf[uint32](fillPack), tablesOf[uint64](fillPack)
	unpackTables32, unpackTables64 = tablesOf[uint32](fillUnpack), tablesOf[uint64](fillUnpack)
)

// tablesOf makes the table of each width below that of the ring when one is needed.
func tablesOf[W Word, T packTable | unpackTable](fill func(t *T, l, width int)) func() []T {
	return sync.OnceValue(func() []T {
		l := Width[W]()
		tables := make([]T, l)
		for width := 1; width < l; width++ {
			fill(&tables[width], l, width)
		}
		return tables
	})
}

func tables[W Word, T any](of32, of64 func() []T) []T {
	if Width[W]() == 32 {
		return of32()
	}
	return of64()
}

// fillPack follows the bits of each lane to the bytes in which they lie.
func fillPack(t *packTable, l, width int) {
	bits := laneBits / l * width // of a lane
	if bits < fewest {
		return // packed by eights
	}
	for lane := range lanes {
		begin := bits * lane
		t.turn[lane] = uint64(begin % 8)
		for bit := begin; bit < begin+bits; bit++ {
			at := bit / 8
			from, mask := uint8(laneBytes*lane+(at-begin/8)%laneBytes), uint8(1)<<(bit%8)
			if t.firstBits[at] == 0 || t.first[at] == from {
				t.first[at], t.firstBits[at] = from, t.firstBits[at]|mask
			} else {
				t.other[at], t.otherBits[at] = from, t.otherBits[at]|mask
			}
		}
	}
}

// fillUnpack names bytes behind the register's last too, around its end: no bit of them is an element's.
func fillUnpack(t *unpackTable, l, width int) {
	size := l / 8
	for i := range registerBytes / size {
		begin := width * i
		t.shift[size*i] = uint8(begin % 8)
		for b := range size {
			t.place[size*i+b] = uint8((begin/8 + b) % registerBytes)
			t.behind[size*i+b] = uint8((begin/8 + size + b) % registerBytes)
		}
	}
}

// packVectors packs as many elements as make whole registers, and says how many that are.
func packVectors[W Word](dst []byte, src []W, width uint) int {
	switch n, done := registers(src); {
	case !hasPacking:
		return 0
	case laneBits/uint(Width[W]())*width < fewest:
		n := len(src) / eight
		packNarrow(dst, src, n, int(width))
		return n * eight
	case n == 0:
		return 0
	default:
		packRegisters(dst, src, n, width)
		return done
	}
}

// packRegisters packs n registers. A kernel writes whole registers: the last of dst, which have no room for one, go through end.
func packRegisters[W Word](dst []byte, src []W, n int, width uint) {
	lane := registerBytes * 8 / Width[W]()
	t, size := unsafe.Pointer(&tables[W](packTables32, packTables64)[width]), lane*int(width)/8
	kernel := func(dst []byte, src []W, n int) {
		if Width[W]() == 32 {
			pack32(&dst[0], p32(src), n, (*byte)(t), size, everyElement[W](width), 1<<width-1, uint64(32-width))
		} else {
			pack64(&dst[0], p64(src), n, (*byte)(t), size, everyElement[W](width), 0, 0)
		}
	}
	room := fitting(len(dst), size, registerBytes, n)
	if room > 0 {
		kernel(dst, src, room)
	}
	if room < n {
		var end [2 * registerBytes]byte
		kernel(end[:], src[room*lane:], n-room)
		copy(dst[room*size:], end[:(n-room)*size])
		clear(end[:])
	}
}

// packNarrow packs n times eight elements, and the last of them as packRegisters does.
func packNarrow[W Word](dst []byte, src []W, n, size int) {
	low := uint64(everyEight * (1<<size - 1))
	kernel := func(dst []byte, src []W, n int) {
		if Width[W]() == 32 {
			packNarrow32(&dst[0], p32(src), n, size, low)
		} else {
			packNarrow64(&dst[0], p64(src), n, size, low)
		}
	}
	room := fitting(len(dst), size, eight, n)
	if room > 0 {
		kernel(dst, src, room)
	}
	if room < n {
		var end [2 * eight]byte
		kernel(end[:], src[room*eight:], n-room)
		copy(dst[room*size:], end[:(n-room)*size])
		clear(end[:])
	}
}

// unpackVectors is the inverse of packVectors.
func unpackVectors[W Word](dst []W, src []byte, width uint) int {
	n, done := registers(dst)
	if !hasPacking || n == 0 {
		return 0
	}
	lane := registerBytes * 8 / Width[W]()
	t, size := unsafe.Pointer(&tables[W](unpackTables32, unpackTables64)[width]), lane*int(width)/8
	kernel := func(dst []W, src []byte, n int) {
		if Width[W]() == 32 {
			unpack32(p32(dst), &src[0], n, (*byte)(t), size, everyElement[W](width))
		} else {
			unpack64(p64(dst), &src[0], n, (*byte)(t), size, everyElement[W](width))
		}
	}
	room := fitting(len(src), size, registerBytes, n)
	if room > 0 {
		kernel(dst, src, room)
	}
	if room < n {
		var end [2 * registerBytes]byte
		copy(end[:], src[room*size:n*size])
		kernel(dst[room*lane:], end[:], n-room)
		clear(end[:])
	}
	return done
}

// fitting says how many of n pieces, which follow one another by size bytes, have window bytes before the end of so many.
func fitting(bytes, size, window, n int) int {
	if bytes < window {
		return 0
	}
	return min(n, (bytes-window)/size+1)
}

// everyElement has the low width bits of each element of a lane.
func everyElement[W Word](width uint) uint64 {
	low := uint64(1)<<width - 1
	if Width[W]() == 32 {
		low |= low << 32
	}
	return low
}
