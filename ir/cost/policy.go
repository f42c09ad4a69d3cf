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

// FasterOT takes the extension with which the messages of both phases and the work of the OTs take less time. Ferret sends a
// fortieth of SoftSpoken's bytes and works half as long again on an OT, and its base must be made first: it pays on a link,
// and for networks of more than some ten thousand OTs. IKNP is not considered: its 16 bytes an OT cost
// more to move, even between two processes of one machine, than they save.
func (t Target) FasterOT(with func(OT) []*Ledger) OT {
	ms := func(o OT) (sum float64) {
		for _, l := range with(o) {
			sum += t.MS(l.Total(Offline), [2]Work{}, 0) + t.MS(l.Total(Online), [2]Work{}, 0) + t.SilentMS(l)
		}
		return sum
	}
	if ms(Ferret) < ms(SoftSpoken) {
		return Ferret
	}
	return SoftSpoken
}

// silentWork is how long an end works on an OT of Ferret, in bytes processed: the price of a byte is that of SoftSpoken, whose
// receiver makes 82 million OTs of 4 bytes a second on a core; both ends of Ferret together make 57 million on two cores,
// which is the time that the receiver takes to process 6 bytes (runtime/ot BenchmarkReceiverExtend, BenchmarkFerret).
const silentWork = 6

// SilentMS estimates the milliseconds of work on the OTs that Ferret makes, of which the bytes show nothing.
func (t Target) SilentMS(l *Ledger) float64 {
	return float64(l.silent) * silentWork * max(t.Client.Byte.NS, t.Server.Byte.NS) / 1e6
}
