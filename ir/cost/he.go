package cost

import (
	"fmt"
	"math"
)

// Homomorphic products (see runtime/he): the encryption's parameters with every term of the noise, and the sizes of keys.
// Layers and their packing are in heplan.go.

// HEDegree is N, the coefficients of a polynomial. At N = 8192 a ternary secret and noise of deviation 3.2 give 128 bits of
// security for moduli of at most MaxHEModulus bits (M. Albrecht et al., "Homomorphic Encryption Standard", 2018, table 1).
const (
	HEDegree     = 8192
	MaxHEModulus = 218
)

// HESeedBytes is the seed that stands for the uniform halves of a key or of a layer's uploads: an AES-128 key.
const HESeedBytes = 16

// HECoinPairs is eta of the centred binomial noise: the sum of so many differences of two coins, of variance eta/2 = 10.5, so
// of deviation 3.24. MaxHETerms bounds the weights that enter one polynomial of a reply.
const (
	HECoinPairs = 21
	MaxHETerms  = 1 << 20
)

// statistical security and the failures of decryption, as exponents of two.
const (
	heHiding  = 40
	heFailure = 40
)

// heModel is log2 of the coefficients over which decryption may fail with probability 2^-heFailure: more than the 2^24 of an
// inference of any network here, by room for 2^16 inferences.
const heModel = 40

// HEParams are the parameters of one kind of product: plaintexts modulo 2^Ring under a ciphertext modulus Q of Limbs primes
// just below 2^LimbBits, replies under the product Q' of the first ReplyLimbs of them.
type HEParams struct {
	Ring       int // l; of slots (SlotParams) the bits of the prime below 2^Ring that plaintexts are modulo of
	Deploy     Deployment
	Limbs      int
	LimbBits   int
	ReplyLimbs int
	WeightBits int // |w| <= 2^WeightBits, w read as signed
}

// heParams by deployment and ring. The client-server products have fixed-point weights, which a layer's fraction bits keep
// far below the bound; the outsourced ones have shares, uniform over the ring.
var heParams = map[Deployment]map[int]HEParams{
	ClientServer: {
		32: {Ring: 32, Deploy: ClientServer, Limbs: 3, LimbBits: 50, ReplyLimbs: 1, WeightBits: 24},
		64: {Ring: 64, Deploy: ClientServer, Limbs: 4, LimbBits: 49, ReplyLimbs: 2, WeightBits: 40},
	},
	Outsourced: {
		32: {Ring: 32, Deploy: Outsourced, Limbs: 3, LimbBits: 50, ReplyLimbs: 1, WeightBits: 31},
		64: {Ring: 64, Deploy: Outsourced, Limbs: 5, LimbBits: 43, ReplyLimbs: 2, WeightBits: 63},
	},
}

// HEParamsFor gives the parameters for a ring of 32 or 64 bits.
func HEParamsFor(ring int, d Deployment) (HEParams, error) {
	p, ok := heParams[d][ring]
	if !ok {
		return p, fmt.Errorf("homomorphic products: deployment %q with a ring of %d bits: accepted are %s and %s with 32 and 64",
			d, ring, ClientServer, Outsourced)
	}
	return p, p.Check()
}

// Check refuses parameters that are not secure or do not decrypt.
func (p HEParams) Check() error {
	if err := p.checkModulus(); err != nil {
		return err
	}
	if p.ReturnedLog2(MaxHETerms) < minReturned {
		return fmt.Errorf("homomorphic products: flooding hides %.1f bits of coefficients, accepted are %d or more", p.ReturnedLog2(MaxHETerms), minReturned)
	}
	return nil
}

// checkModulus is Check, but for what the flooding hides.
func (p HEParams) checkModulus() error {
	switch {
	case p.Limbs*p.LimbBits > MaxHEModulus: // no prime is 2^LimbBits or more
		return fmt.Errorf("homomorphic products: a modulus of %d bits: accepted are %d at degree %d", p.Limbs*p.LimbBits, MaxHEModulus, HEDegree)
	case p.ReplyLimbs >= p.Limbs || p.C1Drop() < 0:
		return fmt.Errorf("homomorphic products: replies of %d limbs of %d bits have no room for %d bits and their noise", p.ReplyLimbs, p.LimbBits, p.Ring)
	}
	return nil
}

// minReturned is log2 of the coefficients that every set of parameters returns under one version of the weights, in the worst
// layer: a hundred inferences of a network of 2^24.
const minReturned = 31

// limbSlack bounds what a limb lacks to its bits: the primes lie above 2^LimbBits * (1 - 2^-12), which NewEncryptor checks.
const limbSlack = 1.0 / 4096

// LogQ is a lower bound of log2 Q.
func (p HEParams) LogQ() float64 { return p.limbs(p.Limbs) }

func (p HEParams) limbs(n int) float64 {
	return float64(n) * (float64(p.LimbBits) + math.Log2(1-limbSlack))
}

// halfGap is log2 of the error that decryption corrects, in units of the reply: Q' / 2^(l+1).
func (p HEParams) halfGap() float64 { return p.limbs(p.ReplyLimbs) - float64(p.Ring) - 1 }

// FloodBits is j: the last digit of the flooding is uniform in [-2^(j-1), 2^(j-1)) in units of the reply, half of the gap. All
// of it is uniform over Q/Q' * 2^j values.
func (p HEParams) FloodBits() int { return int(p.halfGap()) }

// FloodLog2 is log2 of the number of values that the flooding takes.
func (p HEParams) FloodLog2() float64 { return p.limbs(p.Limbs-p.ReplyLimbs) + float64(p.FloodBits()) }

// C0Drop and C1Drop are the low bits of a reply's two components that do not travel. What c0 drops is an error of at most
// 2^(C0Drop-1), an eighth of the gap; what c1 drops is multiplied by the secret, so that it drops fewer.
func (p HEParams) C0Drop() int { return p.FloodBits() - 1 }

// C1Drop is the most for which the failures stay within bounds; negative is none.
func (p HEParams) C1Drop() int {
	// failureLog2, solved for the width of a rounding error.
	width := p.left() * math.Sqrt(6*math.Log2E/(HEDegree*(heModel+1+heFailure)))
	return int(math.Floor(math.Log2(max(width-1, 0.5))))
}

// C0Bits and C1Bits are the bits a coefficient of a reply travels with.
func (p HEParams) C0Bits() int { return p.ReplyLimbs*p.LimbBits - p.C0Drop() }

// C1Bits is as C0Bits.
func (p HEParams) C1Bits() int { return p.ReplyLimbs*p.LimbBits - p.C1Drop() }

// FailureLog2 is log2 of a bound for the probability that one of 2^40 coefficients decrypts wrongly. What is left of the gap is for the
// sum of N rounding errors of c1 with the ternary secret: each is uniform in a stretch of 2^C1Drop (plus one, for the limbs), so
// subgaussian of its own variance, and a subgaussian sum of variance v exceeds t with probability at most 2 exp(-t^2 / 2v).
func (p HEParams) FailureLog2() float64 {
	width := math.Exp2(float64(p.C1Drop())) + 1
	v := HEDegree * width * width / 12
	return heModel + 1 - p.left()*p.left()/(2*v)*math.Log2E
}

// left is what of the gap, in units of the reply, is left for the error of c1: the flooding is at most 2^(j-1), what c0 drops
// 2^(C0Drop-1), each always; decoding adds fractions of 128 bits, each wrong by a residue times 2^-128; limb roundings and the noise, far
// below Q/Q', are a few units.
func (p HEParams) left() float64 {
	decoding := float64(p.ReplyLimbs) * math.Exp2(float64(p.LimbBits)+p.limbs(p.ReplyLimbs)-128)
	return max(0, math.Exp2(p.halfGap())-math.Exp2(float64(p.FloodBits()-1))-math.Exp2(float64(p.C0Drop()-1))-decoding-heUnits)
}

// heUnits is the whole units of a reply that limb roundings and the noise can add up to.
const heUnits = 4

// NoiseSigma is the deviation of what the encryptor would see of the product beside the flooding: the noise of the upload times
// the weights, terms of them, and that of the encryption of zero, e_pk*u + e1*s, u and s ternary. An upload's noise has the variance
// eta/2 and that of rounding to an integer, 1/12. Shares as weights are uniform, with a third of the square of their bound.
func (p HEParams) NoiseSigma(terms int) float64 {
	const fresh, ternary = HECoinPairs / 2., 2. / 3
	weight := math.Exp2(2 * float64(p.WeightBits))
	if p.Deploy == Outsourced {
		weight /= 3
	}
	return math.Sqrt(float64(terms)*weight*(fresh+1./12) + 2*HEDegree*fresh*ternary)
}

// HidingLog2 is log2 of the statistical distance that one coefficient adds to what the encryptor could have computed itself: a
// uniform variable over F values moves by x, at a distance of |x|/F, and E|x| <= sigma.
func (p HEParams) HidingLog2(terms int) float64 {
	return math.Log2(p.NoiseSigma(terms)) - p.FloodLog2()
}

// ReturnedLog2 is log2 of the coefficients that may be returned under one version of the weights, with so many terms each, before the
// distances add up to 2^-40.
func (p HEParams) ReturnedLog2(terms int) float64 { return -heHiding - p.HidingLog2(terms) }

// PolyBytes is the size of a polynomial modulo Q.
func (p HEParams) PolyBytes() int64 { return int64(p.Limbs) * BitBytes(HEDegree, p.LimbBits) }

// KeyBytes is the size of a public key: a seed and one polynomial.
func (p HEParams) KeyBytes() int64 { return HESeedBytes + p.PolyBytes() }
