package cost

import (
	"fmt"
	"math"
)

// Elementwise products in slots: see runtime/he/slots.go. A product x*b of two l-bit numbers is found modulo t, a product of primes, each the
// plaintext modulus of a ciphertext with a slot for each element, and hidden by a mask modulo t that is that much wider than it.

// SlotParams are the parameters for one ring.
type SlotParams struct {
	Ring   int // l
	Primes int // of t, just below 2^Cipher.Ring
	// Cipher encrypts modulo one of the primes; a polynomial of factors b is its weights.
	Cipher HEParams
}

// MaxSlotPrimes bounds the primes.
const MaxSlotPrimes = 4

// slotParams by ring. Whoever knows the factors b cannot do worse than what is counted as ClientServer: any b at all.
var slotParams = map[int]SlotParams{
	32: {Ring: 32, Primes: 3, Cipher: HEParams{Ring: 45, Deploy: ClientServer, Limbs: 4, LimbBits: 43, ReplyLimbs: 2, WeightBits: 44}},
	64: {Ring: 64, Primes: 4, Cipher: HEParams{Ring: 50, Deploy: ClientServer, Limbs: 4, LimbBits: 46, ReplyLimbs: 2, WeightBits: 49}},
}

// minSlotProducts is log2 of the products that every set of parameters returns before distances add up to 2^-40 twice over, for the
// flooding and for the masks: those of a hundred inferences of ten million squares.
const minSlotProducts = 30

// SlotParamsFor gives the parameters for a ring of 32 or 64 bits.
func SlotParamsFor(ring int) (SlotParams, error) {
	p, ok := slotParams[ring]
	if !ok {
		return p, fmt.Errorf("elementwise products: a ring of %d bits: accepted are 32 and 64", ring)
	}
	return p, p.Check()
}

// Check refuses parameters that are not secure or do not decrypt.
func (p SlotParams) Check() error {
	if err := p.Cipher.checkModulus(); err != nil {
		return err
	}
	switch {
	case p.Primes > MaxSlotPrimes:
		return fmt.Errorf("elementwise products: %d primes, accepted are at most %d", p.Primes, MaxSlotPrimes)
	case p.modulusLog2(p.Primes-1) <= float64(2*p.Ring-1):
		return fmt.Errorf("elementwise products: %d primes of %d bits have no room for products of %d bits and a mask", p.Primes, p.Cipher.Ring, 2*p.Ring)
	case p.ReturnedLog2() < minSlotProducts:
		return fmt.Errorf("elementwise products: masks and flooding hide 2^%.1f products, accepted are 2^%d or more", p.ReturnedLog2(), minSlotProducts)
	}
	return nil
}

// modulusLog2 is a lower bound of log2 of a product of so many of the primes.
func (p SlotParams) modulusLog2(primes int) float64 {
	return float64(primes) * (float64(p.Cipher.Ring) + math.Log2(1-limbSlack))
}

// MaskHidingLog2 is log2 of the statistical distance that one masked product adds to the mask alone: |x*b| <= 2^(2l-2) beside a mask
// uniform below t - t/t_last, which is t up to a factor of 1 - 2^-44.
func (p SlotParams) MaskHidingLog2() float64 {
	return float64(2*p.Ring-2) - p.modulusLog2(p.Primes) + math.Exp2(1-float64(p.Cipher.Ring))
}

// ReturnedLog2 is log2 of the products that may be returned before the distances of either kind add up to 2^-40: of masks, and
// of the flooding of the N coefficients that a ciphertext of N slots has for each prime.
func (p SlotParams) ReturnedLog2() float64 {
	return min(-heHiding-p.MaskHidingLog2(), p.Cipher.ReturnedLog2(HEDegree)-math.Log2(float64(p.Primes)))
}

// UploadBytes is what the encryptor sends for a block of up to N products: a seed, and a polynomial for each prime.
func (p SlotParams) UploadBytes() int64 { return HESeedBytes + int64(p.Primes)*p.Cipher.PolyBytes() }

// ReplyBytes is what the evaluator answers.
func (p SlotParams) ReplyBytes() int64 {
	return int64(p.Primes) * (BitBytes(HEDegree, p.Cipher.C1Bits()) + BitBytes(HEDegree, p.Cipher.C0Bits()))
}

// SlotBlocks is how many blocks begin with one of the n products from number first on, where all of a session's products fill blocks
// of N in a row.
func SlotBlocks(first, n int64) int64 {
	blocks := func(n int64) int64 { return (n + HEDegree - 1) / HEDegree }
	return blocks(first+n) - blocks(first)
}
