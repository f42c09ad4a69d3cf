// The quadratic polynomial of a truncated value without the truncated value: runtime/nonlin/rounded.go, whose symbols these are.
// Truncation and square are one pass over the elements: one product a lane and no vector between the two.
#pragma once

#include "lane.hpp"

namespace sotto {

// t <- x: what a party knows of its share by itself. Of the wrap the client knows its own top bit, the server nothing.
template <class W> inline terms<W> rounded_share(const step<W> &s, const lane_input<W> &in) {
    return sum(divide(s, in.ring[0], W(top_bit(s, in.ring[0]) & ~all_ones(s.server))));
}

// client_slope is a, not yet reduced: n0 * 2^(k+1)*t0.
template <class W> inline W client_slope(const step<W> &s, W x, W t0) { return W(W(W(t0 << s.k) << 1) & W(top_bit(s, x) - 1)); }

// v <- x0, t0, p0, p1: the client's correlation mod 2^f.
template <class W> inline terms<W> rounded_offer(const step<W> &s, const lane_input<W> &in) {
    return sum(W(correlation(client_slope(s, in.ring[0], in.ring[1]), in.ring[2], in.ring[3]) & s.low));
}

// w <- x0, t0, p0: a + 2*p0.
template <class W> inline terms<W> rounded_turn(const step<W> &s, const lane_input<W> &in) {
    return sum(W(client_slope(s, in.ring[0], in.ring[1]) + 2 * in.ring[2]));
}

// u <- c0, p0, q | e': what the client's share has of material and pads alone.
template <class W> inline terms<W> rounded_fix(const step<W> &s, const lane_input<W> &in) {
    return sum(W(in.ring[0] + W(W(in.ring[1] + negate_if(in.ring[2], in.bit[0])) << s.wrap)));
}

// o <- q, v | c: the server's pad of the client's message.
template <class W> inline terms<W> rounded_pad(const lane_input<W> &in) {
    return sum(W(in.ring[0] + (in.ring[1] & all_ones(in.bit[0]))));
}

// u <- c1, s, B, p0' | e': what the server's share has of material and pads alone.
template <class W> inline terms<W> rounded_hold(const step<W> &s, const lane_input<W> &in) {
    return product(in.ring[1], in.ring[2], W(in.ring[0] - W(negate_if(in.ring[3], in.bit[0]) << s.wrap)));
}

// server_difference is d, not yet reduced: m1 * (2^(k+1)*t1 + b - 2^k*h).
template <class W> inline W server_difference(const step<W> &s, W x, W t1, W b) {
    return W(W(W(W(t1 << s.k) << 1) + b - s.lost) & all_ones(top_bit(s, x)));
}

// v' <- x1, t1, p0', p1' | b: the server's message mod 2^f.
template <class W> inline terms<W> rounded_correlate(const step<W> &s, const lane_input<W> &in) {
    return sum(W(correlation(server_difference(s, in.ring[0], in.ring[1], in.factor), in.ring[2], in.ring[3]) & s.low));
}

// y <- t0, g, u, w, v' | e, own e', c': the client's share of the result.
template <class W> inline terms<W> rounded_client(const step<W> &s, const lane_input<W> &in) {
    const W e = in.bit[0], own = in.bit[1], c = in.bit[2];
    const W bits = W(negate_if(W(in.ring[4] & all_ones(c)), own) - (in.ring[3] & all_ones(e)));
    return product(in.ring[0], W(W(in.ring[0] << s.k) + in.ring[1]), W(in.ring[2] + W(bits << s.wrap)));
}

// y <- x1, t1, u, o | own e, e' | b: the server's share of the result.
template <class W> inline terms<W> rounded_server(const step<W> &s, const lane_input<W> &in) {
    const W t1 = in.ring[1], own = in.bit[0], e = in.bit[1];
    const W d = server_difference(s, in.ring[0], t1, in.factor);
    const W bits = W(negate_if(in.ring[3], own) + (d & W(e - 1)));
    return product(t1, W(W(t1 << s.k) + in.factor), W(in.ring[2] - W(bits << s.wrap)));
}

}  // namespace sotto
