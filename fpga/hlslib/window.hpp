// Rectangles of outputs of a convolution or pooling, the input that they read, and both on their way between memory and buffers: what
// conv, depthwise and pool have in common.
#pragma once

#include "command.hpp"
#include "memory.hpp"

namespace sotto {

// Cycles after which an accumulator in block memory may be read again (fpga/target: MinPixels).
const uint32_t ACCUMULATOR_CYCLES = 3;

inline int smaller(int a, int b) { return a < b ? a : b; }

// conv_shape is the geometry of a command, and what of the output it makes.
struct conv_shape {
    int in_c, in_h, in_w, out_c, kh, kw, stride_h, stride_w, pad_h, pad_w, dil_h, dil_w;
    int m, mn, y, yn, th, tw, channels;
    int out_h, out_w;
};

// set_output sets the sides of the output.
inline void set_output(conv_shape &s) {
    s.out_h = (s.in_h + 2 * s.pad_h - s.dil_h * (s.kh - 1) - 1) / s.stride_h + 1;
    s.out_w = (s.in_w + 2 * s.pad_w - s.dil_w * (s.kw - 1) - 1) / s.stride_w + 1;
}

// shape_of is the geometry of a convolution.
inline conv_shape shape_of(const command &c) {
#pragma HLS INLINE off
    conv_shape s;
    s.in_c = c.ints[0], s.in_h = c.ints[1], s.in_w = c.ints[2], s.out_c = c.ints[3];
    s.kh = c.ints[4], s.kw = c.ints[5], s.stride_h = c.ints[6], s.stride_w = c.ints[7];
    s.pad_h = c.ints[8], s.pad_w = c.ints[9], s.dil_h = c.ints[10], s.dil_w = c.ints[11];
    s.m = c.ints[tile_m], s.mn = c.ints[tile_mn], s.y = c.ints[tile_y], s.yn = c.ints[tile_yn];
    s.th = c.ints[tile_h], s.tw = c.ints[tile_w], s.channels = c.ints[tile_channels];
    set_output(s);
    return s;
}

// window is the part of an input channel that a rectangle reads, padding included: rows x cols from (y, x) on, which may be negative.
struct window {
    int y, x, rows, cols;
};

inline window window_of(const conv_shape &s, int y, int x, int rows, int cols) {
#pragma HLS INLINE
    return window{y * s.stride_h - s.pad_h, x * s.stride_w - s.pad_w, (rows - 1) * s.stride_h + (s.kh - 1) * s.dil_h + 1,
                  (cols - 1) * s.stride_w + (s.kw - 1) * s.dil_w + 1};
}

// load_plane reads a window of one channel, zeros where it lies in the padding, to places at, at+1 ...: row by row, or all rows as one run
// where they are whole ones.
template <class W, int PORT, int DEPTH>
void load_plane(const W *ring, uint32_t channel, const conv_shape &s, const window &w, W (&bank)[PORT][DEPTH], uint32_t at) {
#pragma HLS INLINE off
    if (w.x == 0 && w.cols == s.in_w) {
        const int above = smaller(w.y < 0 ? -w.y : 0, w.rows), first = w.y + above;
        const int rows = first < s.in_h ? smaller(w.rows - above, s.in_h - first) : 0, below = w.rows - above - rows;
        const uint32_t run = at + uint32_t(above * w.cols), end = run + uint32_t(rows * w.cols);
        if (above > 0) clear<W, PORT>(uint32_t(above * w.cols), bank, at);
        if (rows > 0) fill<W, PORT>(ring, channel + uint32_t(first * s.in_w), uint32_t(rows * w.cols), bank, run);
        if (below > 0) clear<W, PORT>(uint32_t(below * w.cols), bank, end);
        return;
    }
    const int left = smaller(w.x < 0 ? -w.x : 0, w.cols);  // columns of zeros
    const int from = w.x + left;
    const int cols = from < s.in_w ? smaller(w.cols - left, s.in_w - from) : 0;
rows:
    for (int r = 0; r < w.rows; r++, at += uint32_t(w.cols)) {
        const int y = w.y + r;
        if (y < 0 || y >= s.in_h || cols == 0) {
            clear<W, PORT>(uint32_t(w.cols), bank, at);
            continue;
        }
        fill_between<W, PORT>(ring, channel + uint32_t(y * s.in_w + from), uint32_t(left), uint32_t(cols), uint32_t(w.cols), bank, at);
    }
}

// runs are a rectangle of outputs in a channel's rows: one where it is as wide as the output, otherwise one a row.
struct runs {
    int count, length;
    int first;    // place of the first in a channel
    int step;     // from one to the next
    int channel;  // outputs of a channel
};

inline runs runs_of(const conv_shape &s, int y, int x, int rows, int cols) {
#pragma HLS INLINE
    const bool whole = cols == s.out_w;
    return runs{whole ? 1 : rows, whole ? rows * cols : cols, y * s.out_w + x, s.out_w, s.out_h * s.out_w};
}

// load_outputs and store_outputs move the rectangle of a channel, places 0, 1 ... of the buffer.
template <class W, int PORT, int DEPTH>
void load_outputs(const W *ring, uint32_t tensor, int channel, const runs &r, W (&bank)[PORT][DEPTH]) {
#pragma HLS INLINE
runs:
    for (int i = 0; i < r.count; i++) {
        fill<W, PORT>(ring, tensor + uint32_t(channel * r.channel + r.first + i * r.step), uint32_t(r.length), bank, uint32_t(i * r.length));
    }
}

template <class W, int PORT, int DEPTH>
void store_outputs(W *ring, uint32_t tensor, int channel, const runs &r, const W (&bank)[PORT][DEPTH]) {
#pragma HLS INLINE
runs:
    for (int i = 0; i < r.count; i++) {
        drain<W, PORT>(ring, tensor + uint32_t(channel * r.channel + r.first + i * r.step), uint32_t(r.length), bank, uint32_t(i * r.length));
    }
}

}  // namespace sotto
