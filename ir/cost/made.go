package cost

import "math"

// What material costs that the two parties make alone: FromHE. Products with weights by homomorphic encryption (HEPlan),
// elementwise ones by Gilboa's protocol or under encryption too, in slots. All of it rides in the two messages of set-up but the end of
// Gilboa's, which goes with the client's first message of the offline program.

// Made counts the material of a session that the parties make alone.
type Made struct {
	Ring     int
	Products int // with weights
	// Elementwise says how the elementwise ones are made, of Elements elements; OTs is GilboaOTs of each.
	Elementwise Elementwise
	Packing     Packing
	Elements    int64
	OTs         int64
}

// made is what the ledger keeps of it.
type made struct {
	how     Elementwise
	packing Packing
	gilboa  GilboaOT
	ots     int64 // recorded so far
	slots   SlotParams
	slotted int64 // elements recorded so far
	uploads map[any][]HEPlan
}

// Make records what belongs to no layer: public keys, the base OTs of the elementwise products, and the marks of the two
// set-up messages where no other extension has them.
func (l *Ledger) Make(x Extensions, m Made) error {
	l.made = made{how: m.Elementwise, packing: m.Packing}
	if l.Source != FromHE || m.Products == 0 && m.Elements == 0 {
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
	if m.Elements == 0 {
		return nil
	}
	if m.Elementwise == BySIMD {
		l.made.slots, err = SlotParamsFor(m.Ring)
		l.Send(Client, l.made.slots.Cipher.KeyBytes(), 0)
		return err
	}
	l.made.gilboa = NewGilboaOT(m.OTs, l.Deploy == Outsourced)
	toReceiver, toSender := SoftSpokenSetupBytes()
	l.baseOTs(Client)
	l.Send(Client, HashKeyBytes+toReceiver, 0)
	l.Send(Server, toSender+l.made.gilboa.SetupBytes(), 1)
	return nil
}

// Packing is how products with weights are packed.
func (l *Ledger) Packing() Packing { return l.made.packing }

// Encrypts tells whether a party has masks of its own to encrypt.
func (l *Ledger) Encrypts(p Party) bool { return p == Client || l.Deploy == Outsourced }

// Product records a product with weights: the encrypted mask, unless it has travelled in the same packing before, and the reply.
// mask is a key of the mask.
func (l *Ledger) Product(p HEPlan, mask any) {
	if l.open != nil {
		l.open.asks = append(l.open.asks, ask{kind: askProduct, plan: p})
		return
	}
	if l.made.uploads == nil {
		l.made.uploads = map[any][]HEPlan{}
	}
	again := false
	for _, before := range l.made.uploads[mask] {
		again = again || before.SameUpload(p)
	}
	l.made.uploads[mask] = append(l.made.uploads[mask], p)
	l.product(productOf(p), again)
	for _, party := range [...]Party{Client, Server} {
		if l.Encrypts(party) {
			l.stepOf(p, party.Other())
			if m := &l.memory[party.Other()]; again {
				m.again = max(m.again, p.UploadBytes())
			}
		}
	}
}

// product is what a plan comes to: bytes each way, and work.
type product struct {
	upload, reply int64
	chunks        int // each is read before it is multiplied
	work          [7]productWork
	weights, step int64 // bytes of memory at the evaluator: transformed weights, and the rest
}

func productOf(p HEPlan) product {
	x := product{upload: p.UploadBytes(), reply: p.ReplyBytes(), chunks: p.Chunks(), work: p.work()}
	x.step, x.weights = p.memory()
	x.step += int64(min(p.ChunkGroups()*p.InBlocks(), p.Uploads())) * 2 * int64(p.Params.Limbs) * polyBytes
	if p.SingleTap() {
		x.step, x.weights = x.step+x.weights, 0
	}
	return x
}

// product records one; what it takes to send the mask is left out where that was done for another product.
func (l *Ledger) product(p product, again bool) {
	for _, party := range [...]Party{Client, Server} {
		if !l.Encrypts(party) {
			continue
		}
		l.touches(p, party.Other())
		l.multiplies(p, party, again)
		if !again {
			l.Send(party, p.upload, 0)
		}
		l.Send(party.Other(), p.reply, 1)
	}
}

// touches records the memory that a product is the first of its evaluator's to need: later ones compute in the same.
func (l *Ledger) touches(p product, evaluator Party) {
	held := &l.held[evaluator]
	more := max(0, p.weights-held.weights) + max(0, p.step-held.step)
	held.weights, held.step = max(held.weights, p.weights), max(held.step, p.step)
	l.Stream(evaluator.Other(), evaluator, Start-1, Allocate, more)
}

// multiplies records the work of a product whose mask is the encryptor's.
func (l *Ledger) multiplies(p product, encryptor Party, again bool) {
	for _, w := range p.work {
		party := encryptor
		if w.evaluator {
			party = encryptor.Other()
		}
		units := int64(math.Ceil(w.units))
		switch {
		case w.kernel == Decrypt:
			l.Stream(encryptor.Other(), party, Start, w.kernel, units)
		case w.kernel != Encrypt && w.kernel != Absorb:
			l.StreamBatches(encryptor, party, Start-1, w.kernel, units, p.chunks)
		case !again:
			l.Stream(encryptor, party, Start-1, w.kernel, units)
		}
	}
}

// Elementwise records n elementwise products: the server's choices and the client's answer, or the client's ciphertexts and the server's.
func (l *Ledger) Elementwise(n int64, ring int) {
	if l.open != nil {
		l.open.asks = append(l.open.asks, ask{kind: askElementwise, n: n, ring: ring})
		return
	}
	vector := n * int64(ring) / 8
	l.Keep(Client, vector) // of both factors and shares, the client has the factor of a crossing product at hand alone
	l.Keep(Server, 2*vector)
	if l.made.how == BySIMD {
		l.Keep(Client, vector)
		l.slots(n)
		return
	}
	ots := GilboaOTs(n, ring)
	l.Send(Server, l.made.gilboa.ChoiceBytes(ots), Start-1)
	l.Send(Client, l.made.gilboa.TreeBytes(l.made.ots, ots)+GilboaBytes(n, ring), Start)
	l.made.ots += ots
	l.memory[Client].messages += l.made.gilboa.waits(n, ring)
	l.gilboa(ots)
	l.stepOfGilboa(n, ring)
}

// gilboa records the work of products by so many OTs, whose sender the client is.
func (l *Ledger) gilboa(ots int64) {
	at := Start + 1
	if i := l.made.gilboa.Instance(); i.Silent() {
		l.extend(i, Client, ots, at)
	} else {
		l.extend(i, Client, ots, Start) // the choices travel ahead
	}
	l.pads(Client, Client, ots, at)
	l.Stream(Client, Client, at, Multiply, ots)
	l.Stream(Client, Server, at, Multiply, ots)
}

// slots records the blocks that begin with one of n products more.
func (l *Ledger) slots(n int64) {
	p, blocks := l.made.slots, SlotBlocks(l.made.slotted, n)
	l.made.slotted += n
	l.Send(Client, blocks*p.UploadBytes(), 0)
	l.Send(Server, blocks*p.ReplyBytes(), Start-1)
	l.memory[Server].replies += blocks * p.ReplyBytes()
	l.Stream(Client, Client, Start-1, SlotEncrypt, blocks*int64(p.Primes))
	l.Stream(Client, Server, Start-1, SlotEvaluate, blocks*int64(p.Primes))
	l.Stream(Server, Client, Start, SlotDecrypt, blocks*int64(p.Primes))
}
