// 2a + 3b + c + d + key for the bytes a, b, c, d of a column from each byte on, doubling without what is reduced: bits rotate.
module aes_column_sum (
    input  logic [31:0] x,
    input  logic [31:0] key,
    output logic [31:0] sum
);
    wire [31:0] after = {x[7:0], x[31:8]}; // byte i+1 in the place of byte i
    wire [31:0] s = x ^ after;
    wire [31:0] twice = {s[30:24], s[31], s[22:16], s[23], s[14:8], s[15], s[6:0], s[7]};
    assign sum = twice ^ after ^ {x[15:0], x[31:16]} ^ {x[23:0], x[31:24]} ^ key;
endmodule
