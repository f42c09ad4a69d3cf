// The ten rounds of AES-128 after the first AddRoundKey, a block a cycle: q is the ciphertext of s = plaintext ^ key 0, ten cycles
// later. Key i of the schedule is bits 128*i to 128*i+127 of keys.
module aes_rounds (
    input  logic          clk,
    input  logic          ce,
    input  logic [127:0]  s,
    input  logic [1407:0] keys,
    output logic [127:0]  q
); /*verilator hier_block*/ // compiled once however many there are
    wire [128*11-1:0] state; // after round i
    assign state[127:0] = s;
    for (genvar i = 1; i < 10; i++) begin : rounds
        aes_round round (.clk(clk), .ce(ce), .s(state[128*(i-1) +: 128]), .key(keys[128*i +: 128]), .q(state[128*i +: 128]));
    end
    aes_round #(.LAST(1)) last (.clk(clk), .ce(ce), .s(state[128*9 +: 128]), .key(keys[1280 +: 128]), .q(state[1280 +: 128]));
    assign q = state[1280 +: 128];
endmodule
