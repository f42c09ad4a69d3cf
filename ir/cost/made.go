package cost

// What material costs that the two parties make alone: FromHE. Products with weights by homomorphic encryption (HEPlan),
// elementwise ones by Gilboa's protocol. All of it rides in the two messages of set-up but the end of the elementwise ones,
// which goes with the client's first message of the offline program.

// Made counts the material of a session that the parties make alone.
type Made struct {
	Ring     int
	Products int   // with weights
	OTs      int64 // of the elementwise ones: GilboaOTs of each
}

// made is what the ledger keeps of it.
type made struct {
	gilboa  GilboaOT
	ots     int64 // recorded so far
	uploads map[any][]HEPlan
	ns      map[int][2]float64 // of each party's work under encryption, by tag
}

// Make records what belongs to no layer: public keys, the base OTs of the elementwise products, and the marks of the two
// set-up messages where no other extension has them.
func (l *Ledger) Make(x Extensions, m Made) error {
	l.made = made{uploads: map[any][]HEPlan{}, ns: map[int][2]float64{}}
	if l.Source != FromHE || m.Products == 0 && m.OTs == 0 {
		return nil
	}
	params, err := HEParamsFor(m.Ring, l.Deploy)
	if err != nil {
		return err
	}
	l.For(SessionTag)
	for _, p := range []Party{Client, Server} {
		if !x.Any() {
			l.Send(p, SetupMark, 0)
			l.Send(p, SetupMark, 1)
		}
		if m.Products > 0 && l.Encrypts(p) {
			l.Send(p, params.KeyBytes(), 0)
		}
	}
	if m.OTs == 0 {
		return nil
	}
	l.made.gilboa = NewGilboaOT(m.OTs, l.Deploy == Outsourced)
	toReceiver, toSender := SoftSpokenSetupBytes()
	l.Send(Client, HashKeyBytes+toReceiver, 0)
	l.Send(Server, toSender+l.made.gilboa.SetupBytes(), 1)
	return nil
}

// Encrypts tells whether a party has masks of its own to encrypt.
func (l *Ledger) Encrypts(p Party) bool { return p == Client || l.Deploy == Outsourced }

// Product records a product with weights: the encrypted mask, unless it has travelled in the same packing before, and the reply.
// mask is a key of the mask.
func (l *Ledger) Product(p HEPlan, mask any) {
	again := false
	for _, before := range l.made.uploads[mask] {
		again = again || before.SameUpload(p)
	}
	l.made.uploads[mask] = append(l.made.uploads[mask], p)
	encryptor, evaluator := p.WorkNS()
	work := l.made.ns[l.tag]
	for _, party := range []Party{Client, Server} {
		if !l.Encrypts(party) {
			continue
		}
		work[party] += encryptor
		work[party.Other()] += evaluator
		if !again {
			l.Send(party, p.UploadBytes(), 0)
		}
		l.Send(party.Other(), p.ReplyBytes(), 1)
	}
	l.made.ns[l.tag] = work
}

// MadeMS estimates the milliseconds of work under encryption of an op, those of the busier party: at the prices of hesearch.go, as
// the packings are chosen by them.
func (t Target) MadeMS(l *Ledger, tag int) float64 {
	ns := l.made.ns[tag]
	return max(ns[Client], ns[Server]) / 1e6
}

// Elementwise records n elementwise products: the server's choices, and the client's answer.
func (l *Ledger) Elementwise(n int64, ring int) {
	ots := GilboaOTs(n, ring)
	l.Send(Server, l.made.gilboa.ChoiceBytes(ots), Start-1)
	l.Send(Client, l.made.gilboa.TreeBytes(l.made.ots, ots)+GilboaBytes(n, ring), Start)
	l.made.ots += ots
	l.extend(l.made.gilboa.Instance(), ots, ots, Start)
}
