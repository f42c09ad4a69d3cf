// The sequencer: reads the list of commands in memory and gives each to its kernel's queue when what it waits for has ended.
//
// A kernel ends its commands in the order in which they came and says so with one token each. A command names, for every kernel, how many
// of its commands must have ended before: what it reads has then been stored, and what it overwrites has been read. Commands leave in the
// order of the list, which is the schedule's. A kernel has at most as many commands at a time as its queue holds, so that neither a command
// nor a token ever waits for room. A command takes its 64 words through the port and one cycle for each token that it waits for.
#pragma once

#include "command.hpp"
#include "stream.hpp"

#ifndef __SYNTHESIS__
#include <thread>
#endif

namespace sotto {

// idle is a turn in which the sequencer waits. A processor lets the kernels' threads go on.
inline void idle() {
#ifndef __SYNTHESIS__
    std::this_thread::yield();
#endif
}

// take_tokens counts what kernels have ended since.
template <int DEPTH> void take_tokens(stream<uint32_t, DEPTH> (&finished)[kernel_count], uint32_t (&ended)[kernel_count]) {
#pragma HLS INLINE
    for (int k = 0; k < kernel_count; k++) {
#pragma HLS UNROLL
        uint32_t token;
        if (finished[k].read_nb(token)) ended[k]++;
    }
}

// reached tells whether every kernel has ended as many commands as are wanted.
inline bool reached(const uint32_t (&ended)[kernel_count], const uint32_t (&wanted)[kernel_count]) {
#pragma HLS INLINE
    bool all = true;
    for (int k = 0; k < kernel_count; k++) {
#pragma HLS UNROLL
        all = all && ended[k] >= wanted[k];
    }
    return all;
}

// sequence runs the list, from its first command until the last has ended. It gives how many commands were issued: fewer than there are
// where a record is not one.
template <int DEPTH>
uint32_t sequence(const uint32_t *list, uint32_t count, stream<command, DEPTH> (&queue)[kernel_count], stream<uint32_t, DEPTH> (&finished)[kernel_count]) {
    uint32_t ended[kernel_count] = {}, issued[kernel_count] = {};
#pragma HLS ARRAY_PARTITION variable = ended complete
#pragma HLS ARRAY_PARTITION variable = issued complete
    uint32_t i = 0;
commands:
    for (; i < count; i++) {
        command c;
        if (!read_command(list, i, c)) break;
    wait:
        while (!reached(ended, c.wait) || issued[c.kernel] - ended[c.kernel] >= uint32_t(DEPTH)) {
#pragma HLS PIPELINE II = 1
            take_tokens(finished, ended);
            idle();
        }
        queue[c.kernel].write(c);
        issued[c.kernel]++;
    }
drain:
    while (!reached(ended, issued)) {
#pragma HLS PIPELINE II = 1
        take_tokens(finished, ended);
        idle();
    }
    return i;
}

}  // namespace sotto
