// A board in C-simulation: its two memories, its queues and its kernels, which are the functions that are synthesised.
//
// run is for one thread: one command after the other, in any order that keeps their dependences. start is as the hardware has it: a thread
// for each kernel and the sequencer, side by side.
#pragma once

#include <array>
#include <memory>
#include <thread>
#include <vector>

#include "compare.hpp"
#include "conv.hpp"
#include "depthwise.hpp"
#include "elementwise.hpp"
#include "evaluate.hpp"
#include "garble.hpp"
#include "link.hpp"
#include "move.hpp"
#include "ot.hpp"
#include "pool.hpp"
#include "sequencer.hpp"

namespace sotto {

template <class C> class board {
  public:
    typedef typename C::word word;
    typedef stream<link_beat<C>, C::LINK_DEPTH> link;

    // A board with so many words of RING and of BITS, and the two directions of its link.
    board(std::size_t ring_words, std::size_t bits_words, link &out, link &in)
        : ring(lines(ring_words, sizeof(word))), bits(lines(bits_words, sizeof(uint64_t))), out_(out), in_(in), conv_(new conv_buffers<C>()), cycles() {}

    std::vector<word> ring;
    std::vector<uint64_t> bits;

    // run runs a command to its end, in the calling thread. false: no kernel does it.
    bool run(const command &c) {
        const uint32_t steps = steps_of(c);
        if (steps == 0) return false;
        queue_[c.kernel].write(c);
        work(c.kernel, steps, 1);
        return finished_[c.kernel].read() == c.kernel;
    }

    // run_all runs a list as the hardware does and gives how many commands ran.
    uint32_t run_all(const std::vector<uint32_t> &list) {
        const uint32_t count = uint32_t(list.size() / record_words);
        std::array<uint32_t, kernel_count> steps = {}, commands = {};
        for (uint32_t i = 0; i < count; i++) {
            command c;
            if (!read_command(list.data(), i, c) || steps_of(c) == 0) return i;
            steps[c.kernel] += steps_of(c);
            commands[c.kernel]++;
        }
        std::vector<std::thread> kernels;
        for (uint32_t k = 0; k < kernel_count; k++) {
            if (commands[k] > 0) kernels.emplace_back([this, k, &steps, &commands] { work(k, steps[k], commands[k]); });
        }
        const uint32_t done = sequence(list.data(), count, queue_, finished_);
        for (std::thread &k : kernels) k.join();
        return done;
    }

    // steps_of is what a command counts for in the steps of its kernel, 0 if no kernel here does it.
    uint32_t steps_of(const command &c) const {
        switch (c.kernel) {
        case kernel_conv:
        case kernel_garble:
        case kernel_evaluate:
        case kernel_ot:
        case kernel_compare: return 1;
        case kernel_depthwise: return depthwise_steps<C>(c);
        case kernel_elementwise: return chunks<C>(c);
        case kernel_pool: return pool_steps<C>(c);
        case kernel_move: return move_pieces<C>(c, bits.data());
        case kernel_send:
        case kernel_recv: return link_chunks<C>(c);
        }
        return 0;
    }

    // cycles_of is what a kernel's pipelined loops have taken so far, by stage.
    const uint64_t (&cycles_of(uint32_t kernel) const)[STAGES] { return cycles[kernel]; }

  private:
    // lines is so many words as whole lines hold.
    static std::size_t lines(std::size_t words, std::size_t size) { return (words * size + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES / size; }

    void work(uint32_t kernel, uint32_t steps, uint32_t commands) {
        const word *in = ring.data();
        const uint64_t *planes = bits.data();
        stream<command, C::QUEUE> &queue = queue_[kernel];
        stream<uint32_t, C::QUEUE> &finished = finished_[kernel];
        const tally before = tally::mine();
        switch (kernel) {
        case kernel_garble:
        case kernel_evaluate:
        case kernel_ot:
        case kernel_compare: work_each(kernel, commands); break;
        case kernel_conv: conv<C>(commands, queue, finished, in, in, in, in, in, in, in, in, in, in, ring.data(), *conv_); break;
        case kernel_depthwise: depthwise<C>(steps, queue, finished, in, in, ring.data()); break;
        case kernel_elementwise: elementwise<C>(steps, queue, finished, in, in, in, in, in, in, ring.data(), ring.data(), ring.data(), planes, bits.data()); break;
        case kernel_pool: pool<C>(steps, queue, finished, in, ring.data()); break;
        case kernel_move: sotto::move<C>(steps, queue, finished, in, ring.data(), planes, planes, bits.data()); break;
        case kernel_send: send<C>(steps, queue, finished, in, planes, out_); break;
        case kernel_recv: recv<C>(steps, queue, finished, ring.data(), bits.data(), in_); break;
        }
        for (int s = 0; s < STAGES; s++) cycles[kernel][s] += tally::mine().cycles[s] - before.cycles[s];
    }

    // work_each runs the commands of a kernel that takes one at a time.
    void work_each(uint32_t kernel, uint32_t commands) {
        const word *in = ring.data();
        const uint64_t *planes = bits.data();
        for (uint32_t i = 0; i < commands; i++) {
            const command c = queue_[kernel].read();
            switch (kernel) {
            case kernel_garble: garble<C>(c, planes, planes, in, bits.data(), bits.data(), ring.data()); break;
            case kernel_evaluate: evaluate<C>(c, planes, planes, planes, planes, bits.data(), in, ring.data()); break;
            case kernel_ot: ot<C>(c, planes, planes, bits.data(), bits.data(), ring.data()); break;
            case kernel_compare: compare<C>(c, planes, in, bits.data(), planes, in, bits.data(), planes, in, bits.data(), planes, in, bits.data()); break;
            }
            finished_[kernel].write(kernel);
        }
    }

    link &out_, &in_;
    stream<command, C::QUEUE> queue_[kernel_count];
    stream<uint32_t, C::QUEUE> finished_[kernel_count];
    std::unique_ptr<conv_buffers<C>> conv_;
    uint64_t cycles[kernel_count][STAGES];
};

}  // namespace sotto
