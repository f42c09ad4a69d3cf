// Elementwise steps of protocols: ports of the kernel that hlslib/elementwise.hpp is, one for each operand and each result in RING.
#include "config.hpp"
#include "elementwise.hpp"

using namespace sotto;

extern "C" void elementwise_top(uint32_t tiles, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const config::word *ring0, const config::word *ring1, const config::word *ring2,
            const config::word *ring3, const config::word *ring4, const config::word *factors,
            config::word *ring_out0, config::word *ring_out1, config::word *ring_out2,
            const uint64_t *bits_in, uint64_t *bits_out) {
#pragma HLS INTERFACE mode = s_axilite port = tiles
#pragma HLS INTERFACE mode = s_axilite port = return
#pragma HLS INTERFACE mode = axis port = queue
#pragma HLS INTERFACE mode = axis port = finished
#pragma HLS INTERFACE mode = m_axi port = ring0 bundle = ring0 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = ring1 bundle = ring1 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = ring2 bundle = ring2 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = ring3 bundle = ring3 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = ring4 bundle = ring4 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = factors bundle = ring_factors offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = ring_out0 bundle = ring_out0 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = ring_out1 bundle = ring_out1 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = ring_out2 bundle = ring_out2 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = bits_in bundle = bits_in offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = bits_out bundle = bits_out offset = slave depth = memory_words::BITS
    elementwise<config>(tiles, queue, finished, ring0, ring1, ring2, ring3, ring4, factors, ring_out0, ring_out1, ring_out2, bits_in, bits_out);
}
