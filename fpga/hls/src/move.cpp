// Movements inside memory: ports of the kernel that hlslib/move.hpp is.
#include "config.hpp"
#include "move.hpp"

using namespace sotto;

extern "C" void move_top(uint32_t pieces, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const config::word *ring_in, config::word *ring_out, const uint64_t *lists, const uint64_t *bits_in,
            uint64_t *bits_out) {
#pragma HLS INTERFACE mode = s_axilite port = pieces
#pragma HLS INTERFACE mode = s_axilite port = return
#pragma HLS INTERFACE mode = axis port = queue
#pragma HLS INTERFACE mode = axis port = finished
#pragma HLS INTERFACE mode = m_axi port = ring_in bundle = ring_in offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = ring_out bundle = ring_out offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = lists bundle = bits_lists offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = bits_in bundle = bits_in offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = bits_out bundle = bits_out offset = slave depth = memory_words::BITS
    move<config>(pieces, queue, finished, ring_in, ring_out, lists, bits_in, bits_out);
}
