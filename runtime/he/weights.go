package he

import (
	"sotto/ir/cost"
	"sotto/runtime/he/ntt"
	"sotto/runtime/ring"
)

// Polynomials of weights, as values. Where every channel has one weight an output, they are polynomials in X^Pitch, with N/Pitch
// different values: see ntt.Modulus.ForwardPowers.

// blockWeights is what a block of outputs reads: the blocks of channels from lo on, below hi. rows is by limb and block of channels:
// N values, or the N/Pitch of a short polynomial.
type blockWeights struct {
	lo, hi int
	rows   [][][]uint64
}

// place makes rows of polynomials by block of channels.
func (b *blockWeights) place(values []poly, limbs int) {
	b.rows = make([][][]uint64, limbs)
	for i := range limbs {
		for _, p := range values[:b.hi-b.lo] {
			b.rows[i] = append(b.rows[i], p[i])
		}
	}
}

// short says that weights are polynomials in a power of X large enough for the kernels.
func short(plan cost.HEPlan, m *ntt.Modulus) bool {
	return plan.SingleTap() && plan.Pitch >= degree/m.MaxBlocks() && plan.Pitch&(plan.Pitch-1) == 0
}

// addTerms adds the terms of a polynomial of weights to p, residues modulo limb i, the exponents divided by step.
func addTerms[W ring.Word](b *basis, i int, p []uint64, all []term, weights []W, step int) {
	m := b.q[i]
	q, small := m.Q(), b.params.WeightBits < b.params.LimbBits-1
	for _, t := range all {
		x, at := ring.Signed(weights[t.weight]), t.exponent
		var r uint64
		if small {
			r = uint64(x + int64(q)&(x>>63)) // |x| < q
		} else {
			r = m.Residue(x)
		}
		if at < 0 {
			at, r = at+degree, below(q, q-r)
		}
		p[at/step] = below(q, p[at/step]+r)
	}
}

// support is where polynomials of weights that are not short may have terms.
func support(plan cost.HEPlan, byPhase [][]tap, m *ntt.Modulus) *ntt.Support {
	var used []int
	for block := 1; block <= plan.Cw*plan.Mw; block++ {
		for _, phase := range byPhase {
			for _, t := range phase {
				used = append(used, (degree+(block-1)*plan.Pitch-t.offset)%degree)
			}
		}
	}
	return m.Support(used)
}
