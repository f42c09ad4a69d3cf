// Tiles of the kernels that go through vectors from end to end: CHUNK elements of a command at a time.
#pragma once

#include "command.hpp"
#include "stream.hpp"
#include "word.hpp"

namespace sotto {

// chunk is a tile of a streaming kernel: elements first to first+n-1 of a command.
struct chunk {
    command of;
    uint32_t first, n;
    bool last;  // of its command
};

// chunks counts the tiles of a command: at least one.
template <class C> uint32_t chunks(const command &c) { return c.n == 0 ? 1 : ceil_div(c.n, C::CHUNK); }

// next_chunk is the tile that follows `held`, of the next command where that was its command's last: a copy for each process.
template <class C> void next_chunk(stream<command, C::QUEUE> &queue, chunk &held, chunk &load, chunk &compute, chunk &store) {
#pragma HLS INLINE off
    if (held.last) {
        held.of = queue.read();
        held.first = 0;
    } else {
        held.first += C::CHUNK;
    }
    held.n = least(C::CHUNK, held.of.n - held.first);
    held.last = held.first + held.n == held.of.n;
    load = compute = store = held;
}

// no_chunk is what stands before the first tile.
inline chunk no_chunk() {
    chunk t = {};
    t.last = true;
    return t;
}

}  // namespace sotto
