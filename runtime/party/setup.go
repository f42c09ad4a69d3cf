package party

import (
	"crypto/rand"
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
)

// Set-up of a session, two crossed messages. First each party, as the sender of its OT extensions, sends a fresh hash key
// and its base-OT points for each, and the openings of the material. Then each answers the other's points.
type setup struct {
	conn    *wire.Conn
	program *program.Program
	id      [16]byte
	send    []*sender // this party's instances, the pads' first
	recv    []*receiver
}

type sender struct {
	state *ot.SenderSetup
	first []byte
	key   prg.Block
	cot   *ot.Sender
}

type receiver struct {
	cot   *ot.Receiver
	key   prg.Block
	reply []byte
}

// exchange runs set-up; openings and absorb move the material's openings inside the first message.
func (s *setup) exchange(openings, absorb func(func(tag int, p []byte) error) error) error {
	if err := s.begin(); err != nil {
		return err
	}
	err := s.cross(func() error {
		if err := s.mark(1); err != nil {
			return err
		}
		for _, x := range s.send {
			if err := s.write(cost.SessionTag, keyBytes(x.key), x.first); err != nil {
				return err
			}
		}
		return openings(func(tag int, p []byte) error { return s.located(tag, s.write(tag, p)) })
	}, func() error {
		if err := s.checkMark(1); err != nil {
			return err
		}
		for i := range s.recv {
			if err := s.answer(i); err != nil {
				return err
			}
		}
		return absorb(func(tag int, p []byte) error {
			s.conn.SetRecvTag(int(cost.Offline), tag)
			return s.located(tag, s.conn.ReadFull(p))
		})
	})
	if err != nil {
		return err
	}
	if !s.program.Extensions.Any() {
		return nil
	}
	return s.cross(func() error {
		if err := s.mark(2); err != nil {
			return err
		}
		for _, r := range s.recv {
			if err := s.write(cost.SessionTag, r.reply); err != nil {
				return err
			}
		}
		return nil
	}, s.finish)
}

// located names the layer whose masked weights failed to move.
func (s *setup) located(tag int, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("layer %s: %w", s.program.Layers[tag].Path, err)
}

// mark opens the n-th message; checkMark expects it.
func (s *setup) mark(n byte) error {
	if !s.program.Extensions.Any() {
		return nil
	}
	return s.write(cost.SessionTag, []byte{n})
}

func (s *setup) checkMark(n byte) error {
	if !s.program.Extensions.Any() {
		return nil
	}
	s.conn.SetRecvTag(int(cost.Offline), cost.SessionTag)
	var got [cost.SetupMark]byte
	if err := s.conn.ReadFull(got[:]); err != nil {
		return err
	}
	if got[0] != n {
		return fmt.Errorf("message %d of the set-up came where %d was due", got[0], n)
	}
	return nil
}

// begin draws the state of every instance this party sends in. Deltas are odd: their lowest bit is the colour.
func (s *setup) begin() error {
	for i := range s.program.Extensions.Senders(s.program.Party) {
		key, delta := prg.NewSeed(), prg.NewSeed()
		x := &sender{key: prg.LoadBlock(key[:])}
		d := prg.LoadBlock(delta[:])
		d.Lo |= 1
		var err error
		if x.state, x.first, err = ot.NewSenderSetup(s.sid(s.program.Party, i), d, rand.Reader); err != nil {
			return err
		}
		s.send = append(s.send, x)
	}
	s.recv = make([]*receiver, s.program.Extensions.Senders(s.program.Party.Other()))
	return nil
}

// sid is the session id of one instance's base OTs.
func (s *setup) sid(sender cost.Party, i int) []byte {
	return fmt.Appendf(nil, "%s/%s/%d", s.id[:], sender, i)
}

func keyBytes(b prg.Block) []byte {
	out := make([]byte, prg.BlockBytes)
	b.Put(out)
	return out
}

func (s *setup) write(tag int, parts ...[]byte) error {
	s.conn.SetSendTag(int(cost.Offline), tag)
	for _, p := range parts {
		if _, err := s.conn.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// cross sends one message while it receives one.
func (s *setup) cross(send, recv func() error) error {
	s.conn.Begin()
	sent := make(chan error, 1)
	go func() {
		err := send()
		if err == nil {
			err = s.conn.End()
		}
		if err != nil {
			s.conn.Abort("failed in set-up")
		}
		sent <- err
	}()
	err := recv()
	if err != nil {
		s.conn.Abort("failed in set-up")
	}
	if e := <-sent; err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("session set-up: %w", err)
	}
	return nil
}

// answer takes the peer's key and points of instance i and makes this party its receiver.
func (s *setup) answer(i int) error {
	toReceiver, _ := cost.SoftSpokenSetupBytes()
	s.conn.SetRecvTag(int(cost.Offline), cost.SessionTag)
	buf := make([]byte, cost.HashKeyBytes+toReceiver)
	if err := s.conn.ReadFull(buf); err != nil {
		return err
	}
	r := &receiver{key: prg.LoadBlock(buf)}
	var err error
	r.cot, r.reply, err = ot.NewReceiver(s.sid(s.program.Party.Other(), i), buf[cost.HashKeyBytes:], rand.Reader)
	s.recv[i] = r
	return err
}

func (s *setup) finish() error {
	if err := s.checkMark(2); err != nil {
		return err
	}
	_, toSender := cost.SoftSpokenSetupBytes()
	s.conn.SetRecvTag(int(cost.Offline), cost.SessionTag)
	buf := make([]byte, toSender)
	for _, x := range s.send {
		if err := s.conn.ReadFull(buf); err != nil {
			return err
		}
		var err error
		if x.cot, err = x.state.Finish(buf); err != nil {
			return err
		}
	}
	return nil
}

// ots hands the instances to the machine: pads' first, then one a garbled batch.
func (s *setup) ots() *vm.OTs {
	out := &vm.OTs{}
	x := s.program.Extensions
	send, recv := s.send, s.recv
	if x.Pads[s.program.Party] {
		out.Send = vm.PadSender{COT: send[0].cot, Hash: prg.NewHash(send[0].key), Keys: prg.NewCounter(prg.COTPad)}
		send = send[1:]
	}
	if x.Pads[s.program.Party.Other()] {
		out.Recv = vm.PadReceiver{COT: recv[0].cot, Hash: prg.NewHash(recv[0].key), Keys: prg.NewCounter(prg.COTPad)}
		recv = recv[1:]
	}
	for i := range x.Garbled {
		if s.program.Party == cost.Server {
			out.Batches = append(out.Batches, vm.Batch{Hash: prg.NewHash(send[i].key), Key: send[i].key, Delta: send[i].cot.Delta(), Sender: send[i].cot, Seed: prg.NewSeed()})
		} else {
			out.Batches = append(out.Batches, vm.Batch{Hash: prg.NewHash(recv[i].key), Key: recv[i].key, Receiver: recv[i].cot})
		}
	}
	return out
}
