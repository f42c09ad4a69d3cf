package material_test

import (
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/material/materialtest"
)

// BenchmarkDealtKeys deals keys of a layer of half a million rectifications of 20 bits to both parties, over TLS on loopback.
func BenchmarkDealtKeys(b *testing.B) {
	const n = 1 << 19
	m := materialtest.Manifest(cost.ClientServer, 32, materialtest.Rectify(n, 30, 11))
	h, err := openHouse(m, material.Tuning{})
	if err != nil {
		b.Fatal(err)
	}
	defer h.close()
	for b.Loop() {
		s, err := sit(h, m, materialtest.RandomWeights[uint32](m))
		if err != nil {
			b.Fatal(err)
		}
		for p := range s {
			if _, err := s[p].(material.KeySource).Keys(); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "keys/s")
}
