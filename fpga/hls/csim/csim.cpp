// C-simulation of both boards: runs the commands of both lists one after the other, in the order in which the schedule starts them, through
// the top functions that are synthesised, and compares every result with what the CPU runtime made in the same session.
//
//    csim DATA                    DATA is csim/data; without an argument it is what SOTTO_DATA says
//    csim DATA COMMANDS           the first so many commands alone
//    csim DATA side-by-side       and then again as the hardware does it: all kernels and both sequencers at once, with queues as deep as theirs
//
// It ends with status 0 if all results are equal, 1 if one differs, 2 if the files cannot be read or the order breaks a rule. The data:
//
//    parts.bin           of each phase: where its commands end, the client's and the server's. The sequencer runs once for each phase
//    order.bin           by start: party, index of a command
//    PARTY/memory.bin    before the first command, segments of: space, address, words; the words. Spaces: 0 RING, 1 BITS
//    PARTY/commands.bin  records of 64 words (hlslib/command.hpp)
//    PARTY/checks.bin    results: space, address, elements, layer, number of commands that write it; these; sums (FNV-1a over 1024 words)
//
// All numbers are little-endian words of 32 bits, sums and words of BITS of 64.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "config.hpp"
#include "kernels.hpp"

using namespace sotto;

namespace {

typedef config::word word;
typedef std::vector<uint8_t> bytes;

const uint32_t sum_block = 1024;
const char *const party_names[] = {"client", "server"};
const char *const kernel_names[] = {"conv", "depthwise", "elementwise", "pool", "garble", "evaluate", "ot", "move", "compare", "send", "recv"};

[[noreturn]] void fail(const std::string &what) {
    std::fprintf(stderr, "csim: %s\n", what.c_str());
    std::exit(2);
}

bytes file(const std::string &path) {
    std::FILE *f = std::fopen(path.c_str(), "rb");
    if (!f) fail(path + " cannot be opened");
    bytes b;
    uint8_t part[1 << 16];
    for (size_t n; (n = std::fread(part, 1, sizeof part, f)) > 0;) b.insert(b.end(), part, part + n);
    std::fclose(f);
    return b;
}

// reader takes little-endian numbers off a file.
class reader {
  public:
    explicit reader(const std::string &path) : path_(path), data_(file(path)), at_(0) {}
    bool more() const { return at_ < data_.size(); }
    uint64_t number(int size) {
        uint64_t v = 0;
        if (data_.size() - at_ < size_t(size)) fail(path_ + " ends too early");
        for (int i = 0; i < size; i++) v |= uint64_t(data_[at_++]) << (8 * i);
        return v;
    }
    uint32_t u32() { return uint32_t(number(4)); }

  private:
    std::string path_;
    bytes data_;
    size_t at_;
};

// check is a result that the CPU runtime made too.
struct check {
    uint32_t space, address, elements, layer, left;
    std::vector<uint64_t> sums;
};

// A direction of the link: what a board sends waits for the other to take it.
typedef stream<link_beat<config>, config::LINK_DEPTH> cable;

struct board {
    board() : ring(memory_words::RING), bits(memory_words::BITS), done() {}
    std::vector<word> ring;
    std::vector<uint64_t> bits;
    std::vector<uint32_t> records;
    std::vector<uint32_t> ends;  // of the commands of each phase
    size_t phase = 0;
    std::vector<check> checks;
    std::vector<std::vector<uint32_t>> written;  // by command: checks that it writes a part of
    uint32_t done[kernel_count];
    stream<command, config::QUEUE> queue[kernel_count];
    stream<uint32_t, config::QUEUE> finished[kernel_count];
    uint64_t cycles[kernel_count][STAGES] = {};
    uint64_t commands[kernel_count] = {};
    uint32_t compared = 0, wrong = 0;
};

void load_memory(board &b, const std::string &path) {
    for (reader r(path); r.more();) {
        const uint32_t space = r.u32(), address = r.u32(), words = r.u32();
        const uint64_t room = space == 0 ? b.ring.size() : b.bits.size();
        if (space > 1 || uint64_t(address) + words > room) fail(path + ": a segment beyond the memory");
        for (uint32_t i = 0; i < words; i++) {
            if (space == 0) {
                b.ring[address + i] = word(r.number(sizeof(word)));
            } else {
                b.bits[address + i] = r.number(8);
            }
        }
    }
}

void load_checks(board &b, const std::string &path) {
    b.written.resize(b.records.size() / record_words);
    for (reader r(path); r.more();) {
        check c;
        c.space = r.u32(), c.address = r.u32(), c.elements = r.u32(), c.layer = r.u32(), c.left = r.u32();
        for (uint32_t i = 0; i < c.left; i++) {
            const uint32_t by = r.u32();
            if (by >= b.written.size()) fail(path + ": a result of a command that there is not");
            b.written[by].push_back(uint32_t(b.checks.size()));
        }
        const uint32_t words = c.space == 0 ? c.elements : (c.elements + 63) / 64;
        for (uint32_t i = 0; i * sum_block < words; i++) c.sums.push_back(r.number(8));
        if (uint64_t(c.address) + words > (c.space == 0 ? b.ring.size() : b.bits.size())) fail(path + ": a result beyond the memory");
        b.checks.push_back(c);
    }
}

void load(board &b, const std::string &data, int party) {
    const std::string dir = data + "/" + party_names[party];
    for (reader r(dir + "/commands.bin"); r.more();) b.records.push_back(r.u32());
    for (reader r(data + "/parts.bin"); r.more();) {
        const uint32_t ends[2] = {r.u32(), r.u32()};
        b.ends.push_back(ends[party]);
    }
    if (b.ends.empty() || size_t(b.ends.back()) * record_words != b.records.size()) fail(data + "/parts.bin does not cover the commands");
    load_memory(b, dir + "/memory.bin");
    load_checks(b, dir + "/checks.bin");
}

// value is word i of a result; bits beyond the last are nobody's.
uint64_t value(const board &b, const check &c, uint32_t i) {
    if (c.space == 0) return b.ring[c.address + i];
    const uint32_t tail = c.elements % 64;
    const uint64_t mask = i == c.elements / 64 && tail ? (uint64_t(1) << tail) - 1 : ~uint64_t(0);
    return b.bits[c.address + i] & mask;
}

// compare says where a result differs from the CPU runtime's.
void compare(board &b, int party, uint32_t index, const check &c) {
    const uint32_t words = c.space == 0 ? c.elements : (c.elements + 63) / 64;
    b.compared++;
    for (uint32_t block = 0; block * sum_block < words; block++) {
        uint64_t sum = 0xcbf29ce484222325ull;  // FNV-1a
        const uint32_t end = words < (block + 1) * sum_block ? words : (block + 1) * sum_block;
        for (uint32_t i = block * sum_block; i < end; i++) sum = (sum ^ value(b, c, i)) * 0x100000001b3ull;
        if (sum == c.sums[block]) continue;
        b.wrong++;
        const uint32_t *r = &b.records[size_t(index) * record_words];
        std::printf("DIFFERS: %s, layer %u, the result that command %u (%s, operation %u) ends: words %u to %u of %u at %s address %u\n", party_names[party],
                    c.layer, index, kernel_names[r[1]], r[2], block * sum_block, end - 1, words, c.space == 0 ? "RING" : "BITS", c.address);
        return;
    }
}

// steps_of is what a command counts for in the first argument of its kernel's top function.
uint32_t steps_of(const board &b, const command &c) {
    (void)b;  // only movements look into memory
    switch (c.kernel) {
#if SOTTO_HAS_DEPTHWISE
    case kernel_depthwise: return depthwise_steps<config>(c);
#endif
#if SOTTO_HAS_ELEMENTWISE
    case kernel_elementwise: return chunks<config>(c);
#endif
#if SOTTO_HAS_POOL
    case kernel_pool: return pool_steps<config>(c);
#endif
#if SOTTO_HAS_MOVE
    case kernel_move: return move_pieces<config>(c, b.bits.data());
#endif
    case kernel_send:
    case kernel_recv: return link_chunks<config>(c);
    }
    return 1;
}

// run starts a kernel for so many steps and comes back when they are done.
void run(board &b, uint32_t kernel, uint32_t steps, cable &to, cable &from) {
    word *ring = b.ring.data();
    uint64_t *bits = b.bits.data();
    stream<command, config::QUEUE> &queue = b.queue[kernel];
    stream<uint32_t, config::QUEUE> &finished = b.finished[kernel];
    switch (kernel) {
#if SOTTO_HAS_CONV
    case kernel_conv: conv_top(steps, queue, finished, ring, ring, ring, ring, ring, ring, ring, ring, ring, ring, ring); break;
#endif
#if SOTTO_HAS_DEPTHWISE
    case kernel_depthwise: depthwise_top(steps, queue, finished, ring, ring, ring); break;
#endif
#if SOTTO_HAS_ELEMENTWISE
    case kernel_elementwise: elementwise_top(steps, queue, finished, ring, ring, ring, ring, ring, ring, ring, ring, ring, bits, bits); break;
#endif
#if SOTTO_HAS_POOL
    case kernel_pool: pool_top(steps, queue, finished, ring, ring); break;
#endif
#if SOTTO_HAS_GARBLE
    case kernel_garble: garble_top(steps, queue, finished, bits, bits, ring, bits, bits, ring); break;
#endif
#if SOTTO_HAS_EVALUATE
    case kernel_evaluate: evaluate_top(steps, queue, finished, bits, bits, bits, bits, bits, ring, ring); break;
#endif
#if SOTTO_HAS_OT
    case kernel_ot: ot_top(steps, queue, finished, bits, bits, bits, bits, ring); break;
#endif
#if SOTTO_HAS_MOVE
    case kernel_move: move_top(steps, queue, finished, ring, ring, bits, bits, bits); break;
#endif
#if SOTTO_HAS_COMPARE
    case kernel_compare: compare_top(steps, queue, finished, bits, ring, bits, bits, ring, bits, bits, ring, bits, bits, ring, bits); break;
#endif
#if SOTTO_HAS_SEND
    case kernel_send: send_top(steps, queue, finished, ring, bits, to); break;
#endif
#if SOTTO_HAS_RECV
    case kernel_recv: recv_top(steps, queue, finished, ring, bits, from); break;
#endif
    default: fail(std::string("this accelerator was built without the kernel ") + kernel_names[kernel]);
    }
}

// step runs command `index` of a board and compares the results that are whole now.
void step(board &b, int party, uint32_t index, cable &to, cable &from) {
    command c;
    if (size_t(index) * record_words >= b.records.size() || !read_command(b.records.data(), index, c) || int(c.party) != party) {
        fail("command " + std::to_string(index) + " of the " + party_names[party] + " is none");
    }
    for (; index >= b.ends[b.phase]; b.phase++) {  // the next run of the sequencer, when all of the one before have ended
        uint32_t ended = 0;
        for (uint64_t n : b.commands) ended += uint32_t(n);
        if (ended != b.ends[b.phase]) fail(std::string("the order begins a phase of the ") + party_names[party] + " before the one before has ended");
        for (uint32_t &n : b.done) n = 0;
    }
    for (int k = 0; k < kernel_count; k++) {
        if (b.done[k] < c.wait[k]) {
            fail(std::string("the order starts command ") + std::to_string(index) + " of the " + party_names[party] + " before the commands of " + kernel_names[k] + " that it waits for");
        }
    }
    const tally before = tally::mine();
    b.queue[c.kernel].write(c);
    run(b, c.kernel, steps_of(b, c), to, from);
    if (b.finished[c.kernel].read() != c.kernel) fail("a kernel says that another one has finished");
    for (int s = 0; s < STAGES; s++) b.cycles[c.kernel][s] += tally::mine().cycles[s] - before.cycles[s];
    b.commands[c.kernel]++;
    b.done[c.kernel]++;
    for (uint32_t i : b.written[index]) {
        if (--b.checks[i].left == 0) compare(b, party, index, b.checks[i]);
    }
}

// print gives the cycles of each kernel's stages, with no kernel waiting for another.
void print(const board &b, int party) {
    for (int k = 0; k < kernel_count; k++) {
        if (b.commands[k] == 0) continue;
        std::printf("%-6s %-11s %8llu commands, cycles: load %llu, compute %llu, store %llu\n", party_names[party], kernel_names[k],
                    (unsigned long long)b.commands[k], (unsigned long long)b.cycles[k][LOAD], (unsigned long long)b.cycles[k][COMPUTE],
                    (unsigned long long)b.cycles[k][STORE]);
    }
}

// side_by_side runs a phase of both boards as the hardware does: a thread for each kernel and each sequencer, with queues as deep as the
// hardware's. It gives the commands that were issued.
uint32_t side_by_side(board (&boards)[2], size_t phase, cable &up, cable &down) {
    uint32_t issued[2] = {0, 0}, steps[2][kernel_count] = {}, begin[2], end[2];
    for (int p = 0; p < 2; p++) {
        board &b = boards[p];
        begin[p] = phase > 0 ? b.ends[phase - 1] : 0, end[p] = b.ends[phase];
        for (uint32_t i = begin[p]; i < end[p]; i++) {
            command c;
            if (!read_command(b.records.data(), i, c)) fail("a record is none");
            steps[p][c.kernel] += steps_of(b, c);
        }
    }
    std::vector<std::thread> threads;
    for (int p = 0; p < 2; p++) {
        board &b = boards[p];
        cable &to = p == 0 ? up : down, &from = p == 0 ? down : up;
        for (uint32_t k = 0; k < kernel_count; k++) {
            if (steps[p][k] > 0) threads.emplace_back([&b, k, n = steps[p][k], &to, &from] { run(b, k, n, to, from); });
        }
        const uint32_t *records = b.records.data() + size_t(begin[p]) * record_words;
        threads.emplace_back([&b, records, n = end[p] - begin[p], &to = issued[p]] { sequencer_top(records, n, &to, b.queue, b.finished); });
    }
    for (std::thread &t : threads) t.join();
    return issued[0] + issued[1];
}

// side_by_side runs phase after phase, over a link that holds what the schedule counts on.
uint32_t side_by_side(board (&boards)[2]) {
    static cable up("the link from the client"), down("the link from the server");
    const std::size_t beats = network::LINK_BYTES / (sizeof(uint64_t) * config::LINK_WORDS);
    up.deepen(beats), down.deepen(beats);
    uint32_t issued = 0;
    for (size_t phase = 0; phase < boards[0].ends.size(); phase++) issued += side_by_side(boards, phase, up, down);
    return issued;
}

// same_in_the_end runs other boards side by side from the same memories, and compares what both leave behind.
bool same_in_the_end(const board (&done)[2], const std::string &dir) {
    static board boards[2];
    for (int p = 0; p < 2; p++) load(boards[p], dir, p);
    const uint32_t issued = side_by_side(boards);
    bool same = true;
    for (int p = 0; p < 2; p++) same = same && boards[p].ring == done[p].ring && boards[p].bits == done[p].bits;
    std::printf("%s: %u commands, all kernels side by side under the sequencers, leave %s memories\n", same ? "equal" : "FAILED", issued, same ? "the same" : "other");
    return same;
}

}  // namespace

int main(int argc, char **argv) {
    const char *named = argc > 1 ? argv[1] : std::getenv("SOTTO_DATA");
    if (!named) fail("the folder of the data is missing: csim csim/data, or its name in SOTTO_DATA");
    const std::string dir = named;
    static board boards[2];
    for (int p = 0; p < 2; p++) load(boards[p], dir, p);
    std::vector<uint32_t> order;
    for (reader r(dir + "/order.bin"); r.more();) order.push_back(r.u32());
    size_t end = order.size();
    const bool all = argc > 2 && std::string(argv[2]) == "side-by-side";
    if (argc > 2 && !all) end = std::min(end, 2 * size_t(std::strtoul(argv[2], nullptr, 10)));
    static cable up("the link from the client"), down("the link from the server");
    up.deepen(), down.deepen();  // the network's own buffers are without end here
    for (size_t i = 0; i + 1 < end; i += 2) {
        const int p = int(order[i]);
        if (p > 1) fail("order.bin names party " + std::to_string(p));
        step(boards[p], p, order[i + 1], p == 0 ? up : down, p == 0 ? down : up);
    }
    uint32_t compared = 0, wrong = 0, unmade = 0;
    for (int p = 0; p < 2; p++) {
        print(boards[p], p);
        compared += boards[p].compared;
        wrong += boards[p].wrong;
        unmade += uint32_t(boards[p].checks.size()) - boards[p].compared;
    }
    if (wrong > 0 || (end == order.size() && unmade > 0)) {
        std::printf("FAILED: %u of %u results differ from the CPU runtime's, %u were not made\n", wrong, compared, unmade);
        return 1;
    }
    std::printf("equal: %u results of both boards, bit for bit the CPU runtime's\n", compared);
    return all && !same_in_the_end(boards, dir) ? 1 : 0;
}
