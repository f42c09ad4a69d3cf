// What an elementwise command does: its steps, one or a chain of them, and where each finds its operands. fpga/lower (chain.go) writes chains.
#pragma once

#include "command.hpp"
#include "lane.hpp"

namespace sotto {

// What an operation reads and writes. Operands stand in the record as fpga/lower/command.go lists them: bit i of `bits` says that
// operand i is a vector of bits.
struct operand_list {
    uint8_t count;      // of operands
    uint8_t bits;       // which are bits
    bool makes_bits;    // the result is bits
    uint8_t factors;    // 1: a factor of channels; 2: and a bias
    int8_t f, k;        // where in the ints what a truncation drops and 2^k are, -1: nowhere
    int8_t size;        // where the elements of a channel are
};

inline operand_list operands_of(uint32_t op) {
#pragma HLS INLINE
    switch (op) {
    //                                        count bits        makes_bits factors f k size
    case op_add:
    case op_sub: return operand_list{2, 0, false, 0, -1, -1, -1};
    case op_mulc:
    case op_addc: return operand_list{1, 0, false, 0, -1, -1, -1};
    case op_iota:
    case op_zero: return operand_list{0, 0, false, 0, -1, -1, -1};
    case op_shift: return operand_list{1, 0, false, 1, -1, -1, 0};
    case op_scale: return operand_list{2, 0, false, 2, -1, -1, 0};
    case op_trunc_choose: return operand_list{2, 0x02, true, 0, 0, -1, -1};
    case op_trunc_correlate: return operand_list{3, 0, false, 0, 0, -1, -1};
    case op_trunc_receive: return operand_list{5, 0x06, false, 0, 0, -1, -1};
    case op_trunc_send: return operand_list{3, 0x02, false, 0, 0, -1, -1};
    case op_trunc_excess: return operand_list{2, 0x01, true, 0, 0, -1, -1};
    case op_coarse: return operand_list{1, 0, false, 0, 0, -1, -1};
    case op_sign: return operand_list{2, 0x01, true, 0, -1, -1, -1};
    case op_mux_choose: return operand_list{2, 0x03, true, 0, -1, -1, -1};
    case op_mux_correlate: return operand_list{4, 0x02, false, 0, -1, -1, -1};
    case op_mux_output: return operand_list{8, 0x36, false, 0, -1, -1, -1};
    case op_arith_correlate: return operand_list{3, 0x01, false, 0, -1, -1, -1};
    case op_arith_receive: return operand_list{5, 0x07, false, 0, -1, -1, -1};
    case op_arith_send: return operand_list{3, 0x03, false, 0, -1, -1, -1};
    case op_square_client:
    case op_square_opened: return operand_list{3, 0, false, 0, -1, -1, -1};
    case op_square_server: return operand_list{2, 0, false, 0, -1, -1, -1};
    case op_quadratic_blind: return operand_list{2, 0, false, 1, -1, 0, 1};
    case op_quadratic_client: return operand_list{3, 0, false, 0, -1, 0, -1};
    case op_quadratic_server: return operand_list{2, 0, false, 1, -1, 0, 1};
    case op_rounded_share: return operand_list{1, 0, false, 0, 0, -1, -1};
    case op_rounded_offer: return operand_list{4, 0, false, 0, 0, 1, -1};
    case op_rounded_fix: return operand_list{4, 0x08, false, 0, 0, -1, -1};
    case op_rounded_turn: return operand_list{3, 0, false, 0, 0, 1, -1};
    case op_rounded_pad: return operand_list{3, 0x04, false, 0, 0, -1, -1};
    case op_rounded_hold: return operand_list{5, 0x10, false, 0, 0, -1, -1};
    case op_rounded_correlate: return operand_list{4, 0, false, 1, 0, 1, 2};
    case op_rounded_client: return operand_list{8, 0xe0, false, 0, 0, 1, -1};
    case op_rounded_server: return operand_list{6, 0x30, false, 1, 0, 1, 2};
    }
    return operand_list{0, 0, false, 0, -1, -1, -1};
}

// chain_step is a step with its places. Vectors are those of the tile, then those kept; bits likewise.
struct chain_step {
    uint32_t op;
    int32_t numbers[2];
    uint8_t ring[RING_OPERANDS], bit[BIT_OPERANDS];
    uint8_t factor;                   // which list of factors
    bool biased;                      // the other list is its bias
    uint8_t ring_result, ring_kept;   // which result it makes and as what it is kept; beyond what there are: none
    bool bit_result, bit_kept;
};

// chain is the steps of a command.
struct chain {
    uint8_t count;
    uint8_t operands, bits;  // how many, and which of them are bits
    uint8_t factors;         // which lists are read
    uint32_t size;           // elements of a channel
    uint8_t ring_results;    // how many
    uint8_t ring_result[chain_results], bit_result;  // which of the command's results they are
    bool makes_bits;
    chain_step step[chain_steps];
};

// sources finds a step's operands: four bits each, of the command's operands, of the vectors kept or the bits kept.
inline void sources(chain_step &s, uint32_t from, uint8_t bits) {
#pragma HLS INLINE
    const operand_list o = operands_of(s.op);
    int rings = 0, planes = 0;
    for (int i = 0; i < record_ins; i++) {
#pragma HLS UNROLL
        const uint32_t source = from >> (4 * i) & 15;
        uint8_t before = 0;  // operands of the command of the same kind
        const bool plane = o.bits >> i & 1;
        for (int j = 0; j < record_ins; j++) {
#pragma HLS UNROLL
            if (uint32_t(j) < source && bool(bits >> j & 1) == plane) before++;
        }
        if (i >= o.count) continue;
        if (plane) {
            s.bit[planes++] = source < record_ins ? before : uint8_t(chain_planes);
        } else {
            s.ring[rings++] = source < record_ins ? before : uint8_t(chain_vectors + source - chain_first_kept);
        }
    }
}

// single_step is the chain of a command that is one step: its operands in order.
inline chain single_step(const command &c) {
#pragma HLS INLINE
    const operand_list o = operands_of(c.op);
    chain all = {};
    all.count = 1;
    all.operands = o.count;
    all.bits = o.bits;
    all.size = o.size >= 0 ? uint32_t(c.ints[o.size]) : 1;
    chain_step &s = all.step[0];
    s.op = c.op;
    s.numbers[0] = c.ints[0];
    s.numbers[1] = c.ints[1];
    s.biased = o.factors > 1 && c.weight[1] != none;
    all.factors = uint8_t((o.factors > 0 ? 1 : 0) | (s.biased ? 2 : 0));
    sources(s, 0x76543210u, o.bits);
    all.makes_bits = s.bit_result = o.makes_bits;
    all.ring_results = o.makes_bits ? 0 : 1;
    s.ring_result = uint8_t(o.makes_bits ? int(chain_results) : 0);
    s.ring_kept = chain_kept;
    return all;
}

// chain_of reads a command.
inline chain chain_of(const command &c) {
#pragma HLS INLINE off
    if (c.op != op_chain) return single_step(c);
    chain all = {};
    all.count = uint8_t(c.ints[0] & 255);
    all.bits = uint8_t(c.ints[0] >> 8 & 255);
    all.size = uint32_t(c.ints[1]);
    const uint32_t result_bits = uint32_t(c.ints[0]) >> 16;
    uint8_t number[record_outs] = {};  // of the command's results among the vectors
results:
    for (int i = 0; i < record_outs; i++) {
        if (c.out[i] == none) break;
        if (result_bits >> i & 1) {
            all.makes_bits = true;
            all.bit_result = uint8_t(i);
        } else if (all.ring_results < chain_results) {
            number[i] = all.ring_results;
            all.ring_result[all.ring_results++] = uint8_t(i);
        }
    }
operands:
    for (int i = 0; i < record_ins; i++) {
        if (c.in[i] != none) all.operands++;
    }
factors:
    for (int i = 0; i < record_weights; i++) {
        if (c.weight[i] != none) all.factors |= uint8_t(1 << i);
    }
steps:
    for (int i = 0; i < chain_steps; i++) {
        if (i >= all.count) break;
        const int32_t *ints = &c.ints[chain_head + chain_step_ints * i];
        chain_step &s = all.step[i];
        s.op = uint32_t(ints[0]);
        s.numbers[0] = ints[1];
        s.numbers[1] = ints[2];
        sources(s, uint32_t(ints[3]), all.bits);
        const int result = (ints[4] & 7) - 1, kept = (ints[4] >> 3 & 3) - 1, factor = (ints[4] >> 5 & 3) - 1;
        const bool bits = operands_of(s.op).makes_bits;
        s.factor = uint8_t(factor > 0 ? factor : 0);
        s.bit_result = bits && result >= 0;
        s.bit_kept = bits && kept == chain_kept;
        s.ring_result = !bits && result >= 0 ? number[result] : uint8_t(chain_results);
        s.ring_kept = uint8_t(!bits && kept >= 0 ? kept : int(chain_kept));
    }
    return all;
}

}  // namespace sotto
