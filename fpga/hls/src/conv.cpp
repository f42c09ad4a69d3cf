// Dense convolutions and matrices: ports and memories of the kernel that hlslib/conv.hpp is. Of in0 to in7 the first IN_PORTS are used.
#include "config.hpp"
#include "conv.hpp"

using namespace sotto;

extern "C" void conv_top(uint32_t commands, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const config::word *in0, const config::word *in1, const config::word *in2, const config::word *in3,
            const config::word *in4, const config::word *in5, const config::word *in6, const config::word *in7,
            const config::word *weights, const config::word *addends, config::word *ring_out) {
#pragma HLS INTERFACE mode = s_axilite port = commands
#pragma HLS INTERFACE mode = s_axilite port = return
#pragma HLS INTERFACE mode = axis port = queue
#pragma HLS INTERFACE mode = axis port = finished
#pragma HLS INTERFACE mode = m_axi port = in0 bundle = ring_in0 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = in1 bundle = ring_in1 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = in2 bundle = ring_in2 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = in3 bundle = ring_in3 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = in4 bundle = ring_in4 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = in5 bundle = ring_in5 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = in6 bundle = ring_in6 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = in7 bundle = ring_in7 offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = weights bundle = ring_weights offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = addends bundle = ring_addends offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = ring_out bundle = ring_out offset = slave depth = memory_words::RING
#ifdef __SYNTHESIS__
    static conv_buffers<config> buffers;
#else
    static thread_local conv_buffers<config> buffers;  // two boards in one program
#endif
    conv<config>(commands, queue, finished, in0, in1, in2, in3, in4, in5, in6, in7, weights, addends, ring_out, buffers);
}
