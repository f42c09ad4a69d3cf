// Running sums of D pixels in block memory: out is what memory holds at the address read a cycle before, plus in; it is written a cycle
// later. first leaves out what memory holds.
module accumulator #(
    parameter int W = 32,
    parameter int D = 512
) (
    input  logic                 clk,
    input  logic                 ce,
    input  logic [$clog2(D)-1:0] read_at,
    input  logic                 first,    // of the cycle after read_at
    input  logic [W-1:0]         in,       // likewise
    input  logic                 write,
    input  logic [$clog2(D)-1:0] write_at, // of out
    output logic [W-1:0]         out
);
    (* ram_style = "block" *) logic [W-1:0] memory [0:D-1];
    logic [W-1:0] held;
    always_ff @(posedge clk) if (ce) begin
        held <= memory[read_at];
        if (write) memory[write_at] <= out;
    end
    always_ff @(posedge clk) if (ce) out <= (first ? 0 : held) + in;
endmodule
