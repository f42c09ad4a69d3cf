package ring

import "fmt"

// Bit layouts of a vector of n elements, width bits each, for the callers that choose a label or an OT message per
// bit:
//
//	instance-major  bit j of element i at position i*width + j      InstanceBits, FromInstanceBits
//	plane-major     bit j of element i at bit i of plane j          Planes, FromPlanes
//	block-major     plane-major in each block of 64 instances       BlockBits
//
// A plane is BitWords(n) words, and plane j begins at word j*BitWords(n): every plane begins at a word, so it can be
// wrapped as a Bits of n bits (Plane). The first suits circuits evaluated one instance at a time, the second those
// evaluated across instances, the third those whose blocks travel.

// InstanceBits writes the low width bits of each element of src to dst, of len(src)*width bits, instance-major.
func InstanceBits[W Word](dst Bits, src []W, width int) {
	match(dst.n, len(src)*width, len(src)*width)
	Pack(dst.Bytes(), src, width)
}

// FromInstanceBits is the inverse: the bits of an element above width are zero.
func FromInstanceBits[W Word](dst []W, src Bits, width int) {
	match(src.n, len(dst)*width, len(dst)*width)
	Unpack(dst, src.Bytes(), width)
}

// PlaneWords returns the words that width planes of n elements take.
func PlaneWords(n, width int) int { return width * BitWords(n) }

// Plane returns plane j of planes, which hold n elements, as a view.
func Plane(planes []uint64, n, j int) Bits {
	stride := BitWords(n)
	return Bits{n, planes[j*stride : (j+1)*stride : (j+1)*stride]}
}

// Planes writes the low width bits of each element of src to dst, of PlaneWords(len(src), width) words, plane-major.
// Bits of a plane's last word from n on are zero.
func Planes[W Word](dst []uint64, src []W, width int) {
	checkPlanes[W](len(dst), len(src), width)
	stride := BitWords(len(src))
	if len(src) <= grain {
		planes(dst, src, stride, 0, stride)
		return
	}
	Parallel(stride, grain/64, func(lo, hi int) { planes(dst, src, stride, lo, hi) })
}

// planes transposes columns of words [lo, hi): 64 elements each, in every plane. Planes are stride words apart.
func planes[W Word](dst []uint64, src []W, stride, lo, hi int) {
	width := len(dst) / max(stride, 1)
	var m [64]uint64
	for col := lo; col < hi; col++ {
		BlockPlanes(&m, src[64*col:min(64*col+64, len(src))])
		for j := range width {
			dst[j*stride+col] = m[j]
		}
	}
}

// BlockPlanes sets m[j], 0 <= j < l, to bit j of up to 64 elements, that of the first the lowest, and zeros above the last.
func BlockPlanes[W Word](m *[64]uint64, src []W) {
	clear(m[:])
	load(m, src)
	Transpose[W](m)
}

// BlockBits writes the low width bits of the elements of instances, so many elements each, to dst, of len(src)*width zero bits,
// block-major: in a block of n instances, 64 or what is left, that begins at instance b, bit j of element e of instance b+i is at
// (b*each + e*n)*width + j*n + i.
func BlockBits[W Word](dst Bits, src []W, each, width int) {
	match(dst.n, len(src)*width, len(src)*width)
	var column [64]W
	var m [64]uint64
	at := 0
	for ; len(src) > 0; src = src[min(64*each, len(src)):] {
		n := min(64, len(src)/each)
		for e := range each {
			for i := range n {
				column[i] = src[i*each+e]
			}
			BlockPlanes(&m, column[:n])
			for _, plane := range m[:width] {
				dst.put(at, plane, n)
				at += n
			}
		}
	}
	Wipe(column[:])
	Wipe(m[:])
}

// put adds n bits to zeros from bit at on. Those of v above them are zero.
func (b Bits) put(at int, v uint64, n int) {
	b.words[at/64] |= v << (at % 64)
	if at%64+n > 64 {
		b.words[at/64+1] |= v >> (64 - at%64)
	}
}

// FromPlanes is the inverse of Planes: the bits of an element above width are zero.
func FromPlanes[W Word](dst []W, src []uint64, width int) {
	checkPlanes[W](len(src), len(dst), width)
	stride := BitWords(len(dst))
	if len(dst) <= grain {
		fromPlanes(dst, src, stride, 0, stride)
		return
	}
	Parallel(stride, grain/64, func(lo, hi int) { fromPlanes(dst, src, stride, lo, hi) })
}

func fromPlanes[W Word](dst []W, src []uint64, stride, lo, hi int) {
	width := len(src) / max(stride, 1)
	for col := lo; col < hi; col++ {
		var m [64]uint64
		for j := range width {
			m[j] = src[j*stride+col]
		}
		Transpose[W](&m)
		store(dst[64*col:min(64*col+64, len(dst))], &m)
	}
}

// load places up to 64 elements in m: element i in row i at l = 64; at l = 32 rows hold two, element i in the low
// half of row i and element i + 32 in the high half, so that 32 rows are enough.
func load[W Word](m *[64]uint64, src []W) {
	l := Width[W]()
	for i, v := range src {
		m[i&(l-1)] |= uint64(v) << (i &^ (l - 1) & 63)
	}
}

// store is load's inverse.
func store[W Word](dst []W, m *[64]uint64) {
	l := Width[W]()
	for i := range dst {
		dst[i] = W(m[i&(l-1)] >> (i &^ (l - 1) & 63))
	}
}

// Transpose exchanges bit j of row i with bit i of row j, in place, in the l x l matrix of rows 0..l-1; at l = 32 in
// the two matrices that the halves of the rows are. It exchanges off-diagonal quarters of ever smaller blocks
// (Warren, Hacker's Delight, section 7-3).
func Transpose[W Word](m *[64]uint64) {
	l := Width[W]()
	for size := l / 2; size >= 1; size /= 2 {
		low := ^uint64(0) / (1<<size + 1) // the low size bits of every block of 2*size
		for i := 0; i < l; i = (i + size + 1) &^ size {
			j := (i + size) & 63
			t := (m[i&63]>>size ^ m[j]) & low
			m[i&63] ^= t << size
			m[j] ^= t
		}
	}
}

func checkPlanes[W Word](words, n, width int) {
	if width < 1 || width > Width[W]() {
		panic(fmt.Sprintf("ring: %d planes of a %d-bit element", width, Width[W]()))
	}
	if words != PlaneWords(n, width) {
		panic(fmt.Sprintf("ring: %d words for %d planes of %d bits, which take %d", words, width, n,
			PlaneWords(n, width)))
	}
}
