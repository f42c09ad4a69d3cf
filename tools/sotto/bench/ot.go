package bench

import (
	"crypto/rand"
	"errors"
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

var otPrimitives = []*Primitive{
	{Name: "ot.softspoken4", Doc: "n correlated OTs by SoftSpoken with k = 4: extension at both ends, messages included; base OTs are not timed",
		N: 1 << 24, Prepare: messages(cost.SoftSpoken), Limit: softSpokenLimit},
	{Name: "ot.iknp", Doc: "n correlated OTs by IKNP, 16 bytes each: extension at both ends, messages included; base OTs are not timed",
		N: 1 << 24, Prepare: messages(cost.IKNP), Limit: iknpLimit},
	{Name: "ot.ferret", Doc: "n correlated OTs of random choice by Ferret: extension at both ends, messages included; the base is not timed",
		N: 1 << 24, Prepare: ferret, Limit: ferretLimit},
}

// otBatch OTs are extended at a time; a multiple of 64.
const otBatch = 1 << 18

// batches calls f for n in batches.
func batches(n int64, f func(n int) error) error {
	for ; n > 0; n -= otBatch {
		if err := f(int(min(n, otBatch))); err != nil {
			return err
		}
	}
	return nil
}

// extension is one end of an extension whose receiver sends: it is the client.
type extension struct {
	sender   ot.COTSender
	receiver ot.COTReceiver
}

// makers make the ends of one kind of extension.
type makers struct {
	toReceiver, toSender int64
	sender               func(sid []byte, delta prg.Block) (first []byte, finish func(reply []byte) (ot.COTSender, error), err error)
	receiver             func(sid, first []byte) (ot.COTReceiver, []byte, error)
}

func makersOf(kind cost.OT) makers {
	if kind == cost.IKNP {
		toReceiver, toSender := cost.IKNPSetupBytes()
		return makers{toReceiver, toSender,
			func(sid []byte, delta prg.Block) ([]byte, func([]byte) (ot.COTSender, error), error) {
				x, first, err := ot.NewIKNPSetup(sid, delta, rand.Reader)
				return first, func(reply []byte) (ot.COTSender, error) { return x.Finish(reply) }, err
			},
			func(sid, first []byte) (ot.COTReceiver, []byte, error) {
				return ot.NewIKNPReceiver(sid, first, rand.Reader)
			}}
	}
	toReceiver, toSender := cost.SoftSpokenSetupBytes()
	return makers{toReceiver, toSender,
		func(sid []byte, delta prg.Block) ([]byte, func([]byte) (ot.COTSender, error), error) {
			x, first, err := ot.NewSenderSetup(sid, delta, rand.Reader)
			return first, func(reply []byte) (ot.COTSender, error) { return x.Finish(reply) }, err
		},
		func(sid, first []byte) (ot.COTReceiver, []byte, error) {
			return ot.NewReceiver(sid, first, rand.Reader)
		}}
}

func newExtension(s *Session, kind cost.OT) (extension, error) {
	sid, ends := []byte("sotto bench"), makersOf(kind)
	if s.Party == cost.Client {
		first := make([]byte, ends.toReceiver)
		if err := s.Conn.ReadFull(first); err != nil {
			return extension{}, err
		}
		r, reply, err := ends.receiver(sid, first)
		if err != nil {
			return extension{}, err
		}
		return extension{receiver: r}, s.Conn.Send(reply)
	}
	seed := prg.NewSeed()
	delta := prg.LoadBlock(seed[:])
	delta.Lo |= 1
	first, finish, err := ends.sender(sid, delta)
	if err != nil {
		return extension{}, err
	}
	reply := make([]byte, ends.toSender)
	if err := errors.Join(s.Conn.Send(first), s.Conn.ReadFull(reply)); err != nil {
		return extension{}, err
	}
	x, err := finish(reply)
	return extension{sender: x}, err
}

// messages prepares an extension whose receiver sends.
func messages(kind cost.OT) func(s *Session, n int64) (func() error, error) {
	return func(s *Session, n int64) (func() error, error) { return extendMessages(s, kind, n) }
}

func extendMessages(s *Session, kind cost.OT, n int64) (func() error, error) {
	x, err := newExtension(s, kind)
	if err != nil {
		return nil, err
	}
	blocks := make([]prg.Block, otBatch)
	if s.Party == cost.Client {
		choice := make([]uint64, otBatch/64)
		if err := randomBits(choice); err != nil {
			return nil, err
		}
		return func() error {
			return batches(n, func(n int) error {
				u, err := x.receiver.Extend(choice[:ring.BitWords(n)], n, blocks[:n])
				if err != nil {
					return err
				}
				return s.Conn.Send(u)
			})
		}, nil
	}
	u := make([]byte, x.sender.MessageBytes(otBatch))
	return func() error {
		return batches(n, func(n int) error {
			part := u[:x.sender.MessageBytes(n)]
			if err := s.Conn.ReadFull(part); err != nil {
				return err
			}
			return x.sender.Extend(n, part, blocks[:n])
		})
	}, nil
}

// randomBits draws choices.
func randomBits(choice []uint64) error {
	_, err := rand.Read(ring.Bytes(choice))
	return err
}

// softSpokenLimit: the receiver's AES blocks on its core, or the bytes.
func softSpokenLimit(l *Limits) Bound {
	const n = 1 << 20
	_, receiver := cost.SoftSpokenAES(n)
	return lower(Bound{l.AES * n / float64(receiver), "AES blocks at the receiver"},
		Bound{l.Loopback * n / float64(cost.SoftSpokenBytes(n)), "bytes over loopback"})
}

// iknpLimit: two AES blocks a COT at the receiver, or the bytes.
func iknpLimit(l *Limits) Bound {
	return lower(Bound{l.AES / 2, "AES blocks at the receiver"}, Bound{l.Loopback / float64(cost.IKNPBytes(64)) * 64, "bytes over loopback"})
}

func lower(a, b Bound) Bound {
	if a.PerSecond < b.PerSecond {
		return a
	}
	return b
}

// ferretSet is the set with 0.09 bytes an OT, whose LPN secret of 2 MiB stays in a core's second-level cache.
func ferretSet() cost.FerretSet { return cost.FerretSets()[2] }

func ferret(s *Session, n int64) (func() error, error) {
	x, err := newExtension(s, cost.SoftSpoken)
	if err != nil {
		return nil, err
	}
	set := ferretSet()
	base, choice := make([]prg.Block, set.Base()), make([]uint64, ring.BitWords(int(set.Base())))
	var seed prg.Seed
	if s.Party == cost.Client {
		return ferretReceiver(s, x, set, base, choice, n)
	}
	u := make([]byte, cost.SoftSpokenBytes(set.Base()))
	seed = prg.NewSeed()
	if err := errors.Join(s.Conn.Send(seed[:]), s.Conn.ReadFull(u), x.sender.Extend(len(base), u, base)); err != nil {
		return nil, err
	}
	f, err := ot.NewFerretSender(set, seed, x.sender.Delta(), base, rand.Reader)
	if err != nil {
		return nil, err
	}
	k := make([]prg.Block, otBatch)
	return func() error {
		return batches(n, func(n int) error { return s.Conn.Send(f.Extend(k[:n])) })
	}, nil
}

func ferretReceiver(s *Session, x extension, set cost.FerretSet, base []prg.Block, choice []uint64, n int64) (func() error, error) {
	if err := randomBits(choice); err != nil {
		return nil, err
	}
	u, err := x.receiver.Extend(choice, len(base), base)
	if err != nil {
		return nil, err
	}
	var seed prg.Seed
	if err := errors.Join(s.Conn.Send(u), s.Conn.ReadFull(seed[:])); err != nil {
		return nil, err
	}
	f, err := ot.NewFerretReceiver(set, seed, choice, base)
	if err != nil {
		return nil, fmt.Errorf("base: %w", err)
	}
	m, c := make([]prg.Block, otBatch), make([]uint64, otBatch/64)
	var done int64
	return func() error {
		return batches(n, func(n int) error {
			if err := f.Draw(c[:ring.BitWords(n)], n); err != nil {
				return err
			}
			size, _ := cost.FerretBytes(set, done, int64(n))
			done += int64(n)
			msg := make([]byte, size)
			if err := s.Conn.ReadFull(msg); err != nil {
				return err
			}
			return f.Extend(msg, m[:n])
		})
	}, nil
}

// ferretAES is the AES blocks of an OT at the receiver: 2 for its share of a tree, 1.5 for a row of the matrix and again
// for the choice (runtime/ot/ferret.go).
const ferretAES = 2 + 1.5 + 1.5

func ferretLimit(l *Limits) Bound { return Bound{l.AES / ferretAES, "AES blocks at the receiver"} }
