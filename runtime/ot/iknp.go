package ot

// IKNP OT extension, semi-honest: Y. Ishai, J. Kilian, K. Nissim and E. Petrank, "Extending Oblivious Transfers Efficiently",
// CRYPTO 2003, in the form of G. Asharov, Y. Lindell, T. Schneider and M. Zohner, "More Efficient Oblivious Transfer and
// Extensions for Faster Secure Computation", CCS 2013 (Protocol 4, which sends one column for two), to correlated OTs with
// chosen choice bits.
//
//	kappa = 128              base OTs, and columns
//	Delta                    sender's correlation, s in the paper; bit j chooses in base OT j
//	k0_j, k1_j               keys of base OT j, seeds of the streams G(k0_j) and G(k1_j), a bit an OT
//	c                        receiver's choice bits, r in the paper
//	t_j, q_j                 columns j of the matrices whose rows are the blocks: M_i is row i of T, K_i of Q
//
//	Sender (Delta)                                           Receiver
//	set-up, once:
//	1. base OTs with choices Delta
//	                     ---- 128 points ---->
//	2.                                                       keys k0_j, k1_j
//	                     <---- point ----
//	3. keys, of which it has those of Delta_j
//	for each batch of n:
//	4.                                                       t_j = G(k0_j); u_j = t_j ^ G(k1_j) ^ c
//	                     <---- u_j for each column ----
//	5. q_j = G(k_j) ^ Delta_j*u_j = t_j ^ Delta_j*c, so M = K ^ c*Delta
//
// Cost: set-up 2 messages, cost.IKNPSetupBytes; a batch 1 message, cost.IKNPBytes(n) = 128 words for each 64 OTs begun = 16
// bytes an OT; AES blocks: 2 an OT at the receiver, 1 at the sender. SoftSpoken (softspoken.go) sends a quarter and takes
// twice the blocks and more.
//
// The message is a sequence of records, one for each 64 OTs, of one word a column. OTs left over in the last record are lost.

import (
	"fmt"
	"io"

	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

const iknpRecordBytes = 8 * kappa

// IKNPSetup is the sender between the two messages of the set-up.
type IKNPSetup struct {
	delta prg.Block
	base  *BaseReceiver
}

// NewIKNPSetup starts the set-up of a sender with the given Delta, all of whose bits are the caller's choice. Both parties give the
// same session id, never used before by them. It fails when rnd does.
func NewIKNPSetup(sid []byte, delta prg.Block, rnd io.Reader) (*IKNPSetup, []byte, error) {
	base, msg1, err := NewBaseReceiver(sid, []uint64{delta.Lo, delta.Hi}, kappa, rnd) // step 1
	if err != nil {
		return nil, nil, fmt.Errorf("iknp set-up: %w", err)
	}
	return &IKNPSetup{delta, base}, msg1, nil
}

// Wipe forgets Delta and the base OTs' choices, which are Delta's bits.
func (s *IKNPSetup) Wipe() {
	s.delta = prg.Block{}
	s.base.Wipe()
}

// Finish makes the sender from the receiver's message. It fails when the message is no valid point.
func (s *IKNPSetup) Finish(msg2 []byte) (*IKNPSender, error) {
	keys, err := s.base.Keys(msg2) // step 3
	if err != nil {
		return nil, fmt.Errorf("iknp set-up: %w", err)
	}
	defer ring.Wipe(keys)
	sender := &IKNPSender{delta: s.delta}
	for j, k := range keys {
		sender.stream[j] = prg.NewStream(k.Seed())
	}
	return sender, nil
}

// IKNPSender is the extension sender: it holds Delta and gets K.
type IKNPSender struct {
	delta  prg.Block
	stream [kappa]*prg.Stream
	words  uint64 // of each stream that are used up
	spaces chunkSpaces[[lineColumns]column]
}

// Wipe forgets Delta and the columns. The sender is of no use afterwards.
func (s *IKNPSender) Wipe() {
	s.delta = prg.Block{}
	wipeStreams(s.stream[:])
}

// Delta is the correlation M ^ K of the OTs whose choice is 1.
func (s *IKNPSender) Delta() prg.Block { return s.delta }

// MessageBytes is the size of the receiver's message of n OTs.
func (s *IKNPSender) MessageBytes(n int) int { return iknpBytes(n) }

func iknpBytes(n int) int { return ring.BitWords(n) * iknpRecordBytes }

// Extend takes the receiver's message u of n OTs, cost.IKNPBytes(n) bytes, and fills k, n blocks, with K. It fails, and changes no
// state, when a length does not fit n.
func (s *IKNPSender) Extend(n int, u []byte, k []prg.Block) error {
	if n < 0 || len(k) != n || len(u) != s.MessageBytes(n) {
		return fmt.Errorf("iknp extension: sender: %d blocks and a message of %d bytes for %d OTs, want as many blocks and %d bytes",
			len(k), len(u), n, s.MessageBytes(max(n, 0)))
	}
	s.spaces.extend(k, func(q *matrix, line *[lineColumns]column, first, n int) { // step 5
		for j := range q {
			if j%lineColumns == 0 {
				getRecords(line[:], u[first*iknpRecordBytes+8*j:], iknpRecordBytes, n)
			}
			s.stream[j].WordsAt(q[j][:n], s.words+uint64(first))
			q[j].addMasked(&line[j%lineColumns], s.bitMask(j), n)
		}
	})
	s.words += uint64(ring.BitWords(n))
	return nil
}

// bitMask is all ones if bit j of Delta is one.
func (s *IKNPSender) bitMask(j int) uint64 {
	half := s.delta.Lo
	if j >= 64 {
		half = s.delta.Hi
	}
	return -(half >> (j % 64) & 1)
}

// IKNPReceiver is the extension receiver: it chooses and gets M.
type IKNPReceiver struct {
	zero, one [kappa]*prg.Stream // of k0 and k1
	words     uint64             // of each that are used up
	spaces    chunkSpaces[[lineColumns]column]
}

// NewIKNPReceiver takes the sender's message of the set-up and gives the receiver, ready to extend, and the message that the sender
// finishes with. It fails when msg1 has the wrong length or an invalid point, or rnd fails.
func NewIKNPReceiver(sid []byte, msg1 []byte, rnd io.Reader) (*IKNPReceiver, []byte, error) {
	point, keys, err := BaseSend(sid, kappa, msg1, rnd) // step 2
	if err != nil {
		return nil, nil, fmt.Errorf("iknp set-up: %w", err)
	}
	defer ring.Wipe(keys)
	r := new(IKNPReceiver)
	for j, k := range keys {
		r.zero[j], r.one[j] = prg.NewStream(k[0].Seed()), prg.NewStream(k[1].Seed())
	}
	return r, point, nil
}

// MessageBytes is the size of the message of n OTs.
func (r *IKNPReceiver) MessageBytes(n int) int { return iknpBytes(n) }

// Extend is ExtendTo with a message of its own, cost.IKNPBytes(n) bytes.
func (r *IKNPReceiver) Extend(choice []uint64, n int, m []prg.Block) ([]byte, error) {
	msg := make([]byte, iknpBytes(len(m)))
	if err := r.ExtendTo(msg, choice, n, m); err != nil {
		return nil, err
	}
	return msg, nil
}

// ExtendTo makes n OTs with the given choices: it fills m, n blocks, with M, and msg, MessageBytes(n) bytes, with the message to the
// sender. c_i is bit i%64 of choice[i/64]; bits of the last word beyond n do not matter. It fails, and changes no state, when
// a length does not fit n.
func (r *IKNPReceiver) ExtendTo(msg []byte, choice []uint64, n int, m []prg.Block) error {
	if n < 0 || len(m) != n || len(choice) != ring.BitWords(n) || len(msg) != iknpBytes(n) {
		return fmt.Errorf("iknp extension: receiver: %d blocks, %d words of choice bits and a message of %d bytes for %d OTs, want as many blocks, %d words and %d bytes",
			len(m), len(choice), len(msg), n, ring.BitWords(max(n, 0)), iknpBytes(max(n, 0)))
	}
	r.spaces.extend(m, func(t *matrix, line *[lineColumns]column, first, n int) { // step 4
		for j := range t {
			r.zero[j].WordsAt(t[j][:n], r.words+uint64(first))
			sum := &line[j%lineColumns]
			r.one[j].WordsAt(sum[:n], r.words+uint64(first))
			sum.add(&t[j], n)
			if from := j + 1 - lineColumns; from%lineColumns == 0 {
				putRecords(msg[first*iknpRecordBytes+8*from:], iknpRecordBytes, line[:], choice[first:first+n], n)
			}
		}
	})
	r.words += uint64(len(choice))
	return nil
}

// Wipe forgets the columns. The receiver is of no use afterwards.
func (r *IKNPReceiver) Wipe() {
	wipeStreams(r.zero[:])
	wipeStreams(r.one[:])
}
