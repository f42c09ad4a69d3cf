package bench

import (
	"sotto/runtime/he/ntt"
	"sotto/runtime/prg"
)

// transform repeats the transform of homomorphic products on one vector, which stays what it takes: residues.
func transform(_ *Session, n int64) (func() error, error) {
	const degree = 8192
	q, err := ntt.Primes(ntt.MaxBits, 1, degree)
	if err != nil {
		return nil, err
	}
	m, err := ntt.NewModulus(q[0], degree)
	if err != nil {
		return nil, err
	}
	x := make([]uint64, degree)
	prg.Words(prg.NewStream(prg.NewSeed()), x)
	ntt.Residues(m, x, x)
	return func() error {
		for range n {
			m.Forward(x)
		}
		return nil
	}, nil
}
