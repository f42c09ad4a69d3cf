// What an iterative hash takes: a label, or its other one by an offset, in the first step and the tweak in the middle one.
module hash_operand (
    input  logic [127:0] a,
    input  logic [127:0] b,
    input  logic         of_b,
    input  logic [127:0] offset,
    input  logic [63:0]  i,
    input  logic         tweak, // not a label
    output logic [127:0] in
);
    assign in = tweak ? {64'b0, i} : (of_b ? b : a) ^ offset;
endmodule
