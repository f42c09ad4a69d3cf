// Runs of words between memory and tile buffers, PORT words a cycle. Memory is read in whole aligned lines of PORT words, which a board's
// port moves at once; a tile buffer has a bank for each word of a line. Where the two are out of step words are shifted in between, and
// one line more is read than written.
//
// Buffers in memory begin and end at multiples of 64 bytes, so that a line in which there is a word of a buffer is whole.
#pragma once

#include "tally.hpp"
#include "word.hpp"

namespace sotto {

// A line is at most this long.
const int LINE_BYTES = 64;

// fill_between sets places at, at+1 ... at+n-1 of a banked buffer, place i in bank i % PORT: the `count` behind the first `zeros` to words of
// memory from an address on, the others to zero. ceil((at%PORT + n) / PORT) + 1 cycles.
template <class W, int PORT, int DEPTH>
void fill_between(const W *memory, uint32_t address, uint32_t zeros, uint32_t count, uint32_t n, W (&bank)[PORT][DEPTH], uint32_t at) {
#pragma HLS INLINE off
    static_assert(power_of_two(PORT) && PORT * int(sizeof(W)) <= LINE_BYTES, "PORT must be a power of two of at most 64 bytes");
    const uint32_t skew = at % PORT;
    const int64_t first = int64_t(address) - zeros - skew;  // what bank 0 of the first line stands for
    const int shift = int(first & (PORT - 1));
    const int64_t end = int64_t(address) + count;
    W held[PORT], next[PORT];
#pragma HLS ARRAY_PARTITION variable = held complete
#pragma HLS ARRAY_PARTITION variable = next complete
    for (int j = 0; j < PORT; j++) {
#pragma HLS UNROLL
        held[j] = 0;
    }
    const int lines = int((skew + n + PORT - 1) / PORT);
lines:
    for (int line = -1; line < lines; line++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 4096
        const int64_t from = first - shift + int64_t(line + 1) * PORT;
        const bool there = from + PORT > int64_t(address) && from < end;
        for (int j = 0; j < PORT; j++) {
#pragma HLS UNROLL
            next[j] = there ? memory[there ? from + j : 0] : W(0);
        }
        for (int b = 0; b < PORT; b++) {
#pragma HLS UNROLL
            const int place = line * PORT + b - int(skew);
            const int j = shift + b;
            const W w = j < PORT ? held[j] : next[j - PORT];
            const bool word = place >= int(zeros) && place < int(zeros + count);
            if (line >= 0 && place >= 0 && place < int(n)) bank[b][at / PORT + uint32_t(line)] = word ? w : W(0);
        }
        for (int j = 0; j < PORT; j++) {
#pragma HLS UNROLL
            held[j] = next[j];
        }
        beat(LOAD);
    }
}

// fill is a run of n words.
template <class W, int PORT, int DEPTH> void fill(const W *memory, uint32_t address, uint32_t n, W (&bank)[PORT][DEPTH], uint32_t at) {
#pragma HLS INLINE
    fill_between<W, PORT>(memory, address, 0, n, n, bank, at);
}

// clear puts zeros to n places from at on. ceil((at%PORT + n) / PORT) cycles.
template <class W, int PORT, int DEPTH> void clear(uint32_t n, W (&bank)[PORT][DEPTH], uint32_t at) {
#pragma HLS INLINE off
    const uint32_t skew = at % PORT;
    const uint32_t lines = ceil_div(skew + n, PORT);
zeros:
    for (uint32_t line = 0; line < lines; line++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 4096
        for (int b = 0; b < PORT; b++) {
#pragma HLS UNROLL
            const uint32_t place = line * PORT + b;
            if (place >= skew && place < skew + n) bank[b][at / PORT + line] = 0;
        }
        beat(LOAD);
    }
}

// place reads a banked buffer: one bank's word, chosen by a multiplexer.
template <class W, int PORT, int DEPTH> W place(const W (&bank)[PORT][DEPTH], uint32_t at) {
#pragma HLS INLINE
    return bank[at % PORT][at / PORT];
}

// drain writes places at ... at+n-1 of a banked buffer to memory from an address on: words one by one up to the first whole line and
// behind the last, lines in between. At most n/PORT + 2*(PORT-1) cycles.
template <class W, int PORT, int DEPTH> void drain(W *memory, uint32_t address, uint32_t n, const W (&bank)[PORT][DEPTH], uint32_t at) {
#pragma HLS INLINE off
    const uint32_t ahead = least(n, (PORT - address % PORT) % PORT);
    const uint32_t lines = (n - ahead) / PORT;
head:
    for (uint32_t i = 0; i < ahead; i++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 15
        memory[address + i] = place(bank, at + i);
        beat(STORE);
    }
lines:
    for (uint32_t line = 0; line < lines; line++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 4096
        const uint32_t i = ahead + line * PORT;
        for (int j = 0; j < PORT; j++) {
#pragma HLS UNROLL
            memory[address + i + j] = place(bank, at + i + j);  // PORT places in a row: each bank once
        }
        beat(STORE);
    }
tail:
    for (uint32_t i = ahead + lines * PORT; i < n; i++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = 15
        memory[address + i] = place(bank, at + i);
        beat(STORE);
    }
}

}  // namespace sotto
