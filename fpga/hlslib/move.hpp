// Movements in memory: copies, nested loops over a tensor, padding and slices, elements by a list of indices, ranges.
//
// A command goes in pieces of up to CHUNK words of its result, which lie behind one another. Pieces go through fetch | store, also from one
// command to the next. Of a piece, what is contiguous in memory comes PORT words a cycle, zeros too; what is not, one word a cycle; and a
// run begins after two cycles more where it is out of step with its lines. A piece leaves at PORT words a cycle.
//
// Which words a command moves says the program, never a value.
#pragma once

#include "chunk.hpp"
#include "memory.hpp"

namespace sotto {

// piece is part of a command's result: n words from an address on.
struct piece {
    command of;
    uint32_t from, to;  // of ranges: addresses of this piece; of others from is how many of its elements come before
    uint32_t n;
    uint32_t range, left;  // of ranges: which one, and how many of its words come behind this piece
    bool last;
};

// A range in BITS: two words, from | to << 32 and its length.
const uint32_t RANGE_WORDS = 2;

// next_piece is the one behind `held`, of the next command where that was its last: a copy for each process.
template <class C> void next_piece(stream<command, C::QUEUE> &queue, const uint64_t *bits, piece &held, piece &fetch, piece &store) {
#pragma HLS INLINE off
    const bool begins = held.last;
    if (begins) {
        held.of = queue.read();
        held.range = 0;
        held.left = 0;
    }
    const command &c = held.of;
    if (c.op == op_ranges) {
        if (begins || held.left == 0) {
            const uint32_t at = c.weight[0] + held.range * RANGE_WORDS;
            const uint64_t ends = bits[at];
            held.from = c.in[0] + uint32_t(ends);
            held.to = c.out[0] + uint32_t(ends >> 32);
            held.left = uint32_t(bits[at + 1]);
            held.range++;
        } else {
            held.from += held.n;
            held.to += held.n;
        }
        held.n = least(C::CHUNK, held.left);
        held.left -= held.n;
        held.last = held.left == 0 && held.range == uint32_t(c.ints[0]);
    } else {
        held.from = begins ? 0 : held.from + held.n;
        held.n = least(C::CHUNK, c.n - held.from);
        held.to = c.out[0] + held.from;
        held.last = held.from + held.n == c.n;
    }
    fetch = store = held;
}

// move_pieces counts those of a command.
template <class C> uint32_t move_pieces(const command &c, const uint64_t *bits) {
    if (c.op != op_ranges) return chunks<C>(c);
    uint32_t n = 0;
    for (uint32_t i = 0; i < uint32_t(c.ints[0]); i++) n += ceil_div(uint32_t(bits[c.weight[0] + i * RANGE_WORDS + 1]), C::CHUNK);
    return n;
}

// BITS come this many words a cycle: as many bytes as words of the ring.
template <class C> constexpr int bits_port() { return C::PORT * int(sizeof(typename C::word)) / 8 > 0 ? C::PORT * int(sizeof(typename C::word)) / 8 : 1; }

// moved is the buffer of a piece.
template <class C> struct moved {
    typename C::word ring[C::PORT][C::CHUNK / C::PORT];
    uint64_t bits[bits_port<C>()][C::CHUNK / bits_port<C>()];
};

// pick reads n words that lie a step apart to places from at on, one a cycle.
template <class C>
void pick(const typename C::word *ring, uint32_t address, int step, uint32_t n, typename C::word (&bank)[C::PORT][C::CHUNK / C::PORT], uint32_t at) {
#pragma HLS INLINE off
words:
    for (uint32_t i = 0; i < n; i++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = C::CHUNK
        bank[(at + i) % C::PORT][(at + i) / C::PORT] = ring[address + uint32_t(int(i) * step)];
        beat(LOAD);
    }
}

// along reads n words a step apart, as a run where the step is one.
template <class C>
void along(const typename C::word *ring, uint32_t address, int step, uint32_t n, typename C::word (&bank)[C::PORT][C::CHUNK / C::PORT], uint32_t at) {
#pragma HLS INLINE
    if (step == 1) {
        fill<typename C::word, C::PORT>(ring, address, n, bank, at);
    } else {
        pick<C>(ring, address, step, n, bank, at);
    }
}

// The most loops of a walk (runtime/kernel: maxLoops).
const int LOOPS = 8;

// fetch_walk: [first, loops, n1 step1, n2 step2 ...]. Rounds are counted from the innermost loop; a run is what is left of it.
template <class C> void fetch_walk(const piece &p, const typename C::word *ring, moved<C> &to) {
#pragma HLS INLINE off
    const int loops = int(p.of.ints[1]);
    int count[LOOPS], step[LOOPS], round[LOOPS];
    uint32_t rest = p.of.lo + p.from;
    int at = int(p.of.ints[0]);
start:
    for (int l = loops - 1; l >= 0; l--) {
#pragma HLS LOOP_TRIPCOUNT max = LOOPS
        count[l] = int(p.of.ints[2 + 2 * l]);
        step[l] = int(p.of.ints[3 + 2 * l]);
        round[l] = int(rest % uint32_t(count[l]));
        rest /= uint32_t(count[l]);
        at += round[l] * step[l];
    }
    const int inner = loops - 1;
runs:
    for (uint32_t done = 0; done < p.n;) {
#pragma HLS LOOP_TRIPCOUNT max = C::CHUNK
        const uint32_t n = least(uint32_t(count[inner] - round[inner]), p.n - done);
        along<C>(ring, p.of.in[0] + uint32_t(at), step[inner], n, to.ring, done);
        done += n;
        at -= round[inner] * step[inner];  // to its loop's beginning
        round[inner] = 0;
    outer:
        for (int l = inner - 1; l >= 0; l--) {
#pragma HLS LOOP_TRIPCOUNT max = LOOPS
            at += step[l];
            if (++round[l] < count[l]) break;
            at -= count[l] * step[l];
            round[l] = 0;
        }
    }
}

// inside is the range of j, lo <= j < hi <= n, for which at + j*stride lies in 0 ... size-1.
inline void inside(int at, int stride, int size, int n, int &lo, int &hi) {
#pragma HLS INLINE
    lo = at < 0 ? (-at + stride - 1) / stride : 0;
    hi = at < size ? (size - at - 1) / stride + 1 : 0;
    if (lo > n) lo = n;
    if (hi > n) hi = n;
    if (hi < lo) hi = lo;
}

// fetch_resample: [c, h, out_h, at_h, stride_h, w, out_w, at_w, stride_w]. A row is zeros, a run and zeros.
template <class C> void fetch_resample(const piece &p, const typename C::word *ring, moved<C> &to) {
#pragma HLS INLINE off
    const int h = p.of.ints[1], out_h = p.of.ints[2], at_h = p.of.ints[3], stride_h = p.of.ints[4];
    const int w = p.of.ints[5], out_w = p.of.ints[6], at_w = p.of.ints[7], stride_w = p.of.ints[8];
    const uint32_t element = p.of.lo + p.from;
    int j = int(element % uint32_t(out_w)), i = int(element / uint32_t(out_w) % uint32_t(out_h)), c = int(element / uint32_t(out_w) / uint32_t(out_h));
    int lo, hi;
    inside(at_w, stride_w, w, out_w, lo, hi);
rows:
    for (uint32_t done = 0; done < p.n;) {
#pragma HLS LOOP_TRIPCOUNT max = C::CHUNK
        const int y = at_h + i * stride_h;
        const bool row = y >= 0 && y < h;
        const int from = row ? lo : out_w, end = row ? hi : out_w;  // where the run lies
        const bool zeros = j < from || j >= end;
        const int until = j < from ? from : (zeros ? out_w : end);
        const uint32_t n = least(uint32_t(until - j), p.n - done);
        if (zeros) {
            clear<typename C::word, C::PORT>(n, to.ring, done);
        } else {
            along<C>(ring, p.of.in[0] + uint32_t((c * h + y) * w + at_w + j * stride_w), stride_w, n, to.ring, done);
        }
        done += n;
        j += int(n);
        if (j == out_w) {
            j = 0;
            if (++i == out_h) {
                i = 0;
                c++;
            }
        }
    }
}

// fetch_index: element i of a, or i - len of b behind it; two indices a word of BITS.
template <class C> void fetch_index(const piece &p, const typename C::word *ring, const uint64_t *bits, moved<C> &to) {
#pragma HLS INLINE off
    const uint32_t len = uint32_t(p.of.ints[0]);
words:
    for (uint32_t k = 0; k < p.n; k++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = C::CHUNK
        const uint32_t at = p.from + k;
        const uint32_t i = uint32_t(bits[p.of.weight[0] + at / 2] >> (32 * (at % 2)));
        to.ring[k % C::PORT][k / C::PORT] = ring[i < len ? p.of.in[0] + i : p.of.in[1] + (i - len)];
        beat(LOAD);
    }
}

template <class C> void fetch_piece(const piece &p, const typename C::word *ring, const uint64_t *bits, moved<C> &to) {
#pragma HLS INLINE off
    if (p.of.op == op_copy_bits) {
        fill<uint64_t, bits_port<C>()>(bits, p.of.in[0] + p.from, p.n, to.bits, 0);
    } else if (p.of.op == op_walk) {
        fetch_walk<C>(p, ring, to);
    } else if (p.of.op == op_resample) {
        fetch_resample<C>(p, ring, to);
    } else if (p.of.op == op_index) {
        fetch_index<C>(p, ring, bits, to);
    } else {
        const uint32_t address = p.of.op == op_ranges ? p.from : p.of.in[0] + p.from;
        fill<typename C::word, C::PORT>(ring, address, p.n, to.ring, 0);
    }
}

template <class C> void store_piece(const piece &p, const moved<C> &from, typename C::word *ring, uint64_t *bits, stream<uint32_t, C::QUEUE> &finished) {
#pragma HLS INLINE off
    if (p.of.op == op_copy_bits) {
        drain<uint64_t, bits_port<C>()>(bits, p.to, p.n, from.bits, 0);
    } else {
        drain<typename C::word, C::PORT>(ring, p.to, p.n, from.ring, 0);
    }
    if (p.last) finished.write(kernel_move);
}

// move runs so many pieces: those of all commands that come (move_pieces). `lists` is BITS, for indices and ranges.
template <class C>
void move(uint32_t pieces, stream<command, C::QUEUE> &queue, stream<uint32_t, C::QUEUE> &finished, const typename C::word *ring_in,
          typename C::word *ring_out, const uint64_t *lists, const uint64_t *bits_in, uint64_t *bits_out) {
    static_assert(C::CHUNK % C::PORT == 0, "CHUNK must be a multiple of PORT");
    piece held = {};
    held.last = true;
pieces:
    for (uint32_t i = 0; i < pieces; i++) {
#pragma HLS DATAFLOW
        moved<C> buffer;
#pragma HLS ARRAY_PARTITION variable = buffer.ring complete dim = 1
#pragma HLS ARRAY_PARTITION variable = buffer.bits complete dim = 1
        piece to_fetch, to_store;
        next_piece<C>(queue, lists, held, to_fetch, to_store);
        fetch_piece<C>(to_fetch, ring_in, bits_in, buffer);
        store_piece<C>(to_store, buffer, ring_out, bits_out, finished);
    }
}

}  // namespace sotto
