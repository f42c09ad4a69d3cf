package cost

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// OT is the extension that the correlated OTs of a program come from.
type OT uint8

const (
	SoftSpoken OT = iota // 4 bytes an OT, nothing to set up but base OTs
	Ferret               // silent: about a tenth of a byte an OT, after a base of some ten thousand OTs of SoftSpoken
	IKNP                 // 16 bytes an OT, and the least work
)

// OTNames are the names of the extensions, by number.
var OTNames = []string{SoftSpoken: "softspoken", Ferret: "ferret", IKNP: "iknp"}

func (o OT) String() string { return OTNames[o] }

// ParseOT accepts the names of the extensions.
func ParseOT(s string) (OT, error) {
	if i := slices.Index(OTNames, s); i >= 0 {
		return OT(i), nil
	}
	return 0, fmt.Errorf("unknown OT extension %q: accepted are %s", s, strings.Join(OTNames, ", "))
}

// Extensions are the OT extensions that a session sets up and how many OTs each gives: every one that is not empty is an
// instance with a Delta and a hash key of its own.
type Extensions struct {
	OT      OT
	Pads    [2]int64 // by sender: OTs of random choice, for pads
	Garbled []Labels // one a garbled batch: its Delta is the garbling's
}

// Labels are the label OTs of one garbled batch: the garbler sends, the evaluator chooses.
type Labels struct {
	_       struct{} `cbor:",toarray"`
	Garbler Party
	OTs     int64
}

// Instance is one OT extension of a session.
type Instance struct {
	OT  OT
	Set FerretSet // of Ferret
}

// Silent reports whether the instance is one of Ferret, whose base SoftSpoken makes.
func (i Instance) Silent() bool { return i.OT == Ferret }

// Bytes is what the receiver of an instance that is not silent sends for n OTs.
func (i Instance) Bytes(n int64) int64 {
	if i.OT == IKNP {
		return IKNPBytes(n)
	}
	return SoftSpokenBytes(n)
}

// Base is the OTs that set-up makes for the instance.
func (i Instance) Base() int64 {
	if !i.Silent() {
		return 0
	}
	return i.Set.Base()
}

// SetupBytes is what the set-up of the instance moves: the sender's base-OT points and a fresh hash key, of Ferret the
// public seed too; back come the receiver's point and tree corrections, and of Ferret the message of its base.
func (i Instance) SetupBytes() (toReceiver, toSender int64) {
	toReceiver, toSender = SoftSpokenSetupBytes()
	if i.OT == IKNP {
		toReceiver, toSender = IKNPSetupBytes()
	}
	toReceiver += HashKeyBytes
	if i.Silent() {
		toReceiver, toSender = toReceiver+FerretSeedBytes, toSender+SoftSpokenBytes(i.Base())
	}
	return toReceiver, toSender
}

// Sent lists the instances that a party is the sender of: the pads' first, then those of the batches it garbles in order.
func (x Extensions) Sent(p Party) []Instance { return slices.Collect(x.sent(p)) }

func (x Extensions) sent(p Party) iter.Seq[Instance] {
	return func(yield func(Instance) bool) {
		if x.Pads[p] > 0 && !yield(x.Pad(p)) {
			return
		}
		for batch, g := range x.Garbled {
			if g.Garbler == p && !yield(x.Label(batch)) {
				return
			}
		}
	}
}

// Any reports whether there is an extension to set up.
func (x Extensions) Any() bool { return x.Pads != [2]int64{} || len(x.Garbled) > 0 }

// Pad is the extension of the pads whose sender is p.
func (x Extensions) Pad(p Party) Instance {
	if x.OT != Ferret {
		return Instance{OT: x.OT}
	}
	set, _ := smallestFerret(x.Pads[p])
	return Instance{Ferret, set}
}

// Label is the extension of a garbled batch's label OTs. In a program of Ferret it is one of Ferret where that has fewer
// bytes, its base and the bit an OT that chooses included: not so below some ten thousand OTs.
func (x Extensions) Label(batch int) Instance {
	if x.OT != Ferret {
		return Instance{OT: x.OT}
	}
	n := x.Garbled[batch].OTs
	if set, bytes := smallestFerret(n); bytes+BitBytes(n, 1) < SoftSpokenBytes(n) {
		return Instance{Ferret, set}
	}
	return Instance{OT: SoftSpoken}
}

// cachedSecretBits bounds the LPN secret of the sets that programs use: 2^17 blocks are 2 MiB, about a core's second-level cache.
// The greater sets save at most 0.07 bytes an OT and have their random accesses outside it: a core makes a quarter fewer OTs
// with (1900, 19, 13) than with (1170, 17, 11) (runtime/ot BenchmarkFerretEnds), which no link gives back that is worth having.
const cachedSecretBits = 17

// smallestFerret gives the set that makes n OTs of random choice with the fewest bytes, those of its base included, and
// these bytes. A greater set has fewer bytes an OT and a greater base.
func smallestFerret(n int64) (best FerretSet, bytes int64) {
	for _, set := range ferretSets {
		if set.SecretBits > cachedSecretBits {
			continue
		}
		trees, _ := FerretBytes(set, 0, n)
		if sum := SoftSpokenBytes(set.Base()) + trees; bytes == 0 || sum < bytes {
			best, bytes = set, sum
		}
	}
	return best, bytes
}

// RandomOT records n OTs of random choice from the extension of the pads whose receiver is given, and gives the moment from
// which both ends have their pads. The receiver has its choices from Start on: they need no message.
func (l *Ledger) RandomOT(receiver Party, n int64) Time {
	if l.open != nil {
		l.open.asks = append(l.open.asks, ask{kind: askPads, party: receiver, n: n})
		return Start + 1
	}
	sender := receiver.Other()
	first := l.asked.Pads[sender]
	l.asked.Pads[sender] += n
	i := l.extensions.Pad(sender)
	l.pads(l.extend(i, sender, n, Start+1), sender, n, Start+1)
	if i.Silent() {
		trees, _ := FerretBytes(i.Set, first, n)
		return l.Send(sender, trees+l.renewal(i, first, l.extensions.Pads[sender]), Start)
	}
	return l.Send(receiver, i.Bytes(n), Start)
}

// OT16 records n random 1-of-16 OTs, four OTs of random choice each, and gives the moment from which both ends have the masks.
func (l *Ledger) OT16(receiver Party, n int64) Time { return l.RandomOT(receiver, OTsPer16*n) }

// OTsPer16 is the OTs of random choice that a random 1-of-16 OT takes: one for each bit of the choice.
const OTsPer16 = 4

// Triples records n pairs of shared products of random bits, each pair with a factor in common, and gives the moment from
// which both parties have them: one OT of random choice each way.
func (l *Ledger) Triples(n int64) Time { return max(l.RandomOT(Client, n), l.RandomOT(Server, n)) }

// LabelOT records the n label OTs of one more garbled batch, the evaluator's choices known at the moment ready, and gives
// the moment from which the garbler has the zero labels. With Ferret the trees cross the choices.
func (l *Ledger) LabelOT(garbler Party, n int64, ready Time) Time {
	if l.open != nil {
		l.open.asks = append(l.open.asks, ask{kind: askLabels, party: garbler, n: n, at: ready})
		return ready + 1
	}
	batch, evaluator := len(l.asked.Garbled), garbler.Other()
	l.asked.Garbled = append(l.asked.Garbled, Labels{Garbler: garbler, OTs: n})
	i := l.extensions.Label(batch)
	l.extend(i, garbler, n, ready+1)
	if i.Silent() {
		trees, choices := FerretBytes(i.Set, 0, n)
		l.Send(garbler, trees+l.renewal(i, 0, n), ready)
		return l.Send(evaluator, choices, ready)
	}
	return l.Send(evaluator, i.Bytes(n), ready)
}

// Asked gives the OTs that the ops recorded so far use, to be set up with the extension ot.
func (l *Ledger) Asked(ot OT) Extensions {
	x := l.asked
	x.OT = ot
	return x
}
