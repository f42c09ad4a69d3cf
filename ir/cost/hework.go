package cost

import "math/bits"

// Multiply-adds of 52 bits in the arithmetic of homomorphic products (runtime/he/ntt): a word by a constant mod q is three, a
// product of words that is summed two.
const (
	butterflyMACs52 = 3
	summedMACs52    = 2
)

// TransformMACs52 is the 52-bit multiply-adds of one transform of n residues: n/2 butterflies on each of log2 n levels.
func TransformMACs52(n int) int64 {
	return butterflyMACs52 * int64(n/2) * int64(bits.Len(uint(n))-1)
}

// MACs52 is the 52-bit multiply-adds that a plan cannot do without, both parties together: a transform of each polynomial of
// weights and of each upload's noise and message, the products with both halves of a ciphertext, and the transforms back of both
// halves of a reply. Encryptions of zero, rounding and decryption come on top.
func (p HEPlan) MACs52() int64 {
	products := 0.0
	for _, n := range p.blockProducts() {
		products += n
	}
	transforms := int64(products)*int64(p.Chunks()) + 2*int64(p.Uploads()) + 2*int64(p.Replies())
	sums := 2 * summedMACs52 * HEDegree * int64(products) * int64(p.Groups())
	return int64(p.Params.Limbs) * (transforms*TransformMACs52(HEDegree) + sums)
}
