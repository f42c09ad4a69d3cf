package cost

import (
	"strings"
	"testing"
)

// elementwiseBytes is what n products of l-bit numbers move in both directions, with everything that belongs to them alone.
func elementwiseBytes(t *testing.T, d Deployment, e Elementwise, n int64, l int) int64 {
	t.Helper()
	ledger := NewLedger(d, FromHE)
	if err := ledger.Make(Extensions{}, Made{Ring: l, Elementwise: e, Elements: n, OTs: GilboaOTs(n, l)}); err != nil {
		t.Fatal(err)
	}
	ledger.For(0)
	ledger.Elementwise(n, l)
	sum := ledger.Total(Offline)
	return sum.ClientSent + sum.ServerSent
}

// TestElementwiseBytes holds what RATIONALE.md of runtime says of the two ways, for a million products.
func TestElementwiseBytes(t *testing.T) {
	const n = 1_000_000
	for _, c := range []struct {
		d    Deployment
		e    Elementwise
		l    int
		want float64
	}{
		{ClientServer, ByGilboa, 32, 69.5}, {Outsourced, ByGilboa, 32, 73.5}, {ClientServer, BySIMD, 32, 104.1},
		{ClientServer, ByGilboa, 64, 266.5}, {Outsourced, ByGilboa, 64, 274.5}, {ClientServer, BySIMD, 64, 149.8},
	} {
		if got := float64(elementwiseBytes(t, c.d, c.e, n, c.l)) / n; got < c.want-0.1 || got > c.want+0.1 {
			t.Errorf("%s, %v, %d bits: %.2f bytes a product, want %.1f", c.d, c.e, c.l, got, c.want)
		}
	}
}

// TestFasterElementwise: few products by OTs, many under encryption, at every shipped target.
func TestFasterElementwise(t *testing.T) {
	for _, name := range TargetNames() {
		target, err := ShippedTarget(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range []int{32, 64} {
			few := BySIMD // the base OTs take longer than a key and a block
			if name == "wan" {
				few = ByGilboa // but their bytes do not
			}
			for n, want := range map[int64]Elementwise{10: few, 500: few, 100_000: BySIMD, 10_000_000: BySIMD} {
				got := target.FasterElementwise(func(e Elementwise) []*Ledger {
					ledger := NewLedger(ClientServer, FromHE)
					if err := ledger.Make(Extensions{}, Made{Ring: l, Elementwise: e, Elements: n, OTs: GilboaOTs(n, l)}); err != nil {
						t.Fatal(err)
					}
					ledger.For(0)
					ledger.Elementwise(n, l)
					return []*Ledger{ledger}
				})
				if got != want {
					t.Errorf("%s, %d products of %d bits: %v, want %v", name, n, l, got, want)
				}
			}
		}
	}
}

func TestElementwiseNames(t *testing.T) {
	for _, e := range []Elementwise{ByGilboa, BySIMD} {
		if got, err := ParseElementwise(e.String()); err != nil || got != e || e.Check() != nil {
			t.Errorf("%v reads as %v: %v", e, got, err)
		}
	}
	if err := Elementwise(7).Check(); err == nil || !strings.Contains(err.Error(), "gilboa, simd") {
		t.Errorf("way 7: %v", err)
	}
	if _, err := ParseElementwisePolicy("slots", Target{}); err == nil || !strings.Contains(err.Error(), ElementwiseAuto) {
		t.Errorf("slots: %v", err)
	}
}
