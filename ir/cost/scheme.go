package cost

// SchemeAuto is the name of the choice of a garbling scheme by price.
const SchemeAuto = "auto"

// ParseSchemePolicy accepts auto, which takes the scheme that is faster at the target's prices, and the names of schemes.
func ParseSchemePolicy(s string, t Target) (Scheme, error) {
	if s == SchemeAuto {
		return t.FasterScheme(), nil
	}
	return ParseScheme(s)
}

// FasterScheme compares the time of a large layer of signs at 32 bits: the bytes of its tables, and the work of the busier party.
// Slicing three-halves has no price of its own: woven into the rounds of AES it takes no longer a block than what half-gates have
// besides AES (runtime/garble BenchmarkGarble, BenchmarkEvaluate).
func (t Target) FasterScheme() Scheme {
	const ands, instances = 31, 1 << 20
	ms := func(s Scheme) float64 {
		work := func(aes int64) Work { return Work{AES: aes * ands * instances} }
		traffic := Traffic{ServerSent: s.TableBytes(ands, instances)}
		return t.MS(traffic, [2]Work{Client: work(s.EvaluateAES()), Server: work(s.GarbleAES())}, 32)
	}
	if ms(ThreeHalves) < ms(HalfGates) {
		return ThreeHalves
	}
	return HalfGates
}
