// Squares and quadratic polynomials of shared values: runtime/nonlin/square.go and quadratic.go. One product a lane; b is the factor of
// the element's channel, which the server knows.
#pragma once

#include "lane.hpp"

namespace sotto {

// y <- r, g, c0: r*(r + 2g) + 2*c0.
template <class W> inline terms<W> square_client(const lane_input<W> &in) {
    return product(in.ring[0], W(in.ring[0] + 2 * in.ring[1]), W(2 * in.ring[2]));
}

// y <- x1, c1: x1^2 + 2*c1.
template <class W> inline terms<W> square_server(const lane_input<W> &in) {
    return product(in.ring[0], in.ring[0], W(2 * in.ring[1]));
}

// y <- E, a, a^2: E*([server]*E + 2a) + a^2.
template <class W> inline terms<W> square_opened(const step<W> &s, const lane_input<W> &in) {
    const W own = in.ring[0] & all_ones(s.server);
    return product(in.ring[0], W(own + 2 * in.ring[1]), in.ring[2]);
}

// g <- x1, B | b: 2^(k+1)*x1 + b - B.
template <class W> inline terms<W> quadratic_blind(const step<W> &s, const lane_input<W> &in) {
    return sum(W(W(W(in.ring[0] << s.k) << 1) + in.factor - in.ring[1]));
}

// y <- r, g, c0: r*(2^k*r + g) + c0.
template <class W> inline terms<W> quadratic_client(const step<W> &s, const lane_input<W> &in) {
    return product(in.ring[0], W(W(in.ring[0] << s.k) + in.ring[1]), in.ring[2]);
}

// y <- x1, c1 | b: x1*(2^k*x1 + b) + c1.
template <class W> inline terms<W> quadratic_server(const step<W> &s, const lane_input<W> &in) {
    return product(in.ring[0], W(W(in.ring[0] << s.k) + in.factor), in.ring[1]);
}

}  // namespace sotto
