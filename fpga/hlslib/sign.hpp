// What comes before and after a comparison: the sign of a value from the carry of its shares (runtime/nonlin/drelu.go), the multiplexer
// (mux.go), a bit as a ring element (arithmetic.go). A multiplexer's product with a bit is a mask, so no lane multiplies here.
#pragma once

#include "lane.hpp"

namespace sotto {

// d <- x | out: the share of drelu from the colour or permute bits of the carry.
template <class W> inline terms<W> sign(const step<W> &s, const lane_input<W> &in) {
    return one_bit(W(in.bit[0] ^ W(in.ring[0] >> (s.width - 1)) ^ s.server));
}

// e <- | d, c: the message as receiver.
template <class W> inline terms<W> mux_choose(const lane_input<W> &in) { return one_bit(W(in.bit[0] ^ in.bit[1])); }

// v <- x, p0, p1 | d: the message as sender, x*(1-2d) - (p1 - p0).
template <class W> inline terms<W> mux_correlate(const lane_input<W> &in) {
    return sum(correlation(negate_if(in.ring[0], in.bit[0]), in.ring[1], in.ring[2]));
}

// z <- x, p0, q, v | d, e of the peer, own e, c: the share of d*x.
template <class W> inline terms<W> mux_output(const lane_input<W> &in) {
    const W x = in.ring[0], d = in.bit[0];
    const W sent = sender_share(negate_if(x, d), in.ring[1], in.bit[1]);
    return sum(W((x & all_ones(d)) + sent + receiver_share(in.ring[2], in.ring[3], in.bit[2], in.bit[3])));
}

// v <- p0, p1 | u: the sender's message mod 2^(l-1).
template <class W> inline terms<W> arithmetic_correlate(const lane_input<W> &in) {
    return sum(W(correlation(in.bit[0], in.ring[0], in.ring[1]) & (W(~W(0)) >> 1)));
}

// z <- q, v | u, e, c: the receiver's share.
template <class W> inline terms<W> arithmetic_receive(const lane_input<W> &in) {
    return sum(W(in.bit[0] - 2 * receiver_share(in.ring[0], in.ring[1], in.bit[1], in.bit[2])));
}

// z <- p0 | u, e of the peer: the sender's share.
template <class W> inline terms<W> arithmetic_send(const lane_input<W> &in) {
    return sum(W(in.bit[0] - 2 * sender_share(in.bit[0], in.ring[0], in.bit[1])));
}

}  // namespace sotto
