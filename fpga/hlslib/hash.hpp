// The tweakable hash and the generator of the runtime (runtime/prg). H(x, i) = pi(pi(x) ^ i) ^ pi(x) with pi = AES under a key that stays;
// the generator is AES in counter mode.
#pragma once

#include "aes.hpp"

namespace sotto {

// AES blocks of a hash.
const int HASH_AES = 2;

// hash is H(x, tweak).
inline block hash(const block &x, uint64_t tweak, const round_keys &key) {
#pragma HLS INLINE
    const block inner = encrypt(x, key);
    const block tweaked = {inner.lo ^ tweak, inner.hi};
    return encrypt(tweaked, key) ^ inner;
}

// swapped has the bytes of x the other way round.
inline uint64_t swapped(uint64_t x) {
#pragma HLS INLINE
    uint64_t y = 0;
    for (int i = 0; i < 8; i++) {
#pragma HLS UNROLL
        y = y << 8 | (x >> (8 * i) & 0xff);
    }
    return y;
}

// generated is block number n of the generator's output under a seed: the counter is a big-endian number of 128 bits.
inline block generated(uint64_t n, const round_keys &seed) {
#pragma HLS INLINE
    const block counter = {0, swapped(n)};
    return encrypt(counter, seed);
}

// block_at reads a block of BITS.
inline block block_at(const uint64_t *bits, uint64_t address) {
#pragma HLS INLINE
    const block b = {bits[address], bits[address + 1]};
    return b;
}

}  // namespace sotto
