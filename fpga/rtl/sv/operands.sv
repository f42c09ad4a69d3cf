// What a gate's hashes are computed from, for as many steps as they take: at the ports in the first step, then kept.
module operands #(
    parameter int STEPS = 1, // 1, 2 or 4
    parameter int W = 320
) (
    input  logic         clk,
    input  logic         rst,
    input  logic         ce,
    input  logic         in_valid,
    output logic         in_ready,
    input  logic [W-1:0] in,
    output logic         valid, // there is a step
    output logic [1:0]   step,
    output logic [W-1:0] out
);
    if (STEPS == 1) begin : single
        assign step = 0;
        assign in_ready = 1;
        assign valid = in_valid;
        assign out = in;
    end else begin : several
        logic [W-1:0] kept;
        logic [1:0]   at;
        always_ff @(posedge clk)
            if (rst) at <= 0;
            else if (ce && valid) at <= at == 2'(STEPS-1) ? 0 : at + 1;
        always_ff @(posedge clk) if (ce && in_ready) kept <= in;
        assign step = at;
        assign in_ready = at == 0;
        assign valid = in_valid || at != 0;
        assign out = in_ready ? in : kept;
    end
endmodule
