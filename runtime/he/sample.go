package he

import (
	"fmt"
	"io"
	"math/bits"

	"sotto/ir/cost"
	"sotto/runtime/he/ntt"
	"sotto/runtime/prg"
)

// Randomness: a call draws seeds, and each polynomial that it samples has a stretch of a seed's stream of its own, so that any
// core can sample any of them.

// stretch is the 16-byte blocks of the stream that one polynomial of uniform residues may use: twice what it takes when none is
// rejected, which of N words under a hundred are.
const stretch = 2 * degree / 2

// taskBlocks is the blocks of the stream that belong to one ciphertext: far more than it takes.
const taskBlocks = 1 << 24

// drawSeed reads a seed.
func drawSeed(rnd io.Reader) (s prg.Seed, err error) {
	if _, err = io.ReadFull(rnd, s[:]); err != nil {
		err = fmt.Errorf("homomorphic products: randomness: %w", err)
	}
	return s, err
}

// at gives a stream that begins at a block of a seed's.
func at(seed prg.Seed, block uint64) *prg.Stream {
	s := prg.NewStream(seed)
	s.Seek(block)
	return s
}

// uniform fills dst with residues mod q. A word whose low bits are not below q is replaced by a later one: which words are
// rejected says nothing about those that are not.
func uniform(s *prg.Stream, q uint64, dst []uint64) {
	mask := uint64(1)<<bits.Len64(q) - 1
	prg.Words(s, dst)
	for i := range dst {
		dst[i] &= mask
		for dst[i] >= q {
			prg.Words(s, dst[i:i+1])
			dst[i] &= mask
		}
	}
}

// expand fills p with the uniform polynomial of an index under a seed, taken as values: no transform is needed.
func (b *basis) expand(p poly, seed prg.Seed, index int) {
	for i, m := range b.q {
		uniform(at(seed, uint64(index*len(b.q)+i)*stretch), m.Q(), p[i])
	}
}

// ternary fills dst with -1, 0 and 1, as two's complement: floor(3*x / 2^64) - 1 for a uniform word x, of which each value's
// probability is a third up to 2^-64.
func ternary(s *prg.Stream, dst []uint64) {
	prg.Words(s, dst)
	for i, x := range dst {
		high, _ := bits.Mul64(x, 3)
		dst[i] = high - 1
	}
}

// noise fills dst with the centred binomial distribution as two's complement: heads of 21 coins less those of 21 others.
func noise(s *prg.Stream, dst []uint64) {
	const coins = 1<<cost.HECoinPairs - 1
	prg.Words(s, dst)
	for i, x := range dst {
		dst[i] = uint64(bits.OnesCount64(x&coins) - bits.OnesCount64(x>>cost.HECoinPairs&coins))
	}
}

// small brings a polynomial of small signed coefficients to its values modulo each limb.
func (b *basis) small(dst poly, coefficients []uint64) {
	for i, m := range b.q {
		ntt.Residues(m, dst[i], coefficients)
		m.Forward(dst[i])
	}
}
