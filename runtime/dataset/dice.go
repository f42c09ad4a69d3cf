package dataset

import "math/rand/v2"

// dice draws small integers that are the same on every machine and with every release: the generator's words are fixed by
// its algorithm, and what is made of them here is integer arithmetic.
type dice struct {
	words rand.PCG
	left  uint64 // half of a word that was not used
	half  bool
}

// Streams keep apart what one seed is used for.
const (
	shuffleStream = 1 << 60
	divideStream  = 2 << 60
	augmentStream = 3 << 60
)

func newDice(seed, stream uint64) *dice {
	d := &dice{}
	d.words.Seed(seed, stream)
	return d
}

func (d *dice) word() uint64 { return d.words.Uint64() }

func (d *dice) bits32() uint64 {
	if d.half = !d.half; !d.half {
		return d.left
	}
	w := d.word()
	d.left = w >> 32
	return w & (1<<32 - 1)
}

// below draws from 0 to n-1, for n up to 2^31. The bias is below n/2^32.
func (d *dice) below(n int) int { return int(d.bits32() * uint64(n) >> 32) }

// between draws from lo to hi, both included.
func (d *dice) between(lo, hi int) int { return lo + d.below(hi-lo+1) }

// permutation is of 0 to n-1.
func permutation(n int, d *dice) []int32 {
	p := make([]int32, n)
	for i := range p {
		j := d.below(i + 1)
		p[i] = p[j]
		p[j] = int32(i)
	}
	return p
}
