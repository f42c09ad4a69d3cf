package he

import (
	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// Polynomials of weights, as values. A transform works level by level from the greatest strides down, so that one of a
// polynomial in X^S, S a power of two, is one of N/S coefficients with each value S times: see short.

// blockWeights is the polynomials of one block of outputs: [block of channels][limb].
type blockWeights struct {
	first int // block of channels
	rows  []poly
}

// transform gives the weights of a block of outputs from the channels that it reads.
func transform[W ring.Word](b *basis, plan cost.HEPlan, byPhase [][]tap, weights []W, outBlock, inBlock int, p poly) {
	all := terms(plan, byPhase, inBlock, outBlock)
	for i, m := range b.q {
		q := m.Q()
		clear(p[i])
		for _, t := range all {
			x := m.Residue(ring.Signed(weights[t.weight]))
			at := t.exponent
			if at < 0 {
				at, x = at+degree, below(q, q-x)
			}
			p[i][at] = below(q, p[i][at]+x)
		}
		m.Forward(p[i])
	}
}
