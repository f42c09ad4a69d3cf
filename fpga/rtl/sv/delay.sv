// A delay line: q is d of N cycles before. It has no reset, so that it fits shift-register LUTs.
module delay #(
    parameter int W = 1,
    parameter int N = 1
) (
    input  logic         clk,
    input  logic         ce,
    input  logic [W-1:0] d,
    output logic [W-1:0] q
);
    logic [W*N-1:0] line;
    if (N == 1) begin : one
        always_ff @(posedge clk) if (ce) line <= d;
    end else begin : more
        always_ff @(posedge clk) if (ce) line <= {line[W*(N-1)-1:0], d};
    end
    assign q = line[W*N-1 -: W];
endmodule
