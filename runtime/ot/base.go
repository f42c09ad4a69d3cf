package ot

// Base oblivious transfer: random 1-of-2 OTs from Diffie-Hellman, in the form of M. Naor and B. Pinkas, "Efficient
// Oblivious Transfer Protocols", SODA 2001, section 3.1, which batches M. Bellare and S. Micali, CRYPTO 1989. Semi-honest,
// in the random oracle model, under CDH.
//
//	G, g   ristretto255 and its generator (RFC 9496), written additively
//	C      common point, hashed to the group from the session id: nobody knows its logarithm
//	c_j    receiver's choice bit of OT j
//	s      sender's one secret scalar
//	H      SHA-256 cut to 128 bits, as a random oracle
//
//	Receiver (c_j)                                        Sender
//	1. x_j random; PK_{c_j} = x_j g, PK_{1-c_j} = C - x_j g
//	                     ---- PK_0 of each j ---->
//	2.                                                    s random; PK_1 = C - PK_0
//	                                                      k_b = H(sid, j, S, PK_0, s PK_b) for b = 0, 1
//	                     <------- S = s g --------
//	3. k_{c_j} = H(sid, j, S, PK_0, x_j S)
//
// Cost: 2 messages, 32 n bytes to the sender (cost.BaseOTBytes) and 32 bytes back, which may travel with what follows.
// Point multiplications: receiver 2 n, sender n + 2.

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/gtank/ristretto255"

	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

const (
	pointBytes   = 32 // RFC 9496, section 4.3.1
	uniformBytes = 64 // input of the map to the group and of the reduction to a scalar: RFC 9496, sections 4.3.4 and 4.4

	commonPointDomain = "sotto base OT: common point"
	keyDomain         = "sotto base OT: key"
)

// commonPoint hashes the session id to C.
func commonPoint(sid []byte) (*ristretto255.Element, error) {
	h := sha512.Sum512(append([]byte(commonPointDomain), sid...))
	return ristretto255.NewIdentityElement().SetUniformBytes(h[:])
}

// randomScalar draws a uniform scalar.
func randomScalar(rnd io.Reader) (*ristretto255.Scalar, error) {
	var b [uniformBytes]byte
	if _, err := io.ReadFull(rnd, b[:]); err != nil {
		return nil, fmt.Errorf("base OT: randomness: %w", err)
	}
	return ristretto255.NewScalar().SetUniformBytes(b[:])
}

// decodePoint reads an element of the group other than the identity, whose multiples hide nothing.
func decodePoint(b []byte) (*ristretto255.Element, error) {
	p, err := ristretto255.NewIdentityElement().SetCanonicalBytes(b)
	if err != nil {
		return nil, err
	}
	if p.Equal(ristretto255.NewIdentityElement()) == 1 {
		return nil, fmt.Errorf("the identity element is not accepted")
	}
	return p, nil
}

// oracle is H with the session's part of its input fixed. Every field but the session id has a fixed length, so that no two
// inputs run together.
type oracle struct{ prefix []byte }

func newOracle(sid, s []byte) oracle {
	p := binary.LittleEndian.AppendUint64([]byte(keyDomain), uint64(len(sid)))
	return oracle{append(append(p, sid...), s...)}
}

// key gives H(sid, j, S, PK_0, shared).
func (o oracle) key(j int, pk0 []byte, shared *ristretto255.Element) prg.Block {
	h := sha256.New()
	h.Write(o.prefix)
	h.Write(binary.LittleEndian.AppendUint64(nil, uint64(j)))
	h.Write(pk0)
	h.Write(shared.Bytes())
	return prg.LoadBlock(h.Sum(nil))
}

// BaseSend plays the sender of n random OTs: msg1 is the receiver's n points, point is S for the receiver, keys[j] are the
// two keys of OT j. It fails on a message of the wrong length and on bytes that are no canonical encoding of a
// non-identity element.
func BaseSend(sid []byte, n int, msg1 []byte, rnd io.Reader) (point []byte, keys [][2]prg.Block, err error) {
	if len(msg1) != n*pointBytes {
		return nil, nil, fmt.Errorf("base OT: receiver's points: %d bytes, want %d points of %d bytes = %d",
			len(msg1), n, pointBytes, n*pointBytes)
	}
	c, err := commonPoint(sid)
	if err != nil {
		return nil, nil, err
	}
	s, err := randomScalar(rnd) // step 2
	if err != nil {
		return nil, nil, err
	}
	defer s.Zero()
	point = ristretto255.NewIdentityElement().ScalarBaseMult(s).Bytes()
	sC := c.ScalarMult(s, c)
	h := newOracle(sid, point)
	keys = make([][2]prg.Block, n)
	errs := make([]error, n)
	eachOT(n, func(j int) {
		pk0 := msg1[j*pointBytes : (j+1)*pointBytes]
		p, err := decodePoint(pk0)
		if err != nil {
			errs[j] = fmt.Errorf("base OT: receiver's point %d of %d: %w", j, n, err)
			return
		}
		p.ScalarMult(s, p)
		keys[j][0] = h.key(j, pk0, p)
		keys[j][1] = h.key(j, pk0, p.Subtract(sC, p)) // s (C - PK_0)
	})
	for _, err := range errs {
		if err != nil {
			ring.Wipe(keys)
			return nil, nil, err
		}
	}
	return point, keys, nil
}

// eachOT calls f for n OTs, on all cores: each is some multiplications of points, and independent of the others.
func eachOT(n int, f func(j int)) {
	const share = 8 // OTs, half a millisecond: many times what waking a core takes
	ring.Parallel(n, share, func(lo, hi int) {
		for j := lo; j < hi; j++ {
			f(j)
		}
	})
}

// BaseReceiver is the receiver of random OTs between its two steps.
type BaseReceiver struct {
	sid  []byte
	x    []*ristretto255.Scalar
	msg1 []byte
}

// NewBaseReceiver chooses with n bits, that of OT j being bit j%64 of choice[j/64], and gives the message to the sender. It fails
// when rnd does or choice has not ceil(n/64) words.
func NewBaseReceiver(sid []byte, choice []uint64, n int, rnd io.Reader) (*BaseReceiver, []byte, error) {
	if len(choice) != ring.BitWords(n) {
		return nil, nil, fmt.Errorf("base OT: choice bits: %d words, want %d for %d OTs", len(choice), ring.BitWords(n), n)
	}
	r := &BaseReceiver{sid, make([]*ristretto255.Scalar, n), make([]byte, n*pointBytes)}
	c, err := commonPoint(sid)
	if err != nil {
		return nil, nil, err
	}
	for j := range r.x {
		if r.x[j], err = randomScalar(rnd); err != nil {
			return nil, nil, err
		}
	}
	eachOT(n, func(j int) { // step 1
		pk0 := publicKey(choice[j/64]>>(j%64)&1, r.x[j], c)
		copy(r.msg1[j*pointBytes:], pk0)
	})
	return r, slices.Clone(r.msg1), nil
}

// publicKey gives PK_0 for a choice bit: x g, or C - x g. Both are computed, and the bytes selected.
func publicKey(choice uint64, x *ristretto255.Scalar, c *ristretto255.Element) []byte {
	own := ristretto255.NewIdentityElement().ScalarBaseMult(x)
	pk0 := own.Bytes()
	subtle.ConstantTimeCopy(int(choice), pk0, own.Subtract(c, own).Bytes())
	return pk0
}

// Wipe forgets the scalars, which with the points tell the choices.
func (r *BaseReceiver) Wipe() {
	for _, x := range r.x {
		x.Zero()
	}
}

// Keys gives the chosen key of each OT from the sender's point. It fails on bytes that are no canonical encoding of a
// non-identity element.
func (r *BaseReceiver) Keys(point []byte) ([]prg.Block, error) {
	s, err := decodePoint(point)
	if err != nil {
		return nil, fmt.Errorf("base OT: sender's point: %w", err)
	}
	h := newOracle(r.sid, point)
	keys := make([]prg.Block, len(r.x))
	eachOT(len(keys), func(j int) { // step 3
		shared := ristretto255.NewIdentityElement().ScalarMult(r.x[j], s)
		keys[j] = h.key(j, r.msg1[j*pointBytes:(j+1)*pointBytes], shared)
	})
	return keys, nil
}
