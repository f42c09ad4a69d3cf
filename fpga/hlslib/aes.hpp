// AES-128, as the runtime's hash and generator use it (runtime/prg): FIPS 197, encryption alone.
//
// A state is four columns of 32 bits, the byte of row 0 lowest, and a block is 128 bits in two words of BITS, the low one first, as they
// travel. A round is in one piece, a register behind it: fpga/rtl's aes_rounds. How many rounds there are in hardware is the caller's to
// say, by limiting the instances of aes_round.
#pragma once

#include "word.hpp"

namespace sotto {

// block is a label, a key or a hash.
struct block {
    uint64_t lo, hi;
};

inline block operator^(const block &a, const block &b) {
    const block c = {a.lo ^ b.lo, a.hi ^ b.hi};
    return c;
}

// mask_if is b where bit 0 of bit is set and zero where it is not, without a branch: the bit may be secret.
inline block mask_if(uint64_t bit, const block &b) {
    const uint64_t m = all_ones<uint64_t>(bit & 1);
    const block c = {b.lo & m, b.hi & m};
    return c;
}

// zero_block is the label that nothing has.
inline block zero_block() {
    const block z = {0, 0};
    return z;
}

const int AES_ROUNDS = 10;
const int BLOCK_WORDS = 2;

// doubled is x * X in the field of AES, GF(2)[X] / (X^8 + X^4 + X^3 + X + 1).
constexpr uint8_t doubled(uint8_t x) { return uint8_t((x << 1) ^ ((x >> 7) * 0x1b)); }

constexpr uint8_t multiplied(uint8_t x, uint8_t y) {
    uint8_t z = 0;
    for (int bit = 0; bit < 8; bit++) {
        if (y >> bit & 1) z = uint8_t(z ^ x);
        x = doubled(x);
    }
    return z;
}

// inverse is x^254, which is 1/x, or 0 of 0.
constexpr uint8_t inverse(uint8_t x) {
    uint8_t power = x, z = 1;
    for (int bit = 1; bit < 8; bit++) {
        power = multiplied(power, power);
        z = multiplied(z, power);
    }
    return z;
}

constexpr uint8_t turned_left(uint8_t x, int n) { return uint8_t(x << n | x >> (8 - n)); }

// substituted is the S-box by its definition: the inverse, and an affine map of its bits.
constexpr uint8_t substituted(uint8_t x) {
    const uint8_t y = inverse(x);
    return uint8_t(y ^ turned_left(y, 1) ^ turned_left(y, 2) ^ turned_left(y, 3) ^ turned_left(y, 4) ^ 0x63);
}

struct sbox_table {
    uint8_t of[256];
    constexpr sbox_table() : of() {
        for (int x = 0; x < 256; x++) of[x] = substituted(uint8_t(x));
    }
};

constexpr sbox_table SBOX = sbox_table();

inline uint32_t column_of_bytes(uint8_t row0, uint8_t row1, uint8_t row2, uint8_t row3) {
    return uint32_t(row0) | uint32_t(row1) << 8 | uint32_t(row2) << 16 | uint32_t(row3) << 24;
}

inline uint8_t sub_row(uint32_t column, int row) { return SBOX.of[column >> (8 * row) & 0xff]; }

struct aes_state {
    uint32_t column[4];
};

inline aes_state state_of(const block &b) {
    const aes_state s = {{uint32_t(b.lo), uint32_t(b.lo >> 32), uint32_t(b.hi), uint32_t(b.hi >> 32)}};
    return s;
}

inline block block_of(const aes_state &s) {
    const block b = {uint64_t(s.column[0]) | uint64_t(s.column[1]) << 32, uint64_t(s.column[2]) | uint64_t(s.column[3]) << 32};
    return b;
}

struct round_keys {
    aes_state of[AES_ROUNDS + 1];
};

// expand makes the round keys: a round a cycle, KEY_CYCLES of fpga/target.
inline round_keys expand(const block &key) {
    round_keys k;
#pragma HLS ARRAY_PARTITION variable = k.of complete
    k.of[0] = state_of(key);
    uint8_t constant = 1;
rounds:
    for (int r = 1; r <= AES_ROUNDS; r++) {
#pragma HLS PIPELINE II = 1
        const aes_state before = k.of[r - 1];
        const uint32_t last = before.column[3];
        uint32_t sum = column_of_bytes(uint8_t(sub_row(last, 1) ^ constant), sub_row(last, 2), sub_row(last, 3), sub_row(last, 0));
        for (int c = 0; c < 4; c++) {
#pragma HLS UNROLL
            sum ^= before.column[c];
            k.of[r].column[c] = sum;
        }
        constant = doubled(constant);
    }
    return k;
}

inline uint32_t turned_right(uint32_t x, int n) { return x >> n | x << (32 - n); }

// doubled_rows doubles each byte of a column.
inline uint32_t doubled_rows(uint32_t x) { return (x & 0x7f7f7f7fu) << 1 ^ (x >> 7 & 0x01010101u) * 0x1b; }

// mixed is MixColumns of a column.
inline uint32_t mixed(uint32_t x) {
    const uint32_t next = turned_right(x, 8);
    return doubled_rows(x ^ next) ^ next ^ turned_right(x, 16) ^ turned_right(x, 24);
}

// aes_round is a round, the last of which mixes no columns.
inline aes_state aes_round(const aes_state &s, const aes_state &key, bool last) {
#pragma HLS INLINE off
#pragma HLS PIPELINE II = 1
    aes_state out;
    for (int c = 0; c < 4; c++) {
#pragma HLS UNROLL
        const uint32_t x = column_of_bytes(sub_row(s.column[c], 0), sub_row(s.column[(c + 1) % 4], 1), sub_row(s.column[(c + 2) % 4], 2),
                                           sub_row(s.column[(c + 3) % 4], 3));
        out.column[c] = (last ? x : mixed(x)) ^ key.column[c];
    }
    return out;
}

// encrypt is AES of a block.
inline block encrypt(const block &x, const round_keys &key) {
#pragma HLS INLINE
    aes_state s = state_of(x);
    for (int c = 0; c < 4; c++) {
#pragma HLS UNROLL
        s.column[c] ^= key.of[0].column[c];
    }
    for (int r = 1; r <= AES_ROUNDS; r++) {
#pragma HLS UNROLL
        s = aes_round(s, key.of[r], r == AES_ROUNDS);
    }
    return block_of(s);
}

}  // namespace sotto
