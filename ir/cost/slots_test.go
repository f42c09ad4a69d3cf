package cost

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestSlotParametersHold states what SECURITY.md says of elementwise products in slots.
func TestSlotParametersHold(t *testing.T) {
	for _, ring := range []int{32, 64} {
		p, err := SlotParamsFor(ring)
		if err != nil {
			t.Fatal(err)
		}
		c := p.Cipher
		t.Logf("l=%d: log2 Q %.1f, log2 t %.1f, failure 2^%.0f, products 2^%.1f (masks 2^%.1f), flooding 2^%.1f, c0 %d, c1 %d bits, %.1f bytes a product", ring, c.LogQ(),
			p.modulusLog2(p.Primes), c.FailureLog2(), p.ReturnedLog2(), -heHiding-p.MaskHidingLog2(), c.FloodLog2(), c.C0Bits(), c.C1Bits(), float64(p.UploadBytes()+p.ReplyBytes())/HEDegree)
		if c.LogQ() > MaxHEModulus || c.FailureLog2() > -40 || p.modulusLog2(p.Primes) < float64(2*ring+41) {
			t.Errorf("l=%d: log2 Q %.1f, failure 2^%.0f, log2 t %.1f", ring, c.LogQ(), c.FailureLog2(), p.modulusLog2(p.Primes))
		}
	}
	if _, err := SlotParamsFor(16); err == nil {
		t.Error("a ring of 16 bits was accepted")
	}
}

func TestSlotParametersAreRefused(t *testing.T) {
	for want, change := range map[string]func(p *SlotParams){
		"a modulus of":        func(p *SlotParams) { p.Cipher.Limbs = 5 },
		"5 primes, accepted":  func(p *SlotParams) { p.Primes = 5 },
		"3 primes of 50 bits": func(p *SlotParams) { p.Primes = 3 },
		"have no room for 50": func(p *SlotParams) { p.Cipher.ReplyLimbs = 1 },
		"masks and flooding":  func(p *SlotParams) { p.Cipher.LimbBits = 44 },
	} {
		p := slotParams[64]
		change(&p)
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}

// TestSlotBlocksOfItemsSum: what is counted item by item is what is counted at once.
func TestSlotBlocksOfItemsSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var first, sum int64
		for _, n := range rapid.SliceOf(rapid.Int64Range(1, 30_000)).Draw(t, "items") {
			sum += SlotBlocks(first, n)
			first += n
		}
		if sum != SlotBlocks(0, first) || sum != (first+HEDegree-1)/HEDegree {
			t.Fatalf("%d blocks item by item, %d at once", sum, SlotBlocks(0, first))
		}
	})
}
