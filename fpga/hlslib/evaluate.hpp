// The evaluator of garbled circuits by half-gates: S. Zahur, M. Rosulek, D. Evans, "Two Halves Make a Whole", EUROCRYPT 2015, as
// runtime/garble has it. A step's AND is
//
//    W_G = H(A, j) ^ s_a*T_G    W_E = H(B, j') ^ s_b*(T_E ^ A)    C = W_G ^ W_E
//
// of the active labels A and B, whose colours s are their lowest bits. No address and no time depends on a label.
//
//    evaluate   colour bits, or shares <- own labels, the garbler's, tables, permute words
//
// Ports are BITS and RING, each as often as processes read it: a board gives them bundles of their own.
#pragma once

#include "gates.hpp"

namespace sotto {

// Hashes of an AND.
const int EVALUATED_HASHES = 2;

// table is the ciphertexts of an AND of an instance.
struct table {
    block garbler, evaluator;
};

template <int BEATS> // cycles of a table through its port
void read_tables(const uint64_t *bits, uint32_t address, const garbled &g, fifo<step_words, STEPS_AHEAD> &steps, fifo<table, LANES_AHEAD> &tables) {
#pragma HLS INLINE off
blocks:
    for (uint32_t b = g.engine; b < blocks_of(g); b += g.engines) {
        uint32_t gate = 0;
    steps:
        for (uint32_t i = 0; i < g.steps; i++) {
            const step_words s = steps.read();
            const uint32_t n = lanes_of(g, b);
            const uint32_t at = address + TABLE_WORDS * place(g, b, g.ands, gate);
            const uint32_t lanes = is_and(s) ? BLOCK_LANES : 0;
        lanes:
            for (uint32_t lane = 0; lane < lanes; lane++) {
#pragma HLS PIPELINE II = 1
                const uint32_t of = lane < n ? lane : 0; // lanes without an instance have another's: nobody asks for their results
                const table t = {block_at(bits, at + TABLE_WORDS * of), block_at(bits, at + TABLE_WORDS * of + BLOCK_WORDS)};
                tables.write(t);
                beat(LOAD, BEATS);
            }
            gate += is_and(s) ? 1 : 0;
        }
    }
}

// evaluated is the active label of an AND.
inline block evaluated(const block &a, const block &b, const table &t, uint64_t tweak, const round_keys &key) {
#pragma HLS INLINE
    const block garblers = hash(a, tweak, key) ^ mask_if(a.lo, t.garbler);
    return garblers ^ hash(b, tweak + BLOCK_LANES, key) ^ mask_if(b.lo, t.evaluator ^ a);
}

template <class C>
void evaluate_steps(const garbled &g, const block &hash_key, fifo<step_words, STEPS_AHEAD> &steps, fifo<block, LANES_AHEAD> &own,
                    fifo<block, LANES_AHEAD> &theirs, fifo<table, LANES_AHEAD> &tables, fifo<result, LANES_AHEAD> &results) {
#pragma HLS INLINE off
    const round_keys key = expand(hash_key);
    static label_memory<C::evaluator::SLOTS> memory;
#pragma HLS ARRAY_PARTITION variable = memory.copy complete dim = 1
    step_words s = {0, 0};
    uint32_t gate = 0;
    const uint32_t all = own_blocks(g) * g.steps * BLOCK_LANES;
    uint32_t step = 0, b = g.engine;
lanes:
    for (uint32_t k = 0; k < all; k++) {
#pragma HLS PIPELINE II = C::evaluator::INTERVAL
#pragma HLS ALLOCATION function instances = aes_round limit = C::evaluator::ROUNDS
#pragma HLS DEPENDENCE variable = memory.copy inter false
        const int lane = int(k % BLOCK_LANES);
        if (lane == 0) s = steps.read();
        const block garblers = takes(s, GARBLER_INPUT) ? theirs.read() : zero_block();
        const block evaluators = takes(s, EVALUATOR_INPUT) ? own.read() : zero_block();
        const step_operands o = read_operands(s, lane, memory, garblers, zero_block(), evaluators);
        const block left = o.of[A1] ^ o.of[A2], right = o.of[B1] ^ o.of[B2];
        block z = left ^ right;
        if (is_and(s)) z = evaluated(left, right, tables.read(), tweak_of(g, b, gate, lane), key);
        z = z ^ o.of[P];
        keep(s, lane, z, memory);
        if (is_output(s)) {
            const result r = {output_number(s), uint32_t(z.lo & 1)};
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
    engine_beats<typename C::evaluator>(g, all);
}

// evaluate_part is what one engine does.
template <class C>
void evaluate_part(const command &c, const garbled &g, const uint64_t *steps_port, const uint64_t *own_port, const uint64_t *theirs_port,
                   const uint64_t *tables_port, uint64_t *bits_out, const typename C::word *ring_in, typename C::word *ring_out) {
#pragma HLS INLINE off
    const block hash_key = block_at(steps_port, c.weight[1]);
#pragma HLS DATAFLOW
    fifo<step_words, STEPS_AHEAD> for_own, for_theirs, for_tables, for_engine;
    fifo<block, LANES_AHEAD> own, theirs;
    fifo<table, LANES_AHEAD> tables;
    fifo<result, LANES_AHEAD> results;
    side_by_side ports(LOAD);
    read_steps(steps_port, c.weight[0], g, for_own, for_theirs, for_tables, for_engine);
    ports.next();
    read_labels(own_port, c.in[0], EVALUATOR_INPUT, g, for_own, own);
    ports.next();
    read_labels(theirs_port, c.in[1], GARBLER_INPUT, g, for_theirs, theirs);
    ports.next();
    read_tables<table_beats<C>()>(tables_port, c.in[2], g, for_tables, tables);
    evaluate_steps<C>(g, hash_key, for_engine, own, theirs, tables, results);
    write_results<C>(g, results, c.out[0], c.in[3], bits_out, ring_in, ring_out);
}

// evaluate runs a command of the kernel.
template <class C>
void evaluate(const command &c, const uint64_t *steps_port, const uint64_t *own_port, const uint64_t *theirs_port, const uint64_t *tables_port,
              uint64_t *bits_out, const typename C::word *ring_in, typename C::word *ring_out) {
    const garbled g = garbled_of(c);
engines:
    for (int e = 0; e < C::evaluator::COUNT; e++) {
#pragma HLS UNROLL
        evaluate_part<C>(c, shared(g, e, C::evaluator::COUNT), steps_port, own_port, theirs_port, tables_port, bits_out, ring_in, ring_out);
    }
}

}  // namespace sotto
