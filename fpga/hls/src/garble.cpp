// Half-gates garbler, and labels of shares: ports of the kernel that hlslib/garble.hpp is.
#include "config.hpp"
#include "garble.hpp"
#include "stream.hpp"

using namespace sotto;

extern "C" void garble_top(uint32_t commands, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const uint64_t *steps, const uint64_t *labels_in, const config::word *ring_in, uint64_t *tables_out,
            uint64_t *bits_out, config::word *ring_out) {
#pragma HLS INTERFACE mode = s_axilite port = commands
#pragma HLS INTERFACE mode = s_axilite port = return
#pragma HLS INTERFACE mode = axis port = queue
#pragma HLS INTERFACE mode = axis port = finished
#pragma HLS INTERFACE mode = m_axi port = steps bundle = bits_steps offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = labels_in bundle = bits_labels_in offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = ring_in bundle = ring_in offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = tables_out bundle = bits_tables_out offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = bits_out bundle = bits_out offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = ring_out bundle = ring_out offset = slave depth = memory_words::RING
commands:
    for (uint32_t i = 0; i < commands; i++) {
        const command c = queue.read();
        garble<config>(c, steps, labels_in, ring_in, tables_out, bits_out, ring_out);
        finished.write(kernel_garble);
    }
}
