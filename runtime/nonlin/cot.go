package nonlin

// A correlated OT in the ring from a random one, precomputed: D. Beaver, "Precomputing Oblivious Transfer", CRYPTO 1995,
// with the sender's two messages correlated as in G. Asharov, Y. Lindell, T. Schneider, M. Zohner, "More Efficient
// Oblivious Transfer and Extensions for Faster Secure Computation", CCS 2013. Semi-honest.
//
//	p0, p1    the sender's pads, uniform     c, q    the receiver's random choice and its pad q = p_c
//	delta     the sender's correlation       b       the receiver's choice
//	e, v      correction and correlation, the two messages
//
//	Sender                                         Receiver
//	1. v = delta - (p1 - p0)                       1. e = b ^ c
//	                        ---- v ---->
//	                        <---- e ----           (the two cross)
//	2. share e*delta - (1-2e)*p0                   2. share (1-2e)*(q + c*v)
//
// The shares sum to b*delta: for e = 0 the receiver has q + c*v = p0 + c*delta and the sender -p0, c being b; for e = 1
// both signs turn and the sender adds delta, c being 1 - b. All of it holds mod 2^f, for any f, if v is sent mod 2^f.
//
// Leakage: none. c is uniform to the sender, so e is; p_(1-c) is uniform to the receiver, so v is, whatever c.
// Cost an OT: one bit from the receiver, f bits from the sender, one round. The random OT: what its extension sends
// (Ledger.RandomOT of ir/cost; by SoftSpoken cost.SoftSpokenBytes from the receiver), two hashes at the sender, one at the
// receiver (cost.PadAES).

import "sotto/runtime/ring"

// correlation is the sender's message v, not yet reduced.
func correlation[W ring.Word](delta, p0, p1 W) W { return delta - (p1 - p0) }

// senderShare is the sender's share of b*delta; e is 0 or 1.
func senderShare[W ring.Word](delta, p0, e W) W { return delta&-e - negateIf(p0, e) }

// receiverShare is the receiver's share of b*delta; e and c are 0 or 1.
func receiverShare[W ring.Word](q, v, e, c W) W { return negateIf(q+v&-c, e) }

// negateIf is (1-2b)*x, b 0 or 1, without a branch: -x is the complement of x, plus one.
func negateIf[W ring.Word](x, b W) W { return (x ^ -b) + b }
