package cost

import "math/bits"

// Comparison is the form of the comparison of two numbers of Bits bits, one at each party, 1 <= Bits < 64: an oblivious transfer
// for each digit of four bits, then a tree of ANDs over the digits; see runtime/nonlin/compare.go. Instances are bit-sliced: 64
// of them share a word, and a plane holds one bit of each.
type Comparison struct{ Bits int }

// DigitBits is what one 1-of-16 OT compares. Wider digits would double the message with every bit, narrower ones need more
// ANDs: PROTOCOLS.md, Nonlinear ops, 3.
const DigitBits = 4

// digitValues is the values of a whole digit: the messages of its OT.
const digitValues = 1 << DigitBits

// Digits is the number q of digits; the greatest is narrower where Bits is no multiple of 4.
func (c Comparison) Digits() int { return (c.Bits + DigitBits - 1) / DigitBits }

// Values is how many values digit j has, 0 the least significant: 16, or fewer at the top.
func (c Comparison) Values(j int) int { return 1 << min(DigitBits, c.Bits-DigitBits*j) }

// Shared is the bits that an OT shares for digit j: "less" and "equal", or "less" alone for the least digit, below which
// there is nothing to be equal for.
func (c Comparison) Shared(j int) int {
	if j == 0 {
		return 1
	}
	return 2
}

// Leaves is the planes that the OTs share: 2q-1.
func (c Comparison) Leaves() int { return 2*c.Digits() - 1 }

// ChoicePlanes is the planes of the corrections of all choices.
func (c Comparison) ChoicePlanes() int { return DigitBits * c.Digits() }

// MaskPlanes is the planes of the masks of all messages at the sender.
func (c Comparison) MaskPlanes() int { return 2 * digitValues * c.Digits() }

// MessagePlanes is the planes of the OTs' messages: one fewer than values for each shared bit of a digit, as the sender's
// share is chosen so that the message of value 0 is zero.
func (c Comparison) MessagePlanes() int {
	sum := 0
	for j := range c.Digits() {
		sum += (c.Values(j) - 1) * c.Shared(j)
	}
	return sum
}

// Levels is the depth of the tree: ceil(log2 q).
func (c Comparison) Levels() int { return bits.Len(uint(c.Digits() - 1)) }

// Nodes is how many digits, or joined digits, are left before a level; 1 after the last one.
func (c Comparison) Nodes(level int) int { return (c.Digits() + 1<<level - 1) >> level }

// Joins is the pairs of nodes of a level. A pair has two ANDs with a factor in common, its lower node's "less" and "equal"
// with the higher one's "equal"; but for the least, which has no "equal".
func (c Comparison) Joins(level int) int { return c.Nodes(level) / 2 }

// Triples is the pairs of all levels, q-1: each takes one of what makes two products with one factor.
func (c Comparison) Triples() int { return c.Digits() - 1 }

// ANDs is those of all levels: 2q - 2 - ceil(log2 q).
func (c Comparison) ANDs() int { return 2*c.Triples() - c.Levels() }

// OpenedPlanes is the planes that each party opens at a level: the factors of its pairs, three each, two of the least.
func (c Comparison) OpenedPlanes(level int) int { return 3*c.Joins(level) - 1 }

// Padded is the instances that n fill up words with, a multiple of 64: OTs and planes are for so many.
func Padded(n int64) int64 { return groupOTs * groups(n) }

// PlaneBytes is the size of so many planes of n instances, in whole words.
func PlaneBytes(n int64, planes int) int64 { return groupBytes * groups(n) * int64(planes) }

// comparedAtOnce bounds the values of a wave: a multiple of 64, so that waves meet at word borders.
const comparedAtOnce = 1 << 21

// Waves splits n values that are compared by OT: the messages of one wave are about 30 bytes a value and in memory at once, so
// that a long vector goes in several, one after the other. Their rounds are nothing beside their bytes.
func Waves(n int64) []int64 {
	var waves []int64
	for ; n > comparedAtOnce; n -= comparedAtOnce {
		waves = append(waves, comparedAtOnce)
	}
	return append(waves, n)
}
