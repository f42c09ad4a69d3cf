// What the garbler and the evaluator share: steps (fpga/gates), the memory of labels, and the loop that makes a step of an instance at an
// interval. Their processes run side by side:
//
//    steps ---> inputs  ---> labels that a step takes, 64 of a block    (one process for each kind)
//          ---> tables  ---> both ciphertexts                           (the evaluator's)
//          ---> engine  ---> tables (the garbler's), outputs
//          outputs, tables ---> memory
//
// Steps come in the order in which circuits need their labels, and labels of a block lie side by side: all transfers are runs of at least
// 1024 bytes. A step reads an instance's labels 64 steps after the one before wrote them, which is longer than any pipelined engine takes, so
// no step waits for another.
//
// A config has two engines beside its constants in word.hpp, garbler and evaluator, structs of constants E:
//
//    SLOTS       labels of a block that are kept
//    INTERVAL    cycles from a step to the next (fpga/target: HalfGates.Interval)
//    LATENCY     from a step's operands to its results (HalfGates.Latency)
//    ROUNDS      AES rounds in hardware: those of a step's hashes, shared over the interval
//    COUNT       engines side by side, which take a block in turn
#pragma once

#include "command.hpp"
#include "fifo.hpp"
#include "hash.hpp"
#include "tally.hpp"

namespace sotto {

// Instances of a block, which are what tweaks are numbered by.
const int BLOCK_LANES = 64;

// Words of the tables of an AND of an instance.
const int TABLE_WORDS = 2 * BLOCK_WORDS;

// Operands of a step, and where they come from.
enum step_operand { A1, A2, B1, B2, P, STEP_OPERANDS };
enum step_source { NOTHING, GARBLER_INPUT, EARLY_INPUT, EVALUATOR_INPUT, FIRST_SLOT };

// step_words is a step as fpga/gates writes it.
struct step_words {
    uint64_t operation, numbers;
};

inline bool flag(const step_words &s, int bit) { return s.operation >> bit & 1; }
inline bool is_and(const step_words &s) { return flag(s, 0); }
inline bool inverts_a(const step_words &s) { return flag(s, 1); }
inline bool inverts_b(const step_words &s) { return flag(s, 2); }
inline bool inverts_p(const step_words &s) { return flag(s, 3); }
inline bool writes(const step_words &s) { return flag(s, 4); }
inline bool is_output(const step_words &s) { return flag(s, 5); }
inline bool inverts_output(const step_words &s) { return flag(s, 6); }

// Fields of 9 bits: the slot of the result, then the operands.
inline int step_field(const step_words &s, int i) { return int(s.operation >> (8 + 9 * i) & 0x1ff); }
inline int destination(const step_words &s) { return step_field(s, 0); }
inline int source(const step_words &s, int operand) { return step_field(s, 1 + operand); }

// takes tells whether a step takes an input of a kind; input_number which.
inline bool takes(const step_words &s, step_source kind) {
#pragma HLS INLINE
    bool any = false;
    for (int i = 0; i < STEP_OPERANDS; i++) {
#pragma HLS UNROLL
        any = any || source(s, i) == kind;
    }
    return any;
}

inline uint32_t input_number(const step_words &s, step_source kind) { return uint32_t(s.numbers >> (16 * (kind - GARBLER_INPUT)) & 0xffff); }
inline uint32_t output_number(const step_words &s) { return uint32_t(s.numbers >> 48); }

// garbled is what a command of either kernel says of its circuit and instances. Addresses are of the first of them; lo, its number in the
// part, is what tweaks and the garbler's labels count from.
struct garbled {
    uint32_t steps, ands, wires, ring, elements, from, bits;
    uint32_t lo, n;
    uint32_t engine, engines; // blocks engine, engine + engines ... are this engine's
};

inline garbled garbled_of(const command &c) {
    const garbled g = {uint32_t(c.ints[0]), uint32_t(c.ints[1]), uint32_t(c.ints[2]), uint32_t(c.ints[3]),
                       uint32_t(c.ints[4]), uint32_t(c.ints[5]), uint32_t(c.ints[6]), c.lo, c.n, 0, 1};
    return g;
}

// shared is the part of an engine among so many.
inline garbled shared(garbled g, int engine, int engines) {
    g.engine = uint32_t(engine);
    g.engines = uint32_t(engines);
    return g;
}

inline uint32_t blocks_of(const garbled &g) { return ceil_div(g.n, BLOCK_LANES); }

// own_blocks is how many of them are this engine's.
inline uint32_t own_blocks(const garbled &g) { return blocks_of(g) > g.engine ? ceil_div(blocks_of(g) - g.engine, g.engines) : 0; }

// outputs is how many an instance has.
inline uint32_t outputs_of(const garbled &g) { return g.ring > 0 ? g.ring : 1; }

// lanes_of is how many instances there are in a block.
inline uint32_t lanes_of(const garbled &g, uint32_t b) { return least(BLOCK_LANES, g.n - BLOCK_LANES * b); }

// place is where number k of so many things that each instance has begins for a block, in things of the command's.
inline uint32_t place(const garbled &g, uint32_t b, uint32_t each, uint32_t k) { return BLOCK_LANES * b * each + k * lanes_of(g, b); }

// numbered is the same in things of the part.
inline uint32_t numbered(const garbled &g, uint32_t b, uint32_t each, uint32_t k) { return g.lo * each + place(g, b, each, k); }

// table_beats is the cycles of the tables of an AND through a port: 32 bytes.
template <class C> constexpr int table_beats() { return C::PORT * int(sizeof(typename C::word)) >= 32 ? 1 : 32 / (C::PORT * int(sizeof(typename C::word))); }

// Depth of what waits between two processes: two steps of a block.
const int LANES_AHEAD = 2 * BLOCK_LANES;
const int STEPS_AHEAD = 4;

// read_steps gives a circuit's steps once a block to four processes.
inline void read_steps(const uint64_t *bits, uint32_t address, const garbled &g, fifo<step_words, STEPS_AHEAD> &first,
                       fifo<step_words, STEPS_AHEAD> &second, fifo<step_words, STEPS_AHEAD> &third, fifo<step_words, STEPS_AHEAD> &fourth) {
#pragma HLS INLINE off
blocks:
    for (uint32_t b = g.engine; b < blocks_of(g); b += g.engines) {
    steps:
        for (uint32_t i = 0; i < g.steps; i++) {
#pragma HLS PIPELINE II = 2
            const step_words s = {bits[address + 2 * i], bits[address + 2 * i + 1]};
            first.write(s);
            second.write(s);
            third.write(s);
            fourth.write(s);
            beat(LOAD, 2);
        }
    }
}

// read_labels gives the labels of a kind of input that steps take, from memory.
inline void read_labels(const uint64_t *bits, uint32_t address, step_source kind, const garbled &g, fifo<step_words, STEPS_AHEAD> &steps,
                        fifo<block, LANES_AHEAD> &labels) {
#pragma HLS INLINE off
blocks:
    for (uint32_t b = g.engine; b < blocks_of(g); b += g.engines) {
    steps:
        for (uint32_t i = 0; i < g.steps; i++) {
            const step_words s = steps.read();
            const uint32_t n = lanes_of(g, b);
            const uint32_t at = address + BLOCK_WORDS * place(g, b, g.wires, input_number(s, kind));
            const uint32_t lanes = takes(s, kind) ? BLOCK_LANES : 0;
        lanes:
            for (uint32_t lane = 0; lane < lanes; lane++) {
#pragma HLS PIPELINE II = 1
                labels.write(lane < n ? block_at(bits, at + BLOCK_WORDS * lane) : zero_block());
                beat(LOAD);
            }
        }
    }
}

// label_memory keeps the labels of a block's slots, a copy for each operand that may be read in a cycle.
template <int SLOTS> struct label_memory {
    block copy[STEP_OPERANDS][SLOTS * BLOCK_LANES];
};

// step_operands are a step's five labels of an instance.
struct step_operands {
    block of[STEP_OPERANDS];
};

// read_operands takes a step's labels of a lane from the streams and the memory. early is the label of an early input.
template <int SLOTS>
inline step_operands read_operands(const step_words &s, int lane, const label_memory<SLOTS> &memory, const block &garblers, const block &early,
                              const block &evaluators) {
#pragma HLS INLINE
    step_operands o;
    for (int i = 0; i < STEP_OPERANDS; i++) {
#pragma HLS UNROLL
        const int from = source(s, i);
        const int slot = from >= FIRST_SLOT ? from - FIRST_SLOT : 0;
        const block kept = memory.copy[i][slot * BLOCK_LANES + lane];
        o.of[i] = from >= FIRST_SLOT ? kept
                  : from == GARBLER_INPUT ? garblers
                  : from == EARLY_INPUT ? early
                  : from == EVALUATOR_INPUT ? evaluators
                                            : zero_block();
    }
    return o;
}

// keep writes a step's result.
template <int SLOTS> inline void keep(const step_words &s, int lane, const block &label, label_memory<SLOTS> &memory) {
#pragma HLS INLINE
    for (int i = 0; i < STEP_OPERANDS; i++) {
#pragma HLS UNROLL
        if (writes(s)) memory.copy[i][destination(s) * BLOCK_LANES + lane] = label;
    }
}

// tweak_of is the tweak of the first half of AND number gate in a lane of block b; the second half's is BLOCK_LANES further on.
inline uint64_t tweak_of(const garbled &g, uint32_t b, uint32_t gate, int lane) {
    return uint64_t(BLOCK_LANES) * (2 * (uint64_t(g.ands) * (g.lo / BLOCK_LANES + b) + gate)) + uint64_t(lane);
}

// result is an output bit of an instance.
struct result {
    uint32_t number;
    uint32_t bit;
};

// write_results puts outputs away: bits of a block as a word of BITS, numbers as ring words, XORed with what the garbler sent where that
// is given.
template <class C>
void write_results(const garbled &g, fifo<result, LANES_AHEAD> &results, uint32_t address, uint32_t permute, uint64_t *bits,
                   const typename C::word *ring_in, typename C::word *ring_out) {
#pragma HLS INLINE off
    typedef typename C::word word;
blocks:
    for (uint32_t b = g.engine; b < blocks_of(g); b += g.engines) {
        word number[BLOCK_LANES];
        uint64_t plane = 0;
        const uint32_t n = lanes_of(g, b);
    outputs:
        for (uint32_t k = 0; k < outputs_of(g) * BLOCK_LANES; k++) {
#pragma HLS PIPELINE II = 1
            const uint32_t lane = k % BLOCK_LANES;
            const result r = results.read();
            const word before = k < BLOCK_LANES ? word(0) : number[lane];
            number[lane] = word(before | word(r.bit) << r.number);
            if (lane < n) plane |= uint64_t(r.bit) << lane;
        }
        if (g.ring == 0) {
            bits[address + b] = plane;
            beat(STORE);
        }
        const uint32_t words = g.ring > 0 ? n : 0;
    words:
        for (uint32_t lane = 0; lane < words; lane++) {
#pragma HLS PIPELINE II = 1
            const uint32_t at = BLOCK_LANES * b + lane;
            const word sent = permute == none ? word(0) : ring_in[permute + at];
            ring_out[address + at] = word(number[lane] ^ sent);
            beat(STORE);
        }
    }
}

// engine_beats counts the cycles of so many steps of an instance each. Engines work side by side, and the first has the most blocks.
template <class E> inline void engine_beats(const garbled &g, uint32_t steps) {
    if (g.engine == 0 && steps > 0) beat(COMPUTE, (steps - 1) * E::INTERVAL + E::LATENCY);
}

}  // namespace sotto
