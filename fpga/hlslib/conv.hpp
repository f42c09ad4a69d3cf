// Dense convolutions and matrices on an array of TM x TN multiply-accumulators, as fpga/rtl's mac_array.
//
// A command is rows y to y+yn-1 of output channels m to m+mn-1:
//
//    for tile of th x tw output pixels {
//        for each TM output channels {
//            for slice of input channels {
//                for panel of the slice {                             a step
//                    load     the slice's window of the input, with zeros for its padding      unless it is there already
//                             the panel's weights: a row of TN words for each tap and output channel
//                             in the first step of the channels u (+ bias), [TM][pixels]
//                    compute  for tap { for pixel { acc[TM][pixel] += W_tap[TM][TN] * x[TN] } }
//                    store    after the last step [TM][pixels]
//                }}}}
//
// A tap is a position of the kernel and TN input channels. While step s is computed, s+1 is loaded and s-1 stored, also from one command to
// the next. Input and weights have two buffers each, which change places only where something is loaded: an input of all channels serves
// all output channels, and a panel that is all weights of the command serves all its tiles. A step of T taps and P pixels takes
//
//    compute  T * max(P, TM, 3)   weights of the next tap come in meanwhile, a row a cycle; an accumulator is met again after three cycles
//    load     the longest of: the window's channels through IN_PORTS ports, T * TM * TN weights, TM * P words of u; each PORT words a cycle
//    store    TM * P words, PORT a cycle
//
// Geometry and place: the command's ints (command.hpp). Weights in memory, W[o][i][ky][kx] of a convolution:
//
//    packed[m-group][channel group][ky][kx][TM][TN]    o = TM*m-group + row, i = TN*channel group + column, zeros beyond OutC and InC
#pragma once

#include "product.hpp"
#include "stream.hpp"
#include "window.hpp"

namespace sotto {

// tile_step is one step: its rectangle of outputs, and what of the channels.
struct tile_step {
    command of;
    conv_shape shape;
    bool busy;                  // there is such a step
    int y, x, rows, cols;       // of the rectangle
    int m, mn;                  // output channels
    int slice, slice_n;         // first input channel of the slice, and how many
    int panel, panel_n;         // first input channel of the panel, and how many
    bool loads_input;           // otherwise it is that of the step before
    bool loads_weights;         // likewise
    bool input_b, weights_b;    // which of the two buffers they are in: the second
    bool first, last;           // of its output channels: sums begin, and end
    bool ends;                  // its command

    uint32_t pixels() const { return uint32_t(rows * cols); }
};

// panel_channels is the input channels whose weights the weight buffer holds.
template <class C> int panel_channels(const conv_shape &s) { return C::WEIGHT_ROWS / (C::TM * s.kh * s.kw) * C::TN; }

// place_panel sets what follows from where a step stands in its loops.
template <class C> void place_panel(tile_step &t) {
#pragma HLS INLINE
    const conv_shape &s = t.shape;
    t.rows = smaller(s.th, s.y + s.yn - t.y);
    t.cols = smaller(s.tw, s.out_w - t.x);
    t.mn = smaller(C::TM, s.m + s.mn - t.m);
    t.slice_n = smaller(s.channels, s.in_c - t.slice);
    t.panel_n = smaller(panel_channels<C>(s), t.slice + t.slice_n - t.panel);
    const bool ends_slice = t.panel + t.panel_n == t.slice + t.slice_n;
    t.first = t.panel == 0;
    t.last = ends_slice && t.slice + t.slice_n == s.in_c;
    t.ends = t.last && t.m + t.mn == s.m + s.mn && t.x + t.cols == s.out_w && t.y + t.rows == s.y + s.yn;
}

// first_step is the first of a command.
template <class C> void first_step(const command &c, tile_step &t) {
#pragma HLS INLINE off
    t.of = c;
    t.shape = shape_of(c);
    t.busy = true;
    t.y = t.shape.y, t.x = 0, t.m = t.shape.m, t.slice = 0, t.panel = 0;
    t.loads_input = t.loads_weights = true;
    place_panel<C>(t);
}

// next_step is the one behind t, which does not end its command: panels innermost, then slices, output channels, columns and rows.
template <class C> void next_step(tile_step &t) {
#pragma HLS INLINE off
    const conv_shape &s = t.shape;
    const bool whole = s.channels >= s.in_c;  // one slice: the input serves all output channels
    t.loads_input = false;
    t.loads_weights = s.mn > C::TM || t.panel_n < s.in_c;  // otherwise one panel serves all tiles
    t.panel += t.panel_n;
    if (t.panel == t.slice + t.slice_n) {
        t.slice = t.panel;
        t.loads_input = !whole;
        if (t.slice == s.in_c) {
            t.slice = t.panel = 0;
            t.m += t.mn;
            if (t.m == s.m + s.mn) {
                t.m = s.m;
                t.loads_input = true;
                t.x += t.cols;
                if (t.x == s.out_w) {
                    t.x = 0;
                    t.y += t.rows;
                }
            }
        }
    }
    place_panel<C>(t);
}

// conv_steps counts those of a command.
template <class C> uint32_t conv_steps(const command &c) {
    tile_step t;
    first_step<C>(c, t);
    uint32_t n = 1;
    for (; !t.ends; n++) next_step<C>(t);
    return n;
}

// The buffers of the array. Input channel n of a group is lane n / IN_PORTS of port n % IN_PORTS, which alone fills it; the places of a
// window follow one another group by group. The
// weights of a panel's first tap are in registers, as no tap before it hides their coming.
template <class C> struct conv_input {
    typename C::word bank[C::IN_PORTS][(C::TN + C::IN_PORTS - 1) / C::IN_PORTS][C::PORT][C::IN_WORDS / C::PORT];
};

template <class C> struct conv_weights {
    typename C::word first[C::TM][C::TN];
    typename C::word row[C::TN][C::WEIGHT_ROWS];  // tap * TM + output channel
};

template <class C> struct conv_addend {
    typename C::word bank[C::TM][C::PORT][C::PIXELS / C::PORT];
    typename C::word bias[C::TM];
};

template <class C> struct conv_output {
    typename C::word bank[C::TM][C::PORT][C::PIXELS / C::PORT];
};

// load_lanes reads a slice's window of the input for the lanes of a port. Lanes of the last group that have no channel keep what they had:
// their weights are zeros.
template <class C, int P> void load_lanes(const tile_step &t, const typename C::word *ring, conv_input<C> &input) {
#pragma HLS INLINE off
    if (P >= C::IN_PORTS || !t.busy || !t.loads_input) return;
    const conv_shape &s = t.shape;
    const window w = window_of(s, t.y, t.x, t.rows, t.cols);
groups:
    for (int group = 0; group * C::TN < t.slice_n; group++) {
        const uint32_t at = uint32_t(group * w.rows * w.cols);
    lanes:
        for (int n = P; n < C::TN && group * C::TN + n < t.slice_n; n += C::IN_PORTS) {
            const int channel = t.slice + group * C::TN + n;
            load_plane<typename C::word, C::PORT>(ring, t.of.in[0] + uint32_t(channel * s.in_h * s.in_w), s, w,
                                                  input.bank[P % C::IN_PORTS][n / C::IN_PORTS], at);
        }
    }
}

// load_window reads a slice's window of the input, all ports side by side.
template <class C>
void load_window(const tile_step &t, const typename C::word *in0, const typename C::word *in1, const typename C::word *in2, const typename C::word *in3,
                 const typename C::word *in4, const typename C::word *in5, const typename C::word *in6, const typename C::word *in7,
                 conv_input<C> &input) {
#pragma HLS INLINE off
#pragma HLS DATAFLOW
    side_by_side ports(LOAD);
    load_lanes<C, 0>(t, in0, input);
    ports.next();
    load_lanes<C, 1>(t, in1, input);
    ports.next();
    load_lanes<C, 2>(t, in2, input);
    ports.next();
    load_lanes<C, 3>(t, in3, input);
    ports.next();
    load_lanes<C, 4>(t, in4, input);
    ports.next();
    load_lanes<C, 5>(t, in5, input);
    ports.next();
    load_lanes<C, 6>(t, in6, input);
    ports.next();
    load_lanes<C, 7>(t, in7, input);
}

// put_weights puts what a cycle brings, word j the j-th behind column `col` of a row, into its banks: each bank takes one at most.
template <class C, int WORDS>
void put_weights(const typename C::word (&word)[WORDS], uint32_t count, uint32_t row, uint32_t col, conv_weights<C> &w) {
#pragma HLS INLINE
    for (int n = 0; n < C::TN; n++) {
#pragma HLS UNROLL
        const bool same = uint32_t(n) >= col;
        const uint32_t j = uint32_t(n) - col + (same ? 0 : C::TN), r = row + (same ? 0 : 1);
        if (j < uint32_t(WORDS) && j < count) {
            w.row[n][r] = word[j];
            if (r < uint32_t(C::TM)) w.first[r][n] = word[j];
        }
    }
}

// load_weights reads a panel, which is one run: PORT words a cycle, or a row of TN, whichever is less.
template <class C> void load_weights(const tile_step &t, const typename C::word *weights, conv_weights<C> &w) {
#pragma HLS INLINE off
    if (!t.busy || !t.loads_weights) return;
    typedef typename C::word word;
    const int WORDS = C::TN < C::PORT ? C::TN : C::PORT;
    const conv_shape &s = t.shape;
    const uint32_t kernel = uint32_t(s.kh * s.kw);
    const uint32_t groups = ceil_div(uint32_t(s.in_c), C::TN);
    const uint32_t block = uint32_t(t.m / C::TM) * groups + uint32_t(t.panel / C::TN);
    const uint32_t address = t.of.weight[0] + block * kernel * (C::TM * C::TN);
    const uint32_t words = ceil_div(uint32_t(t.panel_n), C::TN) * kernel * (C::TM * C::TN);
    const uint32_t shift = WORDS == C::PORT ? address % C::PORT : 0;
    word held[WORDS], next[WORDS], come[WORDS];
#pragma HLS ARRAY_PARTITION variable = held complete
#pragma HLS ARRAY_PARTITION variable = next complete
#pragma HLS ARRAY_PARTITION variable = come complete
    for (int j = 0; j < WORDS; j++) {
#pragma HLS UNROLL
        held[j] = 0;
    }
    const int lines = int(ceil_div(words, WORDS));
    uint32_t row = 0, col = 0;
lines:
    for (int line = -1; line < lines; line++) {
#pragma HLS PIPELINE II = 1
#pragma HLS LOOP_TRIPCOUNT max = C::WEIGHT_ROWS * C::TN / WORDS
        const uint32_t from = uint32_t(line + 1) * WORDS;
        const bool there = from < words + shift;
        for (int j = 0; j < WORDS; j++) {
#pragma HLS UNROLL
            next[j] = there ? weights[address - shift + (there ? from + uint32_t(j) : shift)] : word(0);
            const uint32_t i = shift + uint32_t(j);
            come[j] = i < uint32_t(WORDS) ? held[i] : next[i - WORDS];
        }
        if (line >= 0) {
            put_weights<C, WORDS>(come, words - uint32_t(line) * WORDS, row, col, w);
            col += WORDS;
            if (col >= uint32_t(C::TN)) {
                col -= C::TN;
                row++;
            }
        }
        for (int j = 0; j < WORDS; j++) {
#pragma HLS UNROLL
            held[j] = next[j];
        }
        beat(LOAD);
    }
}

// load_addend reads u, to which sums are added, and biases.
template <class C> void load_addend(const tile_step &t, const typename C::word *ring, conv_addend<C> &addend) {
#pragma HLS INLINE off
    if (!t.busy || !t.first) return;
    const runs r = runs_of(t.shape, t.y, t.x, t.rows, t.cols);
    const bool biased = t.of.weight[1] != none;
channels:
    for (int m = 0; m < t.mn; m++) {
        load_outputs<typename C::word, C::PORT>(ring, t.of.in[1], t.m + m, r, addend.bank[m]);
        addend.bias[m] = biased ? ring[t.of.weight[1] + uint32_t(t.m + m)] : typename C::word(0);
    }
}

// multiply is the array: TM x TN products a cycle. acc keeps the sums from one panel to the next.
template <class C>
void multiply(const tile_step &t, const conv_input<C> &input, const conv_weights<C> &w, const conv_addend<C> &addend, typename C::word (&acc)[C::TM][C::PIXELS],
              conv_output<C> &output) {
#pragma HLS INLINE off
    typedef typename C::word word;
    if (!t.busy) return;
    const conv_shape &s = t.shape;
    const window in = window_of(s, t.y, t.x, t.rows, t.cols);
    const int pixels = int(t.pixels());
    const int kernel = s.kh * s.kw;
    const int first_group = (t.panel - t.slice) / C::TN;
    const int taps = int(ceil_div(uint32_t(t.panel_n), C::TN)) * kernel;
    const int span = pixels > C::TM ? pixels : (C::TM > int(ACCUMULATOR_CYCLES) ? C::TM : int(ACCUMULATOR_CYCLES));
    word now[C::TM][C::TN], next[C::TM][C::TN];
#pragma HLS ARRAY_PARTITION variable = now complete dim = 0
#pragma HLS ARRAY_PARTITION variable = next complete dim = 0
    int group = first_group, ky = 0, kx = 0;
taps:
    for (int tap = 0; tap < taps; tap++) {
        const int corner = (group * in.rows + ky * s.dil_h) * in.cols + kx * s.dil_w;  // of the window, for the first pixel
        const bool begins = t.first && tap == 0, ends = t.last && tap + 1 == taps;
        int row = corner, col = 0, at = corner;
        for (int m = 0; m < C::TM; m++) {
#pragma HLS UNROLL
            for (int n = 0; n < C::TN; n++) {
#pragma HLS UNROLL
                now[m][n] = tap == 0 ? w.first[m][n] : next[m][n];
            }
        }
    pixels:
        for (int i = 0; i < span; i++) {
#pragma HLS PIPELINE II = 1
#pragma HLS DEPENDENCE variable = acc type = inter false
#pragma HLS LOOP_TRIPCOUNT max = C::PIXELS
            if (i < C::TM && tap + 1 < taps) {
                for (int n = 0; n < C::TN; n++) {
#pragma HLS UNROLL
                    next[i][n] = w.row[n][(tap + 1) * C::TM + i];
                }
            }
            if (i < pixels) {
                word x[C::TN];
#pragma HLS ARRAY_PARTITION variable = x complete
                for (int n = 0; n < C::TN; n++) {
#pragma HLS UNROLL
                    x[n] = place(input.bank[n % C::IN_PORTS][n / C::IN_PORTS], uint32_t(at));
                }
                for (int m = 0; m < C::TM; m++) {
#pragma HLS UNROLL
                    word total = begins ? word(place(addend.bank[m], uint32_t(i)) + addend.bias[m]) : acc[m][i];
                    for (int n = 0; n < C::TN; n++) {
#pragma HLS UNROLL
                        total += ring_product(now[m][n], x[n]);
                    }
                    acc[m][i] = total;
                    if (ends) output.bank[m][i % C::PORT][i / C::PORT] = total;
                }
                at += s.stride_w;
                if (++col == t.cols) {
                    col = 0;
                    row += s.stride_h * in.cols;
                    at = row;
                }
            }
            beat(COMPUTE);
        }
        if (++kx == s.kw) {
            kx = 0;
            if (++ky == s.kh) {
                ky = 0;
                group++;
            }
        }
    }
}

template <class C>
void store_step(const tile_step &t, const conv_output<C> &output, typename C::word *ring, stream<uint32_t, C::QUEUE> &finished) {
#pragma HLS INLINE off
    if (!t.busy) return;
    if (t.last) {
        const runs r = runs_of(t.shape, t.y, t.x, t.rows, t.cols);
    channels:
        for (int m = 0; m < t.mn; m++) store_outputs<typename C::word, C::PORT>(ring, t.of.out[0], t.m + m, r, output.bank[m]);
    }
    if (t.ends) finished.write(kernel_conv);
}

// conv_pass is a step of each: processes that share no buffer run side by side, and the pass ends with the last of them. What ends in `to`
// this pass loads or computes; what ends in `from` a pass before did.
template <class C>
void conv_pass(const tile_step &load, const tile_step &compute, const tile_step &store, const typename C::word *in0, const typename C::word *in1,
               const typename C::word *in2, const typename C::word *in3, const typename C::word *in4, const typename C::word *in5,
               const typename C::word *in6, const typename C::word *in7, const typename C::word *weights, const typename C::word *addends,
               typename C::word *ring_out, conv_input<C> &input_to, const conv_input<C> &input_from,
               conv_weights<C> &weights_to, const conv_weights<C> &weights_from, conv_addend<C> &addend_to, const conv_addend<C> &addend_from,
               conv_output<C> &output_to, const conv_output<C> &output_from, typename C::word (&acc)[C::TM][C::PIXELS], stream<uint32_t, C::QUEUE> &finished) {
#pragma HLS INLINE off
#pragma HLS DATAFLOW
    side_by_side ports(LOAD);
    load_window<C>(load, in0, in1, in2, in3, in4, in5, in6, in7, input_to);
    ports.next();
    load_weights<C>(load, weights, weights_to);
    ports.next();
    load_addend<C>(load, addends, addend_to);
    multiply<C>(compute, input_from, weights_from, addend_from, acc, output_to);
    store_step<C>(store, output_from, ring_out, finished);
}

// conv_buffers are what is on the chip: of all but the sums two, so that one is filled while the other is used.
template <class C> struct conv_buffers {
    conv_input<C> input_a, input_b;
    conv_weights<C> weights_a, weights_b;
    conv_addend<C> addend_a, addend_b;
    conv_output<C> output_a, output_b;
    typename C::word acc[C::TM][C::PIXELS];
};

// conv_feed brings the steps of a pass: what was loaded is computed, what was computed is stored, and the next step is loaded, of the next
// command if one waits. An idle array waits for a command itself.
template <class C>
void conv_feed(uint32_t commands, uint32_t &taken, stream<command, C::QUEUE> &queue, tile_step &load, tile_step &compute, tile_step &store) {
#pragma HLS INLINE off
    store = compute;
    compute = load;
    if (load.busy && !load.ends) {
        next_step<C>(load);
    } else {
        command c = {};
        bool there = taken < commands;
        if (there) {
            if (store.busy || compute.busy) {
                there = queue.read_nb(c);
            } else {
                c = queue.read();
            }
        }
        load.busy = there;
        if (!there) return;
        taken++;
        first_step<C>(c, load);
    }
    if (load.loads_input) load.input_b = !compute.input_b;
    if (load.loads_weights) load.weights_b = !compute.weights_b;
}

// conv_turn is a pass with the buffers of the input and of sums that it is the turn of. to_b says that this pass loads to, and computes to,
// second halves, and uses what the pass before put into first ones.
template <class C>
void conv_turn(const tile_step &load, const tile_step &compute, const tile_step &store, const typename C::word *in0, const typename C::word *in1,
               const typename C::word *in2, const typename C::word *in3, const typename C::word *in4, const typename C::word *in5,
               const typename C::word *in6, const typename C::word *in7, const typename C::word *weights, const typename C::word *addends,
               typename C::word *ring_out, bool to_b, conv_weights<C> &weights_to, const conv_weights<C> &weights_from, conv_buffers<C> &x,
               stream<uint32_t, C::QUEUE> &finished) {
#pragma HLS INLINE
    const bool from_b = compute.busy ? compute.input_b : !load.input_b;
    if (from_b && to_b) {
        conv_pass<C>(load, compute, store, in0, in1, in2, in3, in4, in5, in6, in7, weights, addends, ring_out, x.input_a, x.input_b, weights_to,
                     weights_from, x.addend_b, x.addend_a, x.output_b, x.output_a, x.acc, finished);
    } else if (from_b) {
        conv_pass<C>(load, compute, store, in0, in1, in2, in3, in4, in5, in6, in7, weights, addends, ring_out, x.input_a, x.input_b, weights_to,
                     weights_from, x.addend_a, x.addend_b, x.output_a, x.output_b, x.acc, finished);
    } else if (to_b) {
        conv_pass<C>(load, compute, store, in0, in1, in2, in3, in4, in5, in6, in7, weights, addends, ring_out, x.input_b, x.input_a, weights_to,
                     weights_from, x.addend_b, x.addend_a, x.output_b, x.output_a, x.acc, finished);
    } else {
        conv_pass<C>(load, compute, store, in0, in1, in2, in3, in4, in5, in6, in7, weights, addends, ring_out, x.input_b, x.input_a, weights_to,
                     weights_from, x.addend_a, x.addend_b, x.output_a, x.output_b, x.acc, finished);
    }
}

// conv runs so many commands. Ports: RING to read, of which the input takes the first IN_PORTS of in0 to in7, the weights one and u and biases
// one; RING to write.
template <class C>
void conv(uint32_t commands, stream<command, C::QUEUE> &queue, stream<uint32_t, C::QUEUE> &finished, const typename C::word *in0,
          const typename C::word *in1, const typename C::word *in2, const typename C::word *in3, const typename C::word *in4,
          const typename C::word *in5, const typename C::word *in6, const typename C::word *in7, const typename C::word *weights,
          const typename C::word *addends, typename C::word *ring_out, conv_buffers<C> &x) {
    static_assert(C::TM * C::TN <= MOST_COPIES, "TM x TN: too many multipliers");
    static_assert(C::TN * C::PORT <= MOST_COPIES && C::TM * C::PORT <= MOST_COPIES, "PORT: too many banks");
    static_assert(C::IN_PORTS >= 1 && C::IN_PORTS <= 8, "IN_PORTS must be 1 to 8");
    static_assert(C::IN_WORDS % C::PORT == 0 && C::PIXELS % C::PORT == 0, "IN_WORDS and PIXELS must be multiples of PORT");
    static_assert(C::WEIGHT_ROWS % C::TM == 0, "WEIGHT_ROWS must be a multiple of TM");
#pragma HLS ARRAY_PARTITION variable = x.input_a.bank complete dim = 1
#pragma HLS ARRAY_PARTITION variable = x.input_a.bank complete dim = 2
#pragma HLS ARRAY_PARTITION variable = x.input_a.bank complete dim = 3
#pragma HLS ARRAY_PARTITION variable = x.input_b.bank complete dim = 1
#pragma HLS ARRAY_PARTITION variable = x.input_b.bank complete dim = 2
#pragma HLS ARRAY_PARTITION variable = x.input_b.bank complete dim = 3
#pragma HLS ARRAY_PARTITION variable = x.weights_a.first complete dim = 0
#pragma HLS ARRAY_PARTITION variable = x.weights_b.first complete dim = 0
#pragma HLS ARRAY_PARTITION variable = x.weights_a.row complete dim = 1
#pragma HLS ARRAY_PARTITION variable = x.weights_b.row complete dim = 1
#pragma HLS ARRAY_PARTITION variable = x.addend_a.bank complete dim = 1
#pragma HLS ARRAY_PARTITION variable = x.addend_a.bank complete dim = 2
#pragma HLS ARRAY_PARTITION variable = x.addend_a.bias complete
#pragma HLS ARRAY_PARTITION variable = x.addend_b.bank complete dim = 1
#pragma HLS ARRAY_PARTITION variable = x.addend_b.bank complete dim = 2
#pragma HLS ARRAY_PARTITION variable = x.addend_b.bias complete
#pragma HLS ARRAY_PARTITION variable = x.output_a.bank complete dim = 1
#pragma HLS ARRAY_PARTITION variable = x.output_a.bank complete dim = 2
#pragma HLS ARRAY_PARTITION variable = x.output_b.bank complete dim = 1
#pragma HLS ARRAY_PARTITION variable = x.output_b.bank complete dim = 2
#pragma HLS BIND_STORAGE variable = x.addend_a.bank type = ram_2p impl = lutram
#pragma HLS BIND_STORAGE variable = x.addend_b.bank type = ram_2p impl = lutram
#pragma HLS BIND_STORAGE variable = x.output_a.bank type = ram_2p impl = lutram
#pragma HLS BIND_STORAGE variable = x.output_b.bank type = ram_2p impl = lutram
#pragma HLS ARRAY_PARTITION variable = x.acc complete dim = 1
#pragma HLS ALLOCATION function instances = conv_pass limit = 1
    tile_step load = {}, compute = {}, store = {};
    uint32_t taken = 0;
    bool to_b = false;
passes:
    while (taken < commands || load.busy || compute.busy) {
        conv_feed<C>(commands, taken, queue, load, compute, store);
        const bool weights_from_b = compute.busy ? compute.weights_b : !load.weights_b;
        if (weights_from_b) {
            conv_turn<C>(load, compute, store, in0, in1, in2, in3, in4, in5, in6, in7, weights, addends, ring_out, to_b, x.weights_a, x.weights_b, x, finished);
        } else {
            conv_turn<C>(load, compute, store, in0, in1, in2, in3, in4, in5, in6, in7, weights, addends, ring_out, to_b, x.weights_b, x.weights_a, x, finished);
        }
        to_b = !to_b;
    }
}

}  // namespace sotto
