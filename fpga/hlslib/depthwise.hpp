// Depthwise convolutions: CHANNELS output channels side by side, each with one input channel. OutC/InC output channels in a row have an input
// channel in common.
//
// A command is rows y to y+yn-1 of channels m to m+mn-1, in rectangles of th x tw outputs, and of each CHANNELS channels at a time: a step.
// Steps go through load | compute | store, also from one command to the next. A step of P outputs takes
//
//    load       CHANNELS windows of the input and as many rectangles of u, PORT words a cycle, and KH*KW rows of weights
//    compute    KH*KW * max(P, 3): a tap and output a cycle; an accumulator is met again after three cycles
//    store      CHANNELS * P / PORT
//
// Weights in memory: packed[channel group][ky][kx][CHANNELS], zeros beyond OutC. m is a multiple of CHANNELS.
#pragma once

#include "product.hpp"
#include "stream.hpp"
#include "window.hpp"

namespace sotto {

// channel_step is one step: a rectangle of some channels.
struct channel_step {
    command of;
    conv_shape shape;
    int y, x, rows, cols;
    int m, mn;
    bool ends;  // its command
};

// place_channels sets what follows from where a step stands in its loops.
inline void place_channels(channel_step &t, int side_by_side) {
#pragma HLS INLINE
    const conv_shape &s = t.shape;
    t.rows = smaller(s.th, s.y + s.yn - t.y);
    t.cols = smaller(s.tw, s.out_w - t.x);
    t.mn = smaller(side_by_side, s.m + s.mn - t.m);
    t.ends = t.m + t.mn == s.m + s.mn && t.x + t.cols == s.out_w && t.y + t.rows == s.y + s.yn;
}

// start_channels is the first step of a command.
inline void start_channels(const command &c, const conv_shape &s, int side_by_side, channel_step &t) {
#pragma HLS INLINE
    t.of = c;
    t.shape = s;
    t.y = s.y, t.x = 0, t.m = s.m;
    place_channels(t, side_by_side);
}

// advance_channels is the step behind t, which does not end its command: channels innermost, then columns and rows.
inline void advance_channels(channel_step &t, int side_by_side) {
#pragma HLS INLINE
    t.m += t.mn;
    if (t.m == t.shape.m + t.shape.mn) {
        t.m = t.shape.m;
        t.x += t.cols;
        if (t.x == t.shape.out_w) {
            t.x = 0;
            t.y += t.rows;
        }
    }
    place_channels(t, side_by_side);
}

// depthwise_steps counts those of a command.
template <class C> uint32_t depthwise_steps(const command &c) {
    channel_step t;
    start_channels(c, shape_of(c), C::CHANNELS, t);
    uint32_t n = 1;
    for (; !t.ends; n++) advance_channels(t, C::CHANNELS);
    return n;
}

// next_depthwise is the step behind `held`, of the next command where that ended its own: a copy for each process.
template <class C>
void next_depthwise(stream<command, C::QUEUE> &queue, channel_step &held, channel_step &load, channel_step &compute, channel_step &store) {
#pragma HLS INLINE off
    if (held.ends) {
        const command c = queue.read();
        start_channels(c, shape_of(c), C::CHANNELS, held);
    } else {
        advance_channels(held, C::CHANNELS);
    }
    load = compute = store = held;
}

// depthwise_tile is what a step reads: a window and a rectangle a channel, and the weights of its taps.
template <class C> struct depthwise_tile {
    typename C::word input[C::CHANNELS][C::PORT][C::CHANNEL_WORDS / C::PORT];
    typename C::word init[C::CHANNELS][C::PORT][C::CHANNEL_PIXELS / C::PORT];
    typename C::word weight[C::CHANNELS][C::TAPS];
    typename C::word bias[C::CHANNELS];
};

template <class C>
void load_depthwise(const channel_step &t, const typename C::word *ring, const typename C::word *weights, depthwise_tile<C> &tile) {
#pragma HLS INLINE off
    const conv_shape &s = t.shape;
    const window w = window_of(s, t.y, t.x, t.rows, t.cols);
    const runs r = runs_of(s, t.y, t.x, t.rows, t.cols);
    const int each = s.out_c / s.in_c;
    const uint32_t taps = uint32_t(s.kh * s.kw);
    const bool biased = t.of.weight[1] != none;
channels:
    for (int c = 0; c < t.mn; c++) {
        load_plane<typename C::word, C::PORT>(ring, t.of.in[0] + uint32_t((t.m + c) / each * s.in_h * s.in_w), s, w, tile.input[c], 0);
        load_outputs<typename C::word, C::PORT>(ring, t.of.in[1], t.m + c, r, tile.init[c]);
        tile.bias[c] = biased ? weights[t.of.weight[1] + uint32_t(t.m + c)] : typename C::word(0);
    }
    const uint32_t address = t.of.weight[0] + uint32_t(t.m) * taps;
    const int row_cycles = (C::CHANNELS + C::PORT - 1) / C::PORT;
weights:
    for (uint32_t tap = 0; tap < taps; tap++) {
#pragma HLS PIPELINE II = row_cycles
#pragma HLS LOOP_TRIPCOUNT max = C::TAPS
        for (int c = 0; c < C::CHANNELS; c++) {
#pragma HLS UNROLL
            tile.weight[c][tap] = weights[address + tap * C::CHANNELS + c];
        }
        beat(LOAD, row_cycles);
    }
}

template <class C>
void compute_depthwise(const channel_step &t, const depthwise_tile<C> &tile, typename C::word (&out)[C::CHANNELS][C::PORT][C::CHANNEL_PIXELS / C::PORT]) {
#pragma HLS INLINE off
    typedef typename C::word word;
    const conv_shape &s = t.shape;
    const window w = window_of(s, t.y, t.x, t.rows, t.cols);
    const int pixels = t.rows * t.cols, taps = s.kh * s.kw;
    const int span = pixels > int(ACCUMULATOR_CYCLES) ? pixels : int(ACCUMULATOR_CYCLES);
    word acc[C::CHANNELS][C::CHANNEL_PIXELS];
#pragma HLS ARRAY_PARTITION variable = acc complete dim = 1
    int ky = 0, kx = 0;
taps:
    for (int tap = 0; tap < taps; tap++) {
        int row = ky * s.dil_h * w.cols + kx * s.dil_w, at = row, col = 0;
    pixels:
        for (int i = 0; i < span; i++) {
#pragma HLS PIPELINE II = 1
#pragma HLS DEPENDENCE variable = acc type = inter false
#pragma HLS LOOP_TRIPCOUNT max = C::CHANNEL_PIXELS
            if (i < pixels) {
                for (int c = 0; c < C::CHANNELS; c++) {
#pragma HLS UNROLL
                    if (c < t.mn) {
                        const word begun = tap == 0 ? word(place(tile.init[c], uint32_t(i)) + tile.bias[c]) : acc[c][i];
                        const word total = begun + ring_product(tile.weight[c][tap], place(tile.input[c], uint32_t(at)));
                        acc[c][i] = total;
                        if (tap + 1 == taps) out[c][i % C::PORT][i / C::PORT] = total;
                    }
                }
                at += s.stride_w;
                if (++col == t.cols) {
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
void store_depthwise(const channel_step &t, const typename C::word (&out)[C::CHANNELS][C::PORT][C::CHANNEL_PIXELS / C::PORT], typename C::word *ring,
                     stream<uint32_t, C::QUEUE> &finished) {
#pragma HLS INLINE off
    const runs r = runs_of(t.shape, t.y, t.x, t.rows, t.cols);
channels:
    for (int c = 0; c < t.mn; c++) store_outputs<typename C::word, C::PORT>(ring, t.of.out[0], t.m + c, r, out[c]);
    if (t.ends) finished.write(kernel_depthwise);
}

// depthwise runs so many steps: those of all commands that come (depthwise_steps).
template <class C>
void depthwise(uint32_t steps, stream<command, C::QUEUE> &queue, stream<uint32_t, C::QUEUE> &finished, const typename C::word *ring_in,
               const typename C::word *weights, typename C::word *ring_out) {
    static_assert(C::CHANNELS * C::PORT <= MOST_COPIES, "CHANNELS x PORT: too many banks");
    static_assert(C::CHANNEL_WORDS % C::PORT == 0 && C::CHANNEL_PIXELS % C::PORT == 0, "CHANNEL_WORDS and CHANNEL_PIXELS must be multiples of PORT");
    channel_step held = {};
    held.ends = true;
steps:
    for (uint32_t i = 0; i < steps; i++) {
#pragma HLS DATAFLOW
        depthwise_tile<C> tile;
#pragma HLS ARRAY_PARTITION variable = tile.input complete dim = 1
#pragma HLS ARRAY_PARTITION variable = tile.input complete dim = 2
#pragma HLS ARRAY_PARTITION variable = tile.init complete dim = 1
#pragma HLS ARRAY_PARTITION variable = tile.init complete dim = 2
#pragma HLS ARRAY_PARTITION variable = tile.weight complete dim = 1
#pragma HLS ARRAY_PARTITION variable = tile.bias complete
        typename C::word out[C::CHANNELS][C::PORT][C::CHANNEL_PIXELS / C::PORT];
#pragma HLS ARRAY_PARTITION variable = out complete dim = 1
#pragma HLS ARRAY_PARTITION variable = out complete dim = 2
        channel_step to_load, to_compute, to_store;
        next_depthwise<C>(queue, held, to_load, to_compute, to_store);
        load_depthwise<C>(to_load, ring_in, weights, tile);
        compute_depthwise<C>(to_compute, tile, out);
        store_depthwise<C>(to_store, out, ring_out, finished);
    }
}

}  // namespace sotto
