package cost

import "fmt"

// OTPolicy decides which OT extension a program uses, given what its functions cost with each.
type OTPolicy func(with func(OT) []*Ledger) OT

// AlwaysOT is the policy that has decided.
func AlwaysOT(o OT) OTPolicy { return func(func(OT) []*Ledger) OT { return o } }

// OTAuto is the name of the policy that goes by price.
const OTAuto = "auto"

// ParseOTPolicy accepts auto, which takes the extension that is faster at the target's prices, and the names of extensions.
func ParseOTPolicy(s string, t Target) (OTPolicy, error) {
	if s == OTAuto {
		return t.FasterOT, nil
	}
	o, err := ParseOT(s)
	if err != nil {
		return nil, fmt.Errorf("%w, or %s", err, OTAuto)
	}
	return AlwaysOT(o), nil
}

// FasterOT takes the extension with which both phases take less time. Ferret sends a fortieth of SoftSpoken's bytes and works several
// times as long on an OT, and its base must be made first: it pays on a slow link and for networks of more than some ten thousand OTs. IKNP is not considered: its 16 bytes an OT cost
// more to move, even between two processes of one machine, than they save.
func (t Target) FasterOT(with func(OT) []*Ledger) OT {
	ms := func(o OT) (sum float64) {
		for _, l := range with(o) {
			e := Estimate(l, t)
			sum += e.Offline.MS + e.Online.MS
		}
		return sum
	}
	if ms(Ferret) < ms(SoftSpoken) {
		return Ferret
	}
	return SoftSpoken
}
