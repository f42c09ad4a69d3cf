// Ring words and the arithmetic that all kernels share. A ring is the unsigned integers modulo 2^l, l = 32 or 64, so that a word
// wraps as the ring does.
//
// All headers here are C++14 for a synthesis tool: no allocation, no recursion, no pointer that changes its type. A `config` C is a
// struct of constants:
//
//    word             uint32_t or uint64_t, an element of the ring
//    PORT             words of memory that a port moves a cycle, a power of two
//    CHUNK            words of a tile of a kernel that goes through vectors from end to end, a multiple of 64, PORT, MOVE and LINK_WORDS
//    QUEUE            commands that wait at a kernel
//    TM, TN           conv: output channels of a tile, input channels of a tap; TM x TN products a cycle
//    PIXELS           conv: outputs of a channel in a tile, at most
//    IN_WORDS         conv: words of an input lane's windows in a tile, all groups of TN channels together
//    IN_PORTS         conv: ports for the input, 1 to 8
//    WEIGHT_ROWS      conv: rows of TN weights of a panel
//    CHANNELS         depthwise: channels side by side
//    CHANNEL_WORDS    depthwise: words of a channel's window
//    CHANNEL_PIXELS   depthwise: outputs of a channel in a tile
//    TAPS             depthwise: positions of a kernel, at most
//    LANES            elementwise: words a cycle, a power of two up to 64
//    POOL_LANES       pool: channels side by side
//    POOL_WORDS       pool: words of a channel's window, and outputs, at most; at least a row of a window
//    MOVE             send, recv: ring elements a cycle
//    LINK_WORDS       send, recv: words of 64 bits that the link takes a cycle; both boards the same
//    LINK_DEPTH       beats between send or recv and the network
//    COMPARE_LANES    compare: units side by side, 1 to 4, a word of 64 instances a cycle each
//    OT_AES, OT_HASHES, OT_ROUNDS, garbler, evaluator: see ot.hpp, garble.hpp, evaluate.hpp
#pragma once

#include <cstdint>

namespace sotto {

// The party that a board is, as the compiler numbers them.
enum party { CLIENT = 0, SERVER = 1 };

// Words of BITS hold 64 bits each, the first lowest.
const int BITS_PER_WORD = 64;

// Unrolling and partitioning beyond this many copies defeats the tools.
const int MOST_COPIES = 4096;

template <class W> constexpr int bits_of() { return int(8 * sizeof(W)); }

constexpr int power_of_two(int n) { return n > 0 && (n & (n - 1)) == 0; }

constexpr uint32_t ceil_div(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

inline uint32_t least(uint32_t a, uint32_t b) { return a < b ? a : b; }

// all_ones is b = 0 or 1 in every bit: a mask, which no branch stands for as b may be secret.
template <class W> inline W all_ones(W b) { return W(0) - b; }

// negate_if is (1-2b)*x, b 0 or 1.
template <class W> inline W negate_if(W x, W b) { return W((x ^ all_ones(b)) + b); }

// Correlated oblivious transfer in the ring (runtime/nonlin/cot.go): the sender's message, and both shares of b*delta.
template <class W> inline W correlation(W delta, W p0, W p1) { return W(delta - (p1 - p0)); }
template <class W> inline W sender_share(W delta, W p0, W e) { return W((delta & all_ones(e)) - negate_if(p0, e)); }
template <class W> inline W receiver_share(W q, W v, W e, W c) { return negate_if(W(q + (v & all_ones(c))), e); }

}  // namespace sotto
