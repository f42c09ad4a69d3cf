package ot

// SoftSpoken OT extension, semi-honest: L. Roy, "SoftSpokenOT: Quieter OT Extension from Small-Field Silent VOLE in the Minicrypt
// Model", CRYPTO 2022: the small-field VOLE of section 3.1 over the trees of section 3.2 (ggm.go), one for each k bits of
// Delta, joined by the repetition code to correlated OTs with chosen choice bits.
//
//	k = 4, kappa = 128       kappa/k = 32 trees of 2^k = 16 leaves
//	Delta                    sender's correlation; tree t punctures at Delta_t, its bits 4t .. 4t+3
//	r_x                      bits expanded from leaf x of a tree, one an OT
//	c, u                     receiver's choice bits; u = xor of r_x, the VOLE's own random choices
//	V, W                     v = sum of x*r_x at the receiver, w = sum of (x ^ Delta_t)*r_x = v + Delta_t*u at the sender,
//	                         over F_2^k added as bits: k columns a tree
//
//	Sender (Delta)                                           Receiver
//	set-up, once:
//	1. base OTs with choices not Delta
//	                     ---- 128 points ---->
//	2.                                                       base-OT keys; trees; leaf streams r_x
//	                     <---- point, corrections ----
//	3. keys; leaves but Delta_t, as streams
//	for each batch of n:
//	4.                                                       d_t = u_t ^ c; M_i = row i of V
//	                     <---- d_t for each tree ----
//	5. K_i = row i of W ^ Delta_t*d_t, so M = K ^ c*Delta
//
// Cost: set-up 2 messages, cost.SoftSpokenSetupBytes; a batch 1 message, cost.SoftSpokenBytes(n) = 32 words for each 64 OTs
// begun = 4 bytes an OT; AES blocks cost.SoftSpokenAES: 4 an OT, 3.75 at the sender.
//
// The message is a sequence of records, one for each 64 OTs, of one word a tree. OTs left over in the last record are lost.
// Leaf streams go on from batch to batch, so batches of a multiple of 64 are the same as one batch of their sum.

import (
	"fmt"
	"io"

	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

const (
	trees       = kappa / fieldBits
	recordBytes = 8 * trees // a record covers tileRows OTs

	msg1Bytes = kappa * pointBytes
	msg2Bytes = pointBytes + trees*correctionBlocks*prg.BlockBytes
)

// SenderSetup is the sender between the two messages of the set-up.
type SenderSetup struct {
	delta prg.Block
	base  *BaseReceiver
}

// NewSenderSetup starts the set-up of a sender with the given Delta, all of whose bits are the caller's choice. Both parties give
// the same session id, never used before by them. It fails when rnd does.
func NewSenderSetup(sid []byte, delta prg.Block, rnd io.Reader) (*SenderSetup, []byte, error) {
	base, msg1, err := NewBaseReceiver(sid, []uint64{^delta.Lo, ^delta.Hi}, kappa, rnd) // step 1
	if err != nil {
		return nil, nil, fmt.Errorf("softspoken set-up: %w", err)
	}
	return &SenderSetup{delta, base}, msg1, nil
}

// Wipe forgets Delta and the base OTs' choices, which are Delta's bits.
func (s *SenderSetup) Wipe() {
	s.delta = prg.Block{}
	s.base.Wipe()
}

// Finish makes the sender from the receiver's message. It fails when the message has the wrong length or no valid point.
func (s *SenderSetup) Finish(msg2 []byte) (*Sender, error) {
	if len(msg2) != msg2Bytes {
		return nil, fmt.Errorf("softspoken set-up: receiver's message: %d bytes, want %d", len(msg2), msg2Bytes)
	}
	keys, err := s.base.Keys(msg2[:pointBytes]) // step 3
	if err != nil {
		return nil, fmt.Errorf("softspoken set-up: %w", err)
	}
	defer ring.Wipe(keys)
	sender := &Sender{delta: s.delta, forest: forest{from: 1}}
	for t := range trees {
		const size = correctionBlocks * prg.BlockBytes
		corr := loadCorrections(msg2[pointBytes+t*size:])
		node := puncturedTree(sender.treeDelta(t), [fieldBits]prg.Block(keys[t*fieldBits:]), corr)
		sender.forest.plant(t, node)
	}
	return sender, nil
}

// Sender is the extension sender: it holds Delta and gets K.
type Sender struct {
	delta  prg.Block
	forest forest // leaves by x ^ Delta_t: leaf 0 is the missing one
}

// Wipe forgets Delta and the trees. The sender is of no use afterwards.
func (s *Sender) Wipe() {
	s.delta = prg.Block{}
	s.forest.wipe()
}

// Delta is the correlation M ^ K of the OTs whose choice is 1.
func (s *Sender) Delta() prg.Block { return s.delta }

// treeDelta gives the bits of Delta that tree t punctures.
func (s *Sender) treeDelta(t int) uint64 {
	half := s.delta.Lo
	if t >= trees/2 {
		half = s.delta.Hi
	}
	return half >> (t % (trees / 2) * fieldBits)
}

// Leaves gives the secret keys of the leaves' streams, tree by tree in order of x ^ Delta_t, the missing ones as zeros: for
// another implementation that goes on from the set-up.
func (s *Sender) Leaves() []prg.Block { return s.forest.keys() }

// MessageBytes is the size of the receiver's message of n OTs.
func (s *Sender) MessageBytes(n int) int { return messageBytes(n) }

func messageBytes(n int) int { return ring.BitWords(n) * recordBytes }

// Extend takes the receiver's message u of n OTs, cost.SoftSpokenBytes(n) bytes, and fills k, n blocks, with K. It fails, and
// changes no state, when a length does not fit n.
func (s *Sender) Extend(n int, u []byte, k []prg.Block) error {
	if err := checkLengths("sender", n, len(k)); err != nil {
		return err
	}
	if want := ring.BitWords(n) * recordBytes; len(u) != want {
		return fmt.Errorf("softspoken extension: receiver's message: %d bytes, want %d for %d OTs", len(u), want, n)
	}
	s.forest.extend(k, func(m *matrix, space *treeSpace, t, first, n int) { // step 5
		getRecords(space.line[:], u[first*recordBytes+8*t:], recordBytes, n)
		for i := range space.line {
			s.forest.expandTree(t+i, &space.leaf, m, first, n)
			s.correct(m.field(t+i), t+i, &space.line[i], n)
		}
	})
	return nil
}

// correct adds Delta_t*d to the k columns w of tree t.
func (s *Sender) correct(w *[fieldBits]column, t int, d *column, n int) {
	delta := s.treeDelta(t)
	for j := range w {
		w[j].addMasked(d, -(delta >> j & 1), n)
	}
}

// Receiver is the extension receiver: it chooses and gets M.
type Receiver struct {
	forest forest // leaves by x
}

// NewReceiver takes the sender's message of the set-up and gives the receiver, ready to extend, and the message that the sender
// finishes with. It fails when msg1 has the wrong length or an invalid point, or rnd fails.
func NewReceiver(sid []byte, msg1 []byte, rnd io.Reader) (*Receiver, []byte, error) {
	point, keys, err := BaseSend(sid, kappa, msg1, rnd) // step 2
	if err != nil {
		return nil, nil, fmt.Errorf("softspoken set-up: %w", err)
	}
	defer ring.Wipe(keys)
	r := new(Receiver)
	msg2 := append(make([]byte, 0, msg2Bytes), point...)
	for t := range trees {
		node, corr := makeTree(treeKeys(keys[t*fieldBits:]))
		msg2 = corr.append(msg2)
		r.forest.plant(t, node)
	}
	return r, msg2, nil
}

// MessageBytes is the size of the message of n OTs.
func (r *Receiver) MessageBytes(n int) int { return messageBytes(n) }

// Extend is ExtendTo with a message of its own, cost.SoftSpokenBytes(n) bytes.
func (r *Receiver) Extend(choice []uint64, n int, m []prg.Block) ([]byte, error) {
	msg := make([]byte, messageBytes(len(m)))
	if err := r.ExtendTo(msg, choice, n, m); err != nil {
		return nil, err
	}
	return msg, nil
}

// ExtendTo makes n OTs with the given choices: it fills m, n blocks, with M, and msg, MessageBytes(n) bytes, with the message to the
// sender. c_i is bit i%64 of choice[i/64]; bits of the last word beyond n do not matter. It fails, and changes no state, when
// a length does not fit n.
func (r *Receiver) ExtendTo(msg []byte, choice []uint64, n int, m []prg.Block) error {
	if err := checkLengths("receiver", n, len(m)); err != nil {
		return err
	}
	if want := ring.BitWords(n); len(choice) != want || len(msg) != messageBytes(n) {
		return fmt.Errorf("softspoken extension: receiver: %d words of choice bits and a message of %d bytes for %d OTs, want %d words and %d bytes",
			len(choice), len(msg), n, want, messageBytes(n))
	}
	r.forest.extend(m, func(m *matrix, s *treeSpace, t, first, n int) { // step 4
		for i := range s.line {
			r.forest.expandTree(t+i, &s.leaf, m, first, n)
			s.line[i] = s.leaf.u
		}
		putRecords(msg[first*recordBytes+8*t:], recordBytes, s.line[:], choice[first:first+n], n)
	})
	return nil
}

// Leaves gives the secret keys of the leaves' streams, tree by tree in order of x: see Sender.Leaves.
func (r *Receiver) Leaves() []prg.Block { return r.forest.keys() }

// Wipe forgets the trees. The receiver is of no use afterwards.
func (r *Receiver) Wipe() { r.forest.wipe() }

func checkLengths(party string, n, blocks int) error {
	if n < 0 || blocks != n {
		return fmt.Errorf("softspoken extension: %s: %d blocks for the result of %d OTs, want as many as OTs", party, blocks, n)
	}
	return nil
}
