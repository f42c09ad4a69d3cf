// Products of limbs against those of the language: all pairs of words with bits at limbs' borders, and drawn ones. Ends with status 1 and
// the first pair that differs.
#include <cstdio>
#include <vector>

#include "product.hpp"

using namespace sotto;

namespace {

template <class W> std::vector<W> borders() {
    std::vector<W> all = {0, W(~W(0))};
    for (int i = 0; i < bits_of<W>(); i++) {
        const W one = W(W(1) << i);
        all.push_back(one);
        all.push_back(W(one - 1));
        all.push_back(W(~one));
    }
    return all;
}

template <class W> bool same(W a, W b) {
    if (ring_product(a, b) == W(a * b)) return true;
    std::printf("%d bits: %llx * %llx\n", bits_of<W>(), (unsigned long long)a, (unsigned long long)b);
    return false;
}

template <class W> bool all_same() {
    for (const W a : borders<W>()) {
        for (const W b : borders<W>()) {
            if (!same(a, b)) return false;
        }
    }
    uint64_t x = 0x9e3779b97f4a7c15ull; // test randomness: xorshift
    W last = 1;
    for (int i = 0; i < 2000000; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        if (!same(W(x), last)) return false;
        last = W(x >> (64 - bits_of<W>()));
    }
    return true;
}

}  // namespace

int main() { return all_same<uint32_t>() && all_same<uint64_t>() ? 0 : 1; }
