// One column of MixColumns and AddRoundKey (FIPS 197, sections 5.1.3 and 5.1.4): byte i of a column is bits 8*i to 8*i+7. In two
// layers, so that synthesis finds the 44 LUTs: a six-input one a bit, and one more where the reduction of the field's product enters.
module aes_column (
    input  logic [31:0] x,
    input  logic [31:0] key,
    output logic [31:0] y
);
    wire [31:0] after = {x[7:0], x[31:8]}; // byte i+1 in the place of byte i
    wire [31:0] sum;
    aes_column_sum sums (.x(x), .key(key), .sum(sum));
    wire [3:0]  over = {x[31] ^ after[31], x[23] ^ after[23], x[15] ^ after[15], x[7] ^ after[7]};
    assign y = sum ^ {
        3'b0, over[3], over[3], 1'b0, over[3], 1'b0, 3'b0, over[2], over[2], 1'b0, over[2], 1'b0,
        3'b0, over[1], over[1], 1'b0, over[1], 1'b0, 3'b0, over[0], over[0], 1'b0, over[0], 1'b0};
endmodule
