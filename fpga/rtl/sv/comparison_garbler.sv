// Garbles comparisons of BITS-bit words, the runtime's carry circuit, a gate every interval of its engine: labels of x and y go in
// by block, bit and lane, tables come out in the order in which the runtime sends them. out_last marks a lane's result, whose permute bit
// is the lowest of carry. Other ports are the garbler's.
module comparison_garbler #(
    parameter int HASHES = 4,
    parameter int ITERATIVE = 0,
    parameter int BITS = 31
) (
    input  logic         clk,
    input  logic         rst,
    input  logic         ce,
    input  logic         key_load,
    input  logic [127:0] key,
    output logic         ready,
    input  logic [127:0] delta,
    input  logic         tweak_load,
    input  logic [63:0]  first_tweak,
    input  logic         in_valid,
    output logic         in_ready,
    input  logic [127:0] x,
    input  logic [127:0] y,
    output logic         out_valid,
    output logic         out_last,
    output logic [127:0] tg,
    output logic [127:0] te,
    output logic [127:0] carry
);
    wire [127:0] a0;
    wire [127:0] b0;
    wire [63:0]  tweak;
    wire [127:0] c0;
    carry_loop #(.BITS(BITS)) carries (
        .clk(clk), .rst(rst), .ce(ce), .tweak_load(tweak_load), .first_tweak(first_tweak), .taken(in_valid && in_ready), .x(x), .y(y),
        .a(a0), .b(b0), .tweak(tweak), .given(out_valid), .label_and(c0), .carry(carry), .last(out_last));
    if (ITERATIVE != 0) begin : iterative
        garbler_iterative #(.HASHES(HASHES)) engine (
            .clk(clk), .rst(rst), .ce(ce), .key_load(key_load), .key(key), .ready(ready), .delta(delta), .in_valid(in_valid),
            .in_ready(in_ready), .a0(a0), .b0(b0), .tweak(tweak), .out_valid(out_valid), .tg(tg), .te(te), .c0(c0));
    end else begin : pipelined
        garbler #(.HASHES(HASHES)) engine (
            .clk(clk), .rst(rst), .ce(ce), .key_load(key_load), .key(key), .ready(ready), .delta(delta), .in_valid(in_valid),
            .in_ready(in_ready), .a0(a0), .b0(b0), .tweak(tweak), .out_valid(out_valid), .tg(tg), .te(te), .c0(c0));
    end
endmodule
