// One row of the array: the inner product of TN weights, kept here, with the vector of a pixel.
module mac_row #(
    parameter int W = 32,
    parameter int TN = 4
) (
    input  logic            clk,
    input  logic            ce,
    input  logic            weight_write, // of the next tap's weights
    input  logic [W*TN-1:0] weight,
    input  logic            swap,         // the next tap's weights become this one's
    input  logic [W*TN-1:0] x,            // of the cycle after swap
    output logic [W-1:0]    sum
);
    logic [W*TN-1:0] next;
    logic [W*TN-1:0] current;
    always_ff @(posedge clk) if (ce && weight_write) next <= weight;
    always_ff @(posedge clk) if (ce && swap) current <= next;

    wire [W*TN-1:0] products;
    for (genvar n = 0; n < TN; n++) begin : multipliers
        ring_multiply #(.W(W)) multiply (.clk(clk), .ce(ce), .a(current[W*n +: W]), .b(x[W*n +: W]), .p(products[W*n +: W]));
    end
    adder_tree #(.W(W), .N(TN)) tree (.clk(clk), .ce(ce), .in(products), .sum(sum));
endmodule
