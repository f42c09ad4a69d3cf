// The sequencer: ports of the kernel that hlslib/sequencer.hpp is. queue[k] and finished[k] are those of kernel number k of command.hpp.
#include "config.hpp"
#include "sequencer.hpp"

using namespace sotto;

extern "C" void sequencer_top(const uint32_t *list, uint32_t count, uint32_t *issued, stream<command, config::QUEUE> (&queue)[kernel_count],
                              stream<uint32_t, config::QUEUE> (&finished)[kernel_count]) {
#pragma HLS INTERFACE mode = s_axilite port = count
#pragma HLS INTERFACE mode = s_axilite port = return
#pragma HLS INTERFACE mode = axis port = queue
#pragma HLS INTERFACE mode = axis port = finished
#pragma HLS INTERFACE mode = m_axi port = list bundle = records_list offset = slave depth = memory_words::RECORDS
#pragma HLS INTERFACE mode = m_axi port = issued bundle = records_issued offset = slave depth = 1
    *issued = sequence(list, count, queue, finished);
}
