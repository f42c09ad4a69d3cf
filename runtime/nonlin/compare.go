package nonlin

// Comparison by oblivious transfers, a digit of four bits at a time: D. Rathee, M. Rathee, N. Kumar, N. Chandran, D. Gupta,
// A. Rastogi, R. Sharma, "CrypTFlow2", CCS 2020 (Algorithm 1, millionaires' protocol), as in Z. Huang, W. Lu, C. Hong, J. Ding,
// "Cheetah", USENIX Security 2022, over precomputed OTs (D. Beaver, CRYPTO 1995). Semi-honest.
//
//	k          bits that are compared, 1 <= k <= l-1
//	R, S       receiver and sender of the OTs
//	r          x_R mod 2^k; s = 2^k - 1 - (x_S mod 2^k), the complement of the low bits
//	carry      [x_R mod 2^k + x_S mod 2^k >= 2^k] = [s < r]
//	r_j, s_j   digits of four bits, 0 <= j < q = ceil(k/4), j = 0 the least; the greatest may be narrower
//	P_j[v]     S's masks of the 16 messages of OT j, two bits each, uniform; c_j, Q_j = P_j[c_j] R's random choice and its mask
//	lt, eq     shared bits [s_j < r_j] and [s_j = r_j]
//	a, b, c    shares of a triple of bits, c = a*b; b', c' with the same a
//
//	R                                              S
//	1. e_j = r_j ^ c_j
//	                        ---- e ---->
//	                                               2. P'_j[v] = P_j[v ^ e_j]
//	                                               3. f_j[v] = ([s_j < v], [s_j = v]), m_j[v] = P'_j[v] ^ f_j[v] ^ share_j
//	                        <---- m ----              share_j = P'_j[0] ^ f_j[0]
//	4. share_j = m_j[r_j] ^ Q_j
//
// then ceil(log2 q) levels, where neighbours, high and low, become one digit, z = eq_high*lt_low and w = eq_high*eq_low:
//
//	R and S, likewise
//	5. D = eq_high ^ a, E = lt_low ^ b, E' = eq_low ^ b'
//	                        ---- D, E, E' ---->
//	                        <---- D, E, E' ----    (the two cross)
//	6. both open; share of z: eq_high*E ^ D*b ^ c, of w likewise
//	   lt = lt_high ^ z, eq = w
//
// What has lt at the end is the carry. It makes the sign of x0 + x1 mod 2^(k+1) by step 5 of drelu.go, and what an exact
// truncation needs (exact.go).
//
// Messages: m_j[0] is zero by the choice of share_j and does not travel; share_j is uniform to R as P'_j[0] is, unless
// r_j = 0, when R's own share is Q_j and S's hides f_j[0] under it. For the least digit there is no eq, nor is there for the
// joined digits that hold it: 2q - 2 - ceil(log2 q) ANDs.
// Step 6 is Beaver's: x*y = x*(y^b) ^ (x^a)*b ^ a*b, linear in the shares of x, b and c as D = x^a and E = y^b are public. The two
// products of a pair have D in common.
//
// Functionality: shares of the carry, exact. Range: any shares. Failure probability: none. Leakage: none: e and D, E are
// uniform, m is hidden by masks R does not know but for the message it chose, which is hidden by share_j.
// Everything is bit-sliced, 64 instances a word (cost.Comparison counts the planes): instances up to a multiple of 64 take part.
// Cost: cost.PlaneBytes(n, ChoicePlanes) from R, cost.PlaneBytes(n, MessagePlanes) from S, cost.PlaneBytes(n, OpenedPlanes(level))
// from each at every level; 2 + Levels rounds, the first of them offline where R's share is known then. q random 1-of-16 OTs
// (four COTs each) and ANDs triples (two COTs each) for every instance of cost.Padded(n). No hash besides.

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// Compare finds the carry out of the low Bits bits of two shares, as either party. Vectors of bits hold planes: bit i of plane p
// at position p*cost.Padded(n) + i; x has the party's n shares.
type Compare[W ring.Word] struct {
	Bits int // k, 1 to l-1
}

// Choose sets e to the receiver's corrections (step 1), choice has the random choices. Both are laid out as the OTs are, number
// j*cost.Padded(n) + i for digit j of instance i: four words for every 64 of them, a bit of the choices each.
func (c Compare[W]) Choose(e ring.Bits, x []W, choice ring.Bits) {
	f := c.form("choose", len(x))
	f.want(f.ChoicePlanes(), e, choice)
	dst, random, q := e.Words(), choice.Words(), f.Digits()
	sharedBlocks(len(x), func(lo, hi int) {
		m, col := lowPlanes(x[lo:hi], c.Bits), lo/wordBits
		for j := range q {
			for b, bits := range digitOf(&m, j) {
				at := cost.DigitBits*(j*f.stride+col) + b
				dst[at] = bits ^ random[at]
			}
		}
	})
}

// Turn brings the sender's masks into the order of the receiver's values (step 2): pads gets P'_j[v] ^ P'_j[0], v > 0, base
// P'_j[0]. masks has 32 words for every 64 OTs: word t that of OT t in its lower half and of OT 32+t in the upper, bit v the mask
// of message v's lt, bit 16+v of its eq. Neither depends on a share.
func (c Compare[W]) Turn(pads, base, masks, e ring.Bits) {
	f := c.form("turn", base.Len()/cost.Comparison{Bits: c.Bits}.Leaves())
	f.want(f.MessagePlanes(), pads)
	f.want(f.Leaves(), base)
	f.want(f.MaskPlanes(), masks)
	f.want(f.ChoicePlanes(), e)
	f.columns(func(col int) {
		for _, d := range f.digits {
			block := d.j*f.stride + col
			p := maskPlanes(masks.Words()[otWords*block:][:otWords])
			for b, flip := range e.Words()[cost.DigitBits*block:][:cost.DigitBits] {
				turn(&p, flip, b)
			}
			d.spread(pads.Words()[col*f.MessagePlanes():], base.Words()[col:], &p, f.stride)
		}
	})
}

// Answer sets m to the sender's messages and leaves to its shares (step 3), from what Turn made.
func (c Compare[W]) Answer(m, leaves ring.Bits, x []W, pads, base ring.Bits) {
	f := c.form("answer", len(x))
	f.want(f.MessagePlanes(), m, pads)
	f.want(f.Leaves(), base)
	f.wantNodes(leaves, 0)
	size := f.MessagePlanes()
	sharedBlocks(len(x), func(lo, hi int) {
		s, col := lowPlanes(x[lo:hi], c.Bits), lo/wordBits
		for b := range c.Bits {
			s[b] = ^s[b]
		}
		for _, d := range f.digits {
			is := d.oneHot(digitOf(&s, d.j))
			d.answer(m.Words()[col*size:], pads.Words()[col*size:], &is)
			leaves.Words()[d.lt*f.stride+col] = base.Words()[d.lt*f.stride+col]
			if d.shared == 2 {
				leaves.Words()[d.eq*f.stride+col] = base.Words()[d.eq*f.stride+col] ^ is[0]
			}
		}
	})
	f.trim(leaves, 0)
}

// Select sets leaves to the receiver's shares (step 4), from the sender's m and the masks of its choices: two words for every 64
// OTs, of lt and of eq.
func (c Compare[W]) Select(leaves ring.Bits, x []W, m, masks ring.Bits) {
	f := c.form("select", len(x))
	f.want(f.MessagePlanes(), m)
	f.want(2*f.Digits(), masks)
	f.wantNodes(leaves, 0)
	dst, own := leaves.Words(), masks.Words()
	sharedBlocks(len(x), func(lo, hi int) {
		r, col := lowPlanes(x[lo:hi], c.Bits), lo/wordBits
		message := m.Words()[col*f.MessagePlanes():]
		for _, d := range f.digits {
			choice := digitOf(&r, d.j)
			mask := own[2*(d.j*f.stride+col):]
			dst[d.lt*f.stride+col] = d.choose(message[d.at:], choice) ^ mask[0]
			if d.shared == 2 {
				dst[d.eq*f.stride+col] = d.choose(message[d.at+d.values-1:], choice) ^ mask[1]
			}
		}
	})
	f.trim(leaves, 0)
}

// Open sets o to what the party opens at a level of the tree (step 5) from its shares of the nodes and of the triples, those of
// all levels: a one plane each, b all planes of b and then those of b'.
func (c Compare[W]) Open(o, nodes, a, b ring.Bits, level int) {
	f := c.tree("open", nodes, level)
	f.want(f.OpenedPlanes(level), o)
	f.want(f.Triples(), a)
	f.want(2*f.Triples(), b)
	f.joins(level, func(x join, lo, hi int) {
		at := func(v ring.Bits, plane int) []uint64 { return f.plane(v, plane)[lo:hi] }
		xor(at(o, x.opened), at(nodes, x.eqHigh), at(a, x.triple))
		xor(at(o, x.opened+1), at(nodes, x.ltLow), at(b, x.triple))
		if x.shared == 2 {
			xor(at(o, x.opened+2), at(nodes, x.eqLow), at(b, f.Triples()+x.triple))
		}
	})
}

// Join sets joined to the party's shares of the next level's nodes (step 6), the carry of n instances after the last one, from what
// both opened and its b and c.
func (c Compare[W]) Join(joined, nodes, own, peer, b, product ring.Bits, level int) {
	f := c.tree("join", nodes, level)
	f.want(f.OpenedPlanes(level), own, peer)
	f.want(2*f.Triples(), b, product)
	f.wantNodes(joined, level+1)
	f.joins(level, func(x join, lo, hi int) {
		at := func(v ring.Bits, plane int) []uint64 { return f.plane(v, plane)[lo:hi] }
		times := func(to, s int) []uint64 { // eq_high by the low node's lt or eq
			z, high, bs, cs := at(joined, to), at(nodes, x.eqHigh), at(b, s*f.Triples()+x.triple), at(product, s*f.Triples()+x.triple)
			d0, d1, e0, e1 := at(own, x.opened), at(peer, x.opened), at(own, x.opened+1+s), at(peer, x.opened+1+s)
			for i := range z {
				z[i] = high[i]&(e0[i]^e1[i]) ^ (d0[i]^d1[i])&bs[i] ^ cs[i]
			}
			return z
		}
		z := times(x.ltJoined, 0)
		xor(z, z, at(nodes, x.ltHigh))
		if x.shared == 2 {
			times(x.eqJoined, 1)
		}
	})
	f.carryOver(joined, nodes, level)
	f.trim(joined, level+1)
}

// comparison is the form of a comparison with the layout of its planes.
type comparison struct {
	cost.Comparison
	step   string
	n      int // instances
	stride int // words of a plane
	digits []digit
}

// digit is where the parts of a digit lie: planes of its leaves, and its first plane in a block of the message.
type digit struct {
	j, lt, eq      int
	values, shared int
	at             int
}

func (c Compare[W]) form(step string, n int) comparison {
	if c.Bits < 1 || c.Bits >= ring.Width[W]() {
		panic(fmt.Sprintf("nonlin: compare: %s: %d bits: accepted are 1 to %d", step, c.Bits, ring.Width[W]()-1))
	}
	f := comparison{Comparison: cost.Comparison{Bits: c.Bits}, step: step, n: n, stride: ring.BitWords(n)}
	f.digits = make([]digit, 0, f.Digits())
	at := 0
	for j := range f.Digits() {
		d := digit{j: j, lt: ltPlane(j), eq: eqPlane(f.Digits(), j), values: f.Values(j), shared: f.Shared(j), at: at}
		f.digits = append(f.digits, d)
		at += (d.values - 1) * d.shared
	}
	return f
}

// ltPlane and eqPlane are the planes of node i of m: all lt come first, then the eq of all but node 0.
func ltPlane(i int) int    { return i }
func eqPlane(m, i int) int { return m + i - 1 }

// want panics unless vectors have so many planes.
func (f comparison) want(planes int, vectors ...ring.Bits) {
	for _, v := range vectors {
		if v.Len() != planes*f.stride*wordBits {
			panic(fmt.Sprintf("nonlin: compare: %s: %d bits for %d planes of %d instances", f.step, v.Len(), planes, f.n))
		}
	}
}

// wantNodes panics unless v has the planes of the nodes before a level, or the carries of n instances.
func (f comparison) wantNodes(v ring.Bits, level int) {
	if m := f.Nodes(level); m > 1 {
		f.want(2*m-1, v)
	} else if ring.BitWords(v.Len()) != f.stride {
		panic(fmt.Sprintf("nonlin: compare: %s: %d carries of %d instances", f.step, v.Len(), f.n))
	}
}

// trim clears what is behind the last carry, when v has come down to carries.
func (f comparison) trim(v ring.Bits, level int) {
	if f.Nodes(level) == 1 {
		ring.WrapBits(v.Words(), v.Len())
	}
}

// columns calls step for every word of a plane.
func (f comparison) columns(step func(col int)) {
	ring.Parallel(f.stride, grain/wordBits, func(lo, hi int) {
		for col := lo; col < hi; col++ {
			step(col)
		}
	})
}

// lowPlanes gives the low k bits of up to 64 elements as words, zeros above.
func lowPlanes[W ring.Word](x []W, k int) (m [wordBits]uint64) {
	ring.BlockPlanes(&m, x)
	clear(m[k:])
	return m
}

func digitOf(m *[wordBits]uint64, j int) [cost.DigitBits]uint64 {
	return [cost.DigitBits]uint64(m[cost.DigitBits*j:])
}

// values is how many a whole digit has, and masks of lt as of eq.
const values = 1 << cost.DigitBits

// otWords is the words of the masks of 64 OTs.
const otWords = 2 * values

// maskPlanes turns the masks of 64 OTs into a word for each message: bit v of OT i becomes bit i of word v.
func maskPlanes(w []uint64) (m [wordBits]uint64) {
	copy(m[:], w)
	ring.Transpose[uint32](&m)
	return m
}

// turn exchanges the masks of messages v and v ^ 2^b where e is set.
func turn(p *[wordBits]uint64, e uint64, b int) {
	for v := range p[:otWords] {
		if u := v | 1<<b; u != v { // positions alone decide
			t := (p[v&(otWords-1)] ^ p[u&(otWords-1)]) & e
			p[v&(otWords-1)] ^= t
			p[u&(otWords-1)] ^= t
		}
	}
}

// spread splits turned masks: base gets those of value 0, pads the others' difference from it.
func (d digit) spread(pads, base []uint64, p *[wordBits]uint64, stride int) {
	for s, plane := range []int{d.lt, d.eq}[:d.shared] {
		of := p[s*values:][:d.values]
		base[plane*stride] = of[0]
		to := pads[d.at+s*(d.values-1):][:d.values-1]
		for v := range to {
			to[v] = of[v+1] ^ of[0]
		}
	}
}

// oneHot gives a word for each value: which instances' digit has it.
func (d digit) oneHot(bits [cost.DigitBits]uint64) (is [values]uint64) {
	is[0] = ^uint64(0)
	for b, bit := range bits {
		for v := range 1 << b {
			is[v|1<<b] = is[v] & bit
			is[v] &^= bit
		}
	}
	return is
}

// answer masks f_j[v] ^ f_j[0], v > 0, for a block.
func (d digit) answer(m, pads []uint64, is *[values]uint64) {
	m, pads = m[d.at:], pads[d.at:]
	var less uint64
	for v := range d.values - 1 {
		less ^= is[v] // s <= v
		m[v] = pads[v] ^ less
	}
	if d.shared == 2 {
		m, pads = m[d.values-1:], pads[d.values-1:]
		for v := range d.values - 1 {
			m[v] = pads[v] ^ is[v+1] ^ is[0]
		}
	}
}

// choose gives each instance the message of its value; that of value 0 is zero.
func (d digit) choose(message []uint64, bits [cost.DigitBits]uint64) uint64 {
	var m [values]uint64
	copy(m[1:d.values], message)
	for b, left := 0, d.values/2; left > 0; b, left = b+1, left/2 {
		for v := range left {
			m[v] = m[2*v] ^ (m[2*v]^m[2*v+1])&bits[b]
		}
	}
	return m[0]
}

// join is a pair of nodes that become one, and the planes that it reads and writes.
type join struct {
	ltLow, eqLow, ltHigh, eqHigh int
	ltJoined, eqJoined           int
	triple                       int // of all levels
	opened                       int // the first of its two or three
	shared                       int // bits of the low node and the joined one: no eq of the least
}

func (c Compare[W]) tree(step string, nodes ring.Bits, level int) comparison {
	k := cost.Comparison{Bits: c.Bits}
	if level < 0 || level >= k.Levels() {
		panic(fmt.Sprintf("nonlin: compare: %s: level %d of %d", step, level, k.Levels()))
	}
	f := c.form(step, nodes.Len()/(2*k.Nodes(level)-1))
	f.wantNodes(nodes, level)
	return f
}

// joins calls step for ranges of words of every pair of a level.
func (f comparison) joins(level int, step func(x join, lo, hi int)) {
	triple := 0
	for l := range level {
		triple += f.Joins(l)
	}
	m, next := f.Nodes(level), f.Nodes(level+1)
	ring.Parallel(f.stride, grain/wordBits, func(lo, hi int) {
		for i := range f.Joins(level) {
			x := join{ltLow: ltPlane(2 * i), ltHigh: ltPlane(2*i + 1), eqHigh: eqPlane(m, 2*i+1), ltJoined: ltPlane(i), triple: triple + i, shared: 1}
			if i > 0 {
				x.eqLow, x.eqJoined, x.opened, x.shared = eqPlane(m, 2*i), eqPlane(next, i), 3*i-1, 2
			}
			step(x, lo, hi)
		}
	})
}

// plane is a plane of a vector.
func (f comparison) plane(v ring.Bits, p int) []uint64 { return v.Words()[p*f.stride : (p+1)*f.stride] }

// carryOver copies the node without a neighbour, the greatest of an odd number.
func (f comparison) carryOver(joined, nodes ring.Bits, level int) {
	m, next := f.Nodes(level), f.Nodes(level+1)
	if m%2 == 0 {
		return
	}
	for _, p := range [][2]int{{ltPlane(next - 1), ltPlane(m - 1)}, {eqPlane(next, next-1), eqPlane(m, m-1)}} {
		copy(joined.Words()[p[0]*f.stride:][:f.stride], nodes.Words()[p[1]*f.stride:])
	}
}

func xor(dst, a, b []uint64) {
	for i := range dst {
		dst[i] = a[i] ^ b[i]
	}
}
