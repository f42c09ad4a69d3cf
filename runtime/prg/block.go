// Package prg holds the symmetric primitives under the protocols: 128-bit blocks, a pseudorandom generator
// (AES-128 in counter mode) and the tweakable hash that garbling and oblivious transfer are built on.
//
// All of it is constant time wherever crypto/aes is, which is on every machine with AES instructions. Sizes are in
// blocks of 16 bytes unless a name says otherwise. Nothing here may fail on account of a peer: wrong slice lengths are
// programming errors and run into Go's bounds checks.
package prg

import (
	"encoding/binary"
	"unsafe"
)

// BlockBytes is the size of a Block on the wire.
const BlockBytes = 16

// Block is a 128-bit string: bit i is bit i of Lo, and bit 64+i is bit i of Hi. On the wire it is 16 bytes, little
// endian, Lo first.
type Block struct{ Lo, Hi uint64 }

// Xor gives a ^ b.
func (a Block) Xor(b Block) Block { return Block{a.Lo ^ b.Lo, a.Hi ^ b.Hi} }

// And gives the bitwise a & b.
func (a Block) And(b Block) Block { return Block{a.Lo & b.Lo, a.Hi & b.Hi} }

// Lsb is bit 0: the colour, or permute bit, of a garbled label.
func (a Block) Lsb() uint64 { return a.Lo & 1 }

// Bit is bit i of the block, 0 <= i < 128. The index must be public.
func (a Block) Bit(i int) uint64 {
	if i < 64 {
		return a.Lo >> i & 1
	}
	return a.Hi >> (i - 64) & 1
}

// MaskIf gives a when bit 0 of bit is set and the zero block when it is not, without a branch.
func (a Block) MaskIf(bit uint64) Block {
	m := -(bit & 1)
	return Block{a.Lo & m, a.Hi & m}
}

// Swap gives (a, b) when bit 0 of bit is clear and (b, a) when it is set, without a branch.
func Swap(bit uint64, a, b Block) (Block, Block) {
	d := a.Xor(b).MaskIf(bit)
	return a.Xor(d), b.Xor(d)
}

// Put writes the wire form of a into dst[:BlockBytes].
func (a Block) Put(dst []byte) {
	binary.LittleEndian.PutUint64(dst[:8], a.Lo)
	binary.LittleEndian.PutUint64(dst[8:16], a.Hi)
}

// LoadBlock reads the wire form in src[:BlockBytes].
func LoadBlock(src []byte) Block {
	return Block{binary.LittleEndian.Uint64(src[:8]), binary.LittleEndian.Uint64(src[8:16])}
}

// Bytes gives the wire form of b, to be read: on a little-endian machine it is a view of b itself, elsewhere a copy. To
// fill blocks from wire bytes use Load.
func Bytes(b []Block) []byte {
	v := memory(b)
	if !littleEndian {
		v = append([]byte(nil), v...)
		swapWords(v, 8)
	}
	return v
}

// Halves gives the words of b, Lo before Hi of each block, as a view: writing to it changes b.
func Halves(b []Block) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), 2*len(b))
}

// Load fills dst from the wire form in src[:len(dst)*BlockBytes].
func Load(dst []Block, src []byte) {
	v := memory(dst)
	copy(v, src[:len(v)])
	fromWire(dst)
}

// littleEndian tells whether memory order is wire order on this machine.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// memory gives the bytes of v as they lie in memory.
func memory[T Block | uint32 | uint64](v []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(v))), len(v)*int(unsafe.Sizeof(zero)))
}

// fromWire turns values whose memory holds wire bytes into native ones, and back: it is its own inverse, and does nothing
// on a little-endian machine.
func fromWire[T Block | uint32 | uint64](v []T) {
	if littleEndian {
		return
	}
	var zero T
	swapWords(memory(v), min(8, int(unsafe.Sizeof(zero))))
}

// swapWords reverses the byte order of each word of size bytes, 4 or 8.
func swapWords(v []byte, size int) {
	for ; len(v) >= size; v = v[size:] {
		if size == 4 {
			binary.LittleEndian.PutUint32(v, binary.BigEndian.Uint32(v))
		} else {
			binary.LittleEndian.PutUint64(v, binary.BigEndian.Uint64(v))
		}
	}
}
