package party

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/ot"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
)

// Set-up of a session, two crossed messages. First each party, as the sender of its OT extensions, sends a fresh hash key
// and its base-OT points for each, and what the material opens. Then each answers the other's points, and the material.
//
// A session of many runs of a program sets up its extensions in the first one, and goes on with them in the others, whose set-up is what the material
// needs alone. That is as secure as one run of their length:
//
//   - An extension makes one sequence of correlated OTs under a Delta, and a run takes the next ones. SoftSpoken and IKNP read their streams on from
//     where they are, Ferret begins another extension (ot.FerretSender.Renew), so that no OT is given out twice.
//   - Pads and tables are hashed under a key of the run's own (runKey). So no tweak repeats under one key and Delta, though each run counts from 0, and
//     the bound in runtime/prg, (p*q + q^2)/2^128, keeps the q of one run: under another key pi is another permutation, which is the
//     re-keying of C. Guo, J. Katz, X. Wang, C. Weng and Y. Yu, "Better Concrete Security for Half-Gates Garbling", CRYPTO 2020.
//   - The evaluator's labels come from OTs, the garbler's from a seed of the run's own.
//
// Whoever goes on from a checkpoint is in another session, with extensions of its own.
type setup struct {
	conn    *wire.Conn
	program *program.Program
	id      [16]byte // of the first run
	// material is how many messages the material needs: material.SetupMessages.
	material int
	send     []*sender // this party's instances, the pads' first
	recv     []*receiver
	runs     uint64 // that have had their OTs
}

// sender is this party's end of an instance that it sends in.
type sender struct {
	cost.Instance
	points wiper // of the base OTs
	finish func(reply []byte) (ot.COTSender, error)
	first  []byte
	delta  prg.Block
	key    prg.Block
	seed   prg.Seed // of Ferret's public matrices
	cot    ot.COTSender
	silent *ot.FerretSender
}

// receiver is this party's end of an instance of the peer's.
type receiver struct {
	cost.Instance
	cot    ot.COTReceiver
	key    prg.Block
	seed   prg.Seed
	reply  []byte
	silent *ot.FerretReceiver
}

// wiper has state to forget.
type wiper interface{ Wipe() }

// carried is what a source of material has to say in set-up: see material.Source.
type carried interface {
	Openings(w func(tag int, p []byte) error) error
	Absorb(r func(tag int, p []byte) error) error
	Replies(w func(tag int, p []byte) error) error
	Finish(r func(tag int, p []byte) error) error
}

// exchange runs set-up. The second message begins when the head of the peer's first is answered: the material of the one is
// sent while that of the other is still received.
func (s *setup) exchange(m carried) error {
	if err := s.begin(); err != nil {
		return err
	}
	answered := make(chan bool, 1)
	return s.cross(func() error { return s.sends(m, answered) }, func() error { return s.receives(m, answered) })
}

// sends sends both messages. It ends without error when the receiving half failed, which says why.
func (s *setup) sends(m carried, answered <-chan bool) error {
	if err := s.sendFirst(m); err != nil || s.messages() < 2 || !<-answered {
		return err
	}
	s.conn.BeginAfter(1)
	if err := s.mark(2); err != nil {
		return err
	}
	for _, r := range fresh(s, s.recv) {
		if err := s.write(cost.SessionTag, r.reply); err != nil {
			return err
		}
		if err := s.sendBase(r); err != nil {
			return err
		}
	}
	if err := m.Replies(s.piece); err != nil {
		return err
	}
	return s.conn.End()
}

func (s *setup) sendFirst(m carried) error {
	if err := s.mark(1); err != nil {
		return err
	}
	for _, x := range fresh(s, s.send) {
		if err := s.write(cost.SessionTag, x.open()...); err != nil {
			return err
		}
	}
	if err := m.Openings(s.piece); err != nil {
		return err
	}
	return s.conn.End()
}

// receives reads both messages.
func (s *setup) receives(m carried, answered chan<- bool) error {
	err := s.answerAll()
	answered <- err == nil
	if err != nil {
		return err
	}
	if err := m.Absorb(s.fill); err != nil || s.messages() < 2 {
		return s.named(err)
	}
	if err := s.finish(); err != nil {
		return err
	}
	return s.named(m.Finish(s.fill))
}

// named says which layer's material could not be made, where the connection has not said it.
func (s *setup) named(err error) error {
	var item *material.ItemError
	if errors.As(err, &item) {
		return s.located(item.Tag, err)
	}
	return err
}

func (s *setup) answerAll() error {
	if err := s.checkMark(1); err != nil {
		return err
	}
	for i := range fresh(s, s.recv) {
		if err := s.answer(i); err != nil {
			return err
		}
	}
	return nil
}

// piece sends a piece of material, and fill receives one.
func (s *setup) piece(tag int, p []byte) error { return s.located(tag, s.write(tag, p)) }

func (s *setup) fill(tag int, p []byte) error {
	s.conn.SetRecvTag(int(cost.Offline), tag)
	return s.located(tag, s.conn.ReadFull(p))
}

// fresh are the instances that this run sets up: all or none.
func fresh[T any](s *setup, instances []T) []T {
	if s.runs > 0 {
		return nil
	}
	return instances
}

// messages is how many messages a party sends in set-up.
func (s *setup) messages() int {
	if s.runs == 0 && s.program.Extensions.Any() {
		return cost.SetupRounds
	}
	return s.material
}

// located names the layer whose material failed to move.
func (s *setup) located(tag int, err error) error {
	var already *layerError
	if err == nil || tag == cost.SessionTag || errors.As(err, &already) {
		return err
	}
	return &layerError{s.program.Layers[tag].Path, err}
}

// layerError is an error in the material of a layer.
type layerError struct {
	path string
	err  error
}

func (e *layerError) Error() string { return fmt.Sprintf("layer %s: %v", e.path, e.err) }

func (e *layerError) Unwrap() error { return e.err }

// mark opens the n-th message of two; checkMark expects it.
func (s *setup) mark(n byte) error {
	if s.messages() < 2 {
		return nil
	}
	return s.write(cost.SessionTag, []byte{n})
}

func (s *setup) checkMark(n byte) error {
	if s.messages() < 2 {
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
	if s.runs > 0 {
		return s.renew()
	}
	for i, instance := range s.program.Extensions.Sent(s.program.Party) {
		key, delta := prg.NewSeed(), prg.NewSeed()
		x := &sender{Instance: instance, key: prg.LoadBlock(key[:]), delta: prg.LoadBlock(delta[:]), seed: prg.NewSeed()}
		x.delta.Lo |= 1
		if err := x.begin(s.sid(s.program.Party, i)); err != nil {
			return err
		}
		s.send = append(s.send, x)
	}
	for _, instance := range s.program.Extensions.Sent(s.program.Party.Other()) {
		s.recv = append(s.recv, &receiver{Instance: instance})
	}
	return nil
}

// renew has every instance of Ferret begin another extension, which its first message brings.
func (s *setup) renew() error {
	for _, x := range s.send {
		if x.silent != nil {
			x.silent.Renew()
		}
	}
	for _, r := range s.recv {
		if r.silent != nil {
			if err := r.silent.Renew(); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin makes the base-OT points of an instance.
func (x *sender) begin(sid []byte) error {
	if x.OT == cost.IKNP {
		state, first, err := ot.NewIKNPSetup(sid, x.delta, rand.Reader)
		if err != nil {
			return err
		}
		x.first, x.points, x.finish = first, state, func(reply []byte) (ot.COTSender, error) { return state.Finish(reply) }
		return nil
	}
	state, first, err := ot.NewSenderSetup(sid, x.delta, rand.Reader)
	if err != nil {
		return err
	}
	x.first, x.points, x.finish = first, state, func(reply []byte) (ot.COTSender, error) { return state.Finish(reply) }
	return nil
}

// answer makes the receiver of an instance from the sender's points.
func (r *receiver) answer(sid, points []byte) (err error) {
	if r.OT == cost.IKNP {
		r.cot, r.reply, err = ot.NewIKNPReceiver(sid, points, rand.Reader)
		return err
	}
	r.cot, r.reply, err = ot.NewReceiver(sid, points, rand.Reader)
	return err
}

// sid is the session id of one instance's base OTs.
func (s *setup) sid(sender cost.Party, i int) []byte {
	return fmt.Appendf(nil, "%s/%s/%d", s.id[:], sender, i)
}

// open gives the sender's first message: hash key, Ferret's seed, points.
func (x *sender) open() [][]byte {
	key := make([]byte, prg.BlockBytes)
	x.key.Put(key)
	if !x.Silent() {
		return [][]byte{key, x.first}
	}
	return [][]byte{key, x.seed[:], x.first}
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

// cross sends while it receives.
func (s *setup) cross(send, recv func() error) error {
	s.conn.Begin()
	sent := make(chan error, 1)
	go func() {
		err := send()
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
	r := s.recv[i]
	toReceiver, _ := r.SetupBytes()
	s.conn.SetRecvTag(int(cost.Offline), cost.SessionTag)
	buf := make([]byte, toReceiver)
	if err := s.conn.ReadFull(buf); err != nil {
		return err
	}
	r.key = prg.LoadBlock(buf)
	buf = buf[cost.HashKeyBytes:]
	if r.Silent() {
		buf = buf[copy(r.seed[:], buf):]
	}
	return r.answer(s.sid(s.program.Party.Other(), i), buf)
}

// sendBase makes the base of a Ferret instance, whose choices are random, and Ferret from it.
func (s *setup) sendBase(r *receiver) error {
	if !r.Silent() {
		return nil
	}
	n := int(r.Base())
	choice, m := make([]uint64, ring.BitWords(n)), make([]prg.Block, n)
	defer ring.Wipe(choice)
	defer ring.Wipe(m)
	if _, err := rand.Read(ring.Bytes(choice)); err != nil {
		return err
	}
	u, err := r.cot.Extend(choice, n, m)
	if err != nil {
		return err
	}
	if err := s.write(cost.SessionTag, u); err != nil {
		return err
	}
	r.silent, err = ot.NewFerretReceiver(r.Set, r.seed, choice, m)
	r.cot.Wipe() // it has made the base, and makes nothing else
	return err
}

func (s *setup) finish() error {
	if err := s.checkMark(2); err != nil {
		return err
	}
	s.conn.SetRecvTag(int(cost.Offline), cost.SessionTag)
	for _, x := range fresh(s, s.send) {
		_, toSender := x.SetupBytes()
		buf := make([]byte, toSender-cost.SoftSpokenBytes(x.Base()))
		if err := s.conn.ReadFull(buf); err != nil {
			return err
		}
		var err error
		if x.cot, err = x.finish(buf); err != nil {
			return err
		}
		x.points.Wipe()
		if err := s.readBase(x); err != nil {
			return err
		}
	}
	return nil
}

// readBase is the sender's end of sendBase.
func (s *setup) readBase(x *sender) error {
	if !x.Silent() {
		return nil
	}
	n := int(x.Base())
	u, k := make([]byte, cost.SoftSpokenBytes(x.Base())), make([]prg.Block, n)
	defer ring.Wipe(k)
	if err := s.conn.ReadFull(u); err != nil {
		return err
	}
	if err := x.cot.Extend(n, u, k); err != nil {
		return err
	}
	var err error
	x.silent, err = ot.NewFerretSender(x.Set, x.seed, x.delta, k, rand.Reader)
	x.cot.Wipe()
	return err
}

// ots gives the machine of the next run its ends: pads' first, then one a garbled batch.
func (s *setup) ots() *vm.OTs {
	out := &vm.OTs{}
	x, own := s.program.Extensions, s.program.Party
	send, recv := s.send, s.recv
	if x.Pads[own] > 0 {
		out.Send, send = send[0].pads(s.runs), send[1:]
	}
	if x.Pads[own.Other()] > 0 {
		out.Recv, recv = recv[0].pads(s.runs), recv[1:]
	}
	for _, g := range x.Garbled {
		if g.Garbler == own {
			key := runKey(send[0].key, s.runs)
			out.Batches = append(out.Batches, vm.Batch{Hash: prg.NewHash(key), Key: key, Delta: send[0].delta, Seed: prg.NewSeed(),
				Sender: send[0].cot, SilentSender: send[0].silent})
			send = send[1:]
		} else {
			key := runKey(recv[0].key, s.runs)
			out.Batches = append(out.Batches, vm.Batch{Hash: prg.NewHash(key), Key: key, Receiver: recv[0].cot, SilentReceiver: recv[0].silent})
			recv = recv[1:]
		}
	}
	s.runs++
	return out
}

// runKey is the hash key of a run of an instance, from that of its first one. It is public.
func runKey(first prg.Block, run uint64) prg.Block {
	if run == 0 {
		return first
	}
	seed := first.Seed()
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(append([]byte("sotto hash key of a run"), seed[:]...), run))
	return prg.LoadBlock(sum[:])
}

// handOver leaves the instances to the machine, which wipes them.
func (s *setup) handOver() {
	for _, x := range s.send {
		x.delta = prg.Block{}
	}
	s.send, s.recv = nil, nil
}

// wipe forgets the instances that were not handed over.
func (s *setup) wipe() {
	for _, x := range s.send {
		x.delta = prg.Block{}
		x.points.Wipe()
		if x.cot != nil {
			x.cot.Wipe()
		}
		if x.silent != nil {
			x.silent.Wipe()
		}
	}
	for _, r := range s.recv {
		if r.cot != nil {
			r.cot.Wipe()
		}
		if r.silent != nil {
			r.silent.Wipe()
		}
	}
}

func (x *sender) pads(run uint64) vm.PadSender {
	end := vm.COTSender(x.cot)
	if x.Silent() {
		end = vm.FerretSender(x.silent)
	}
	key := runKey(x.key, run)
	return vm.PadSender{End: end, Hash: prg.NewHash(key), Key: key, Keys: prg.NewCounter(prg.COTPad)}
}

func (r *receiver) pads(run uint64) vm.PadReceiver {
	end := vm.COTReceiver(r.cot)
	if r.Silent() {
		end = vm.FerretReceiver(r.silent)
	}
	key := runKey(r.key, run)
	return vm.PadReceiver{End: end, Hash: prg.NewHash(key), Key: key, Keys: prg.NewCounter(prg.COTPad)}
}
