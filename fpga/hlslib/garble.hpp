// The garbler of circuits by half-gates: S. Zahur, M. Rosulek, D. Evans, "Two Halves Make a Whole", EUROCRYPT 2015, as runtime/garble has
// it. A step's AND, with the hashes h0, h1 of A0, A0 ^ Delta (tweak j) and h2, h3 of B0, B0 ^ Delta (tweak j'), is
//
//    T_G = h0 ^ h1 ^ p_b*Delta    T_E = h2 ^ h3 ^ A0    C0 = h0 ^ p_a*T_G ^ h2 ^ p_b*(T_E ^ A0)
//
// of zero-labels, whose permute bits p are their lowest bits. No address and no time depends on a label or a bit of a share.
//
//    labels    labels <- x                                  of the bits of the garbler's share, wire by wire in each block
//    choices   bits <- x                                    of the evaluator's share, in the same order: what its label OTs choose
//    tables    tables, permute bits or words <- zero labels of the evaluator's inputs, r
//
// Ports are BITS and RING, each as often as processes read it: a board gives them bundles of their own.
#pragma once

#include "gates.hpp"

namespace sotto {

// Hashes of an AND.
const int GARBLED_HASHES = 4;

// batch is what circuits are garbled under: the key record of fpga/gates.
struct batch {
    block hash_key, delta, seed;
};

inline batch batch_at(const uint64_t *bits, uint32_t address) {
    const batch b = {block_at(bits, address), block_at(bits, address + BLOCK_WORDS), block_at(bits, address + 2 * BLOCK_WORDS)};
    return b;
}

// read_share gives the words of a share, element by element in each block, with zeros in lanes that have no instance.
template <class C> void read_share(const typename C::word *ring, uint32_t address, const garbled &g, fifo<typename C::word, LANES_AHEAD> &words) {
#pragma HLS INLINE off
blocks:
    for (uint32_t b = g.engine; b < blocks_of(g); b += g.engines) {
    elements:
        for (uint32_t e = 0; e < g.elements; e++) {
        lanes:
            for (uint32_t lane = 0; lane < BLOCK_LANES; lane++) {
#pragma HLS PIPELINE II = 1
                const bool there = lane < lanes_of(g, b);
                words.write(there ? ring[address + (BLOCK_LANES * b + lane) * g.elements + e] : typename C::word(0));
                beat(LOAD);
            }
        }
    }
}

// make_labels gives the active labels of the bits, a label a cycle: a block of the generator, and Delta where the bit is one.
template <class C> void make_labels(const garbled &g, const batch &under, fifo<typename C::word, LANES_AHEAD> &words, fifo<block, LANES_AHEAD> &labels) {
#pragma HLS INLINE off
    const round_keys seed = expand(under.seed);
    typename C::word x[BLOCK_LANES];
blocks:
    for (uint32_t b = g.engine; b < blocks_of(g); b += g.engines) {
    elements:
        for (uint32_t e = 0; e < g.elements; e++) {
        fill:
            for (uint32_t lane = 0; lane < BLOCK_LANES; lane++) {
#pragma HLS PIPELINE II = 1
                x[lane] = words.read();
            }
            const uint32_t n = lanes_of(g, b), first = numbered(g, b, g.wires, e * g.bits);
            uint32_t bit = 0, lane = 0;
        lanes:
            for (uint32_t k = 0; k < g.bits * n; k++) {
#pragma HLS PIPELINE II = 1
                labels.write(generated(first + k, seed) ^ mask_if(uint64_t(x[lane] >> (g.from + bit)), under.delta));
                beat(COMPUTE);
                lane++;
                if (lane == n) {
                    lane = 0;
                    bit++;
                }
            }
        }
    }
}

inline void write_labels(const garbled &g, fifo<block, LANES_AHEAD> &labels, uint32_t address, uint64_t *bits) {
#pragma HLS INLINE off
labels:
    for (uint32_t k = 0; k < g.n * g.wires; k++) {
#pragma HLS PIPELINE II = 1
        const block l = labels.read();
        bits[address + BLOCK_WORDS * k] = l.lo;
        bits[address + BLOCK_WORDS * k + 1] = l.hi;
        beat(STORE);
    }
}

template <class C>
void garble_labels(const command &c, const uint64_t *keys, const typename C::word *ring_in, uint64_t *bits_out) {
    const garbled g = garbled_of(c);
    const batch under = batch_at(keys, c.weight[1]);
#pragma HLS DATAFLOW
    fifo<typename C::word, LANES_AHEAD> words;
    fifo<block, LANES_AHEAD> labels;
    read_share<C>(ring_in, c.in[0], g, words);
    make_labels<C>(g, under, words, labels);
    write_labels(g, labels, c.out[0], bits_out);
}

// pack_choices puts the bits of a share side by side, a plane of a block a cycle. Only the last block's planes are not whole words.
template <class C> void pack_choices(const garbled &g, fifo<typename C::word, LANES_AHEAD> &words, uint32_t address, uint64_t *bits) {
#pragma HLS INLINE off
    typename C::word x[BLOCK_LANES];
#pragma HLS ARRAY_PARTITION variable = x complete
    uint32_t at = address;
    uint64_t held = 0;
    uint32_t fill = 0;
blocks:
    for (uint32_t b = g.engine; b < blocks_of(g); b += g.engines) {
    elements:
        for (uint32_t e = 0; e < g.elements; e++) {
        fill:
            for (uint32_t lane = 0; lane < BLOCK_LANES; lane++) {
#pragma HLS PIPELINE II = 1
                x[lane] = words.read();
            }
        planes:
            for (uint32_t bit = 0; bit < g.bits; bit++) {
#pragma HLS PIPELINE II = 1
                uint64_t plane = 0;
                for (int lane = 0; lane < BLOCK_LANES; lane++) {
#pragma HLS UNROLL
                    plane |= (uint64_t(x[lane] >> (g.from + bit)) & 1) << lane;
                }
                held |= plane << fill;
                const uint32_t filled = fill + lanes_of(g, b);
                if (filled >= BLOCK_LANES) {
                    bits[at] = held;
                    at++;
                    held = fill > 0 ? plane >> (BLOCK_LANES - fill) : 0;
                }
                fill = filled % BLOCK_LANES;
                beat(COMPUTE);
            }
        }
    }
    if (fill > 0) bits[at] = held;
}

template <class C> void garble_choices(const command &c, const typename C::word *ring_in, uint64_t *bits_out) {
    const garbled g = garbled_of(c);
#pragma HLS DATAFLOW
    fifo<typename C::word, LANES_AHEAD> words;
    read_share<C>(ring_in, c.in[0], g, words);
    pack_choices<C>(g, words, c.out[0], bits_out);
}

// make_zeros gives the zero-labels of the garbler's inputs that steps take: blocks of the generator.
inline void make_zeros(const garbled &g, const batch &under, fifo<step_words, STEPS_AHEAD> &steps, fifo<block, LANES_AHEAD> &labels) {
#pragma HLS INLINE off
    const round_keys seed = expand(under.seed);
blocks:
    for (uint32_t b = g.engine; b < blocks_of(g); b += g.engines) {
    steps:
        for (uint32_t i = 0; i < g.steps; i++) {
            const step_words s = steps.read();
            const uint32_t first = numbered(g, b, g.wires, input_number(s, GARBLER_INPUT));
            const uint32_t lanes = takes(s, GARBLER_INPUT) ? BLOCK_LANES : 0;
        lanes:
            for (uint32_t lane = 0; lane < lanes; lane++) {
#pragma HLS PIPELINE II = 1
                labels.write(generated(first + lane, seed));
            }
        }
    }
}

// read_early gives the zero-labels of the early inputs that steps take, which are the bits of r: those under which a bit's label is zero.
template <class C>
void read_early(const typename C::word *ring, uint32_t address, const garbled &g, const block &delta, fifo<step_words, STEPS_AHEAD> &steps,
                fifo<block, LANES_AHEAD> &labels) {
#pragma HLS INLINE off
    typename C::word r[BLOCK_LANES];
blocks:
    for (uint32_t b = g.engine; b < blocks_of(g); b += g.engines) {
        const uint32_t n = g.ring > 0 ? lanes_of(g, b) : 0;
    fill:
        for (uint32_t lane = 0; lane < n; lane++) {
#pragma HLS PIPELINE II = 1
            r[lane] = ring[address + BLOCK_LANES * b + lane];
            beat(LOAD);
        }
    steps:
        for (uint32_t i = 0; i < g.steps; i++) {
            const step_words s = steps.read();
            const uint32_t lanes = takes(s, EARLY_INPUT) ? BLOCK_LANES : 0;
        lanes:
            for (uint32_t lane = 0; lane < lanes; lane++) {
#pragma HLS PIPELINE II = 1
                const typename C::word x = lane < n ? r[lane] : typename C::word(0);
                labels.write(mask_if(uint64_t(x >> input_number(s, EARLY_INPUT)), delta));
            }
        }
    }
}

// and_gate is what an AND gives.
struct and_gate {
    block garbler, evaluator, label;
};

inline and_gate garbled_and(const block &a, const block &b, const block &delta, uint64_t tweak, const round_keys &key) {
#pragma HLS INLINE
    const block h0 = hash(a, tweak, key), h1 = hash(a ^ delta, tweak, key);
    const block h2 = hash(b, tweak + BLOCK_LANES, key), h3 = hash(b ^ delta, tweak + BLOCK_LANES, key);
    and_gate gate;
    gate.garbler = h0 ^ h1 ^ mask_if(b.lo, delta);
    gate.evaluator = h2 ^ h3 ^ a;
    gate.label = h0 ^ mask_if(a.lo, gate.garbler) ^ h2 ^ mask_if(b.lo, gate.evaluator ^ a);
    return gate;
}

template <class C>
void garble_steps(const garbled &g, const batch &under, fifo<step_words, STEPS_AHEAD> &steps, fifo<block, LANES_AHEAD> &zeros,
                  fifo<block, LANES_AHEAD> &early, fifo<block, LANES_AHEAD> &evaluators, fifo<and_gate, LANES_AHEAD> &tables,
                  fifo<result, LANES_AHEAD> &results) {
#pragma HLS INLINE off
    const round_keys key = expand(under.hash_key);
    static label_memory<C::garbler::SLOTS> memory;
#pragma HLS ARRAY_PARTITION variable = memory.copy complete dim = 1
    step_words s = {0, 0};
    uint32_t gate = 0;
    const uint32_t all = own_blocks(g) * g.steps * BLOCK_LANES;
    uint32_t step = 0, b = g.engine;
lanes:
    for (uint32_t k = 0; k < all; k++) {
#pragma HLS PIPELINE II = C::garbler::INTERVAL
#pragma HLS ALLOCATION function instances = aes_round limit = C::garbler::ROUNDS
#pragma HLS DEPENDENCE variable = memory.copy inter false
        const int lane = int(k % BLOCK_LANES);
        if (lane == 0) s = steps.read();
        const block garblers = takes(s, GARBLER_INPUT) ? zeros.read() : zero_block();
        const block earlier = takes(s, EARLY_INPUT) ? early.read() : zero_block();
        const block theirs = takes(s, EVALUATOR_INPUT) ? evaluators.read() : zero_block();
        const step_operands o = read_operands(s, lane, memory, garblers, earlier, theirs);
        const block left = o.of[A1] ^ o.of[A2] ^ mask_if(inverts_a(s), under.delta);
        const block right = o.of[B1] ^ o.of[B2] ^ mask_if(inverts_b(s), under.delta);
        block z = left ^ right;
        if (is_and(s)) {
            const and_gate made = garbled_and(left, right, under.delta, tweak_of(g, b, gate, lane), key);
            tables.write(made);
            z = made.label;
        }
        z = z ^ o.of[P] ^ mask_if(inverts_p(s), under.delta);
        keep(s, lane, z, memory);
        if (is_output(s)) {
            const result r = {output_number(s), uint32_t((z.lo ^ uint64_t(inverts_output(s))) & 1)};
            results.write(r);
        }
        if (lane == BLOCK_LANES - 1) {
            gate += is_and(s) ? 1 : 0;
            step++;
            if (step == g.steps) {
                step = gate = 0;
                b += g.engines;
            }
        }
    }
    engine_beats<typename C::garbler>(g, all);
}

inline void write_tables(const garbled &g, fifo<and_gate, LANES_AHEAD> &tables, uint32_t address, uint64_t *bits) {
#pragma HLS INLINE off
blocks:
    for (uint32_t b = g.engine; b < blocks_of(g); b += g.engines) {
    gates:
        for (uint32_t gate = 0; gate < g.ands; gate++) {
        lanes:
            for (uint32_t lane = 0; lane < BLOCK_LANES; lane++) {
#pragma HLS PIPELINE II = 1
                const and_gate t = tables.read();
                const uint32_t at = address + TABLE_WORDS * (place(g, b, g.ands, gate) + lane);
                if (lane < lanes_of(g, b)) {
                    bits[at] = t.garbler.lo;
                    bits[at + 1] = t.garbler.hi;
                    bits[at + 2] = t.evaluator.lo;
                    bits[at + 3] = t.evaluator.hi;
                    beat(STORE);
                }
            }
        }
    }
}

// garble_tables is what one engine does.
template <class C>
void garble_tables(const command &c, const garbled &g, const uint64_t *steps_port, const uint64_t *labels_port, const typename C::word *ring_in, uint64_t *tables_out,
                   uint64_t *bits_out, typename C::word *ring_out) {
#pragma HLS INLINE off
    const batch under = batch_at(steps_port, c.weight[1]);
#pragma HLS DATAFLOW
    fifo<step_words, STEPS_AHEAD> for_zeros, for_early, for_labels, for_engine;
    fifo<block, LANES_AHEAD> zeros, early, evaluators;
    fifo<and_gate, LANES_AHEAD> tables;
    fifo<result, LANES_AHEAD> results;
    read_steps(steps_port, c.weight[0], g, for_zeros, for_early, for_labels, for_engine);
    make_zeros(g, under, for_zeros, zeros);
    read_early<C>(ring_in, c.in[1], g, under.delta, for_early, early);
    read_labels(labels_port, c.in[0], EVALUATOR_INPUT, g, for_labels, evaluators);
    garble_steps<C>(g, under, for_engine, zeros, early, evaluators, tables, results);
    write_tables(g, tables, c.out[0], tables_out);
    write_results<C>(g, results, c.out[1], none, bits_out, ring_in, ring_out);
}

// garble runs a command of the kernel.
template <class C>
void garble(const command &c, const uint64_t *steps_port, const uint64_t *labels_port, const typename C::word *ring_in, uint64_t *tables_out,
            uint64_t *bits_out, typename C::word *ring_out) {
    switch (c.op) {
    case op_labels:
        garble_labels<C>(c, steps_port, ring_in, bits_out);
        break;
    case op_choices:
        garble_choices<C>(c, ring_in, bits_out);
        break;
    default:
    engines:
        for (int e = 0; e < C::garbler::COUNT; e++) {
#pragma HLS UNROLL
            garble_tables<C>(c, shared(garbled_of(c), e, C::garbler::COUNT), steps_port, labels_port, ring_in, tables_out, bits_out, ring_out);
        }
    }
}

}  // namespace sotto
