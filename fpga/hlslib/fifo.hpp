// Streams inside a kernel, between its processes. A synthesis tool gets its own, of the depth that is given, and runs the processes side by
// side (DATAFLOW). A program on a processor runs them one after the other, so that a stream holds whatever the one before has made.
#pragma once

#ifdef __SYNTHESIS__

#include <hls_stream.h>

namespace sotto {
template <class T, int DEPTH> using fifo = hls::stream<T, DEPTH>;
}

#else

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>

namespace sotto {

template <class T, int DEPTH> class fifo {
  public:
    void write(const T &v) { held_.push_back(v); }

    T read() {
        if (held_.empty()) {
            std::fprintf(stderr, "csim: a process reads more than the one before it made\n");
            std::_Exit(3);
        }
        const T v = held_.front();
        held_.pop_front();
        return v;
    }

    bool empty() const { return held_.empty(); }

  private:
    std::deque<T> held_;
};

}  // namespace sotto

#endif
