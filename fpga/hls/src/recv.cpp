// Messages from the link: ports of the kernel that hlslib/link.hpp (recv) is.
#include "config.hpp"
#include "link.hpp"

using namespace sotto;

extern "C" void recv_top(uint32_t chunks, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            config::word *ring_out, uint64_t *bits_out, stream<link_beat<config>, config::LINK_DEPTH> &link) {
#pragma HLS INTERFACE mode = s_axilite port = chunks
#pragma HLS INTERFACE mode = s_axilite port = return
#pragma HLS INTERFACE mode = axis port = queue
#pragma HLS INTERFACE mode = axis port = finished
#pragma HLS INTERFACE mode = m_axi port = ring_out bundle = ring_out offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = bits_out bundle = bits_out offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = axis port = link
    recv<config>(chunks, queue, finished, ring_out, bits_out, link);
}
