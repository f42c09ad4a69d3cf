package bench

import (
	"sotto/ir/cost"
	"sotto/runtime/he/ntt"
	"sotto/runtime/prg"
)

// transformDegree is that of the ring of homomorphic products.
const transformDegree = cost.HEDegree

// transform repeats the transform of homomorphic products on one vector, which stays what it takes: residues.
func transform(_ *Session, n int64) (func() error, error) {
	q, err := ntt.Primes(ntt.MaxBits, 1, transformDegree)
	if err != nil {
		return nil, err
	}
	m, err := ntt.NewModulus(q[0], transformDegree)
	if err != nil {
		return nil, err
	}
	x := make([]uint64, transformDegree)
	prg.Words(prg.NewStream(prg.NewSeed()), x)
	ntt.Residues(m, x, x)
	return func() error {
		for range n {
			m.Forward(x)
		}
		return nil
	}, nil
}
