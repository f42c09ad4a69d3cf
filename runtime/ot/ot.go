// Package ot makes oblivious transfers: base OTs from public-key operations, their extension to many correlated OTs from
// symmetric ones, and random OTs from those. Semi-honest security, kappa = 128.
//
// The two parties are called the sender, who holds Delta, and the receiver, who chooses. Everything here is a local step: a
// step takes the peer's last message and gives the next one, and the caller moves the bytes. Protocol state is used by one
// goroutine at a time; inside a step the work is spread over the cores.
//
// A correlated OT (COT) gives the sender a random block K, and the receiver, who chooses c, the block M = K ^ c*Delta. Under
// a hash K and K ^ Delta become the two pads of a random OT, of which the receiver knows the chosen one.
package ot

import "sotto/runtime/prg"

// COTReceiver is the choosing side of a COT extension.
type COTReceiver interface {
	// Extend fills m, n blocks, with M_i = K_i ^ c_i*Delta and gives the message to the sender. c_i is bit i%64 of
	// choice[i/64]; choice has ceil(n/64) words, and what its last word holds beyond n does not matter. It fails, and
	// changes no state, when a length does not fit n.
	Extend(choice []uint64, n int, m []prg.Block) (u []byte, err error)
	// ExtendTo is Extend with the message in u, MessageBytes(n) bytes: for callers that make many.
	ExtendTo(u []byte, choice []uint64, n int, m []prg.Block) error
	// MessageBytes is the size of the message of n COTs.
	MessageBytes(n int) int
	// Wipe forgets the state. The receiver is of no use afterwards.
	Wipe()
}

// COTSender is the side of a COT extension that holds Delta.
type COTSender interface {
	// Delta is the correlation of all COTs of this sender.
	Delta() prg.Block
	// MessageBytes is the size of the receiver's message of n COTs.
	MessageBytes(n int) int
	// Extend fills k, n blocks, with K_i from the receiver's message of the same step with the same n. It fails, and
	// changes no state, when a length does not fit n.
	Extend(n int, u []byte, k []prg.Block) error
	// Wipe forgets Delta and the state. The sender is of no use afterwards.
	Wipe()
}
