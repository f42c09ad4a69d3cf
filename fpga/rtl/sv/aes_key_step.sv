// One step of the key schedule of AES-128 (FIPS 197, section 5.2): from the key of a round to the next.
module aes_key_step (
    input  logic [127:0] key,
    input  logic [7:0]   rcon,
    output logic [127:0] next
);
    wire [31:0] sub;
    for (genvar i = 0; i < 4; i++) begin : bytes // RotWord takes byte i of the last word from byte i+1
        aes_sbox sbox (.x(key[96+8*((i+1)%4) +: 8]), .y(sub[8*i +: 8]));
    end
    assign next[31:0]   = key[31:0] ^ sub ^ {24'b0, rcon};
    assign next[63:32]  = key[63:32] ^ next[31:0];
    assign next[95:64]  = key[95:64] ^ next[63:32];
    assign next[127:96] = key[127:96] ^ next[95:64];
endmodule
