// Cycles in C-simulation: a pipelined loop counts its iterations, by what its kernel does meanwhile. Nothing of it is synthesised.
#pragma once

#include <cstdint>

namespace sotto {

enum stage { LOAD, COMPUTE, STORE, STAGES };

#ifdef __SYNTHESIS__

inline void beat(stage, uint32_t = 1) {}

struct side_by_side {
    explicit side_by_side(stage) {}
    void next() {}
};

#else

// tally is the cycles of the calling thread's kernel.
struct tally {
    uint64_t cycles[STAGES];
    static tally &mine() {
        static thread_local tally t = {{0, 0, 0}};
        return t;
    }
};

inline void beat(stage s, uint32_t cycles = 1) { tally::mine().cycles[s] += cycles; }

// side_by_side counts processes that run at the same time, each behind a next(): the longest of them.
class side_by_side {
  public:
    explicit side_by_side(stage s) : stage_(s), start_(at()), longest_(0) {}
    ~side_by_side() {
        next();
        at() = start_ + longest_;
    }
    void next() {
        if (at() - start_ > longest_) longest_ = at() - start_;
        at() = start_;
    }

  private:
    uint64_t &at() const { return tally::mine().cycles[stage_]; }
    stage stage_;
    uint64_t start_, longest_;
};

#endif

}  // namespace sotto
