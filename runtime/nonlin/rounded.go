package nonlin

// The quadratic polynomial of a truncated value, without the truncated value: in client-server the client's part of a layer's result
// is known offline, and with it all but one bit of what truncation makes of that part. The truncation is that of trunc.go, the
// polynomial that of quadratic.go, products of a bit and a number are COTs as in cot.go; multiplying what is left out of a share by
// the bit that says whether it is left out is our own step. Semi-honest, client-server.
//
//	x          in [-2^(l-2), 2^(l-2)), shared x0 + x1 mod 2^l: the client knows x0 offline
//	f          bits to drop, 1 <= f <= l-2; h = 2^(l-f)
//	k, b       the polynomial is 2^k*z^2 + b*z of the truncated z; the server knows b, one for each channel of x
//	y_i, m_i   the shares of x + 2^(l-2) and their top bits, as in trunc.go; n0 = 1 - m0
//	t0         floor(y0 / 2^f) - 2^(l-2-f) - h*m0
//	t1         ceil(y1 / 2^f)
//	z          t0 + t1 - h*n0*m1, as m0 OR m1 = m0 + n0*m1
//	G          2^(k+1)*t1 + b
//	a          n0 * 2^(k+1)*t0 mod 2^f, the client's; offline
//	d          m1 * (G - 2^k*h) mod 2^f, the server's
//	r, B       uniform at the client and at the server; shares c0 + c1 = r*B
//	c, q       choice and pad of a random OT at its receiver, p0 and p1 the pads at its sender: unprimed the server receives,
//	           primed the client does
//
// As h*X depends on X mod 2^f alone,
//
//	2^k*z^2 + b*z = t0*(2^k*t0 + G) + t1*(2^k*t1 + b) - h*(m1*a + n0*d)
//
// with t0*G the product of one number of each party, m1*a and n0*d = d - m0*d those of a number and the other party's bit.
//
//	Server                                         Client
//	offline                                        v = a - (p1 - p0) mod 2^f
//	                                               s = t0 - r
//	                        <-- v, s, e' --        e' = m0 ^ c'
//	u1 = c1 + s*B - h*(1-2e')*p0'                  u0 = c0 + h*(p0 + (1-2e')*q')
//	o = q + c*v                                    w = a + 2*p0
//	online
//	1. g = G - B
//	   e = m1 ^ c
//	   v' = d - (p1' - p0') mod 2^f
//	                        -- g, e, v' -->
//	2. y1 = t1*(2^k*t1 + b) + u1                   2. y0 = t0*(2^k*t0 + g) + u0
//	        - h*((1-2e)*o + (1-e')*d)                      + h*((1-2e')*c'*v' - e*w)
//
// Functionality: y0 + y1 = 2^k*z^2 + b*z mod 2^l, exact, of z = floor(x / 2^f) + u, u in {0,1}, u as trunc.go says.
// Range: x as said; the caller proves that the result fits. Failure probability: none inside.
// Leakage: none. The server's view is v, s and e'. s is uniform by r; v is by p_(1-c), of which the server knows nothing, and e' by c',
// of which its OT tells it nothing: it is simulated by three uniform messages, and so is the client's, g, e and v', by B, c and
// p'_(1-c'). Each hides one message; y0 and y1 are the result and what the other's is short of it.
// Cost: offline n random OTs each way, from the client cost.BitBytes(n, f), cost.BitBytes(n, l) and cost.BitBytes(n, 1), two rounds;
// online from the server cost.BitBytes(n, l), cost.BitBytes(n, 1) and cost.BitBytes(n, f), one round. Truncation, mask and
// quadratic.go together take three. Two hashes an element at each OT's sender, one at its receiver. Material: that of a square.

import (
	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// Rounded computes 2^K*z^2 + b*z of z = x / 2^F. Every method takes vectors of n elements, or n bits, one an instance, in the symbols
// above; b are the factors of their channels. e' is the message of the client's Trunc.Choose, e that of
// the server's, g is that of QuadraticBlind of t1. A result may be any of the sources.
type Rounded[W ring.Word] struct {
	F int // bits dropped, 1 to l-2
	K int // 0 to l-1
}

func (t Rounded[W]) constants(p cost.Party) truncation[W] { return Trunc[W]{t.F, p}.constants() }

// Share sets z to what a party knows of its share of z by itself: t0 at the client, t1 at the server.
func (t Rounded[W]) Share(z, x []W, p cost.Party) {
	agree("rounded: share", len(x), z)
	k := t.constants(p)
	known := W(1) // of the wrap: the client's top bit
	if p == cost.Server {
		known = 0
	}
	for i := roundedShareVectors(k, z, x, known); i < len(x); i++ {
		z[i] = k.divide(x[i], k.msb(x[i])*known)
	}
}

// Offer sets v to the client's correlation a - (p1 - p0) mod 2^F, from its x0 and t0. It sends cost.BitBytes(n, F) bytes.
func (t Rounded[W]) Offer(v, x, t0, p0, p1 []W) {
	agree("rounded: offer", len(x), v, t0, p0, p1)
	k := t.constants(cost.Client)
	for i := range x {
		v[i] = correlation(t.own(k, x[i], t0[i]), p0[i], p1[i]) & k.low
	}
}

// own is the client's a, not yet reduced.
func (t Rounded[W]) own(k truncation[W], x, t0 W) W { return t0 << (t.K + 1) & (k.msb(x) - 1) }

// Turn sets w to what the server's choice turns the client's share by: a + 2*p0.
func (t Rounded[W]) Turn(w, x, t0, p0 []W) {
	agree("rounded: turn", len(w), x, t0, p0)
	k := t.constants(cost.Client)
	for i := range w {
		w[i] = t.own(k, x[i], t0[i]) + 2*p0[i]
	}
}

// Fix sets u to what the client's share has of material and pads alone: u0, of c0, p0, q' and e'.
func (t Rounded[W]) Fix(u, c0, p0, q []W, e ring.Bits) {
	agree("rounded: fix", len(u), c0, p0, q)
	agreeBits("rounded: fix", len(u), e)
	k := t.constants(cost.Client)
	blocks(0, len(u), func(lo, hi int) {
		for i, bits := lo, word(e, lo); i < hi; i, bits = i+1, bits>>1 {
			u[i] = c0[i] + (p0[i]+negateIf(q[i], W(bits&1)))<<k.wrap
		}
	})
}

// Pad sets o to the server's pad of the client's message: q + c*v.
func (t Rounded[W]) Pad(o, q, v []W, c ring.Bits) {
	agree("rounded: pad", len(o), q, v)
	agreeBits("rounded: pad", len(o), c)
	blocks(0, len(o), func(lo, hi int) {
		for i, bits := lo, word(c, lo); i < hi; i, bits = i+1, bits>>1 {
			o[i] = q[i] + v[i]&-W(bits&1)
		}
	})
}

// Hold sets u to what the server's share has of material and pads alone: u1, of c1, s, B, p0' and e'.
func (t Rounded[W]) Hold(u, c1, s, blind, p0 []W, e ring.Bits) {
	agree("rounded: hold", len(u), c1, s, blind, p0)
	agreeBits("rounded: hold", len(u), e)
	k := t.constants(cost.Server)
	blocks(0, len(u), func(lo, hi int) {
		for i, bits := lo, word(e, lo); i < hi; i, bits = i+1, bits>>1 {
			u[i] = c1[i] + s[i]*blind[i] - negateIf(p0[i], W(bits&1))<<k.wrap
		}
	})
}

// Correlate sets v to the server's message v' = d - (p1' - p0') mod 2^F, from its x1 and t1. It sends cost.BitBytes(n, F) bytes.
func (t Rounded[W]) Correlate(v, x, t1, p0, p1 []W, b Factors[W]) {
	agree("rounded: correlate", len(x), v, t1, p0, p1)
	k := t.constants(cost.Server)
	b.Each("rounded: correlate", len(x), func(lo, hi int, b W) {
		b -= t.lost()
		for i := lo + roundedCorrelateVectors(t, v[lo:hi], x[lo:hi], t1[lo:hi], p0[lo:hi], p1[lo:hi], b); i < hi; i++ {
			d := (t1[i]<<(t.K+1) + b) & -k.msb(x[i])
			v[i] = correlation(d, p0[i], p1[i]) & k.low
		}
	})
}

// lost is 2^K*h: what the slope of a share that lacks h falls short.
func (t Rounded[W]) lost() W { return 1 << (ring.Width[W]() - t.F + t.K) }

// Client sets y to the client's share of the result, from t0, the server's g, its own u and w, the server's v' and e, and its own
// e' and c'.
func (t Rounded[W]) Client(y, t0, g, u, w, v []W, e, own, c ring.Bits) {
	agree("rounded: client", len(y), t0, g, u, w, v)
	agreeBits("rounded: client", len(y), e, own, c)
	k := t.constants(cost.Client)
	done := roundedClientVectors(t, y, t0, g, u, w, v, e.Words(), own.Words(), c.Words())
	blocks(done, len(y), func(lo, hi int) {
		eBits, ownBits, cBits := word(e, lo), word(own, lo), word(c, lo)
		for i := lo; i < hi; i++ {
			e, own, c := W(eBits&1), W(ownBits&1), W(cBits&1)
			bits := negateIf(v[i]&-c, own) - w[i]&-e
			y[i] = t0[i]*(t0[i]<<t.K+g[i]) + u[i] + bits<<k.wrap
			eBits, ownBits, cBits = eBits>>1, ownBits>>1, cBits>>1
		}
	})
}

// Server sets y to the server's share of the result, from its x1 and t1, u and o, its own e and the client's e'.
func (t Rounded[W]) Server(y, x, t1, u, o []W, own, e ring.Bits, b Factors[W]) {
	agree("rounded: server", len(y), x, t1, u, o)
	agreeBits("rounded: server", len(y), own, e)
	k := t.constants(cost.Server)
	b.Each("rounded: server", len(y), func(lo, hi int, b W) {
		ownWords, eWords := own.Words(), e.Words()
		one := func(i int) {
			m, own, e := k.msb(x[i]), W(ownWords[i/wordBits]>>(i%wordBits)&1), W(eWords[i/wordBits]>>(i%wordBits)&1)
			d := (t1[i]<<(t.K+1) + b - t.lost()) & -m
			y[i] = t1[i]*(t1[i]<<t.K+b) + u[i] - (negateIf(o[i], own)+d&(e-1))<<k.wrap
		}
		start := min((lo+wordBits-1)/wordBits*wordBits, hi) // of whole words of bits
		for i := lo; i < start; i++ {
			one(i)
		}
		at := start / wordBits
		done := roundedServerVectors(t, y[start:hi], x[start:hi], t1[start:hi], u[start:hi], o[start:hi], ownWords[min(at, len(ownWords)):], eWords[min(at, len(eWords)):], b)
		for i := start + done; i < hi; i++ {
			one(i)
		}
	})
}
