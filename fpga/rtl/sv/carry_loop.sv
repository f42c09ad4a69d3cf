// What makes an engine of AND gates one of whole comparisons: the carry out of x + y, bit by bit from carry 0, as the runtime's sign-only
// circuit has it, on blocks of 64 instances:
//
//    for block { for bit { for lane { carry[lane] ^= (x ^ carry[lane]) AND (y ^ carry[lane]) } } }
//
// XORs are those of labels. A lane's next bit comes 64 gates later, which is longer than any engine takes, so none waits. Tweaks count
// as the runtime's: from tweak_load's on, 2*64*BITS a block, 2*64 a gate, one a lane. An incomplete block is filled with lanes that
// nobody reads.
module carry_loop #(
    parameter int BITS = 31
) (
    input  logic         clk,
    input  logic         rst,
    input  logic         ce,
    input  logic         tweak_load,
    input  logic [63:0]  first_tweak,
    input  logic         taken,  // labels x and y, of the next lane
    input  logic [127:0] x,
    input  logic [127:0] y,
    output logic [127:0] a,      // operands of the lane's gate
    output logic [127:0] b,
    output logic [63:0]  tweak,
    input  logic         given,  // by the engine, in the order taken
    input  logic [127:0] label_and,
    output logic [127:0] carry,  // of the lane given
    output logic         last    // that is its result
);
    localparam int B = $clog2(BITS);

    logic [127:0] memory [0:63];
    logic [5:0]   lane;
    logic [B-1:0] at; // bit
    logic [63:0]  base;
    logic [5:0]   out_lane;
    logic [B-1:0] out_at;
    logic         first;     // bit, whose carry in is 0
    logic         out_first;

    wire [127:0] incoming = first ? 128'b0 : memory[lane];
    assign a = x ^ incoming;
    assign b = y ^ incoming;
    assign tweak = base + {58'b0, lane};
    assign carry = label_and ^ (out_first ? 128'b0 : memory[out_lane]);
    assign last = out_at == B'(BITS-1);

    always_ff @(posedge clk)
        if (rst) begin
            lane      <= 0;
            at        <= 0;
            first     <= 1;
            out_lane  <= 0;
            out_at    <= 0;
            out_first <= 1;
        end else if (ce) begin
            if (taken) begin
                lane <= lane + 1;
                if (lane == 63) begin
                    at    <= at == B'(BITS-1) ? 0 : at + 1;
                    first <= at == B'(BITS-1);
                end
            end
            if (given) begin
                out_lane <= out_lane + 1;
                if (out_lane == 63) begin
                    out_at    <= last ? 0 : out_at + 1;
                    out_first <= last;
                end
            end
        end
    always_ff @(posedge clk)
        if (tweak_load) base <= first_tweak;
        else if (ce && taken && lane == 63) base <= base + 2 * 64;
    always_ff @(posedge clk) if (ce && given) memory[out_lane] <= carry;
endmodule
