// Runs commands of the garbler, the evaluator, the OT step and the comparisons on memory that it is given: what the tests of this folder hold
// against the runtime. Words of 64 bits on standard input, for each request:
//
//    which design, commands, words of BITS, words of RING; the commands' records, two words of them a word; BITS; RING, a word each
//
// and on standard output BITS, RING, and the cycles of all commands: to load, to compute, to store.
#include <cstdio>
#include <vector>

#include "compare.hpp"
#include "designs.hpp"
#include "evaluate.hpp"
#include "garble.hpp"
#include "ot.hpp"

using namespace sotto;

namespace {

bool read_words(std::vector<uint64_t> &v) { return v.empty() || std::fread(v.data(), sizeof(uint64_t), v.size(), stdin) == v.size(); }

void write_words(const std::vector<uint64_t> &v) {
    if (!v.empty()) std::fwrite(v.data(), sizeof(uint64_t), v.size(), stdout);
}

template <class C> void run(const command &c, std::vector<uint64_t> &bits_memory, std::vector<typename C::word> &ring_memory) {
    uint64_t *bits = bits_memory.data();
    typename C::word *ring = ring_memory.data();
    switch (c.kernel) {
    case kernel_garble:
        garble<C>(c, bits, bits, ring, bits, bits, ring);
        break;
    case kernel_evaluate:
        evaluate<C>(c, bits, bits, bits, bits, bits, ring, ring);
        break;
    case kernel_ot:
        ot<C>(c, bits, bits, bits, bits, ring);
        break;
    default:
        compare<C>(c, bits, ring, bits, bits, ring, bits, bits, ring, bits, bits, ring, bits);
    }
}

template <class C> bool serve(const std::vector<uint32_t> &records, uint32_t commands, std::vector<uint64_t> &bits, const std::vector<uint64_t> &words) {
    std::vector<typename C::word> ring(words.begin(), words.end());
    tally &t = tally::mine();
    for (int s = 0; s < STAGES; s++) t.cycles[s] = 0;
    for (uint32_t i = 0; i < commands; i++) {
        command c;
        if (!read_command(records.data(), i, c)) return false;
        run<C>(c, bits, ring);
    }
    write_words(bits);
    write_words(std::vector<uint64_t>(ring.begin(), ring.end()));
    write_words(std::vector<uint64_t>(t.cycles, t.cycles + STAGES));
    return true;
}

}  // namespace

int main() {
    std::vector<uint64_t> head(4);
    while (read_words(head)) {
        std::vector<uint64_t> packed(head[1] * record_words / 2), bits(head[2]), words(head[3]);
        if (!read_words(packed) || !read_words(bits) || !read_words(words)) return 1;
        std::vector<uint32_t> records;
        for (uint64_t w : packed) {
            records.push_back(uint32_t(w));
            records.push_back(uint32_t(w >> 32));
        }
        bool ok = false;
        switch (head[0]) {
#define DESIGN(number) \
    case number: \
        ok = serve<design##number>(records, uint32_t(head[1]), bits, words); \
        break;
            DESIGNS
#undef DESIGN
        }
        if (!ok) return 2;
        std::fflush(stdout);
    }
    return 0;
}
