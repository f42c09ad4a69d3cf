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

// FasterScheme compares the time of a large layer of signs at 32 bits, both phases.
func (t Target) FasterScheme() Scheme {
	const ands, instances = 31, 1 << 16
	ms := func(s Scheme) float64 {
		l := NewLedger(ClientServer, FromDealer)
		tables := l.Send(Server, s.TableBytes(ands, instances), Start)
		l.Stream(Server, Server, tables, Garble, s.GarbleAES()*ands*instances)
		labels := l.Send(Server, LabelBytes(ands, instances), OnlineStart)
		l.Stream(Server, Client, labels, Evaluate, s.EvaluateAES()*ands*instances)
		e := Estimate(l, t)
		return e.Offline.MS + e.Online.MS
	}
	if ms(ThreeHalves) < ms(HalfGates) {
		return ThreeHalves
	}
	return HalfGates
}
