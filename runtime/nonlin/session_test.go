package nonlin_test

import (
	"crypto/rand"
	"fmt"
	"io"
	"testing"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// Phases of a session's connection: 0 is the set-up, then come an offline and an online phase for every case run in it.
func offlinePhase(k int) int { return 1 + 2*k }
func onlinePhase(k int) int  { return 2 + 2*k }

// end is one party of a session over a real connection.
type end struct {
	role     cost.Party
	conn     *wire.Conn
	sends    *extension // the OT extension it sends in, nil if there is none
	receives *extension
}

// extension is one direction of OT at one of its ends, with the hash under the key that the sender drew.
type extension struct {
	sender   *ot.Sender
	receiver *ot.Receiver
	hash     *prg.Hash
	next     prg.Tweak
}

// session sets up the given extensions, runs the steps of both parties, and returns the traffic of every phase.
func session(t *testing.T, x cost.Extensions, phases int, steps func(*end) error) []cost.Traffic {
	t.Helper()
	a, b := wiretest.Pair(t, wire.Options{})
	ends := [2]*end{{role: cost.Client, conn: a}, {role: cost.Server, conn: b}}
	sid := []byte(t.Name())
	failed := make(chan error, 2)
	for _, p := range ends {
		go func() {
			err := p.setup(sid, x)
			if err == nil {
				err = steps(p)
			}
			if err != nil {
				p.conn.Close() // the peer must not wait for more
			}
			failed <- err
		}()
	}
	for range ends {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return traffic(t, a, b, phases)
}

// traffic reads the counters of both ends, which must agree.
func traffic(t *testing.T, client, server *wire.Conn, phases int) []cost.Traffic {
	t.Helper()
	all := make([]cost.Traffic, phases)
	for k := range all {
		c, s := client.PhaseCounts(k), server.PhaseCounts(k)
		if c.Sent() != s.Received() || s.Sent() != c.Received() || client.Rounds(k) != server.Rounds(k) {
			t.Fatalf("phase %d: the ends counted %+v and %+v", k, c, s)
		}
		all[k] = cost.Traffic{ClientSent: c.Sent(), ServerSent: s.Sent(), Rounds: client.Rounds(k)}
	}
	return all
}

// setup makes the base OTs: points and hash key of each sender cross, then the receivers' answers do.
func (p *end) setup(sid []byte, x cost.Extensions) error {
	var pending *ot.SenderSetup
	var msg1 []byte
	if len(x.Sent(p.role)) > 0 {
		key, delta := randomBlock(), randomBlock()
		delta.Lo |= 1
		var err error
		if pending, msg1, err = ot.NewSenderSetup(sidOf(sid, p.role), delta, rand.Reader); err != nil {
			return err
		}
		msg1 = append(msg1, prg.Bytes([]prg.Block{key})...)
		p.sends = &extension{hash: prg.NewHash(key), next: prg.COTPad.First()}
	}
	answer, err := p.answer(sid, msg1, len(x.Sent(p.role.Other())))
	if err != nil || pending == nil {
		return p.last(err, answer)
	}
	_, toSender := cost.SoftSpokenSetupBytes()
	in := make([]byte, toSender)
	if err := p.conn.Exchange(answer, in); err != nil {
		return err
	}
	p.sends.sender, err = pending.Finish(in)
	return err
}

// last sends an answer to which nothing comes back.
func (p *end) last(err error, answer []byte) error {
	if err != nil || len(answer) == 0 {
		return err
	}
	return p.conn.Send(answer)
}

// answer sends msg1 and becomes the receiver of the peer's extension, if it has one.
func (p *end) answer(sid, msg1 []byte, peers int) ([]byte, error) {
	toReceiver, _ := cost.SoftSpokenSetupBytes()
	in := make([]byte, int64(peers)*(toReceiver+cost.HashKeyBytes))
	if err := p.conn.Exchange(msg1, in); err != nil || peers == 0 {
		return nil, err
	}
	receiver, msg2, err := ot.NewReceiver(sidOf(sid, p.role.Other()), in[:toReceiver], rand.Reader)
	p.receives = &extension{receiver: receiver, hash: prg.NewHash(prg.LoadBlock(in[toReceiver:])), next: prg.COTPad.First()}
	return msg2, err
}

func sidOf(sid []byte, sender cost.Party) []byte {
	return fmt.Appendf(nil, "%s, sender %v", sid, sender)
}

func randomBlock() prg.Block {
	seed := prg.NewSeed()
	return prg.LoadBlock(seed[:])
}

// randomWords draws n elements.
func randomWords[W ring.Word](n int) []W {
	v := make([]W, n)
	if _, err := io.ReadFull(rand.Reader, ring.Bytes(v)); err != nil {
		panic(err)
	}
	return v
}

// randomBits draws n bits.
func randomBits(n int) ring.Bits { return ring.WrapBits(randomWords[uint64](ring.BitWords(n)), n) }

// choose is the receiver's part of n random OTs: its choices and pads, and the message to the sender.
func choose[W ring.Word](x *extension, n int) (u []byte, c ring.Bits, q []W, err error) {
	c, q = randomBits(n), make([]W, n)
	m := make([]prg.Block, n)
	if u, err = x.receiver.Extend(c.Words(), n, m); err == nil {
		err = ot.ReceiverPads(x.hash, m, x.take(n), 1, q)
	}
	return u, c, q, err
}

// pads is the sender's part.
func pads[W ring.Word](x *extension, n int, u []byte) (p0, p1 []W, err error) {
	k := make([]prg.Block, n)
	p0, p1 = make([]W, n), make([]W, n)
	if err = x.sender.Extend(n, u, k); err == nil {
		err = ot.SenderPads(x.hash, x.sender.Delta(), k, x.take(n), 1, p0, p1)
	}
	return p0, p1, err
}

// take reserves n tweaks.
func (x *extension) take(n int) prg.Tweak {
	first := x.next
	x.next += prg.Tweak(n)
	return first
}

// receive reads a message of n bytes.
func (p *end) receive(n int64) ([]byte, error) {
	b := make([]byte, n)
	return b, p.conn.ReadFull(b)
}

// share splits values at random.
func share[W ring.Word](x []W) [2][]W {
	s := [2][]W{make([]W, len(x)), randomWords[W](len(x))}
	ring.Sub(s[0], x, s[1])
	return s
}

// shareBits splits bits at random.
func shareBits(d ring.Bits) [2]ring.Bits {
	s := [2]ring.Bits{ring.NewBits(d.Len()), randomBits(d.Len())}
	ring.Xor(s[0], d, s[1])
	return s
}

// sum joins shares.
func sum[W ring.Word](s [2][]W) []W {
	x := make([]W, len(s[0]))
	ring.Add(x, s[0], s[1])
	return x
}

// declared is what the op table says of the op called %y of a function: its traffic offline and online, and the OT
// extensions that it needs. What setting those up costs is the session's affair, not a protocol's.
type declared struct {
	offline, online cost.Traffic
	extensions      cost.Extensions
}

func declare(t *testing.T, deploy cost.Deployment, params, body string) declared {
	t.Helper()
	text := fmt.Sprintf("module secure %s\nfunc @f(%s) -> %s {\n%s\nreturn %%y\n}\n", deploy, params, body[lastType(body):], body)
	m, err := ir.Parse(t.Name(), text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	f := m.Func("f")
	l := ir.Account(m, f, cost.FromDealer)
	tag := len(f.Body) - 1
	return declared{l.ByTag(cost.Offline)[tag], l.ByTag(cost.Online)[tag], ir.SessionOTs(m, f)}
}

// lastType finds the type that the last line of a function body ends in.
func lastType(body string) int {
	at := len(body)
	for body[at-1] != ':' {
		at--
	}
	return at
}
