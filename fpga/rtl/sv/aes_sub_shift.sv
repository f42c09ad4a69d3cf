// SubBytes and ShiftRows (FIPS 197, sections 5.1.1 and 5.1.2). Byte i of the state is row i%4, column i/4; it is bits 8*i to 8*i+7
// of the vector, as a block of the runtime has them.
module aes_sub_shift (
    input  logic [127:0] s,
    output logic [127:0] q
);
    wire [127:0] sub;
    for (genvar i = 0; i < 16; i++) begin : bytes
        aes_sbox sbox (.x(s[8*i +: 8]), .y(sub[8*i +: 8]));
        assign q[8*i +: 8] = sub[8*((i+4*(i%4))%16) +: 8];
    end
endmodule
