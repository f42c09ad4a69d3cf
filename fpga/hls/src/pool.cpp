// Sums of windows: ports of the kernel that hlslib/pool.hpp is.
#include "config.hpp"
#include "pool.hpp"

using namespace sotto;

extern "C" void pool_top(uint32_t steps, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const config::word *ring_in, config::word *ring_out) {
#pragma HLS INTERFACE mode = s_axilite port = steps
#pragma HLS INTERFACE mode = s_axilite port = return
#pragma HLS INTERFACE mode = axis port = queue
#pragma HLS INTERFACE mode = axis port = finished
#pragma HLS INTERFACE mode = m_axi port = ring_in bundle = ring_in offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = ring_out bundle = ring_out offset = slave depth = memory_words::RING
    pool<config>(steps, queue, finished, ring_in, ring_out);
}
