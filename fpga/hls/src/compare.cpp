// Bit-sliced steps of comparisons by OT: ports of the kernel that hlslib/compare.hpp is.
#include "config.hpp"
#include "compare.hpp"
#include "stream.hpp"

using namespace sotto;

extern "C" void compare_top(uint32_t commands, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const uint64_t *bits_in, const config::word *ring_in, uint64_t *bits_out) {
#pragma HLS INTERFACE mode = s_axilite port = commands
#pragma HLS INTERFACE mode = s_axilite port = return
#pragma HLS INTERFACE mode = axis port = queue
#pragma HLS INTERFACE mode = axis port = finished
#pragma HLS INTERFACE mode = m_axi port = bits_in bundle = bits_in offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = ring_in bundle = ring_in offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = bits_out bundle = bits_out offset = slave depth = memory_words::BITS
commands:
    for (uint32_t i = 0; i < commands; i++) {
        const command c = queue.read();
        compare<config>(c, bits_in, ring_in, bits_out);
        finished.write(kernel_compare);
    }
}
