// The elementwise kernel: every step that makes element i of elements i, and chains of them, LANES a cycle.
//
// A command's n elements go in tiles of CHUNK. Tiles follow one another through three processes, load | compute | store, also from one
// command to the next: while tile t is computed, t+1 is loaded and t-1 stored. A chain has up to six steps: operands are read once for all of
// them, what lies between two stays in the kernel, and each result that is needed elsewhere is written once. A tile of n elements takes
//
//    load       the longest of: ceil(n/PORT) for all ring operands; ceil(n/64) for each of bits, one after the other; and one after the
//               other for each factor of channels ceil(n/LANES), or n where a channel has fewer elements than there are lanes
//    compute    ceil(n/LANES) for each step
//    store      the longer of ceil(n/PORT) for all ring results, and ceil(n/64) for bits
//
// cycles and the pipelines' depth.
//
// Ports: RING to read, one for each of up to five operands and one for the factors; RING to write, one for each of three results; BITS to
// read and to write.
#pragma once

#include "chain.hpp"
#include "chunk.hpp"
#include "memory.hpp"
#include "product.hpp"
#include "quadratic.hpp"
#include "rounded.hpp"
#include "sign.hpp"
#include "stream.hpp"
#include "truncation.hpp"

namespace sotto {

// lane is one step on one element. The operation is the same for a whole command: what it chooses between is multiplexers in front of
// the one product.
template <class W> inline terms<W> lane(uint32_t op, const step<W> &s, const lane_input<W> &in) {
#pragma HLS INLINE
    switch (op) {
    case op_add: return sum(W(in.ring[0] + in.ring[1]));
    case op_sub: return sum(W(in.ring[0] - in.ring[1]));
    case op_mulc: return product(in.ring[0], s.constant, W(0));
    case op_addc: return sum(W(in.ring[0] + s.constant));
    case op_iota: return sum(in.index);
    case op_shift: return sum(W(in.ring[0] + in.factor));
    case op_scale: return product(in.ring[0], in.factor, W(in.ring[1] + in.bias));
    case op_trunc_choose: return trunc_choose(s, in);
    case op_trunc_correlate: return trunc_correlate(s, in);
    case op_trunc_receive: return trunc_receive(s, in);
    case op_trunc_send: return trunc_send(s, in);
    case op_trunc_excess: return trunc_excess(s, in);
    case op_coarse: return coarse(s, in);
    case op_sign: return sign(s, in);
    case op_mux_choose: return mux_choose(in);
    case op_mux_correlate: return mux_correlate(in);
    case op_mux_output: return mux_output(in);
    case op_arith_correlate: return arithmetic_correlate(in);
    case op_arith_receive: return arithmetic_receive(in);
    case op_arith_send: return arithmetic_send(in);
    case op_square_client: return square_client(in);
    case op_square_server: return square_server(in);
    case op_square_opened: return square_opened(s, in);
    case op_quadratic_blind: return quadratic_blind(s, in);
    case op_quadratic_client: return quadratic_client(s, in);
    case op_quadratic_server: return quadratic_server(s, in);
    case op_rounded_share: return rounded_share(s, in);
    case op_rounded_offer: return rounded_offer(s, in);
    case op_rounded_fix: return rounded_fix(s, in);
    case op_rounded_turn: return rounded_turn(s, in);
    case op_rounded_pad: return rounded_pad(in);
    case op_rounded_hold: return rounded_hold(s, in);
    case op_rounded_correlate: return rounded_correlate(s, in);
    case op_rounded_client: return rounded_client(s, in);
    case op_rounded_server: return rounded_server(s, in);
    }
    return sum(W(0));  // op_zero
}

// banks is how many a vector has: as many as memory fills, or as lanes read, a cycle.
template <class C> constexpr int banks() { return C::LANES > C::PORT ? C::LANES : C::PORT; }

// elementwise_tile is the operands of a tile. Element i of a vector is in bank i % banks, that of a factor in bank i % LANES.
template <class C> struct elementwise_tile {
    typedef typename C::word word;
    word ring[RING_OPERANDS][banks<C>()][C::CHUNK / banks<C>()];
    word factor[record_weights][C::LANES][C::CHUNK / C::LANES];
    uint64_t bits[BIT_OPERANDS][C::CHUNK / BITS_PER_WORD];
};

// elementwise_results are those of a tile.
template <class C> struct elementwise_results {
    typename C::word ring[chain_results][banks<C>()][C::CHUNK / banks<C>()];
    uint64_t bits[C::CHUNK / BITS_PER_WORD];
};

// elementwise_kept is what lies between the steps of a chain.
template <class C> struct elementwise_kept {
    typename C::word ring[chain_kept][banks<C>()][C::CHUNK / banks<C>()];
    uint64_t bits[C::CHUNK / BITS_PER_WORD];
};

// load_words reads n words of each vector through a port of its own, PORT a cycle: vectors begin at whole lines.
template <class C>
void load_words(const uint32_t (&address)[RING_OPERANDS], int count, uint32_t n, const typename C::word *ring0, const typename C::word *ring1,
                const typename C::word *ring2, const typename C::word *ring3, const typename C::word *ring4, elementwise_tile<C> &tile) {
#pragma HLS INLINE off
    const uint32_t lines = count > 0 ? ceil_div(n, C::PORT) : 0;
words:
    for (uint32_t i = 0; i < lines; i++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = C::CHUNK / C::PORT
        for (int j = 0; j < C::PORT; j++) {
#pragma HLS UNROLL
            const uint32_t at = i * C::PORT + j, bank = at % banks<C>(), row = at / banks<C>();
            if (at < n) {
                if (count > 0) tile.ring[0][bank][row] = ring0[address[0] + at];
                if (count > 1) tile.ring[1][bank][row] = ring1[address[1] + at];
                if (count > 2) tile.ring[2][bank][row] = ring2[address[2] + at];
                if (count > 3) tile.ring[3][bank][row] = ring3[address[3] + at];
                if (count > 4) tile.ring[4][bank][row] = ring4[address[4] + at];
            }
        }
        beat(LOAD);
    }
}

// load_planes reads n words of each vector of bits, one vector after the other.
template <class C>
void load_planes(const uint32_t (&address)[BIT_OPERANDS], int count, uint32_t n, const uint64_t *bits, elementwise_tile<C> &tile) {
#pragma HLS INLINE off
vectors:
    for (int v = 0; v < count; v++) {
#pragma HLS LOOP_TRIPCOUNT max = BIT_OPERANDS
    planes:
        for (uint32_t j = 0; j < n; j++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = C::CHUNK / 64
            tile.bits[v][j] = bits[address[v] + j];
            beat(LOAD);
        }
    }
}

// load_factors gives each element its channel's factor: element i of the command has number (lo+i)/size. Where channels have at least as
// many elements as there are lanes, a beat meets one border at most; otherwise elements go one a cycle.
template <class C>
void load_factors(const typename C::word *memory, uint32_t address, uint32_t from, uint32_t size, uint32_t n,
                  typename C::word (&to)[C::LANES][C::CHUNK / C::LANES]) {
#pragma HLS INLINE off
    typedef typename C::word word;
    const bool wide = size >= uint32_t(C::LANES);
    const uint32_t each = wide ? C::LANES : 1;
    uint32_t channel = from / size;
    uint32_t left = size - from % size;  // elements of the channel from here on
    const uint32_t beats = ceil_div(n, each);
    word now = memory[address + channel];
factors:
    for (uint32_t i = 0; i < beats; i++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = C::CHUNK
        const bool crosses = left < least(each, n - i * each) || (left <= each && i + 1 < beats);
        const word next = crosses ? memory[address + channel + 1] : now;
        if (wide) {
            for (int j = 0; j < C::LANES; j++) {
#pragma HLS UNROLL
                to[j][i] = uint32_t(j) < left ? now : next;
            }
        } else {
            to[i % C::LANES][i / C::LANES] = now;
        }
        if (left <= each) {
            channel++;
            left += size;
            now = next;
        }
        left -= each;
        beat(LOAD);
    }
}

// load_channels reads the factors of a tile's channels, one list after the other.
template <class C> void load_channels(const chunk &t, const chain &steps, const typename C::word *factors, elementwise_tile<C> &tile) {
#pragma HLS INLINE off
factors:
    for (int i = 0; i < record_weights; i++) {
        if (steps.factors >> i & 1) load_factors<C>(factors, t.of.weight[i], t.of.lo + t.first, steps.size, t.n, tile.factor[i]);
    }
}

// load_elements reads what a tile's elements need, through ports of their own: vectors, bits and factors, which share no buffer, side by
// side.
template <class C>
void load_elements(const chunk &t, const typename C::word *ring0, const typename C::word *ring1, const typename C::word *ring2,
                   const typename C::word *ring3, const typename C::word *ring4, const typename C::word *factors, const uint64_t *bits,
                   elementwise_tile<C> &tile) {
#pragma HLS INLINE off
    const chain steps = chain_of(t.of);
    uint32_t vector[RING_OPERANDS] = {}, plane[BIT_OPERANDS] = {};
#pragma HLS ARRAY_PARTITION variable = vector complete
#pragma HLS ARRAY_PARTITION variable = plane complete
    int vectors = 0, planes = 0;
operands:
    for (int i = 0; i < record_ins; i++) {
#pragma HLS PIPELINE II = 1
        if (i >= steps.operands) break;
        if (steps.bits >> i & 1) {
            plane[planes++] = t.of.in[i] + t.first / BITS_PER_WORD;
        } else {
            vector[vectors++] = t.of.in[i] + t.first;
        }
    }
    side_by_side ports(LOAD);
    load_words<C>(vector, vectors, t.n, ring0, ring1, ring2, ring3, ring4, tile);
    ports.next();
    load_planes<C>(plane, planes, ceil_div(t.n, BITS_PER_WORD), bits, tile);
    ports.next();
    load_channels<C>(t, steps, factors, tile);
}

// step_of_chain is the constants of a step.
template <class W> inline step<W> step_of_chain(const command &c, const chain_step &s) {
#pragma HLS INLINE
    const operand_list o = operands_of(s.op);
    const int width = s.op == op_sign ? int(s.numbers[0]) : 1;
    const int f = o.f >= 0 && s.op != op_sign ? int(s.numbers[o.f]) : 1;
    const int k = o.k >= 0 ? int(s.numbers[o.k]) : 0;
    const bool numbered = s.op == op_mulc || s.op == op_addc;
    const uint64_t number = uint64_t(uint32_t(s.numbers[0])) | uint64_t(uint32_t(s.numbers[1])) << 32;
    return step_of<W>(party(c.party), f, k, width, numbered ? W(number) : W(0));
}

// compute_step makes a tile's elements of one step.
template <class C>
void compute_step(const chunk &t, const chain_step &of, const elementwise_tile<C> &tile, elementwise_kept<C> &kept, elementwise_results<C> &out) {
#pragma HLS INLINE off
    typedef typename C::word word;
    const step<word> s = step_of_chain<word>(t.of, of);
    const uint32_t beats = ceil_div(t.n, C::LANES);
    uint64_t gathered = 0;  // bits of the beats that share a word
beats:
    for (uint32_t i = 0; i < beats; i++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = C::CHUNK / C::LANES
#pragma HLS DEPENDENCE variable = kept inter false
        const uint32_t at = i * C::LANES;
        const uint32_t word_of = at / BITS_PER_WORD, bit_of = at % BITS_PER_WORD;
        uint64_t made = 0;
        for (int j = 0; j < C::LANES; j++) {
#pragma HLS UNROLL
            const uint32_t bank = (at + j) % banks<C>(), row = (at + j) / banks<C>();
            lane_input<word> in;
            for (int r = 0; r < RING_OPERANDS; r++) {
#pragma HLS UNROLL
                const int from = of.ring[r];
                in.ring[r] = from < RING_OPERANDS ? tile.ring[from][bank][row] : kept.ring[from - RING_OPERANDS][bank][row];
            }
            for (int b = 0; b < BIT_OPERANDS; b++) {
#pragma HLS UNROLL
                const int from = of.bit[b];
                const uint64_t plane = from < BIT_OPERANDS ? tile.bits[from][word_of] : kept.bits[word_of];
                in.bit[b] = word(plane >> (bit_of + j) & 1);
            }
            in.factor = tile.factor[of.factor][j][i];
            in.bias = of.biased ? tile.factor[1][j][i] : word(0);
            in.index = word(t.of.lo + t.first + at + j);
            const terms<word> r = lane(of.op, s, in);
            const word value = word(ring_product(r.p, r.q) + r.r);
            if (of.ring_result < chain_results) out.ring[of.ring_result][bank][row] = value;
            if (of.ring_kept < chain_kept) kept.ring[of.ring_kept][bank][row] = value;
            if (at + j < t.n) made |= uint64_t(r.bit) << j;
        }
        gathered |= made << bit_of;
        if (bit_of + C::LANES == BITS_PER_WORD || i + 1 == beats) {
            if (of.bit_result) out.bits[word_of] = gathered;
            if (of.bit_kept) kept.bits[word_of] = gathered;
            gathered = 0;
        }
        beat(COMPUTE);
    }
}

// compute_elements makes a tile's elements step by step: a step's pipeline is empty before the next one reads what it has kept.
template <class C> void compute_elements(const chunk &t, const elementwise_tile<C> &tile, elementwise_results<C> &out) {
#pragma HLS INLINE off
    const chain steps = chain_of(t.of);
    elementwise_kept<C> kept;
#pragma HLS ARRAY_PARTITION variable = kept.ring complete dim = 1
#pragma HLS ARRAY_PARTITION variable = kept.ring complete dim = 2
steps:
    for (int i = 0; i < steps.count; i++) {
#pragma HLS LOOP_FLATTEN off
#pragma HLS LOOP_TRIPCOUNT max = chain_steps
        compute_step<C>(t, steps.step[i], tile, kept, out);
    }
}

// store_words writes the vectors of a tile, through a port each.
template <class C>
void store_words(const chunk &t, const chain &steps, elementwise_results<C> &out, typename C::word *ring0, typename C::word *ring1, typename C::word *ring2) {
#pragma HLS INLINE off
    const uint32_t lines = steps.ring_results == 0 ? 0 : ceil_div(t.n, C::PORT);
words:
    for (uint32_t i = 0; i < lines; i++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = C::CHUNK / C::PORT
        for (int j = 0; j < C::PORT; j++) {
#pragma HLS UNROLL
            const uint32_t at = i * C::PORT + j, bank = at % banks<C>(), row = at / banks<C>();
            if (at < t.n) {
                if (steps.ring_results > 0) ring0[t.of.out[steps.ring_result[0]] + t.first + at] = out.ring[0][bank][row];
                if (steps.ring_results > 1) ring1[t.of.out[steps.ring_result[1]] + t.first + at] = out.ring[1][bank][row];
                if (steps.ring_results > 2) ring2[t.of.out[steps.ring_result[2]] + t.first + at] = out.ring[2][bank][row];
            }
        }
        beat(STORE);
    }
}

// store_planes writes the bits of a tile.
template <class C> void store_planes(const chunk &t, const chain &steps, elementwise_results<C> &out, uint64_t *bits) {
#pragma HLS INLINE off
    const uint32_t n = steps.makes_bits ? ceil_div(t.n, BITS_PER_WORD) : 0;
planes:
    for (uint32_t j = 0; j < n; j++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = C::CHUNK / 64
        bits[t.of.out[steps.bit_result] + t.first / BITS_PER_WORD + j] = out.bits[j];
        beat(STORE);
    }
}

template <class C>
void store_elements(const chunk &t, elementwise_results<C> &out, typename C::word *ring0, typename C::word *ring1, typename C::word *ring2,
                    uint64_t *bits, stream<uint32_t, C::QUEUE> &finished) {
#pragma HLS INLINE off
    const chain steps = chain_of(t.of);
    {
        side_by_side ports(STORE);
        store_words<C>(t, steps, out, ring0, ring1, ring2);
        ports.next();
        store_planes<C>(t, steps, out, bits);
    }
    if (t.last) finished.write(kernel_elementwise);
}

// elementwise runs so many tiles: those of all commands that come (chunks).
template <class C>
void elementwise(uint32_t tiles, stream<command, C::QUEUE> &queue, stream<uint32_t, C::QUEUE> &finished, const typename C::word *ring0,
                 const typename C::word *ring1, const typename C::word *ring2, const typename C::word *ring3, const typename C::word *ring4,
                 const typename C::word *factors, typename C::word *ring_out0, typename C::word *ring_out1, typename C::word *ring_out2,
                 const uint64_t *bits_in, uint64_t *bits_out) {
    static_assert(power_of_two(C::LANES) && C::LANES <= BITS_PER_WORD, "LANES must be a power of two of at most 64");
    static_assert(C::CHUNK % BITS_PER_WORD == 0 && C::CHUNK > 0, "CHUNK must be a multiple of 64");
    static_assert(C::CHUNK % banks<C>() == 0, "CHUNK must be a multiple of PORT");
    static_assert(RING_OPERANDS == chain_vectors && BIT_OPERANDS == chain_planes, "a chain reads what a step may");
    chunk held = no_chunk();
tiles:
    for (uint32_t i = 0; i < tiles; i++) {
#pragma HLS DATAFLOW
        elementwise_tile<C> tile;
#pragma HLS ARRAY_PARTITION variable = tile.ring complete dim = 1
#pragma HLS ARRAY_PARTITION variable = tile.ring complete dim = 2
#pragma HLS ARRAY_PARTITION variable = tile.factor complete dim = 1
#pragma HLS ARRAY_PARTITION variable = tile.factor complete dim = 2
#pragma HLS ARRAY_PARTITION variable = tile.bits complete dim = 1
        elementwise_results<C> out;
#pragma HLS ARRAY_PARTITION variable = out.ring complete dim = 1
#pragma HLS ARRAY_PARTITION variable = out.ring complete dim = 2
        chunk to_load, to_compute, to_store;
        next_chunk<C>(queue, held, to_load, to_compute, to_store);
        load_elements<C>(to_load, ring0, ring1, ring2, ring3, ring4, factors, bits_in, tile);
        compute_elements<C>(to_compute, tile, out);
        store_elements<C>(to_store, out, ring_out0, ring_out1, ring_out2, bits_out, finished);
    }
}

}  // namespace sotto
