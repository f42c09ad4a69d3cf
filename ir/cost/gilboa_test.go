package cost

import "testing"

func TestGilboaBytesAreTheTriangle(t *testing.T) {
	for _, l := range []int{32, 64} {
		if got, want := GilboaBytes(64, l), int64(8*l*(l+1)/2); got != want {
			t.Errorf("l=%d: 64 products take %d bytes, want %d", l, got, want)
		}
	}
	if GilboaBytes(8, 32) != 8*66 {
		t.Errorf("8 products take %d bytes, want 66 each", GilboaBytes(8, 32))
	}
}

// TestGilboaTakesFerretForMany: SoftSpoken for a few thousand products, Ferret from there on; no other way is smaller.
func TestGilboaTakesFerretForMany(t *testing.T) {
	for _, chosen := range []bool{false, true} {
		if o := NewGilboaOT(GilboaOTs(1000, 32), chosen); o.Ferret != nil {
			t.Errorf("1000 products by Ferret %v", *o.Ferret)
		}
		for n := int64(1); n < 1<<24; n *= 3 {
			ots := GilboaOTs(n, 32)
			best := NewGilboaOT(ots, chosen)
			if n > 10000 && best.Ferret == nil {
				t.Errorf("%d products by SoftSpoken", n)
			}
			for o := range gilboaOTs(chosen) {
				if o.total(ots) < best.total(ots) {
					t.Errorf("%d products: %v moves %d bytes, the best %d", n, o, o.total(ots), best.total(ots))
				}
			}
		}
	}
}

// TestGilboaOTsOfItemsSum: what is counted item by item is what is counted at once.
func TestGilboaOTsOfItemsSum(t *testing.T) {
	for o := range gilboaOTs(true) {
		var first, choice, trees int64
		for _, n := range []int64{1, 63, 64, 5000, 40000, 100} {
			ots := GilboaOTs(n, 32)
			choice += o.ChoiceBytes(ots)
			trees += o.TreeBytes(first, ots)
			first += ots
		}
		if choice != o.ChoiceBytes(first) || trees != o.TreeBytes(0, first) {
			t.Errorf("%v: %d and %d bytes item by item, %d and %d at once", o, choice, trees, o.ChoiceBytes(first), o.TreeBytes(0, first))
		}
	}
}
