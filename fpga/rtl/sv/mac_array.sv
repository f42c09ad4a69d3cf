// TM x TN multiply-accumulators over the ring of W-bit words, 32 or 64: one product of a TM x TN matrix with a vector of TN words a
// cycle, added to what the accumulators hold for a pixel.
//
// A tile of a convolution is PIXELS output positions (at most) of TM channels. Its taps, which are the kernel's positions times the
// groups of TN input channels, come one after the other, all pixels of a tap side by side:
//
//    for tap { for pixel { x = the TN inputs that the tap meets at the pixel; acc[pixel] = W_tap*x + (first tap ? 0 : acc[pixel]) } }
//
// Weights of the next tap are written row by row while this one runs; `swap`, with the first pixel of a tap, makes them current. So
// a tap of P pixels takes max(P, TM) cycles. The sums of a pixel come out, with its number, LATENCY cycles after its last tap's beat;
// the same pixel may not come again within three cycles: P is at least 3.
module mac_array #(
    parameter int W = 32,
    parameter int TM = 4,
    parameter int TN = 4,
    parameter int PIXELS = 512
) (
    input  logic                      clk,
    input  logic                      rst,
    input  logic                      ce,
    input  logic                      weight_write,
    input  logic [$clog2(TM+1)-1:0]   weight_row,
    input  logic [W*TN-1:0]           weight,
    input  logic                      in_valid,
    input  logic                      swap,
    input  logic                      first, // tap
    input  logic                      last,  // tap
    input  logic [$clog2(PIXELS)-1:0] pixel,
    input  logic [W*TN-1:0]           x,
    output logic                      out_valid,
    output logic [$clog2(PIXELS)-1:0] out_pixel,
    output logic [W*TM-1:0]           out
);
    localparam int PRODUCT = W == 32 ? 3 : 4;             // cycles of ring_multiply
    localparam int SUMMED = 1 + PRODUCT + $clog2(TN);     // cycles to a row's sum
    localparam int ADDRESS = $clog2(PIXELS);

    logic [W*TN-1:0] vector;
    always_ff @(posedge clk) if (ce) vector <= x;

    // A pixel's number and flags, beside its words: read is when its accumulators are, one cycle before its sums are there.
    wire               read;
    wire               read_first;
    wire               read_last;
    wire [ADDRESS-1:0] read_pixel;
    valid_line #(.N(SUMMED-1)) valid (.clk(clk), .rst(rst), .ce(ce), .d(in_valid), .q(read));
    delay #(.W(ADDRESS+2), .N(SUMMED-1)) beside (
        .clk(clk), .ce(ce), .d({first, last, pixel}), .q({read_first, read_last, read_pixel}));
    logic               add;
    logic               add_first;
    logic               add_last;
    logic [ADDRESS-1:0] add_pixel;
    logic               write;
    always_ff @(posedge clk)
        if (rst) {add, write, out_valid} <= 0;
        else if (ce) begin
            add       <= read;
            write     <= add;
            out_valid <= add && add_last;
        end
    always_ff @(posedge clk) if (ce) begin
        add_first <= read_first;
        add_last  <= read_last;
        add_pixel <= read_pixel;
        out_pixel <= add_pixel;
    end

    for (genvar m = 0; m < TM; m++) begin : rows
        wire [W-1:0] sum;
        wire [W-1:0] total;
        wire         written = weight_write && weight_row == m;
        mac_row #(.W(W), .TN(TN)) row (
            .clk(clk), .ce(ce), .weight_write(written), .weight(weight), .swap(in_valid && swap),
            .x(vector), .sum(sum));
        accumulator #(.W(W), .D(PIXELS)) acc (
            .clk(clk), .ce(ce), .read_at(read_pixel), .first(add_first), .in(sum), .write(write), .write_at(out_pixel),
            .out(total));
        assign out[W*m +: W] = total;
    end
endmodule
