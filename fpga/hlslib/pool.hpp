// Sums of windows: POOL_LANES channels side by side, an input of each a cycle. Padding counts as zeros; a ring's average pool divides later.
//
// A command is whole channels, c of them. The kernel cuts their outputs into rectangles whose windows its buffers hold, and, where not even
// one window fits, a window into bands of rows that are summed one after the other: a step is a band of a rectangle of some channels. A step
// of P outputs and a band of KH x KW inputs takes
//
//    load       POOL_LANES windows of the input, PORT words a cycle
//    compute    KH*KW * max(P, 3)
//    store      behind the last band, POOL_LANES * P / PORT
#pragma once

#include "depthwise.hpp"

namespace sotto {

// pool_shape is the geometry of a command as that of a convolution, with the rectangles that the kernel cuts.
template <class C> conv_shape pool_shape(const command &c) {
#pragma HLS INLINE off
    conv_shape s;
    s.in_c = s.out_c = s.mn = c.ints[0], s.in_h = c.ints[1], s.in_w = c.ints[2];
    s.kh = c.ints[3], s.kw = c.ints[4], s.stride_h = c.ints[5], s.stride_w = c.ints[6], s.pad_h = c.ints[7], s.pad_w = c.ints[8];
    s.dil_h = s.dil_w = 1;
    s.m = s.y = 0;
    set_output(s);
    s.yn = s.out_h;
    s.th = 1;
    const int words = C::POOL_WORDS, height = smaller(s.kh, words / s.kw);  // rows of a band
    s.channels = height;
    const int across = (words / height - s.kw) / s.stride_w + 1;
    s.tw = smaller(smaller(s.out_w, across), C::POOL_WORDS);
    if (s.tw == s.out_w) {
        const int row = (s.out_w - 1) * s.stride_w + s.kw;
        s.th = smaller(smaller(s.out_h, (words / row - height) / s.stride_h + 1), C::POOL_WORDS / s.out_w);
        if (s.th < 1 || height < s.kh) s.th = 1;
    }
    return s;
}

// pool_step is a band of a rectangle of some channels.
struct pool_step {
    channel_step rectangle;
    int band, band_n;  // first row of the windows, and how many
    bool first, last;  // band of the rectangle
    bool ends;         // the command
};

inline void place_band(pool_step &t) {
#pragma HLS INLINE
    const conv_shape &s = t.rectangle.shape;
    t.band_n = smaller(s.channels, s.kh - t.band);
    t.first = t.band == 0;
    t.last = t.band + t.band_n == s.kh;
    t.ends = t.last && t.rectangle.ends;
}

template <class C> void start_pool(const command &c, pool_step &t) {
#pragma HLS INLINE
    start_channels(c, pool_shape<C>(c), C::POOL_LANES, t.rectangle);
    t.band = 0;
    place_band(t);
}

template <class C> void advance_pool(pool_step &t) {
#pragma HLS INLINE
    t.band += t.band_n;
    if (t.last) {
        t.band = 0;
        advance_channels(t.rectangle, C::POOL_LANES);
    }
    place_band(t);
}

// pool_steps counts those of a command.
template <class C> uint32_t pool_steps(const command &c) {
    pool_step t;
    start_pool<C>(c, t);
    uint32_t n = 1;
    for (; !t.ends; n++) advance_pool<C>(t);
    return n;
}

// next_pool is the step behind `held`, of the next command where that ended its own: a copy for each process.
template <class C>
void next_pool(stream<command, C::QUEUE> &queue, pool_step &held, pool_step &load, pool_step &compute, pool_step &store) {
#pragma HLS INLINE off
    if (held.ends) {
        start_pool<C>(queue.read(), held);
    } else {
        advance_pool<C>(held);
    }
    load = compute = store = held;
}

// band_window is what a step reads of an input channel.
inline window band_window(const pool_step &t) {
#pragma HLS INLINE
    const channel_step &r = t.rectangle;
    window w = window_of(r.shape, r.y, r.x, r.rows, r.cols);
    w.y += t.band;
    w.rows -= r.shape.kh - t.band_n;
    return w;
}

template <class C>
void load_pool(const pool_step &t, const typename C::word *ring, typename C::word (&input)[C::POOL_LANES][C::PORT][C::POOL_WORDS / C::PORT]) {
#pragma HLS INLINE off
    const channel_step &r = t.rectangle;
    const window w = band_window(t);
channels:
    for (int c = 0; c < r.mn; c++) {
        load_plane<typename C::word, C::PORT>(ring, r.of.in[0] + uint32_t((r.m + c) * r.shape.in_h * r.shape.in_w), r.shape, w, input[c], 0);
    }
}

// compute_pool adds a band to the sums, which acc keeps from one band to the next.
template <class C>
void compute_pool(const pool_step &t, const typename C::word (&input)[C::POOL_LANES][C::PORT][C::POOL_WORDS / C::PORT],
                  typename C::word (&acc)[C::POOL_LANES][C::POOL_WORDS], typename C::word (&out)[C::POOL_LANES][C::PORT][C::POOL_WORDS / C::PORT]) {
#pragma HLS INLINE off
    typedef typename C::word word;
    const channel_step &r = t.rectangle;
    const conv_shape &s = r.shape;
    const window w = band_window(t);
    const int pixels = r.rows * r.cols, taps = t.band_n * s.kw;
    const int span = pixels > int(ACCUMULATOR_CYCLES) ? pixels : int(ACCUMULATOR_CYCLES);
    int ky = 0, kx = 0;
taps:
    for (int tap = 0; tap < taps; tap++) {
        int row = ky * w.cols + kx, at = row, col = 0;
    pixels:
        for (int i = 0; i < span; i++) {
#pragma HLS PIPELINE II = 1
#pragma HLS DEPENDENCE variable = acc type = inter false
#pragma HLS LOOP_TRIPCOUNT max = C::POOL_WORDS
            if (i < pixels) {
                for (int c = 0; c < C::POOL_LANES; c++) {
#pragma HLS UNROLL
                    if (c < r.mn) {
                        const word begun = t.first && tap == 0 ? word(0) : acc[c][i];
                        const word total = begun + place(input[c], uint32_t(at));
                        acc[c][i] = total;
                        if (t.last && tap + 1 == taps) out[c][i % C::PORT][i / C::PORT] = total;
                    }
                }
                at += s.stride_w;
                if (++col == r.cols) {
                    col = 0;
                    row += s.stride_h * w.cols;
                    at = row;
                }
            }
            beat(COMPUTE);
        }
        if (++kx == s.kw) {
            kx = 0;
            ky++;
        }
    }
}

template <class C>
void store_pool(const pool_step &t, const typename C::word (&out)[C::POOL_LANES][C::PORT][C::POOL_WORDS / C::PORT], typename C::word *ring,
                stream<uint32_t, C::QUEUE> &finished) {
#pragma HLS INLINE off
    const channel_step &c = t.rectangle;
    if (t.last) {
        const runs r = runs_of(c.shape, c.y, c.x, c.rows, c.cols);
    channels:
        for (int i = 0; i < c.mn; i++) store_outputs<typename C::word, C::PORT>(ring, c.of.out[0], c.m + i, r, out[i]);
    }
    if (t.ends) finished.write(kernel_pool);
}

// pool runs so many steps: those of all commands that come (pool_steps).
template <class C>
void pool(uint32_t steps, stream<command, C::QUEUE> &queue, stream<uint32_t, C::QUEUE> &finished, const typename C::word *ring_in,
          typename C::word *ring_out) {
    static_assert(C::POOL_LANES * C::PORT <= MOST_COPIES, "POOL_LANES x PORT: too many banks");
    static_assert(C::POOL_WORDS % C::PORT == 0, "POOL_WORDS must be a multiple of PORT");
    pool_step held = {};
    held.ends = true;
    typename C::word acc[C::POOL_LANES][C::POOL_WORDS];
#pragma HLS ARRAY_PARTITION variable = acc complete dim = 1
steps:
    for (uint32_t i = 0; i < steps; i++) {
#pragma HLS DATAFLOW
        typename C::word input[C::POOL_LANES][C::PORT][C::POOL_WORDS / C::PORT];
#pragma HLS ARRAY_PARTITION variable = input complete dim = 1
#pragma HLS ARRAY_PARTITION variable = input complete dim = 2
        typename C::word out[C::POOL_LANES][C::PORT][C::POOL_WORDS / C::PORT];
#pragma HLS ARRAY_PARTITION variable = out complete dim = 1
#pragma HLS ARRAY_PARTITION variable = out complete dim = 2
        pool_step to_load, to_compute, to_store;
        next_pool<C>(queue, held, to_load, to_compute, to_store);
        load_pool<C>(to_load, ring_in, input);
        compute_pool<C>(to_compute, input, acc, out);
        store_pool<C>(to_store, out, ring_out, finished);
    }
}

}  // namespace sotto
