package prg

import (
	"crypto/cipher"
	"fmt"
	"slices"
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
	path    Path
	keys    *RoundKeys   // nil on the path Portable
	pi      cipher.Block // nil on all others
	buffers sync.Pool    // of *buffer, on the path Portable
}

// hashBatch is how many blocks go through pi between two looks at the tweak on the path Portable. Blocks of a batch do
// not depend on each other, so a processor overlaps their rounds.
const hashBatch = 64

type buffer struct{ inner, outer [hashBatch]Block }

// NewHash keys pi, on the fastest path of this machine.
func NewHash(key Block) *Hash { return newHash(paths[len(paths)-1], key) }

// NewHashOn keys pi on one of Paths. It errs on any other.
func NewHashOn(p Path, key Block) (*Hash, error) {
	if !slices.Contains(paths, p) {
		return nil, fmt.Errorf("prg: %v: this machine has %v", p, paths)
	}
	return newHash(p, key), nil
}

func newHash(p Path, key Block) *Hash {
	h := &Hash{path: p, keys: p.expand(key)}
	if p == Portable {
		seed := key.Seed()
		h.pi = newAES(seed[:])
		h.buffers.New = func() any { return new(buffer) }
	}
	return h
}

// Path gives the path the hash takes.
func (h *Hash) Path() Path { return h.path }

// RoundKeys gives the key schedule of pi, to be read by the kernels of the hash's path: nil on the path Portable.
func (h *Hash) RoundKeys() *RoundKeys { return h.keys }

// operation is what is done to each block of a vector.
type operation uint8

const (
	hashing   operation = iota // H
	permuting                  // pi, in place
)

// Sum sets dst[j] = H(x[j], first+j) for each j < len(x). dst has at least len(x) blocks and may be x itself, but may not
// overlap it otherwise.
func (h *Hash) Sum(dst, x []Block, first Tweak) { h.apply(hashing, dst[:len(x)], x, first) }

// Sum1 gives H(x, t).
func (h *Hash) Sum1(x Block, t Tweak) Block {
	b := [1]Block{x}
	h.Sum(b[:], b[:], t)
	return b[0]
}

// Permute applies pi to each block in place.
func (h *Hash) Permute(b []Block) { h.apply(permuting, b, b, 0) }

// applyPortable is apply on the path Portable.
func (h *Hash) applyPortable(op operation, dst, x []Block, first Tweak) {
	b := h.buffers.Get().(*buffer)
	for lo := 0; lo < len(x); lo += hashBatch {
		hi := min(lo+hashBatch, len(x))
		if op == hashing {
			h.sumBatch(b, dst[lo:hi], x[lo:hi], first+Tweak(lo))
		} else {
			h.permuteBatch(b, dst[lo:hi])
		}
	}
	h.buffers.Put(b)
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

// permuteBatch permutes at most hashBatch blocks by way of b: so the caller's blocks do not escape to the heap.
func (h *Hash) permuteBatch(b *buffer, dst []Block) {
	inner := b.inner[:copy(b.inner[:], dst)]
	h.permute(inner)
	copy(dst, inner)
}

// permute applies pi to each block in place, by crypto/aes.
func (h *Hash) permute(b []Block) {
	fromWire(b) // to wire order: the swap is its own inverse
	for v := memory(b); len(v) > 0; v = v[BlockBytes:] {
		h.pi.Encrypt(v[:BlockBytes], v[:BlockBytes])
	}
	fromWire(b)
}
