// C-simulation of boards: reads boards and what they run from standard input and writes what became of them to standard output. Everything
// is little endian; numbers are of 64 bits where nothing else is said.
//
//    in     boards (1 or 2), how (0: one command after the other, of board 0 first; 1: all kernels side by side)
//           for each board: words of RING, words of BITS, commands, words that come in over the link (0 with two boards, which have each other)
//               RING, BITS, commands (64 x uint32_t each), words of the link
//    out    for each board: commands that ran, RING, BITS, how many words left over the link (with one board), those words,
//               cycles of load, compute and store of each kernel
//
// config.hpp has the struct `config` of both boards.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "config.hpp"

#include "board.hpp"

using namespace sotto;

namespace {

typedef board<config> machine;

[[noreturn]] void fail(const char *why) {
    std::fprintf(stderr, "csim: %s\n", why);
    std::exit(1);
}

template <class T> void get(T *to, std::size_t n) {
    if (n > 0 && std::fread(to, sizeof(T), n, stdin) != n) fail("the input ends early");
}

template <class T> void put(const T *from, std::size_t n) {
    if (n > 0 && std::fwrite(from, sizeof(T), n, stdout) != n) fail("the output cannot be written");
}

uint64_t number() {
    uint64_t n;
    get(&n, 1);
    return n;
}

void put_number(uint64_t n) { put(&n, 1); }

// feed puts words that came over the link into beats, for each command that receives as its own beats were.
void feed(machine::link &link, const std::vector<uint32_t> &list, const std::vector<uint64_t> &words) {
    std::size_t at = 0;
    for (uint32_t i = 0; i * record_words < list.size(); i++) {
        command c;
        if (!read_command(list.data(), i, c) || c.kernel != kernel_recv) continue;
        chunk t = no_chunk();
        t.of = c;
        const uint32_t n = message_words(c);
        for (uint32_t first = 0; first < n; first += config::CHUNK) {
            t.n = least(config::CHUNK, n - first);
            const part p = part_of(t);
            uint32_t left = ceil_div(p.n * uint32_t(p.width), BITS_PER_WORD);
            while (left > 0) {
                link_beat<config> b = {};
                b.words = least(config::LINK_WORDS, left);
                for (uint32_t k = 0; k < b.words; k++) {
                    if (at == words.size()) fail("fewer words come in than are received");
                    b.word[k] = words[at++];
                }
                link.write(b);
                left -= b.words;
            }
        }
    }
}

struct job {
    std::unique_ptr<machine> on;
    std::vector<uint32_t> list;
    std::size_t ring, bits;
    uint64_t ran;
};

void run_in_turn(job &j) {
    for (uint32_t i = 0; i * record_words < j.list.size(); i++, j.ran++) {
        command c;
        if (!read_command(j.list.data(), i, c)) fail("a record is of another version");
        if (!j.on->run(c)) fail("a command is no kernel's");
    }
}

void report(job &j, machine::link *left) {
    put_number(j.ran);
    put(j.on->ring.data(), j.ring);
    put(j.on->bits.data(), j.bits);
    std::vector<uint64_t> words;
    while (left != nullptr && !left->empty()) {
        const link_beat<config> b = left->read();
        words.insert(words.end(), b.word, b.word + b.words);
    }
    put_number(words.size());
    put(words.data(), words.size());
    for (uint32_t k = 0; k < kernel_count; k++) put(j.on->cycles_of(k), STAGES);
}

}  // namespace

int main() {
    const uint64_t boards = number(), side_by_side = number();
    if (boards < 1 || boards > 2) fail("boards must be 1 or 2");
    machine::link there("the link"), back("the link back");
    if (boards == 1 || side_by_side == 0) there.deepen(), back.deepen();
    std::vector<job> jobs(boards);
    for (uint64_t b = 0; b < boards; b++) {
        job &j = jobs[b];
        j.ring = number(), j.bits = number(), j.ran = 0;
        const uint64_t commands = number(), incoming = number();
        j.on.reset(new machine(j.ring, j.bits, b == 0 ? there : back, b == 0 ? back : there));
        j.list.resize(commands * record_words);
        get(j.on->ring.data(), j.ring);
        get(j.on->bits.data(), j.bits);
        get(j.list.data(), j.list.size());
        std::vector<uint64_t> words(incoming);
        get(words.data(), words.size());
        if (incoming > 0) feed(back, j.list, words);
    }
    if (side_by_side == 0) {
        for (job &j : jobs) run_in_turn(j);
    } else {
        std::vector<std::thread> all;
        for (job &j : jobs) all.emplace_back([&j] { j.ran = j.on->run_all(j.list); });
        for (std::thread &t : all) t.join();
    }
    for (job &j : jobs) report(j, boards == 1 ? &there : nullptr);
    return 0;
}
