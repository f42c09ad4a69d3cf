// The sum of N words, registered after each of its ceil(log2 N) layers; an odd word waits for the next layer.
module adder_tree #(
    parameter int W = 32,
    parameter int N = 4
) (
    input  logic           clk,
    input  logic           ce,
    input  logic [W*N-1:0] in,
    output logic [W-1:0]   sum
);
    localparam int HALF = (N + 1) / 2;
    if (N == 1) begin : leaf
        assign sum = in;
    end else begin : layer
        logic [W*HALF-1:0] sums;
        for (genvar i = 0; i < HALF; i++) begin : pairs
            if (2*i + 1 < N) begin : two
                always_ff @(posedge clk) if (ce) sums[W*i +: W] <= in[2*W*i +: W] + in[2*W*i+W +: W];
            end else begin : odd
                always_ff @(posedge clk) if (ce) sums[W*i +: W] <= in[2*W*i +: W];
            end
        end
        adder_tree #(.W(W), .N(HALF)) rest (.clk(clk), .ce(ce), .in(sums), .sum(sum));
    end
endmodule
