// What follows a step of an iterative hash that mixes no columns: a six-input LUT a bit, which synthesis misses beside the mixed columns.
module hash_unmixed (
    input  logic [127:0] key,
    input  logic [127:0] shifted,
    input  logic [127:0] in,
    input  logic [127:0] state,
    input  logic         middle,
    input  logic         last,
    output logic [127:0] next
);
    assign next = key ^ (last ? shifted : in ^ (middle ? state : 128'b0));
endmodule
