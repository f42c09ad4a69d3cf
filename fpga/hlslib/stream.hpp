// Streams between kernels. A synthesis tool gets its own; a program on a processor gets a queue as deep as the hardware's, on which the
// threads that stand for kernels wait as kernels do. A wait without end is a deadlock of the design: it is reported and ends the program.
#pragma once

#ifdef __SYNTHESIS__

#include <hls_stream.h>

namespace sotto {
template <class T, int DEPTH> using stream = hls::stream<T, DEPTH>;
}

#else

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>

namespace sotto {

// stream_entries counts what all streams of the program have taken in: a wait is one without end only where that stands still.
inline std::atomic<std::uint64_t> &stream_entries() {
    static std::atomic<std::uint64_t> n(0);
    return n;
}

template <class T, int DEPTH> class stream {
  public:
    explicit stream(const char *name = "stream") : name_(name), room_(DEPTH), most_(0), total_(0) {}
    stream(const stream &) = delete;
    stream &operator=(const stream &) = delete;

    T read() {
        std::unique_lock<std::mutex> hold(mutex_);
        wait(hold, "empty", [this] { return !held_.empty(); });
        const T v = held_.front();
        held_.pop_front();
        moved_.notify_all();
        return v;
    }

    bool read_nb(T &v) {
        std::lock_guard<std::mutex> hold(mutex_);
        if (held_.empty()) return false;
        v = held_.front();
        held_.pop_front();
        moved_.notify_all();
        return true;
    }

    void write(const T &v) {
        std::unique_lock<std::mutex> hold(mutex_);
        wait(hold, "full", [this] { return held_.size() < room_; });
        held_.push_back(v);
        total_++;
        stream_entries()++;
        if (held_.size() > most_) most_ = held_.size();
        moved_.notify_all();
    }

    // deepen lets the queue hold so much, or whatever comes: for one thread that runs one kernel after the other.
    void deepen(std::size_t room = ~std::size_t(0)) { room_ = room; }

    bool empty() {
        std::lock_guard<std::mutex> hold(mutex_);
        return held_.empty();
    }

    // most is the greatest number of entries there ever were, total how many came in all.
    std::size_t most() const { return most_; }
    std::size_t total() const { return total_; }

  private:
    template <class F> void wait(std::unique_lock<std::mutex> &hold, const char *what, F ready) {
        const std::chrono::seconds patience(120);
        std::uint64_t seen = stream_entries();
        while (!moved_.wait_for(hold, patience, ready)) {
            if (stream_entries() == seen) {
                std::fprintf(stderr, "csim: %s is %s, and nothing has moved in any stream for two minutes: the commands wait for each other\n", name_, what);
                std::_Exit(3);
            }
            seen = stream_entries();
        }
    }

    const char *name_;
    std::deque<T> held_;
    std::mutex mutex_;
    std::condition_variable moved_;
    std::size_t room_, most_, total_;
};

}  // namespace sotto

#endif
