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
	whole := len(p) &^ (BlockBytes - 1)
	c.blocks(p[:whole])
	if p = p[whole:]; len(p) > 0 {
		c.blocks(c.last[:])
		c.left = BlockBytes - copy(p, c.last[:])
	}
}

func (c *wideStream) wipe() { *c = wideStream{} }

// blocks fills whole blocks.
func (c *wideStream) blocks(p []byte) {
	const batch = batchVAES512 * BlockBytes
	if n := len(p) / batch; n > 0 {
		streamVAES512(&c.keys[0].Lo, &p[0], n, c.next)
		c.next += uint64(n * batchVAES512)
		p = p[n*batch:]
	}
	for len(p) > 0 {
		var b [batchAESNI]Block
		for i := range b {
			b[i].Hi = bits.ReverseBytes64(c.next + uint64(i))
		}
		permuteAESNI(&c.keys[0].Lo, &b[0].Lo, 1)
		n := copy(p, memory(b[:]))
		c.next += uint64(n / BlockBytes)
		p = p[n:]
	}
}
