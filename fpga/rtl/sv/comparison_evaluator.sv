// Evaluates comparisons of BITS-bit words, as comparison_garbler garbles them: active labels of x and y go in with the gate's tables. The
// colour bit of a lane's result is the lowest of carry. Other ports are the evaluator's.
module comparison_evaluator #(
    parameter int HASHES = 2,
    parameter int ITERATIVE = 0,
    parameter int BITS = 31
) (
    input  logic         clk,
    input  logic         rst,
    input  logic         ce,
    input  logic         key_load,
    input  logic [127:0] key,
    output logic         ready,
    input  logic         tweak_load,
    input  logic [63:0]  first_tweak,
    input  logic         in_valid,
    output logic         in_ready,
    input  logic [127:0] x,
    input  logic [127:0] y,
    input  logic [127:0] tg,
    input  logic [127:0] te,
    output logic         out_valid,
    output logic         out_last,
    output logic [127:0] carry
);
    wire [127:0] a;
    wire [127:0] b;
    wire [63:0]  tweak;
    wire [127:0] c;
    carry_loop #(.BITS(BITS)) carries (
        .clk(clk), .rst(rst), .ce(ce), .tweak_load(tweak_load), .first_tweak(first_tweak), .taken(in_valid && in_ready), .x(x), .y(y),
        .a(a), .b(b), .tweak(tweak), .given(out_valid), .label_and(c), .carry(carry), .last(out_last));
    if (ITERATIVE != 0) begin : iterative
        evaluator_iterative #(.HASHES(HASHES)) engine (
            .clk(clk), .rst(rst), .ce(ce), .key_load(key_load), .key(key), .ready(ready), .in_valid(in_valid),
            .in_ready(in_ready), .a(a), .b(b), .tweak(tweak), .tg(tg), .te(te), .out_valid(out_valid), .c(c));
    end else begin : pipelined
        evaluator #(.HASHES(HASHES)) engine (
            .clk(clk), .rst(rst), .ce(ce), .key_load(key_load), .key(key), .ready(ready), .in_valid(in_valid),
            .in_ready(in_ready), .a(a), .b(b), .tweak(tweak), .tg(tg), .te(te), .out_valid(out_valid), .c(c));
    end
endmodule
