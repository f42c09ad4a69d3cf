// Messages to the link: ports of the kernel that hlslib/link.hpp (send) is.
#include "config.hpp"
#include "link.hpp"

using namespace sotto;

extern "C" void send_top(uint32_t chunks, stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished,
            const config::word *ring_in, const uint64_t *bits_in, stream<link_beat<config>, config::LINK_DEPTH> &link) {
#pragma HLS INTERFACE mode = s_axilite port = chunks
#pragma HLS INTERFACE mode = s_axilite port = return
#pragma HLS INTERFACE mode = axis port = queue
#pragma HLS INTERFACE mode = axis port = finished
#pragma HLS INTERFACE mode = m_axi port = ring_in bundle = ring_in offset = slave depth = memory_words::RING
#pragma HLS INTERFACE mode = m_axi port = bits_in bundle = bits_in offset = slave depth = memory_words::BITS
#pragma HLS INTERFACE mode = axis port = link
    send<config>(chunks, queue, finished, ring_in, bits_in, link);
}
