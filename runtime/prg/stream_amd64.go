package prg

import "math/bits"

// keystream starts a seed's stream.
func (p Path) keystream(seed Seed) keystream {
	if p != VAES512 {
		return newLibraryStream(seed)
	}
	return &wideStream{keys: *p.expand(LoadBlock(seed[:]))}
}

// wideStream is counter mode by the kernels of VAES512.
type wideStream struct {
	keys RoundKeys
	next uint64           // the block that is computed next
	last [BlockBytes]byte // the one before, of which some bytes at the end were not read yet
	left int              // so many
}

func (c *wideStream) Seek(block uint64) { c.next, c.left = block, 0 }

func (c *wideStream) fill(p []byte) {
	n := copy(p, c.last[BlockBytes-c.left:])
	c.left -= n
	p = p[n:]
	c.at(p, c.next)
	c.next += uint64(len(p) / BlockBytes)
	if rest := len(p) % BlockBytes; rest > 0 {
		c.at(c.last[:], c.next)
		c.next, c.left = c.next+1, BlockBytes-rest
	}
}

func (c *wideStream) wipe() { *c = wideStream{} }

// at fills p with the bytes from a block on.
func (c *wideStream) at(p []byte, block uint64) {
	const batch = batchVAES512 * BlockBytes
	if n := len(p) / batch; n > 0 {
		streamVAES512(&c.keys[0].Lo, &p[0], n, block)
		block += uint64(n * batchVAES512)
		p = p[n*batch:]
	}
	for len(p) > 0 {
		var b [batchAESNI]Block
		for i := range b {
			b[i].Hi = bits.ReverseBytes64(block + uint64(i))
		}
		permuteAESNI(&c.keys[0].Lo, &b[0].Lo, 1)
		n := copy(p, memory(b[:]))
		block += uint64(n / BlockBytes)
		p = p[n:]
	}
}
