// A delay line with a reset, for what says that there is something in the lines beside it.
module valid_line #(
    parameter int N = 2 // at least
) (
    input  logic clk,
    input  logic rst,
    input  logic ce,
    input  logic d,
    output logic q
);
    logic [N-1:0] line;
    always_ff @(posedge clk)
        if (rst) line <= 0;
        else if (ce) line <= {line[N-2:0], d};
    assign q = line[N-1];
endmodule
