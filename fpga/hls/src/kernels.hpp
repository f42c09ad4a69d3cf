// The top functions of all kernels.
#pragma once

#include "config.hpp"
#include "chunk.hpp"
#include "link.hpp"
#include "move.hpp"
#include "pool.hpp"
#include "sequencer.hpp"
#if SOTTO_HAS_DEPTHWISE
#include "depthwise.hpp"
#endif

namespace sotto {

extern "C" void compare_top(uint32_t commands, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const uint64_t *bits_in0, const config::word *ring_in0, uint64_t *bits_out0,
            const uint64_t *bits_in1, const config::word *ring_in1, uint64_t *bits_out1,
            const uint64_t *bits_in2, const config::word *ring_in2, uint64_t *bits_out2,
            const uint64_t *bits_in3, const config::word *ring_in3, uint64_t *bits_out3);
extern "C" void conv_top(uint32_t commands, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const config::word *in0, const config::word *in1, const config::word *in2, const config::word *in3,
            const config::word *in4, const config::word *in5, const config::word *in6, const config::word *in7,
            const config::word *weights, const config::word *addends, config::word *ring_out);
extern "C" void depthwise_top(uint32_t steps, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const config::word *ring_in, const config::word *weights, config::word *ring_out);
extern "C" void elementwise_top(uint32_t tiles, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const config::word *ring0, const config::word *ring1, const config::word *ring2,
            const config::word *ring3, const config::word *ring4, const config::word *factors,
            config::word *ring_out0, config::word *ring_out1, config::word *ring_out2,
            const uint64_t *bits_in, uint64_t *bits_out);
extern "C" void evaluate_top(uint32_t commands, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const uint64_t *steps, const uint64_t *own, const uint64_t *theirs, const uint64_t *tables,
            uint64_t *bits_out, const config::word *ring_in, config::word *ring_out);
extern "C" void garble_top(uint32_t commands, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const uint64_t *steps, const uint64_t *labels_in, const config::word *ring_in, uint64_t *tables_out,
            uint64_t *bits_out, config::word *ring_out);
extern "C" void move_top(uint32_t pieces, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const config::word *ring_in, config::word *ring_out, const uint64_t *lists, const uint64_t *bits_in,
            uint64_t *bits_out);
extern "C" void ot_top(uint32_t commands, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const uint64_t *keys, const uint64_t *bits_in, uint64_t *message_out, uint64_t *blocks_out,
            config::word *ring_out);
extern "C" void pool_top(uint32_t steps, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const config::word *ring_in, config::word *ring_out);
extern "C" void recv_top(uint32_t chunks, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            config::word *ring_out, uint64_t *bits_out, stream<link_beat<config>, config::LINK_DEPTH> &link);
extern "C" void send_top(uint32_t chunks, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const config::word *ring_in, const uint64_t *bits_in, stream<link_beat<config>, config::LINK_DEPTH> &link);
extern "C" void sequencer_top(const uint32_t *list, uint32_t count, uint32_t *issued, stream<command, config::QUEUE> (&queue)[kernel_count],
                              stream<uint32_t, config::QUEUE> (&finished)[kernel_count]);

}  // namespace sotto
