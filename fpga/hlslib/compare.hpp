// Comparisons by oblivious transfers, the steps between their messages: runtime/nonlin/compare.go, which has the protocol, its symbols and
// where the parts of its vectors lie; and the products of triples of bits (runtime/ot/bits.go).
//
//    choose     e <- x, choices            answer    m, nodes <- x, pads, base      open    o <- nodes, a, b
//    turn       pads, base <- masks, e     select    nodes <- x, m, masks           join    nodes <- nodes, own o, o of the peer, b, c
//    products   c <- a, b, p0, q
//
// Everything is bit-sliced, 64 instances a word, a column. A command works on columns lo/64 and on of vectors whose planes are stride words
// apart. COMPARE_LANES units take parts of a command's columns side by side, each through ports of its own. In a unit what comes in is read
// in the order in which it is used, and what is made is written in the order in which it is made: three processes, a word a cycle. No
// address and no time depends on a bit.
#pragma once

#include "command.hpp"
#include "fifo.hpp"
#include "tally.hpp"
#include "word.hpp"

namespace sotto {

// Bits of a digit, its values, and what masks of 64 OTs take: a half of a word each.
const int DIGIT_BITS = 4;
const int DIGIT_VALUES = 1 << DIGIT_BITS;
const int MASK_WORDS = 2 * DIGIT_VALUES;

// Most words of a digit's message: of lt and of eq, but for value 0.
const int DIGIT_MESSAGE = 2 * (DIGIT_VALUES - 1);

// comparison is the shape of the vectors.
struct comparison {
    int bits, digits, level;
    uint32_t stride, first, columns; // words of a plane, the first column, and how many
    uint32_t n;                      // instances of all columns
};

// values is how many digit j has, shared the bits that its OT shares: the least digit has no eq.
inline int values_of(const comparison &c, int j) {
    const int left = c.bits - DIGIT_BITS * j;
    return 1 << (left < DIGIT_BITS ? left : DIGIT_BITS);
}
inline int shared_of(int j) { return j == 0 ? 1 : 2; }

// message is how many words a digit's message has.
inline int message_of(const comparison &c, int j) { return (values_of(c, j) - 1) * shared_of(j); }

inline int message_planes(const comparison &c) {
    int sum = 0;
digits:
    for (int j = 0; j < c.digits; j++) {
#pragma HLS LOOP_TRIPCOUNT max = 16
        sum += message_of(c, j);
    }
    return sum;
}

// nodes is how many digits, or joined ones, there are before a level; triples how many pairs there were before it.
inline int nodes_at(const comparison &c, int level) { return (c.digits + (1 << level) - 1) >> level; }

inline int triples_before(const comparison &c, int level) {
    int sum = 0;
levels:
    for (int l = 0; l < level; l++) {
#pragma HLS LOOP_TRIPCOUNT max = 4
        sum += nodes_at(c, l) / 2;
    }
    return sum;
}

// Planes of node i of m: all lt come first, then the eq of all but node 0. Opened planes of pair i.
inline int lt_plane(int i) { return i; }
inline int eq_plane(int m, int i) { return m + i - 1; }
inline int opened_plane(int i) { return i == 0 ? 0 : 3 * i - 1; }

inline comparison comparison_of(const command &c) {
    const bool joins = c.op == op_compare_open || c.op == op_compare_join;
    comparison s;
    s.bits = c.ints[0];
    s.digits = (s.bits + DIGIT_BITS - 1) / DIGIT_BITS;
    s.level = joins ? c.ints[1] : 0;
    s.stride = uint32_t(c.ints[joins ? 2 : 1]);
    s.first = c.lo / BITS_PER_WORD;
    s.columns = ceil_div(c.n, BITS_PER_WORD);
    s.n = c.n;
    return s;
}

// What is streamed between two processes at most: the masks of two digits.
const int WORDS_AHEAD = 2 * MASK_WORDS;
typedef fifo<uint64_t, WORDS_AHEAD> word_stream;

// read_run and write_run move n words, one a cycle.
inline void read_run(const uint64_t *bits, uint32_t address, int n, word_stream &words) {
#pragma HLS INLINE off
run:
    for (int i = 0; i < n; i++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 32
        words.write(bits[address + uint32_t(i)]);
        beat(LOAD);
    }
}

inline void write_run(word_stream &words, uint64_t *bits, uint32_t address, int n) {
#pragma HLS INLINE off
run:
    for (int i = 0; i < n; i++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 32
        bits[address + uint32_t(i)] = words.read();
        beat(STORE);
    }
}

// value_beat is what 64 bits hold of a share.
template <class W> struct value_beat {
    W of[BITS_PER_WORD / bits_of<W>()];
};

template <class W> constexpr int beat_values() { return BITS_PER_WORD / bits_of<W>(); }

// A column's share is so many beats: as many as a word has bits.
template <class W> constexpr int share_beats() { return bits_of<W>(); }

template <class W> using value_stream = fifo<value_beat<W>, 2 * BITS_PER_WORD>;

// read_values gives the words of a share of a column, zeros behind the last instance.
template <class W> void read_values(const W *ring, uint32_t address, const comparison &s, uint32_t column, value_stream<W> &x) {
#pragma HLS INLINE off
values:
    for (uint32_t i = 0; i < uint32_t(BITS_PER_WORD); i += beat_values<W>()) {
#pragma HLS PIPELINE II = 1
        value_beat<W> v;
        for (uint32_t j = 0; j < uint32_t(beat_values<W>()); j++) {
#pragma HLS UNROLL
            const uint32_t at = column * BITS_PER_WORD + i + j;
            v.of[j] = at < s.n ? ring[address + s.first * BITS_PER_WORD + at] : W(0);
        }
        x.write(v);
        beat(LOAD);
    }
}

// read_compare reads what a command's steps take, column by column, but pair by pair for open and join.
template <class W>
void read_compare(const command &c, const comparison &s, const uint64_t *bits, const W *ring, word_stream &words, value_stream<W> &x) {
#pragma HLS INLINE off
    const uint32_t planes = uint32_t(message_planes(s));
columns:
    for (uint32_t k = 0; k < s.columns; k++) {
        const uint32_t column = s.first + k;
        if (c.op != op_compare_turn) read_values<W>(ring, c.in[0], s, k, x);
        int at = 0;
    digits:
        for (int j = 0; j < s.digits; j++) {
            const uint32_t ot = uint32_t(j) * s.stride + column;
            switch (c.op) {
            case op_compare_choose:
                read_run(bits, c.in[1] + DIGIT_BITS * ot, DIGIT_BITS, words);
                break;
            case op_compare_turn:
                read_run(bits, c.in[0] + MASK_WORDS * ot, MASK_WORDS, words);
                read_run(bits, c.in[1] + DIGIT_BITS * ot, DIGIT_BITS, words);
                break;
            case op_compare_answer:
                read_run(bits, c.in[1] + column * planes + uint32_t(at), message_of(s, j), words);
                read_run(bits, c.in[2] + uint32_t(lt_plane(j)) * s.stride + column, 1, words);
                if (j > 0) read_run(bits, c.in[2] + uint32_t(eq_plane(s.digits, j)) * s.stride + column, 1, words);
                break;
            default: // select
                read_run(bits, c.in[1] + column * planes + uint32_t(at), message_of(s, j), words);
                read_run(bits, c.in[2] + 2 * ot, shared_of(j), words);
            }
            at += message_of(s, j);
        }
    }
}

// plane_words is the bits of a share's 64 words: bit b of all of them.
template <class W> uint64_t plane_word(const W (&x)[BITS_PER_WORD], int b) {
#pragma HLS INLINE
    uint64_t plane = 0;
    for (int i = 0; i < BITS_PER_WORD; i++) {
#pragma HLS UNROLL
        plane |= (uint64_t(x[i] >> b) & 1) << i;
    }
    return plane;
}

// digit_planes are the bits of a digit, zeros above the bits that are compared.
struct digit_planes {
    uint64_t bit[DIGIT_BITS];
};

template <class W> digit_planes digit_of(const comparison &s, const W (&x)[BITS_PER_WORD], int j, uint64_t flip) {
#pragma HLS INLINE
    digit_planes d;
    for (int b = 0; b < DIGIT_BITS; b++) {
#pragma HLS UNROLL
        const int at = DIGIT_BITS * j + b;
        d.bit[b] = at < s.bits ? plane_word(x, at) ^ flip : 0;
    }
    return d;
}

// digit_masks are a digit's masks of 64 OTs, turned: a word for each message.
struct digit_masks {
    uint64_t of[MASK_WORDS];
};

// turn_masks turns a digit's masks by e (step 2): from the words of 64 OTs to a word for each message, whose neighbours change places where
// e is set.
inline void turn_masks(word_stream &words, digit_masks &p) {
#pragma HLS INLINE off
    uint64_t in[MASK_WORDS], e[DIGIT_BITS];
#pragma HLS ARRAY_PARTITION variable = in complete
#pragma HLS ARRAY_PARTITION variable = e complete
words:
    for (int i = 0; i < MASK_WORDS + DIGIT_BITS; i++) {
#pragma HLS PIPELINE II = 1
        const uint64_t w = words.read();
        if (i < MASK_WORDS) {
            in[i] = w;
        } else {
            e[i - MASK_WORDS] = w;
        }
        beat(COMPUTE);
    }
    const int half = BITS_PER_WORD / 2;
    for (int v = 0; v < MASK_WORDS; v++) { // the bits of each half, side by side: wires
#pragma HLS UNROLL
        uint64_t word = 0;
        for (int i = 0; i < half; i++) {
#pragma HLS UNROLL
            word |= (in[i] >> v & 1) << i | (in[i] >> (half + v) & 1) << (half + i);
        }
        p.of[v] = word;
    }
    for (int b = 0; b < DIGIT_BITS; b++) {
#pragma HLS UNROLL
        for (int v = 0; v < MASK_WORDS; v++) {
#pragma HLS UNROLL
            const int u = v | 1 << b;
            if (u != v) {
                const uint64_t t = (p.of[v] ^ p.of[u]) & e[b];
                p.of[v] ^= t;
                p.of[u] ^= t;
            }
        }
    }
}

// write_turned gives a digit's pads, the difference of its masks from that of message 0, and this.
inline void write_turned(const comparison &s, int j, const digit_masks &p, word_stream &out) {
#pragma HLS INLINE off
    const int values = values_of(s, j), shared = shared_of(j);
shared:
    for (int h = 0; h < shared; h++) {
#pragma HLS LOOP_TRIPCOUNT max = 2
    pads:
        for (int v = 1; v < values; v++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 15
            out.write(p.of[h * DIGIT_VALUES + v] ^ p.of[h * DIGIT_VALUES]);
        }
    }
base:
    for (int h = 0; h < shared; h++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 2
        out.write(p.of[h * DIGIT_VALUES]);
    }
}

// make_turned turns a digit while the one before is written.
inline void make_turned(const comparison &s, int j, word_stream &words, word_stream &out) {
#pragma HLS INLINE off
#pragma HLS DATAFLOW
    digit_masks p;
#pragma HLS ARRAY_PARTITION variable = p.of complete
    turn_masks(words, p);
    write_turned(s, j, p, out);
}

// make_answer masks f_j[v] ^ f_j[0] of a digit (step 3), whose complement the sender's planes are.
inline void make_answer(const comparison &s, int j, const digit_planes &d, word_stream &words, word_stream &out) {
#pragma HLS INLINE off
    uint64_t is[DIGIT_VALUES];
#pragma HLS ARRAY_PARTITION variable = is complete
    for (int v = 0; v < DIGIT_VALUES; v++) {
#pragma HLS UNROLL
        uint64_t all = ~uint64_t(0);
        for (int b = 0; b < DIGIT_BITS; b++) {
#pragma HLS UNROLL
            all &= v >> b & 1 ? d.bit[b] : ~d.bit[b];
        }
        is[v] = all;
    }
    const int values = values_of(s, j), shared = shared_of(j);
    uint64_t less = 0;
less:
    for (int v = 0; v < values - 1; v++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 15
        less ^= is[v]; // s <= v
        out.write(words.read() ^ less);
        beat(COMPUTE);
    }
    const int equals = shared == 2 ? values - 1 : 0;
equal:
    for (int v = 0; v < equals; v++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 15
        out.write(words.read() ^ is[v + 1] ^ is[0]);
        beat(COMPUTE);
    }
    out.write(words.read());
    if (shared == 2) out.write(words.read() ^ is[0]);
    beat(COMPUTE, uint32_t(shared));
}

// make_selected gives each instance the message of its value (step 4): that of value 0 is zero.
inline void make_selected(const comparison &s, int j, const digit_planes &d, word_stream &words, word_stream &out) {
#pragma HLS INLINE off
    uint64_t chosen[2] = {0, 0};
    const int values = values_of(s, j), shared = shared_of(j);
shared:
    for (int h = 0; h < shared; h++) {
#pragma HLS LOOP_TRIPCOUNT max = 2
    messages:
        for (int v = 1; v < values; v++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 15
            uint64_t is = ~uint64_t(0);
            for (int b = 0; b < DIGIT_BITS; b++) {
#pragma HLS UNROLL
                is &= v >> b & 1 ? d.bit[b] : ~d.bit[b];
            }
            chosen[h] |= words.read() & is;
            beat(COMPUTE);
        }
    }
masks:
    for (int h = 0; h < shared; h++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 2
        out.write(chosen[h] ^ words.read());
        beat(COMPUTE);
    }
}

template <class W>
void make_compare(const command &c, const comparison &s, word_stream &words, value_stream<W> &values, word_stream &out) {
#pragma HLS INLINE off
    W x[BITS_PER_WORD];
#pragma HLS ARRAY_PARTITION variable = x complete
columns:
    for (uint32_t k = 0; k < s.columns; k++) {
        const int beats = c.op == op_compare_turn ? 0 : share_beats<W>();
    fill:
        for (int i = 0; i < beats; i++) {
#pragma HLS PIPELINE II = 1
            const value_beat<W> v = values.read();
            for (int j = 0; j < beat_values<W>(); j++) {
#pragma HLS UNROLL
                x[i * beat_values<W>() + j] = v.of[j];
            }
            beat(COMPUTE);
        }
    digits:
        for (int j = 0; j < s.digits; j++) {
#pragma HLS LOOP_TRIPCOUNT max = 16
            const digit_planes d = digit_of(s, x, j, c.op == op_compare_answer ? ~uint64_t(0) : uint64_t(0));
            switch (c.op) {
            case op_compare_choose:
            choices:
                for (int b = 0; b < DIGIT_BITS; b++) {
#pragma HLS PIPELINE II = 1
                    out.write(d.bit[b] ^ words.read());
                    beat(COMPUTE);
                }
                break;
            case op_compare_turn:
                make_turned(s, j, words, out);
                break;
            case op_compare_answer:
                make_answer(s, j, d, words, out);
                break;
            default:
                make_selected(s, j, d, words, out);
            }
        }
    }
}

// last_bits are those of the last column that stand for instances.
inline uint64_t last_bits(const comparison &s, uint32_t column) {
    const uint32_t left = s.n - column * BITS_PER_WORD;
    return left >= uint32_t(BITS_PER_WORD) ? ~uint64_t(0) : (uint64_t(1) << left) - 1;
}

// write_leaf writes a word of a plane of nodes. What has come down to the carries alone has nothing behind the last.
inline void write_leaf(const comparison &s, int nodes, uint32_t address, int plane, uint32_t k, word_stream &out, uint64_t *bits) {
#pragma HLS INLINE
    const uint64_t kept = nodes == 1 ? last_bits(s, k) : ~uint64_t(0);
    bits[address + uint32_t(plane) * s.stride + s.first + k] = out.read() & kept;
    beat(STORE);
}

inline void write_compare(const command &c, const comparison &s, word_stream &out, uint64_t *bits) {
#pragma HLS INLINE off
    const uint32_t planes = uint32_t(message_planes(s));
columns:
    for (uint32_t k = 0; k < s.columns; k++) {
        const uint32_t column = s.first + k;
        int at = 0;
    digits:
        for (int j = 0; j < s.digits; j++) {
            const uint32_t leaves = c.op == op_compare_select ? c.out[0] : c.out[1];
            if (c.op == op_compare_choose) {
                write_run(out, bits, c.out[0] + DIGIT_BITS * (uint32_t(j) * s.stride + column), DIGIT_BITS);
                continue;
            }
            if (c.op != op_compare_select) write_run(out, bits, c.out[0] + column * planes + uint32_t(at), message_of(s, j));
            const int nodes = c.op == op_compare_turn ? 0 : s.digits; // what turns is no carry yet
            write_leaf(s, nodes, leaves, lt_plane(j), k, out, bits);
            if (j > 0) write_leaf(s, nodes, leaves, eq_plane(s.digits, j), k, out, bits);
            at += message_of(s, j);
        }
    }
}

// Words that a column of pair i takes where it opens its factors, and where it is joined: the least has one product.
inline uint32_t opened_words(int i) { return i == 0 ? 4 : 6; }
inline uint32_t joined_words(int i) { return i == 0 ? 8 : 12; }

// read_pairs reads what open and join take of a pair of nodes, column by column; behind the last pair the node without a neighbour.
inline void read_pairs(const command &c, const comparison &s, const uint64_t *bits, word_stream &words) {
#pragma HLS INLINE off
    const int m = nodes_at(s, s.level), triple = triples_before(s, s.level), triples = s.digits - 1;
    const uint32_t x = s.stride;
pairs:
    for (int i = 0; i < (m + 1) / 2; i++) {
#pragma HLS LOOP_TRIPCOUNT max = 8
        const bool alone = 2 * i + 1 == m;
        const int t = triple + i, opened = opened_plane(i);
    columns:
        for (uint32_t k = 0; k < s.columns; k++) {
            const uint32_t at = s.first + k;
            if (alone && c.op == op_compare_open) continue;
            if (alone) {
                words.write(bits[c.in[0] + uint32_t(lt_plane(m - 1)) * x + at]);
                words.write(bits[c.in[0] + uint32_t(eq_plane(m, m - 1)) * x + at]);
                beat(LOAD, 2);
                continue;
            }
            words.write(bits[c.in[0] + uint32_t(eq_plane(m, 2 * i + 1)) * x + at]);
            if (c.op == op_compare_open) {
                words.write(bits[c.in[0] + uint32_t(lt_plane(2 * i)) * x + at]);
                words.write(bits[c.in[1] + uint32_t(t) * x + at]);
                words.write(bits[c.in[2] + uint32_t(t) * x + at]);
                if (i > 0) {
                    words.write(bits[c.in[0] + uint32_t(eq_plane(m, 2 * i)) * x + at]);
                    words.write(bits[c.in[2] + uint32_t(triples + t) * x + at]);
                }
                beat(LOAD, opened_words(i));
                continue;
            }
            words.write(bits[c.in[0] + uint32_t(lt_plane(2 * i + 1)) * x + at]);
            words.write(bits[c.in[1] + uint32_t(opened) * x + at]);
            words.write(bits[c.in[2] + uint32_t(opened) * x + at]);
        products:
            for (int h = 0; h < (i > 0 ? 2 : 1); h++) {
                words.write(bits[c.in[1] + uint32_t(opened + 1 + h) * x + at]);
                words.write(bits[c.in[2] + uint32_t(opened + 1 + h) * x + at]);
                words.write(bits[c.in[3] + uint32_t(h * triples + t) * x + at]);
                words.write(bits[c.in[4] + uint32_t(h * triples + t) * x + at]);
            }
            beat(LOAD, joined_words(i));
        }
    }
}

// make_pairs opens the factors of pairs, or joins them, and writes where it is: the results of a pair are two or three planes.
inline void make_pairs(const command &c, const comparison &s, word_stream &words, uint64_t *bits) {
#pragma HLS INLINE off
    const int m = nodes_at(s, s.level), next = nodes_at(s, s.level + 1);
    const uint32_t x = s.stride;
pairs:
    for (int i = 0; i < (m + 1) / 2; i++) {
#pragma HLS LOOP_TRIPCOUNT max = 8
        const bool alone = 2 * i + 1 == m;
    columns:
        for (uint32_t k = 0; k < s.columns; k++) {
            const uint32_t at = s.first + k;
            if (alone && c.op == op_compare_open) continue;
            const uint64_t first = words.read(), second = words.read(); // of what is alone: lt, eq; else eq_high and a lt
            beat(COMPUTE, c.op == op_compare_open ? opened_words(i) : alone ? 2 : joined_words(i));
            if (c.op == op_compare_open) {
                bits[c.out[0] + uint32_t(opened_plane(i)) * x + at] = first ^ words.read();
                bits[c.out[0] + uint32_t(opened_plane(i) + 1) * x + at] = second ^ words.read();
                if (i > 0) {
                    const uint64_t low = words.read();
                    bits[c.out[0] + uint32_t(opened_plane(i) + 2) * x + at] = low ^ words.read();
                }
                beat(STORE, opened_words(i) / 2);
                continue;
            }
            uint64_t lt = first, eq = second;
            if (!alone) {
                const uint64_t own = words.read(), d = own ^ words.read();
                uint64_t product[2] = {0, 0};
            products:
                for (int h = 0; h < (i > 0 ? 2 : 1); h++) {
                    const uint64_t mine = words.read(), e = mine ^ words.read(), b = words.read(), z = words.read();
                    product[h] = (first & e) ^ (d & b) ^ z;
                }
                lt = product[0] ^ second;
                eq = product[1];
            }
            bits[c.out[0] + uint32_t(lt_plane(i)) * x + at] = next == 1 ? lt & last_bits(s, k) : lt;
            if (i > 0) bits[c.out[0] + uint32_t(eq_plane(next, i)) * x + at] = eq;
            beat(STORE, i > 0 ? 2 : 1);
        }
    }
}

// make_products is a&b ^ p0 ^ q of both bits of triples: seven words in, two out. lo and n count words of a.
inline void make_products(const command &c, const uint64_t *bits_in, uint64_t *bits_out) {
#pragma HLS INLINE off
    const uint32_t stride = uint32_t(c.ints[0]);
words:
    for (uint32_t k = 0; k < c.n; k++) {
#pragma HLS PIPELINE II = 7
        const uint64_t a = bits_in[c.in[0] + c.lo + k];
        for (uint32_t h = 0; h < 2; h++) {
#pragma HLS UNROLL
            const uint32_t at = h * stride + c.lo + k;
            bits_out[c.out[0] + at] = (a & bits_in[c.in[1] + at]) ^ bits_in[c.in[2] + at] ^ bits_in[c.in[3] + at];
        }
        beat(LOAD, 7);
        beat(COMPUTE, 7);
        beat(STORE, 2);
    }
}

inline void compare_pairs(const command &c, const uint64_t *bits_in, uint64_t *bits_out) {
    const comparison s = comparison_of(c);
#pragma HLS DATAFLOW
    word_stream words;
    read_pairs(c, s, bits_in, words);
    make_pairs(c, s, words, bits_out);
}

template <class W> void compare_digits(const command &c, const uint64_t *bits_in, const W *ring_in, uint64_t *bits_out) {
    const comparison s = comparison_of(c);
#pragma HLS DATAFLOW
    word_stream words, out;
    value_stream<W> x;
    read_compare<W>(c, s, bits_in, ring_in, words, x);
    make_compare<W>(c, s, words, x, out);
    write_compare(c, s, out, bits_out);
}

// part_of is what a unit takes of a command: of the columns, or of the words of products, as many as of so many units, the last ones fewer.
inline command part_of(const command &c, uint32_t unit, uint32_t units) {
#pragma HLS INLINE off
    const uint32_t step = c.op == op_products ? 1 : BITS_PER_WORD;
    const uint32_t each = ceil_div(ceil_div(c.n, step), units) * step;
    const uint32_t from = least(c.n, unit * each);
    command part = c;
    part.lo = c.lo + from;
    part.n = least(each, c.n - from);
    return part;
}

// compare_part is the part of one unit, of which there are COMPARE_LANES.
template <class C, int UNIT>
void compare_part(const command &whole, const uint64_t *bits_in, const typename C::word *ring_in, uint64_t *bits_out) {
#pragma HLS INLINE off
    if (UNIT >= C::COMPARE_LANES) return;
    const command c = part_of(whole, UNIT, C::COMPARE_LANES);
    if (c.n == 0) return;
    switch (c.op) {
    case op_products:
        make_products(c, bits_in, bits_out);
        break;
    case op_compare_open:
    case op_compare_join:
        compare_pairs(c, bits_in, bits_out);
        break;
    default:
        compare_digits<typename C::word>(c, bits_in, ring_in, bits_out);
    }
}

// all_side_by_side counts the stages of units that run at the same time.
struct all_side_by_side {
    side_by_side load, compute, store;
    all_side_by_side() : load(LOAD), compute(COMPUTE), store(STORE) {}
    void next() {
        load.next();
        compute.next();
        store.next();
    }
};

// compare runs a command of the kernel, all units side by side: they read what no command of this kernel writes meanwhile, and write to
// places of their own. Ports are BITS, to read and to write, and RING, for each unit; the first COMPARE_LANES are used.
template <class C>
void compare(const command &c, const uint64_t *bits_in0, const typename C::word *ring_in0, uint64_t *bits_out0, const uint64_t *bits_in1,
             const typename C::word *ring_in1, uint64_t *bits_out1, const uint64_t *bits_in2, const typename C::word *ring_in2, uint64_t *bits_out2,
             const uint64_t *bits_in3, const typename C::word *ring_in3, uint64_t *bits_out3) {
#pragma HLS INLINE off
#pragma HLS DATAFLOW
    static_assert(C::COMPARE_LANES >= 1 && C::COMPARE_LANES <= 4, "COMPARE_LANES must be 1 to 4");
    all_side_by_side units;
    compare_part<C, 0>(c, bits_in0, ring_in0, bits_out0);
    units.next();
    compare_part<C, 1>(c, bits_in1, ring_in1, bits_out1);
    units.next();
    compare_part<C, 2>(c, bits_in2, ring_in2, bits_out2);
    units.next();
    compare_part<C, 3>(c, bits_in3, ring_in3, bits_out3);
}

}  // namespace sotto
