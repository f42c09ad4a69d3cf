// What one lane of the elementwise kernel reads and makes in a cycle. Every step is p*q + r with one product in the ring, so that a
// lane has one multiplier, whatever the step: a step says what p, q and r are.
#pragma once

#include "word.hpp"

namespace sotto {

// The most operands that a step reads: rounded.client has five vectors, mux.output four of bits.
const int RING_OPERANDS = 5;
const int BIT_OPERANDS = 4;

// lane_input is an element of each operand. Bits are 0 or 1 in a word.
template <class W> struct lane_input {
    W ring[RING_OPERANDS];
    W bit[BIT_OPERANDS];
    W factor, bias;  // of the element's channel
    W index;         // of the element in its vector
};

// terms give the result: p*q + r, or a bit.
template <class W> struct terms {
    W p, q, r;
    W bit;
};

template <class W> inline terms<W> sum(W r) {
    const terms<W> t = {0, 0, r, 0};
    return t;
}

template <class W> inline terms<W> product(W p, W q, W r) {
    const terms<W> t = {p, q, r, 0};
    return t;
}

template <class W> inline terms<W> one_bit(W b) {
    const terms<W> t = {0, 0, 0, W(b & 1)};
    return t;
}

// step is what a command's numbers come to for its lanes, the same for all its elements. runtime/nonlin has the symbols.
template <class W> struct step {
    W server;          // 1 at the server, 0 at the client
    W constant;        // of mulc, addc
    int f, wrap;       // bits that a truncation drops; l-f
    int k;             // of 2^k*x^2 + b*x
    int width;         // of a sign
    W low;             // 2^f - 1
    W up;              // added before a division rounds down: low at the server, whose share is rounded up
    W offset, base;    // y - x in this party's share, 2^(l-2) at the client; and that divided by 2^f
    W lost;            // 2^(k+l-f)
};

// step_of is the constants of a step. f counts only for those that drop bits: 1 <= f <= l-2.
template <class W> inline step<W> step_of(party p, int f, int k, int width, W constant) {
    const int l = bits_of<W>();
    step<W> s;
    s.server = W(p);
    s.constant = constant;
    s.f = f;
    s.wrap = l - f;
    s.k = k;
    s.width = width;
    s.low = W((W(1) << f) - 1);
    s.up = s.low & all_ones(s.server);
    s.offset = p == CLIENT ? W(W(1) << (l - 2)) : W(0);
    s.base = W(s.offset >> f);
    s.lost = l - f + k < l ? W(W(1) << (l - f + k)) : W(0);
    return s;
}

// top_bit is the top bit of the share y = x + offset.
template <class W> inline W top_bit(const step<W> &s, W x) { return W(W(x + s.offset) >> (bits_of<W>() - 1)); }

// divide is the share of x / 2^f, w the share of the wrap. The low bits are rounded by themselves, as y + up could wrap.
template <class W> inline W divide(const step<W> &s, W x, W w) {
    const W y = x + s.offset;
    return W(W(y >> s.f) + W(W((y & s.low) + s.up) >> s.f) - W(w << s.wrap) - s.base);
}

}  // namespace sotto
