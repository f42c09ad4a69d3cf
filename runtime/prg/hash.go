package prg

import (
	"crypto/cipher"
	"fmt"
	"sync"
)

// Tweakable circular correlation-robust hash: TMMO of C. Guo, J. Katz, X. Wang and Y. Yu, "Efficient and Secure
// Multiparty Computation from Fixed-Key Block Ciphers", IEEE S&P 2020.
//
//	H(x, i) = pi(pi(x) ^ i) ^ pi(x)
//
//	pi  AES-128 under a key that is fixed for the lifetime of the Hash, modelled as a random permutation
//	x   input block
//	i   tweak, 64 bits in the low half of a block
//
// Cost: 2 AES blocks a hash.
//
// The advantage of an adversary with p calls to pi and q to the hash is of the order of (p*q + q^2)/2^128, so a key (and
// the Delta hidden under it) is drawn afresh for each batch of bounded size, and no tweak repeats under one key and one
// Delta. The key need not be secret, but it must be drawn independently of the inputs.

// Tweak numbers the hash calls under one key: a Domain in its top bits, a counter below.
type Tweak uint64

// Domain separates the uses of one key.
type Domain uint8

const (
	Garbling Domain = iota
	COTPad
	OneOfNPad
	domains // how many there are
)

// counterBits are the bits of a tweak below its domain.
const counterBits = 60

// First is the tweak of the domain with counter 0; later ones follow by adding.
func (d Domain) First() Tweak { return Tweak(d) << counterBits }

// String names the domain.
func (d Domain) String() string {
	names := [domains]string{Garbling: "garbling", COTPad: "COT pads", OneOfNPad: "1-of-N pads"}
	if d >= domains {
		return fmt.Sprintf("domain %d", uint8(d))
	}
	return names[d]
}

// Counter hands out the tweaks of one domain, each once.
type Counter struct {
	domain Domain
	used   uint64
}

// NewCounter starts at the first tweak of a domain.
func NewCounter(d Domain) *Counter { return &Counter{domain: d} }

// Take reserves n consecutive tweaks and gives the first. It fails, taking none, when the domain has fewer than n left.
func (c *Counter) Take(n uint64) (Tweak, error) {
	if left := uint64(1)<<counterBits - c.used; n > left {
		return 0, fmt.Errorf("prg: %v: %d tweaks wanted, %d left under this key: draw a new key", c.domain, n, left)
	}
	first := c.domain.First() + Tweak(c.used)
	c.used += n
	return first, nil
}

// Hash is TMMO under one key. It is safe for concurrent use and allocates nothing once its buffers are pooled.
type Hash struct {
	pi      cipher.Block
	buffers sync.Pool // of *buffer
}

// hashBatch is how many blocks go through pi between two looks at the tweak. Blocks of a batch do not depend on each
// other, so a processor overlaps their rounds.
const hashBatch = 64

type buffer struct{ inner, outer [hashBatch]Block }

// NewHash keys pi.
func NewHash(key Block) *Hash {
	seed := key.Seed()
	return &Hash{pi: newAES(seed[:]), buffers: sync.Pool{New: func() any { return new(buffer) }}}
}

// Sum sets dst[j] = H(x[j], first+j) for each j < len(x). dst has at least len(x) blocks and may be x itself, but may not
// overlap it otherwise.
func (h *Hash) Sum(dst, x []Block, first Tweak) {
	dst = dst[:len(x)]
	b := h.buffers.Get().(*buffer)
	for lo := 0; lo < len(x); lo += hashBatch {
		hi := min(lo+hashBatch, len(x))
		h.sumBatch(b, dst[lo:hi], x[lo:hi], first+Tweak(lo))
	}
	h.buffers.Put(b)
}

// Sum1 gives H(x, t).
func (h *Hash) Sum1(x Block, t Tweak) Block {
	b := h.buffers.Get().(*buffer)
	inner, outer := b.inner[:1], b.outer[:1]
	inner[0] = x
	h.permute(inner)
	outer[0] = Block{inner[0].Lo ^ uint64(t), inner[0].Hi}
	h.permute(outer)
	sum := inner[0].Xor(outer[0])
	h.buffers.Put(b)
	return sum
}

// sumBatch hashes at most hashBatch blocks by way of b.
func (h *Hash) sumBatch(b *buffer, dst, x []Block, first Tweak) {
	inner, outer := b.inner[:len(x)], b.outer[:len(x)]
	copy(inner, x)
	h.permute(inner)
	for j, y := range inner {
		outer[j] = Block{y.Lo ^ uint64(first+Tweak(j)), y.Hi}
	}
	h.permute(outer)
	for j := range dst {
		dst[j] = inner[j].Xor(outer[j])
	}
}

// permute applies pi to each block in place.
func (h *Hash) permute(b []Block) {
	fromWire(b) // to wire order: the swap is its own inverse
	for v := memory(b); len(v) > 0; v = v[BlockBytes:] {
		h.pi.Encrypt(v[:BlockBytes], v[:BlockBytes])
	}
	fromWire(b)
}
