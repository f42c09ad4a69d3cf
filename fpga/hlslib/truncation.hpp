// Division by 2^f by one correlated OT: runtime/nonlin/trunc.go, step by step. No product; two shifts, three sums a lane.
#pragma once

#include "lane.hpp"

namespace sotto {

// e <- x | c: the receiver's message, msb(y) ^ c.
template <class W> inline terms<W> trunc_choose(const step<W> &s, const lane_input<W> &in) {
    return one_bit(W(top_bit(s, in.ring[0]) ^ in.bit[0]));
}

// v <- x, p0, p1: the sender's message mod 2^f.
template <class W> inline terms<W> trunc_correlate(const step<W> &s, const lane_input<W> &in) {
    return sum(W(correlation(top_bit(s, in.ring[0]), in.ring[1], in.ring[2]) & s.low));
}

// z <- x, q, v | e, c: the receiver's share.
template <class W> inline terms<W> trunc_receive(const step<W> &s, const lane_input<W> &in) {
    const W both = receiver_share(in.ring[1], in.ring[2], in.bit[0], in.bit[1]);
    return sum(divide(s, in.ring[0], W(top_bit(s, in.ring[0]) - both)));
}

// z <- x, p0 | e: the sender's share.
template <class W> inline terms<W> trunc_send(const step<W> &s, const lane_input<W> &in) {
    const W msb = top_bit(s, in.ring[0]);
    return sum(divide(s, in.ring[0], W(msb - sender_share(msb, in.ring[1], in.bit[0]))));
}

// u <- x | carry: what a truncation has too much, at the server (exact.go): carry ^ [x mod 2^f > 0].
template <class W> inline terms<W> trunc_excess(const step<W> &s, const lane_input<W> &in) {
    const W some = W(W((in.ring[0] & s.low) + s.low) >> s.f);
    return one_bit(W(in.bit[0] ^ some));
}

// y <- x: the truncated value of which the low bits count (coarse.go): rounded down at the client, up at the server.
template <class W> inline terms<W> coarse(const step<W> &s, const lane_input<W> &in) { return sum(W(W(in.ring[0] + s.up) >> s.f)); }

}  // namespace sotto
