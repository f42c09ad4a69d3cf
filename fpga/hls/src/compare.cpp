// Bit-sliced steps of comparisons by OT: ports of the kernel that hlslib/compare.hpp is. Of the ports with numbers the first COMPARE_LANES are
// used.
#include "config.hpp"
#include "compare.hpp"
#include "stream.hpp"

using namespace sotto;

extern "C" void compare_top(uint32_t commands, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const uint64_t *bits_in0, const config::word *ring_in0, uint64_t *bits_out0,
            const uint64_t *bits_in1, const config::word *ring_in1, uint64_t *bits_out1,
            const uint64_t *bits_in2, const config::word *ring_in2, uint64_t *bits_out2,
            const uint64_t *bits_in3, const config::word *ring_in3, uint64_t *bits_out3) {
#pragma HLS INTERFACE mode = s_axilite port = commands
#pragma HLS INTERFACE mode = s_axilite port = return
#pragma HLS INTERFACE mode = axis port = queue
#pragma HLS INTERFACE mode = axis port = finished
#pragma HLS INTERFACE mode = m_axi port = bits_in0 bundle = bits_in0 offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = ring_in0 bundle = ring_in0 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = bits_out0 bundle = bits_out0 offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = bits_in1 bundle = bits_in1 offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = ring_in1 bundle = ring_in1 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = bits_out1 bundle = bits_out1 offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = bits_in2 bundle = bits_in2 offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = ring_in2 bundle = ring_in2 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = bits_out2 bundle = bits_out2 offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = bits_in3 bundle = bits_in3 offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = ring_in3 bundle = ring_in3 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = bits_out3 bundle = bits_out3 offset = slave depth = memory_words::BITS
commands:
    for (uint32_t i = 0; i < commands; i++) {
        const command c = queue.read();
        compare<config>(c, bits_in0, ring_in0, bits_out0, bits_in1, ring_in1, bits_out1, bits_in2, ring_in2, bits_out2,
                        bits_in3, ring_in3, bits_out3);
        finished.write(kernel_compare);
    }
}
