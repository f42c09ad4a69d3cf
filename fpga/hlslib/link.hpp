// Messages between memory and the link: a ring vector packed to so many bits an element, vectors of bits, blocks.
//
// A command's part of a message is a stream of bits, the first lowest, filled up to whole words of 64 bits. A vector's element i has bits
// i*width to (i+1)*width-1 of it, as ring.Pack writes them. It travels in beats of up to LINK_WORDS words. A command goes in chunks, each
// through load | pack to the link, or unpack | store from it. A chunk of n elements takes
//
//    load, store     ceil(n/PORT)
//    pack, unpack    ceil(n/MOVE), or, of words of BITS, ceil(n/LINK_WORDS)
//
// cycles, unless the link lets it wait. Chunks are multiples of 64 elements, so that they meet at words of the message.
#pragma once

#include "move.hpp"

namespace sotto {

// link_beat is what the link takes a cycle: a word a lane, of which the first `words` count.
template <class C> struct link_beat {
    uint64_t word[C::LINK_WORDS];
    uint32_t words;
};

// part is a chunk of a message: n ring elements of some bits each, or n words of BITS.
struct part {
    bool packed;
    int width;
    uint32_t n;
    uint64_t tail;  // bits of the last word that count
};

// message_words is the words of BITS of a command that packs nothing, or its elements.
inline uint32_t message_words(const command &c) {
#pragma HLS INLINE
    return c.op == op_send_bits || c.op == op_recv_bits ? ceil_div(c.n, BITS_PER_WORD) : c.n;
}

// link_chunks counts the chunks of a command: at least one.
template <class C> uint32_t link_chunks(const command &c) {
    const uint32_t n = message_words(c);
    return n == 0 ? 1 : ceil_div(n, C::CHUNK);
}

// part_of says what a chunk of a command's message is.
inline part part_of(const chunk &t) {
#pragma HLS INLINE
    const bool packed = t.of.op == op_send_ring || t.of.op == op_recv_ring;
    const uint32_t over = t.of.op == op_recv_bits && t.last ? t.of.n % BITS_PER_WORD : 0;
    const uint64_t tail = over == 0 ? ~uint64_t(0) : (uint64_t(1) << over) - 1;
    return part{packed, packed ? int(t.of.ints[0]) : BITS_PER_WORD, t.n, tail};
}

// next_part is the chunk behind `held`, of the next command where that was its last: a copy for each process.
template <class C> void next_part(stream<command, C::QUEUE> &queue, chunk &held, chunk &first, chunk &second) {
#pragma HLS INLINE off
    if (held.last) {
        held.of = queue.read();
        held.first = 0;
    } else {
        held.first += C::CHUNK;
    }
    const uint32_t n = message_words(held.of);
    held.n = least(C::CHUNK, n - held.first);
    held.last = held.first + held.n == n;
    first = second = held;
}

template <class C> void load_part(const chunk &t, const typename C::word *ring, const uint64_t *bits, moved<C> &to) {
#pragma HLS INLINE off
    if (part_of(t).packed) {
        fill<typename C::word, C::PORT>(ring, t.of.in[0] + t.first, t.n, to.ring, 0);
    } else {
        fill<uint64_t, bits_port<C>()>(bits, t.of.in[0] + t.first, t.n, to.bits, 0);
    }
}

// append puts `bits` low bits of v behind the first `at` bits of a line; v has no others.
template <int WORDS> void append(uint64_t (&line)[WORDS], int at, uint64_t v) {
#pragma HLS INLINE
    const int word = at / BITS_PER_WORD, shift = at % BITS_PER_WORD;
    for (int k = 0; k < WORDS; k++) {
#pragma HLS UNROLL
        if (k == word) line[k] |= v << shift;
        if (k == word + 1 && shift > 0) line[k] |= v >> (BITS_PER_WORD - shift);
    }
}

// low_bits is a mask of 1 to 64 bits.
inline uint64_t low_bits(int n) { return ~uint64_t(0) >> (BITS_PER_WORD - n); }

// pack_part fills beats with elements, MOVE a cycle, and sends them. What stands in the line never exceeds a beat and MOVE elements.
template <class C> void pack_part(const chunk &t, const moved<C> &from, stream<link_beat<C>, C::LINK_DEPTH> &link, stream<uint32_t, C::QUEUE> &finished) {
#pragma HLS INLINE off
    const part p = part_of(t);
    const int each = p.packed ? C::MOVE : C::LINK_WORDS;
    const int full = C::LINK_WORDS * BITS_PER_WORD;
    uint64_t line[2 * C::LINK_WORDS];
#pragma HLS ARRAY_PARTITION variable = line complete
    for (int k = 0; k < 2 * C::LINK_WORDS; k++) {
#pragma HLS UNROLL
        line[k] = 0;
    }
    int bits = 0;
elements:
    for (uint32_t i = 0; i < p.n; i += uint32_t(each)) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = C::CHUNK / C::MOVE
        const int count = int(least(uint32_t(each), p.n - i));
        for (int j = 0; j < (C::MOVE > C::LINK_WORDS ? C::MOVE : C::LINK_WORDS); j++) {
#pragma HLS UNROLL
            if (j < count) {
                const uint64_t v = p.packed ? uint64_t(place(from.ring, i + uint32_t(j))) : place(from.bits, i + uint32_t(j));
                append(line, bits + j * p.width, v & low_bits(p.width));
            }
        }
        bits += count * p.width;
        const bool ends = i + uint32_t(count) == p.n;
        if (bits >= full || ends) {
            link_beat<C> b;
            for (int k = 0; k < C::LINK_WORDS; k++) {
#pragma HLS UNROLL
                b.word[k] = line[k];
                line[k] = line[k + C::LINK_WORDS];
                line[k + C::LINK_WORDS] = 0;
            }
            b.words = least(C::LINK_WORDS, ceil_div(uint32_t(bits), BITS_PER_WORD));
            link.write(b);
            bits = bits > full ? bits - full : 0;
        }
        beat(COMPUTE);
    }
    if (bits > 0) {  // what the last elements left over
        link_beat<C> b;
        for (int k = 0; k < C::LINK_WORDS; k++) {
#pragma HLS UNROLL
            b.word[k] = line[k];
        }
        b.words = ceil_div(uint32_t(bits), BITS_PER_WORD);
        link.write(b);
        beat(COMPUTE);
    }
    if (t.last) finished.write(kernel_send);
}

// extract reads `width` bits of a line from bit at on.
template <int WORDS> uint64_t extract(const uint64_t (&line)[WORDS], int at, int width) {
#pragma HLS INLINE
    const int word = at / BITS_PER_WORD, shift = at % BITS_PER_WORD;
    uint64_t low = 0, high = 0;
    for (int k = 0; k < WORDS; k++) {
#pragma HLS UNROLL
        if (k == word) low = line[k];
        if (k == word + 1) high = line[k];
    }
    const uint64_t v = low >> shift | (shift > 0 ? high << (BITS_PER_WORD - shift) : 0);
    return v & low_bits(width);
}

// unpack_part takes elements out of beats, MOVE a cycle. A beat is taken when the line has fewer bits than a cycle needs.
template <class C> void unpack_part(const chunk &t, moved<C> &to, stream<link_beat<C>, C::LINK_DEPTH> &link) {
#pragma HLS INLINE off
    const part p = part_of(t);
    const int each = p.packed ? C::MOVE : C::LINK_WORDS;
    uint64_t line[2 * C::LINK_WORDS + 1];  // and one more word, for a shift out of it
#pragma HLS ARRAY_PARTITION variable = line complete
    for (int k = 0; k <= 2 * C::LINK_WORDS; k++) {
#pragma HLS UNROLL
        line[k] = 0;
    }
    int bits = 0;
elements:
    for (uint32_t i = 0; i < p.n; i += uint32_t(each)) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = C::CHUNK / C::MOVE
        const int count = int(least(uint32_t(each), p.n - i)), need = count * p.width;
        if (bits < need) {
            const link_beat<C> b = link.read();
            for (int k = 0; k < C::LINK_WORDS; k++) {
#pragma HLS UNROLL
                append(line, bits + k * BITS_PER_WORD, k < int(b.words) ? b.word[k] : 0);
            }
            bits += int(b.words) * BITS_PER_WORD;
        }
        for (int j = 0; j < (C::MOVE > C::LINK_WORDS ? C::MOVE : C::LINK_WORDS); j++) {
#pragma HLS UNROLL
            const uint32_t at = i + uint32_t(j);
            if (j < count) {
                const uint64_t v = extract(line, j * p.width, p.width);
                if (p.packed) {
                    to.ring[at % C::PORT][at / C::PORT] = typename C::word(v);
                } else {
                    to.bits[at % bits_port<C>()][at / bits_port<C>()] = at + 1 == p.n ? v & p.tail : v;
                }
            }
        }
        uint64_t rest[2 * C::LINK_WORDS + 1];
#pragma HLS ARRAY_PARTITION variable = rest complete
        for (int k = 0; k <= 2 * C::LINK_WORDS; k++) {
#pragma HLS UNROLL
            const int from = need + k * BITS_PER_WORD;
            rest[k] = from < 2 * C::LINK_WORDS * BITS_PER_WORD ? extract(line, from, BITS_PER_WORD) : 0;
        }
        for (int k = 0; k <= 2 * C::LINK_WORDS; k++) {
#pragma HLS UNROLL
            line[k] = rest[k];
        }
        bits -= need;
        beat(COMPUTE);
    }
}

template <class C> void store_part(const chunk &t, const moved<C> &from, typename C::word *ring, uint64_t *bits, stream<uint32_t, C::QUEUE> &finished) {
#pragma HLS INLINE off
    if (part_of(t).packed) {
        drain<typename C::word, C::PORT>(ring, t.of.out[0] + t.first, t.n, from.ring, 0);
    } else {
        drain<uint64_t, bits_port<C>()>(bits, t.of.out[0] + t.first, t.n, from.bits, 0);
    }
    if (t.last) finished.write(kernel_recv);
}

// What both movers demand of their sizes.
template <class C> struct link_sizes {
    static_assert(C::MOVE * bits_of<typename C::word>() <= C::LINK_WORDS * BITS_PER_WORD, "LINK_WORDS: a cycle's elements must fit a beat");
    static_assert(C::CHUNK % C::MOVE == 0 && C::CHUNK % C::LINK_WORDS == 0, "CHUNK must be a multiple of MOVE and LINK_WORDS");
};

// send runs so many chunks: those of all commands that come (link_chunks).
template <class C>
void send(uint32_t chunks, stream<command, C::QUEUE> &queue, stream<uint32_t, C::QUEUE> &finished, const typename C::word *ring, const uint64_t *bits,
          stream<link_beat<C>, C::LINK_DEPTH> &link) {
    (void)sizeof(link_sizes<C>);
    chunk held = no_chunk();
chunks:
    for (uint32_t i = 0; i < chunks; i++) {
#pragma HLS DATAFLOW
        moved<C> buffer;
#pragma HLS ARRAY_PARTITION variable = buffer.ring complete dim = 1
#pragma HLS ARRAY_PARTITION variable = buffer.bits complete dim = 1
        chunk to_load, to_pack;
        next_part<C>(queue, held, to_load, to_pack);
        load_part<C>(to_load, ring, bits, buffer);
        pack_part<C>(to_pack, buffer, link, finished);
    }
}

// recv runs so many chunks: those of all commands that come (link_chunks).
template <class C>
void recv(uint32_t chunks, stream<command, C::QUEUE> &queue, stream<uint32_t, C::QUEUE> &finished, typename C::word *ring, uint64_t *bits,
          stream<link_beat<C>, C::LINK_DEPTH> &link) {
    (void)sizeof(link_sizes<C>);
    chunk held = no_chunk();
chunks:
    for (uint32_t i = 0; i < chunks; i++) {
#pragma HLS DATAFLOW
        moved<C> buffer;
#pragma HLS ARRAY_PARTITION variable = buffer.ring complete dim = 1
#pragma HLS ARRAY_PARTITION variable = buffer.bits complete dim = 1
        chunk to_unpack, to_store;
        next_part<C>(queue, held, to_unpack, to_store);
        unpack_part<C>(to_unpack, buffer, link);
        store_part<C>(to_store, buffer, ring, bits, finished);
    }
}

}  // namespace sotto
