package material_test

import (
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/material/materialtest"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

func makeHE[W ring.Word](t *testing.T, m *program.Manifest, w materialtest.Weights[W]) materialtest.Sources[W] {
	t.Helper()
	var s materialtest.Sources[W]
	for p, he := range newHE(t, m, w, 1) {
		s[p] = he.Inference(0)
	}
	return s
}

func newHE[W ring.Word](t *testing.T, m *program.Manifest, w materialtest.Weights[W], inferences int) (both [2]*material.HE[W]) {
	t.Helper()
	for p := range both {
		var err error
		if both[p], err = material.NewHE(cost.Party(p), m, material.Session{1, 2, 3}, inferences, w.Of(cost.Party(p)), nil); err != nil {
			t.Fatal(err)
		}
	}
	return both
}

func TestHEConforms(t *testing.T) { materialtest.Conformance(t, makeHE[uint32], makeHE[uint64]) }

// TestSlottedConforms: elementwise products under encryption.
func TestSlottedConforms(t *testing.T) {
	materialtest.Conformance(t, makeSlotted[uint32], makeSlotted[uint64])
}

func makeSlotted[W ring.Word](t *testing.T, m *program.Manifest, w materialtest.Weights[W]) materialtest.Sources[W] {
	t.Helper()
	return makeHE(t, bySIMD(m), w)
}

// TestHEMakesProductsOfMasks: bilinear maps of two masks, those of elements in either way.
func TestHEMakesProductsOfMasks(t *testing.T) {
	t.Run("gilboa", func(t *testing.T) { materialtest.BilinearConformance(t, makeHE[uint32], makeHE[uint64]) })
	t.Run("simd", func(t *testing.T) { materialtest.BilinearConformance(t, makeSlotted[uint32], makeSlotted[uint64]) })
}

func bySIMD(m *program.Manifest) *program.Manifest {
	simd := *m
	simd.Elementwise = cost.BySIMD
	return &simd
}

// TestHEBatches: every inference of a batch has material of its own, and the relations hold in each.
func TestHEBatches(t *testing.T) {
	t.Run("gilboa", func(t *testing.T) { testBatches(t, func(m *program.Manifest) *program.Manifest { return m }) })
	t.Run("simd", func(t *testing.T) { testBatches(t, bySIMD) })
}

func testBatches(t *testing.T, manifest func(*program.Manifest) *program.Manifest) {
	const inferences = 3
	for _, deploy := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		for _, c := range materialtest.Cases(deploy, 32) {
			t.Run(string(deploy)+"/"+c.Name, func(t *testing.T) {
				m := manifest(c.Manifest)
				w := materialtest.RandomWeights[uint32](m)
				both := newHE(t, m, w, inferences)
				client, server := wiretest.Pair(t, wire.Options{})
				if err := materialtest.Exchange(materialtest.Sources[uint32]{both[0].Inference(0), both[1].Inference(0)}, client, server); err != nil {
					t.Fatal(err)
				}
				for i := range inferences {
					s := materialtest.Sources[uint32]{both[0].Inference(i), both[1].Inference(i)}
					if err := materialtest.Related(m, w, s); err != nil {
						t.Errorf("inference %d: %v", i, err)
					}
				}
				for _, he := range both {
					if err := he.Close(); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
}

// TestBatchesFitMemory: small networks are prepared eight at a time, large ones as many as fit, and at least one.
func TestBatchesFitMemory(t *testing.T) {
	for n, want := range map[int]int{1000: 8, 1 << 23: 8, 1 << 24: 4, 3 << 24: 1, 1 << 29: 1} {
		m := materialtest.Manifest(cost.ClientServer, 32, materialtest.Mask(1), materialtest.Linear(0, n, 1))
		if got := material.Batch(m); got != want {
			t.Errorf("a product of %d elements: batches of %d, want %d", n, got, want)
		}
	}
}
