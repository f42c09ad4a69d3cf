// The active label of an AND gate's output, from its hashes and what its colours choose of the tables (see evaluator).
module evaluated_sum #(
    parameter int HASHES = 2
) (
    input  logic                  clk,
    input  logic                  rst,
    input  logic                  ce,
    input  logic                  valid,
    input  logic                  step,
    input  logic                  last, // of the gate's steps
    input  logic [127:0]          chosen,
    input  logic [128*HASHES-1:0] h,
    output logic                  out_valid,
    output logic [127:0]          c
);
    wire [127:0] sums [0:HASHES];
    assign sums[0] = step ? c : chosen;
    for (genvar u = 0; u < HASHES; u++) begin : units
        assign sums[u+1] = sums[u] ^ h[128*u +: 128];
    end
    always_ff @(posedge clk) if (ce && valid) c <= sums[HASHES];
    always_ff @(posedge clk)
        if (rst) out_valid <= 0;
        else if (ce) out_valid <= valid && last;
endmodule
