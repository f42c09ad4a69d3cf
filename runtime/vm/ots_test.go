package vm

import (
	"crypto/rand"
	"sync"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// otProgram is a pair of programs that make OTs: the client receives pads and 1-of-16 OTs, and triples take an OT each way.
type otProgram struct {
	parties [2]*program.Program
	ots     [2]int // so far, by sender
}

func newOTProgram(kind cost.OT) *otProgram {
	p := &otProgram{}
	for i := range p.parties {
		p.parties[i] = &program.Program{Party: cost.Party(i), Ring: 32, Layers: []program.Layer{{}}, Offline: make([]program.Level, 3),
			Extensions: cost.Extensions{OT: kind}}
	}
	return p
}

func (p *otProgram) buffer(at cost.Party, kind program.Kind, n int) program.Operand {
	party := p.parties[at]
	party.Buffers = append(party.Buffers, program.Buffer{Kind: kind, Len: n})
	return program.Operand{Buf: len(party.Buffers) - 1, Len: n}
}

// batch is the operands of a batch of OTs: choices and what was chosen at the receiver, what there is to choose at the sender.
type batch struct {
	choices, chosen program.Operand
	pads            []program.Operand
}

// form is a kind of random OTs: its instructions and the elements of their results, for n OTs of random choice.
type form struct {
	choose, pads program.Opcode
	kind         program.Kind
	chosen, both func(n int) int
	results      int // of pads
}

var (
	same  = func(n int) int { return n }
	twice = func(n int) int { return 2 * n }

	padForm    = form{program.OTChoose, program.OTPads, program.Ring, same, same, 2}
	of16Form   = form{program.OT16Choose, program.OT16Pads, program.Bits, func(n int) int { return n / 2 }, func(n int) int { return 8 * n }, 1}
	tripleForm = form{program.BitsChoose, program.BitsPads, program.Bits, twice, twice, 2}
)

// extend adds n OTs of random choice and what is made of them.
func (p *otProgram) extend(receiver cost.Party, n int, f form) batch {
	sender := receiver.Other()
	first := []int{p.ots[sender]}
	p.ots[sender] += n
	b := batch{choices: p.buffer(receiver, program.Bits, n), chosen: p.buffer(receiver, f.kind, f.chosen(n))}
	for range f.results {
		b.pads = append(b.pads, p.buffer(sender, f.kind, f.both(n)))
	}
	for _, party := range p.parties {
		party.Extensions.Pads[sender] = int64(p.ots[sender])
	}
	r, s := p.parties[receiver].Offline, p.parties[sender].Offline
	r[0].Compute = append(r[0].Compute, program.Instr{Op: program.OTDraw, Out: []program.Operand{b.choices}, Ints: first})
	choose := program.Instr{Op: f.choose, Out: []program.Operand{b.chosen}, In: []program.Operand{b.choices}, Ints: first}
	pads := program.Instr{Op: f.pads, Out: b.pads, Ints: first}
	if p.parties[0].Extensions.OT == cost.Ferret {
		r[1].Recv, s[1].Send = append(r[1].Recv, choose), append(s[1].Send, pads)
	} else {
		r[1].Send, s[1].Recv = append(r[1].Send, choose), append(s[1].Recv, pads)
	}
	return b
}

// run makes the extensions that set-up would and runs both machines over a connection.
func (p *otProgram) run(t testing.TB) (m [2]*Machine[uint32], sent int64) {
	t.Helper()
	var ots [2]OTs
	for _, sender := range []cost.Party{cost.Client, cost.Server} {
		if p.ots[sender] > 0 {
			ots[sender].Send, ots[sender.Other()].Recv = extensionOf(t, p.parties[0].Extensions.Pad(sender))
		}
	}
	a, b := wiretest.Pair(t, wire.Options{})
	conns := [2]*wire.Conn{a, b}
	var wg sync.WaitGroup
	for i, party := range p.parties {
		var err error
		if m[i], err = New[uint32](party, conns[i], &ots[i], nil); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if err := m[i].Run(cost.Offline, nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return m, a.PhaseCounts(int(cost.Offline)).PayloadSent + b.PhaseCounts(int(cost.Offline)).PayloadSent
}

// extensionOf makes both ends of an instance; the base of Ferret is dealt.
func extensionOf(t testing.TB, i cost.Instance) (PadSender, PadReceiver) {
	t.Helper()
	secret := prg.NewSeed()
	delta := prg.LoadBlock(secret[:])
	send := PadSender{Hash: prg.NewHash(prg.Block{Lo: 5}), Keys: prg.NewCounter(prg.COTPad)}
	recv := PadReceiver{Hash: send.Hash, Keys: prg.NewCounter(prg.COTPad)}
	if i.OT == cost.IKNP {
		setup, first, err := ot.NewIKNPSetup([]byte(t.Name()), delta, rand.Reader)
		check(t, err)
		r, second, err := ot.NewIKNPReceiver([]byte(t.Name()), first, rand.Reader)
		check(t, err)
		s, err := setup.Finish(second)
		check(t, err)
		send.End, recv.End = COTSender(s), COTReceiver(r)
		return send, recv
	}
	if !i.Silent() {
		setup, first, err := ot.NewSenderSetup([]byte(t.Name()), delta, rand.Reader)
		check(t, err)
		r, second, err := ot.NewReceiver([]byte(t.Name()), first, rand.Reader)
		check(t, err)
		s, err := setup.Finish(second)
		check(t, err)
		send.End, recv.End = COTSender(s), COTReceiver(r)
		return send, recv
	}
	n := int(i.Base())
	choice, k, m := make([]uint64, ring.BitWords(n)), make([]prg.Block, n), make([]prg.Block, n)
	prg.NewStream(prg.NewSeed()).Blocks(k)
	_, err := rand.Read(ring.Bytes(choice))
	check(t, err)
	for j := range m {
		m[j] = k[j].Xor(delta.MaskIf(choice[j/64] >> (j % 64)))
	}
	s, err := ot.NewFerretSender(i.Set, prg.Seed{1}, delta, k, rand.Reader)
	check(t, err)
	r, err := ot.NewFerretReceiver(i.Set, prg.Seed{1}, choice, m)
	check(t, err)
	send.End, recv.End = FerretSender(s), FerretReceiver(r)
	return send, recv
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eachOT(t *testing.T, run func(t *testing.T, p *otProgram)) {
	for _, kind := range []cost.OT{cost.SoftSpoken, cost.Ferret, cost.IKNP} {
		t.Run(kind.String(), func(t *testing.T) { run(t, newOTProgram(kind)) })
	}
}

// TestRandomOTs: the chosen pad is the sender's pad of that choice, over several chunks and several instructions, and the bytes
// are those of the ledger.
func TestRandomOTs(t *testing.T) {
	eachOT(t, func(t *testing.T, p *otProgram) {
		var batches []batch
		ledger := cost.NewLedger(cost.Outsourced, cost.FromDealer)
		sizes := []int{70, 2*otChunk + 77, 1}
		for _, n := range sizes {
			batches = append(batches, p.extend(cost.Client, n, padForm))
		}
		ledger.Setup(p.parties[0].Extensions)
		setup := payload(ledger)
		for _, n := range sizes {
			ledger.RandomOT(cost.Client, int64(n))
		}
		m, sent := p.run(t)
		if want := payload(ledger) - setup; sent != want {
			t.Errorf("%d bytes moved, declared %d", sent, want)
		}
		client, server := m[cost.Client], m[cost.Server]
		for _, b := range batches {
			c, q, p0, p1 := client.b(b.choices), client.r(b.chosen), server.r(b.pads[0]), server.r(b.pads[1])
			for j := range q {
				if want := [2]uint32{p0[j], p1[j]}[c.Get(j)]; q[j] != want || p0[j] == p1[j] {
					t.Fatalf("OT %d of %d: chosen %x by %d, of %x and %x", j, len(q), q[j], c.Get(j), p0[j], p1[j])
				}
			}
		}
	})
}

func payload(l *cost.Ledger) (sum int64) {
	for _, m := range l.Messages {
		sum += m.Bytes
	}
	return sum
}

// Test16: the receiver's bits are those of the message it chose, over several chunks.
func Test16(t *testing.T) {
	eachOT(t, func(t *testing.T, p *otProgram) {
		const n = otChunk/4 + 3*64 // 1-of-16 OTs
		b := p.extend(cost.Server, 4*n, of16Form)
		m, _ := p.run(t)
		c, q, masks := m[cost.Server].b(b.choices).Words(), m[cost.Server].b(b.chosen).Words(), m[cost.Client].b(b.pads[0]).Words()
		for i := range n {
			block, t0 := i/64, i%64
			word := masks[block*ot.NMaskWords+t0%32] >> (t0 / 32 * 32)
			choice := 0
			for bit := range 4 {
				choice |= int(c[4*block+bit]>>t0&1) << bit
			}
			for s := range 2 {
				if got, want := q[2*block+s]>>t0&1, word>>(16*s+choice)&1; got != want {
					t.Fatalf("OT %d: bit %d of message %d is %d, the sender's %d", i, s, choice, got, want)
				}
			}
		}
	})
}

// TestTriples: the shares of the products add up to the products of the shared factors, over several chunks.
func TestTriples(t *testing.T) {
	eachOT(t, func(t *testing.T, p *otProgram) {
		const n = otChunk + 5*64
		got := [2]batch{p.extend(cost.Client, n, tripleForm), p.extend(cost.Server, n, tripleForm)} // by receiver
		var c [2]program.Operand
		for i := range c {
			own, peer := got[i], got[1-i]
			c[i] = p.buffer(cost.Party(i), program.Bits, 2*n)
			p.parties[i].Offline[2].Compute = []program.Instr{{Op: program.Products, Out: c[i : i+1],
				In: []program.Operand{own.choices, peer.pads[1], peer.pads[0], own.chosen}}}
		}
		m, _ := p.run(t)
		word := func(o [2]program.Operand, i int) uint64 { return m[0].b(o[0]).Words()[i] ^ m[1].b(o[1]).Words()[i] }
		a := [2]program.Operand{got[0].choices, got[1].choices}
		b := [2]program.Operand{got[1].pads[1], got[0].pads[1]}
		for i := range 2 * n / 64 {
			if got, want := word(c, i), word(a, i%(n/64))&word(b, i); got != want || want == 0 {
				t.Fatalf("word %d of the products is %x, want %x", i, got, want)
			}
		}
	})
}

// BenchmarkRandomOTs is pads of 32 bits from OTs of random choice, both ends at once over a socket: extension, message and hashing.
func BenchmarkRandomOTs(b *testing.B) {
	const n = 1 << 22
	for _, kind := range []cost.OT{cost.SoftSpoken, cost.Ferret, cost.IKNP} {
		b.Run(kind.String(), func(b *testing.B) {
			var sent int64
			for range b.N {
				b.StopTimer()
				p := newOTProgram(kind)
				p.extend(cost.Client, n, padForm)
				b.StartTimer()
				_, sent = p.run(b)
			}
			b.ReportMetric(float64(b.N)*n/b.Elapsed().Seconds()/1e6, "MOT/s")
			b.ReportMetric(float64(sent)/n, "B/OT")
		})
	}
}
