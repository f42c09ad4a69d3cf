// The steps of an OT extension: SoftSpoken's expansion of leaves to columns and their transposition to correlated OTs (L. Roy,
// "SoftSpokenOT", CRYPTO 2022, as runtime/ot/softspoken.go has it), and the hashes that make pads, masks and bits of them (pads.go, ot16.go,
// bits.go).
//
//    extend_receive   message, M <- choices      u_t ^ c is the message's word of tree t; M is a row of V
//    extend_send      K <- message               K is a row of W ^ Delta_t*d_t
//    pads             p0, p1 <- K                H(K, i), H(K ^ Delta, i)
//    chosen_pads      q <- M                     H(M, i)
//    masks16          masks <- K                 of all messages of 1-of-16 OTs, four COTs each
//    chosen16         masks <- choices, M        of the chosen ones
//    bit_pads         p0, b <- K                 planes of two bits
//    chosen_bits      q <- M
//
// A config has, beside those of word.hpp:
//
//    OT_AES       leaves that are expanded side by side, 1 to 16, a power of two
//    OT_HASHES    hashes that are made side by side
//    OT_ROUNDS    rounds of an AES in hardware: all, or one that is every round in turn
#pragma once

#include "command.hpp"
#include "fifo.hpp"
#include "gates.hpp"
#include "hash.hpp"
#include "tally.hpp"

namespace sotto {

// A tree punctures so many bits of Delta; blocks have a row of columns a bit.
const int FIELD_BITS = 4;
const int TREES = 128 / FIELD_BITS;
const int LEAVES = 1 << FIELD_BITS;
const int COLUMNS = TREES * FIELD_BITS;

// Cycles from a block of an AES to the next, and from a hash to the next; rounds of AES side by side.
template <class C> constexpr int ot_interval() { return int(C::OT_ROUNDS) < AES_ROUNDS ? AES_ROUNDS + 1 : 1; }
template <class C> constexpr int ot_hash_interval() { return int(C::OT_ROUNDS) < AES_ROUNDS ? 2 * (AES_ROUNDS + 1) : 1; }
template <class C> constexpr int ot_hash_rounds() { return int(C::OT_ROUNDS) < AES_ROUNDS ? 1 : 2 * AES_ROUNDS; }
const int LEAF_CYCLES = AES_ROUNDS + 1;  // round keys of a leaf: a round a cycle

// A chunk is so many words of each column, 64 OTs a word. Streams begin at a word, which may be the second of a block.
const int CHUNK_WORDS = 64;
const int CHUNK_BLOCKS = CHUNK_WORDS / BLOCK_WORDS + 1;

// extension is what a command says: n OTs of words from word number used of each stream on.
struct extension {
    uint64_t used;
    uint32_t n, words;
    bool sends;
};

inline extension extension_of(const command &c) {
    const extension e = {constant(c, 0) + c.lo / BITS_PER_WORD, c.n, ceil_div(c.n, BITS_PER_WORD), c.op == op_extend_send};
    return e;
}

inline uint32_t chunks_of(const extension &e) { return ceil_div(e.words, CHUNK_WORDS); }
inline uint32_t chunk_words(const extension &e, uint32_t chunk) { return least(CHUNK_WORDS, e.words - chunk * CHUNK_WORDS); }

// A chunk's stream blocks: the first, and how many; skipped is 1 where its first word is the second of a block.
inline uint64_t first_block(const extension &e, uint32_t chunk) { return (e.used + chunk * CHUNK_WORDS) / BLOCK_WORDS; }
inline uint32_t skipped(const extension &e, uint32_t chunk) { return uint32_t((e.used + chunk * CHUNK_WORDS) % BLOCK_WORDS); }
inline uint32_t stream_blocks(const extension &e, uint32_t chunk) { return ceil_div(skipped(e, chunk) + chunk_words(e, chunk), BLOCK_WORDS); }

// leaf_keys are the round keys of leaves that are expanded together.
template <int AES> struct leaf_keys {
    round_keys of[AES];
};

// folded is what a tree's leaves add up to in a block: v_j the sum of those with bit j set, u of all.
struct folded {
    block v[FIELD_BITS], u;
};

// field_words are a word of a tree's columns.
struct field_words {
    uint64_t of[FIELD_BITS];
};

// read_leaves makes the round keys of leaf after leaf, as often as there are chunks.
template <int AES>
void read_leaves(const extension &e, const uint64_t *keys, uint32_t address, fifo<leaf_keys<AES>, 2> &leaves) {
#pragma HLS INLINE off
groups:
    for (uint32_t i = 0; i < chunks_of(e) * TREES * LEAVES / AES; i++) {
        leaf_keys<AES> k;
    leaves:
        for (int j = 0; j < AES; j++) {
            const uint32_t leaf = (i * AES + uint32_t(j)) % (TREES * LEAVES);
            k.of[j] = expand(block_at(keys, address + BLOCK_WORDS * leaf));
            beat(LOAD, LEAF_CYCLES);
        }
        leaves.write(k);
    }
}

// fold_leaves expands the leaves of tree after tree, OT_AES blocks at a time, and sums them up. The sender's missing leaf is the first of
// each tree.
template <class C> void fold_leaves(const extension &e, fifo<leaf_keys<C::OT_AES>, 2> &leaves, fifo<folded, CHUNK_BLOCKS> &sums) {
#pragma HLS INLINE off
    const int AES = C::OT_AES;
    folded sum[CHUNK_BLOCKS];
    uint32_t spent = 0;
trees:
    for (uint32_t i = 0; i < chunks_of(e) * TREES; i++) {
        const uint32_t chunk = i / TREES;
    groups:
        for (int first = 0; first < LEAVES; first += AES) {
            const leaf_keys<AES> keys = leaves.read();
        blocks:
            for (uint32_t b = 0; b < stream_blocks(e, chunk); b++) {
#pragma HLS PIPELINE II = ot_interval<C>()
#pragma HLS ALLOCATION function instances = aes_round limit = C::OT_AES * C::OT_ROUNDS
#pragma HLS LOOP_TRIPCOUNT max = 33
#pragma HLS DEPENDENCE variable = sum inter false
                folded s = sum[b];
                if (first == 0) {
                    s.u = zero_block();
                    for (int j = 0; j < FIELD_BITS; j++) {
#pragma HLS UNROLL
                        s.v[j] = zero_block();
                    }
                }
                for (int x = 0; x < AES; x++) {
#pragma HLS UNROLL
                    const int leaf = first + x;
                    const block made = generated(first_block(e, chunk) + b, keys.of[x]);
                    const block r = mask_if(leaf > 0 || !e.sends, made);
                    s.u = s.u ^ r;
                    for (int j = 0; j < FIELD_BITS; j++) {
#pragma HLS UNROLL
                        s.v[j] = s.v[j] ^ mask_if(uint64_t(leaf >> j), r);
                    }
                }
                sum[b] = s;
                if (first + AES == LEAVES) sums.write(s);
                spent++;
            }
        }
    }
    beat(COMPUTE, spent * ot_interval<C>());
}

// correct_columns makes the message of the receiver's choices, or uses it at the sender.
inline void correct_columns(const extension &e, const block &delta, const uint64_t *bits, uint32_t in, fifo<folded, CHUNK_BLOCKS> &sums,
                            uint64_t *message, uint32_t out, fifo<field_words, CHUNK_WORDS> &columns) {
#pragma HLS INLINE off
chunks:
    for (uint32_t chunk = 0; chunk < chunks_of(e); chunk++) {
    trees:
        for (uint32_t t = 0; t < uint32_t(TREES); t++) {
            const uint64_t bits_of_delta = (t < TREES / 2 ? delta.lo : delta.hi) >> (FIELD_BITS * (t % (TREES / 2)));
            folded s = {};
        words:
            for (uint32_t g = 0; g < chunk_words(e, chunk); g++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 64
                const bool high = (skipped(e, chunk) + g) % BLOCK_WORDS == 1;
                if (g == 0 || !high) s = sums.read();
                const uint32_t word = chunk * CHUNK_WORDS + g;
                const uint32_t record = word * TREES + t;
                const uint64_t d = e.sends ? bits[in + record] : (high ? s.u.hi : s.u.lo) ^ bits[in + word];
                if (!e.sends) message[out + record] = d;
                field_words f;
                for (int j = 0; j < FIELD_BITS; j++) {
#pragma HLS UNROLL
                    f.of[j] = high ? s.v[j].hi : s.v[j].lo;
                    if (e.sends) f.of[j] ^= all_ones<uint64_t>(bits_of_delta >> j & 1) & d;
                }
                columns.write(f);
                beat(LOAD);
            }
        }
    }
}

// chunk_matrix is a chunk: a word of all columns for each 64 OTs.
struct chunk_matrix {
    uint64_t of[CHUNK_WORDS][COLUMNS];
};

inline void collect_chunk(uint32_t words, fifo<field_words, CHUNK_WORDS> &columns, chunk_matrix &m) {
#pragma HLS INLINE off
trees:
    for (int t = 0; t < TREES; t++) {
    words:
        for (uint32_t g = 0; g < words; g++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 64
            const field_words f = columns.read();
            for (int j = 0; j < FIELD_BITS; j++) {
#pragma HLS UNROLL
                m.of[g][t * FIELD_BITS + j] = f.of[j];
            }
        }
    }
}

// row_cycles is the time of write_rows.
inline uint32_t row_cycles(uint32_t ots) { return ceil_div(ots, BITS_PER_WORD) * (COLUMNS / FIELD_BITS) + ots; }

// write_rows turns the columns of 64 OTs into their blocks: a bit of each column, side by side, which is wires.
inline void write_rows(const chunk_matrix &m, uint32_t ots, uint64_t *blocks, uint32_t address) {
#pragma HLS INLINE off
    uint64_t column[COLUMNS];
#pragma HLS ARRAY_PARTITION variable = column complete
words:
    for (uint32_t g = 0; g < ceil_div(ots, BITS_PER_WORD); g++) {
#pragma HLS LOOP_TRIPCOUNT max = 64
    columns:
        for (int t = 0; t < COLUMNS; t += FIELD_BITS) {
#pragma HLS PIPELINE II = 1
            for (int j = 0; j < FIELD_BITS; j++) {
#pragma HLS UNROLL
                column[t + j] = m.of[g][t + j];
            }
        }
    rows:
        for (uint32_t i = 0; i < least(BITS_PER_WORD, ots - g * BITS_PER_WORD); i++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 64
            block row = zero_block();
            for (int j = 0; j < COLUMNS / 2; j++) {
#pragma HLS UNROLL
                row.lo |= (column[j] >> i & 1) << j;
                row.hi |= (column[COLUMNS / 2 + j] >> i & 1) << j;
            }
            const uint32_t at = address + BLOCK_WORDS * (g * BITS_PER_WORD + i);
            blocks[at] = row.lo;
            blocks[at + 1] = row.hi;
        }
    }
    beat(STORE, row_cycles(ots));
}

inline void transpose_chunks(const extension &e, fifo<field_words, CHUNK_WORDS> &columns, uint64_t *blocks, uint32_t address) {
#pragma HLS INLINE off
    const uint32_t most = CHUNK_WORDS * BITS_PER_WORD;
chunks:
    for (uint32_t chunk = 0; chunk < chunks_of(e); chunk++) {
#pragma HLS DATAFLOW
        chunk_matrix m;
#pragma HLS ARRAY_PARTITION variable = m.of cyclic factor = 4 dim = 2
        collect_chunk(chunk_words(e, chunk), columns, m);
        write_rows(m, least(most, e.n - chunk * most), blocks, address + BLOCK_WORDS * most * chunk);
    }
    beat(COMPUTE, row_cycles(e.n - (chunks_of(e) - 1) * most));  // nothing is expanded beside the last chunk's rows
}

template <class C>
void ot_extend(const command &c, const uint64_t *keys, const uint64_t *bits_in, uint64_t *message_out, uint64_t *blocks_out) {
    const extension e = extension_of(c);
    const block delta = e.sends ? block_at(keys, c.weight[1] + BLOCK_WORDS) : zero_block();
    const uint32_t first = c.lo / BITS_PER_WORD;
    const uint32_t in = c.in[0] + first * (e.sends ? TREES : 1);
    const uint32_t blocks = (e.sends ? c.out[0] : c.out[1]) + BLOCK_WORDS * c.lo;
#pragma HLS DATAFLOW
    side_by_side ports(LOAD);
    fifo<leaf_keys<C::OT_AES>, 2> leaves;
    fifo<folded, CHUNK_BLOCKS> sums;
    fifo<field_words, CHUNK_WORDS> columns;
    read_leaves<C::OT_AES>(e, keys, c.weight[0], leaves);
    ports.next();
    fold_leaves<C>(e, leaves, sums);
    correct_columns(e, delta, bits_in, in, sums, message_out, c.out[0] + first * TREES, columns);
    transpose_chunks(e, columns, blocks_out, blocks);
}

// hash_group is what is hashed in a cycle, or the hashes.
template <int HASHES> struct hash_group {
    block of[HASHES];
};

// hashing is what a command hashes: each block, and at the end that holds Delta its sum with Delta behind it, under the same tweak.
struct hashing {
    uint64_t tweak;
    uint32_t lo, n, each;
};

inline hashing hashing_of(const command &c) {
    const bool both = c.op == op_pads || c.op == op_masks16 || c.op == op_bit_pads;
    const hashing h = {constant(c, 0) + c.lo, c.lo, c.n, both ? 2u : 1u};
    return h;
}

template <int HASHES>
void read_hashed(const hashing &h, const uint64_t *bits, uint32_t address, const block &delta, fifo<hash_group<HASHES>, 4> &groups) {
#pragma HLS INLINE off
    block x = zero_block();
groups:
    for (uint32_t i = 0; i < h.n * h.each; i += HASHES) {
#pragma HLS PIPELINE II = 1
        hash_group<HASHES> g;
        for (uint32_t j = 0; j < HASHES; j++) {
#pragma HLS UNROLL
            const uint32_t ot = (i + j) / h.each;
            if ((i + j) % h.each == 0 && ot < h.n) {
                x = block_at(bits, address + BLOCK_WORDS * (h.lo + ot));
                beat(LOAD);
            }
            g.of[j] = x ^ mask_if((i + j) % h.each, delta);
        }
        groups.write(g);
    }
}

template <class C>
void make_hashes(const hashing &h, const block &hash_key, fifo<hash_group<C::OT_HASHES>, 4> &groups, fifo<hash_group<C::OT_HASHES>, 4> &hashes) {
#pragma HLS INLINE off
    const int HASHES = C::OT_HASHES;
    const round_keys key = expand(hash_key);
groups:
    for (uint32_t i = 0; i < h.n * h.each; i += HASHES) {
#pragma HLS PIPELINE II = ot_hash_interval<C>()
#pragma HLS ALLOCATION function instances = aes_round limit = C::OT_HASHES * ot_hash_rounds<C>()
        hash_group<HASHES> g = groups.read();
        for (uint32_t j = 0; j < HASHES; j++) {
#pragma HLS UNROLL
            g.of[j] = hash(g.of[j], h.tweak + (i + j) / h.each, key);
        }
        hashes.write(g);
        beat(COMPUTE, ot_hash_interval<C>());
    }
}

// taken gives the hashes one after the other.
template <int HASHES> struct taken {
    hash_group<HASHES> group;
    uint32_t next;
};

template <int HASHES> block take_hash(taken<HASHES> &t, fifo<hash_group<HASHES>, 4> &hashes) {
#pragma HLS INLINE
    if (t.next == 0) t.group = hashes.read();
    const block b = t.group.of[t.next];
    t.next = (t.next + 1) % HASHES;
    return b;
}

// write_pads cuts hashes to words of the ring.
template <class C, int HASHES> void write_pads(const hashing &h, fifo<hash_group<HASHES>, 4> &hashes, const command &c, typename C::word *ring) {
#pragma HLS INLINE off
    taken<HASHES> t = {};
pads:
    for (uint32_t i = 0; i < h.n; i++) {
#pragma HLS PIPELINE II = 1
        ring[c.out[0] + h.lo + i] = typename C::word(take_hash(t, hashes).lo);
        if (h.each == 2) ring[c.out[1] + h.lo + i] = typename C::word(take_hash(t, hashes).lo);
        beat(STORE, h.each);  // through one port
    }
}

// messages_with has a one at the positions of messages j with bit b set, in each half of a pad of 32 bits.
inline uint32_t messages_with(int b) {
    const uint32_t all = 0xffffffffu;
    return all / ((1u << (1 << b)) + 1) << (1 << b);
}

// COTs of 64 1-of-16 OTs: bit b of their choices is the business of COTs 64*b to 64*b+63. Words of their masks at either end.
const int COTS_16 = 4 * BITS_PER_WORD;
const int SENDER_MASKS = BITS_PER_WORD / 2;
const int CHOSEN_MASKS = 2;

// sum_pads adds the pads of 64 1-of-16 OTs up: at the sender each message's.
template <int HASHES> void sum_pads(const hashing &h, taken<HASHES> &t, fifo<hash_group<HASHES>, 4> &hashes, uint32_t (&sum)[BITS_PER_WORD]) {
#pragma HLS INLINE off
cots:
    for (int k = 0; k < COTS_16; k++) {
#pragma HLS PIPELINE II = 1
        const int b = k / BITS_PER_WORD, i = k % BITS_PER_WORD;
        const uint32_t zero = uint32_t(take_hash(t, hashes).lo);
        uint32_t pad = zero;
        if (h.each == 2) pad ^= (zero ^ uint32_t(take_hash(t, hashes).lo)) & messages_with(b);
        sum[i] = (b == 0 ? 0 : sum[i]) ^ pad;
        beat(STORE);
    }
}

template <int HASHES>
void write_masks16(const hashing &h, fifo<hash_group<HASHES>, 4> &hashes, const command &c, const uint64_t *bits, uint64_t *out) {
#pragma HLS INLINE off
    taken<HASHES> t = {};
blocks:
    for (uint32_t k = 0; k < h.n / COTS_16; k++) {
        const uint32_t number = h.lo / COTS_16 + k;
        uint32_t sum[BITS_PER_WORD];
        sum_pads<HASHES>(h, t, hashes, sum);
        if (h.each == 2) {
        masks:
            for (int i = 0; i < SENDER_MASKS; i++) {
#pragma HLS PIPELINE II = 1
                out[c.out[0] + number * SENDER_MASKS + uint32_t(i)] = uint64_t(sum[i]) | uint64_t(sum[SENDER_MASKS + i]) << 32;
                beat(STORE);
            }
            continue;
        }
        uint64_t choice[4], chosen[CHOSEN_MASKS] = {0, 0};
#pragma HLS ARRAY_PARTITION variable = choice complete
    choices:
        for (int b = 0; b < 4; b++) {
#pragma HLS PIPELINE II = 1
            choice[b] = bits[c.in[0] + number * 4 + uint32_t(b)];
            beat(STORE);
        }
    chosen:
        for (int i = 0; i < BITS_PER_WORD; i++) {
#pragma HLS PIPELINE II = 1
            uint32_t value = 0;
            for (int b = 0; b < 4; b++) {
#pragma HLS UNROLL
                value |= uint32_t(choice[b] >> i & 1) << b;
            }
            for (int s = 0; s < CHOSEN_MASKS; s++) {
#pragma HLS UNROLL
                chosen[s] |= uint64_t(sum[i] >> (16 * s + int(value)) & 1) << i;
            }
            beat(STORE);
        }
        for (int s = 0; s < CHOSEN_MASKS; s++) {
#pragma HLS UNROLL
            out[c.out[0] + number * CHOSEN_MASKS + uint32_t(s)] = chosen[s];
            beat(STORE);
        }
    }
}

// write_bits gathers two bits of each hash, as planes.
template <int HASHES> void write_bits(const hashing &h, fifo<hash_group<HASHES>, 4> &hashes, const command &c, uint64_t *out) {
#pragma HLS INLINE off
    const uint32_t stride = uint32_t(c.ints[2]);
    taken<HASHES> t = {};
    uint64_t zero[2] = {0, 0}, differ[2] = {0, 0};
ots:
    for (uint32_t i = 0; i < h.n; i++) {
#pragma HLS PIPELINE II = 2
        const uint64_t p = take_hash(t, hashes).lo;
        const uint64_t other = h.each == 2 ? take_hash(t, hashes).lo : 0;
        const uint32_t at = i % BITS_PER_WORD;
        const bool last = at == uint32_t(BITS_PER_WORD) - 1 || i + 1 == h.n;
        for (int s = 0; s < 2; s++) {
#pragma HLS UNROLL
            zero[s] |= (p >> s & 1) << at;
            differ[s] |= ((p ^ other) >> s & 1) << at;
            if (last) {
                const uint32_t word = uint32_t(s) * stride + (h.lo + i) / BITS_PER_WORD;
                out[c.out[0] + word] = zero[s];
                if (h.each == 2) out[c.out[1] + word] = differ[s];
                zero[s] = differ[s] = 0;
            }
        }
        beat(STORE, 2);
    }
}

template <class C>
void ot_hash(const command &c, const uint64_t *keys, const uint64_t *bits_in, uint64_t *bits_out, typename C::word *ring_out) {
    const hashing h = hashing_of(c);
    const block hash_key = block_at(keys, c.weight[1]), delta = block_at(keys, c.weight[1] + BLOCK_WORDS);
    const uint32_t from = c.op == op_chosen16 ? c.in[1] : c.in[0];
#pragma HLS DATAFLOW
    fifo<hash_group<C::OT_HASHES>, 4> groups, hashes;
    read_hashed<C::OT_HASHES>(h, bits_in, from, delta, groups);
    make_hashes<C>(h, hash_key, groups, hashes);
    switch (c.op) {
    case op_masks16:
    case op_chosen16:
        write_masks16<C::OT_HASHES>(h, hashes, c, bits_in, bits_out);
        break;
    case op_bit_pads:
    case op_chosen_bits:
        write_bits<C::OT_HASHES>(h, hashes, c, bits_out);
        break;
    default:
        write_pads<C, C::OT_HASHES>(h, hashes, c, ring_out);
    }
}

// ot runs a command of the kernel. Ports are BITS, three times to read and write side by side, and RING.
template <class C>
void ot(const command &c, const uint64_t *keys, const uint64_t *bits_in, uint64_t *message_out, uint64_t *blocks_out, typename C::word *ring_out) {
    switch (c.op) {
    case op_extend_send:
    case op_extend_receive:
        ot_extend<C>(c, keys, bits_in, message_out, blocks_out);
        break;
    default:
        ot_hash<C>(c, keys, bits_in, blocks_out, ring_out);
    }
}

}  // namespace sotto
