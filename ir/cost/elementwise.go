package cost

import (
	"fmt"
	"strings"
)

// Elementwise is how two parties make elementwise products without a dealer. Both must know it: the manifest says it.
type Elementwise uint8

const (
	// ByGilboa takes an OT for each bit of one factor: gilboa.go.
	ByGilboa Elementwise = iota
	// BySIMD encrypts one factor in slots: slots.go.
	BySIMD
)

// elementwiseNames by value.
var elementwiseNames = []string{ByGilboa: "gilboa", BySIMD: "simd"}

func (e Elementwise) String() string {
	if int(e) >= len(elementwiseNames) {
		return fmt.Sprintf("elementwise(%d)", uint8(e))
	}
	return elementwiseNames[e]
}

// Check refuses what is no way of making them.
func (e Elementwise) Check() error {
	if int(e) >= len(elementwiseNames) {
		return fmt.Errorf("elementwise products by %v: accepted are %s", e, strings.Join(elementwiseNames, ", "))
	}
	return nil
}

// ParseElementwise reads a name.
func ParseElementwise(s string) (Elementwise, error) {
	for e, name := range elementwiseNames {
		if s == name {
			return Elementwise(e), nil
		}
	}
	return 0, fmt.Errorf("no way to make elementwise products is called %q: accepted are %s", s, strings.Join(elementwiseNames, ", "))
}

// ElementwisePolicy decides how a program's elementwise products are made, given what its functions cost with each way where the
// parties make their material alone.
type ElementwisePolicy func(with func(Elementwise) []*Ledger) Elementwise

// AlwaysElementwise is the policy that has decided.
func AlwaysElementwise(e Elementwise) ElementwisePolicy {
	return func(func(Elementwise) []*Ledger) Elementwise { return e }
}

// ElementwiseAuto is the name of the policy that goes by price.
const ElementwiseAuto = "auto"

// ParseElementwisePolicy accepts auto, which takes the way that is faster at the target's prices, and the names of ways.
func ParseElementwisePolicy(s string, t Target) (ElementwisePolicy, error) {
	if s == ElementwiseAuto {
		return t.FasterElementwise, nil
	}
	e, err := ParseElementwise(s)
	if err != nil {
		return nil, fmt.Errorf("%w, or %s", err, ElementwiseAuto)
	}
	return AlwaysElementwise(e), nil
}

// FasterElementwise compares the time of what they send and compute offline. Encryption works less, moves fewer bytes in a wide ring and a few more in a narrow one, and takes whole blocks of 8192
// products.
func (t Target) FasterElementwise(with func(Elementwise) []*Ledger) Elementwise {
	ms := func(e Elementwise) (sum float64) {
		for _, l := range with(e) {
			sum += Estimate(l, t).Offline.MS
		}
		return sum
	}
	if ms(BySIMD) < ms(ByGilboa) {
		return BySIMD
	}
	return ByGilboa
}
