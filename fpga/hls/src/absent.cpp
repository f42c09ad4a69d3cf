// Nothing, in the place of a kernel that this accelerator leaves out: the sequencer has streams for every kernel, and what is connected to
// nothing cannot be linked. No command ever comes; one that did would end at once.
#include "config.hpp"
#include "command.hpp"
#include "stream.hpp"

using namespace sotto;

extern "C" void absent_top(stream<command, config::QUEUE> &queue, stream<uint32_t, config::QUEUE> &finished) {
#pragma HLS INTERFACE mode = ap_ctrl_none port = return
#pragma HLS INTERFACE mode = axis port = queue
#pragma HLS INTERFACE mode = axis port = finished
    finished.write(queue.read().kernel);
}
