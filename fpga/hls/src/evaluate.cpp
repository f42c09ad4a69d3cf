// Half-gates evaluator: ports of the kernel that hlslib/evaluate.hpp is.
#include "config.hpp"
#include "evaluate.hpp"
#include "stream.hpp"

using namespace sotto;

extern "C" void evaluate_top(uint32_t commands, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const uint64_t *steps, const uint64_t *own, const uint64_t *theirs, const uint64_t *tables,
            uint64_t *bits_out, const config::word *ring_in, config::word *ring_out) {
#pragma HLS INTERFACE mode = s_axilite port = commands
#pragma HLS INTERFACE mode = s_axilite port = return
#pragma HLS INTERFACE mode = axis port = queue
#pragma HLS INTERFACE mode = axis port = finished
#pragma HLS INTERFACE mode = m_axi port = steps bundle = bits_steps offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = own bundle = bits_own offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = theirs bundle = bits_theirs offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = tables bundle = bits_tables offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = bits_out bundle = bits_out offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = m_axi port = ring_in bundle = ring_in offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = ring_out bundle = ring_out offset = slave depth = memory_words::RING
commands:
    for (uint32_t i = 0; i < commands; i++) {
        const command c = queue.read();
        evaluate<config>(c, steps, own, theirs, tables, bits_out, ring_in, ring_out);
        finished.write(kernel_evaluate);
    }
}
