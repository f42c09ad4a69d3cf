// Package ideal holds ideal functionalities: what each protocol would be with a trusted party. Tests compare a protocol with
// its ideal, and test what stands on a protocol without running it. Nothing here protects anything: both parties' ends live in
// one process.
package ideal

import (
	"fmt"

	"sotto/runtime/prg"
)

// COT is the functionality of correlated OT: for each choice bit c of the receiver it draws a random block K for the sender and
// gives the receiver M = K ^ c*Delta. Its ends have the methods of ot.COTSender and ot.COTReceiver; they exchange empty messages.
type COT struct {
	Sender   COTSender
	Receiver COTReceiver
}

// NewCOT starts a trusted party that draws its blocks from seed.
func NewCOT(delta prg.Block, seed prg.Seed) *COT {
	return &COT{COTSender{delta, prg.NewStream(seed)}, COTReceiver{delta, prg.NewStream(seed)}}
}

// COTSender is the trusted party's end for the sender.
type COTSender struct {
	delta prg.Block
	k     *prg.Stream
}

// Delta is the correlation.
func (s *COTSender) Delta() prg.Block { return s.delta }

// MessageBytes is 0: the ends exchange nothing.
func (s *COTSender) MessageBytes(int) int { return 0 }

// Extend fills k, n blocks, with K. It fails when a length does not fit n.
func (s *COTSender) Extend(n int, u []byte, k []prg.Block) error {
	if n < 0 || len(k) != n || len(u) != 0 {
		return fmt.Errorf("ideal COT: sender: %d OTs with %d blocks and a message of %d bytes, want as many blocks and none", n, len(k), len(u))
	}
	s.k.Blocks(k)
	return nil
}

// Wipe forgets Delta and K.
func (s *COTSender) Wipe() {
	s.delta = prg.Block{}
	s.k.Wipe()
}

// COTReceiver is the trusted party's end for the receiver.
type COTReceiver struct {
	delta prg.Block
	k     *prg.Stream
}

// Extend fills m, n blocks, with M for the choices, bit i%64 of choice[i/64] for OT i, and gives the empty message. It fails when
// a length does not fit n.
func (r *COTReceiver) Extend(choice []uint64, n int, m []prg.Block) ([]byte, error) {
	if n < 0 || len(m) != n || len(choice) != (n+63)/64 {
		return nil, fmt.Errorf("ideal COT: receiver: %d OTs with %d blocks and %d words of choice bits", n, len(m), len(choice))
	}
	r.k.Blocks(m)
	for i := range m {
		m[i] = m[i].Xor(r.delta.MaskIf(choice[i/64] >> (i % 64)))
	}
	return nil, nil
}

// ExtendTo is Extend with the empty message in u.
func (r *COTReceiver) ExtendTo(u []byte, choice []uint64, n int, m []prg.Block) error {
	if len(u) != 0 {
		return fmt.Errorf("ideal COT: receiver: room for a message of %d bytes, want none", len(u))
	}
	_, err := r.Extend(choice, n, m)
	return err
}

// MessageBytes is 0: the ends exchange nothing.
func (r *COTReceiver) MessageBytes(int) int { return 0 }

// Wipe forgets Delta and K.
func (r *COTReceiver) Wipe() {
	r.delta = prg.Block{}
	r.k.Wipe()
}
