// One round of AES, registered: the last has no MixColumns.
module aes_round #(
    parameter int LAST = 0
) (
    input  logic         clk,
    input  logic         ce,
    input  logic [127:0] s,
    input  logic [127:0] key,
    output logic [127:0] q
);
    wire [127:0] shifted;
    wire [127:0] next;
    aes_sub_shift sub_shift (.s(s), .q(shifted));
    if (LAST != 0) begin : last
        assign next = shifted ^ key;
    end else begin : inner
        for (genvar i = 0; i < 4; i++) begin : columns
            aes_column column (.x(shifted[32*i +: 32]), .key(key[32*i +: 32]), .y(next[32*i +: 32]));
        end
    end
    always_ff @(posedge clk) if (ce) q <= next;
endmodule
