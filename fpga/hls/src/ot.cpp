// Steps of an OT extension: ports of the kernel that hlslib/ot.hpp is.
#include "config.hpp"
#include "ot.hpp"
#include "stream.hpp"

using namespace sotto;

extern "C" void ot_top(uint32_t commands, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const uint64_t *keys, const uint64_t *bits_in, uint64_t *message_out, uint64_t *blocks_out,
            config::word *ring_out) {
#pragma HLS INTERFACE mode = s_axilite port = commands
#pragma HLS INTERFACE mode = s_axilite port = return
#pragma HLS INTERFACE mode = axis port = queue
#pragma HLS INTERFACE mode = axis port = finished
#pragma HLS INTERFACE mode = m_axi port = keys bundle = bits_keys offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = bits_in bundle = bits_in offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = message_out bundle = bits_message_out offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = blocks_out bundle = bits_blocks_out offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = ring_out bundle = ring_out offset = slave depth = memory_words::RING
commands:
    for (uint32_t i = 0; i < commands; i++) {
        const command c = queue.read();
        ot<config>(c, keys, bits_in, message_out, blocks_out, ring_out);
        finished.write(kernel_ot);
    }
}
