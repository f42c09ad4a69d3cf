// The hash of the runtime, H(x, i) = pi(pi(x) ^ i) ^ pi(x) (TMMO; Guo, Katz, Wang, Yu, S&P 2020), pi = AES-128 under a key that
// stays: a hash a cycle, 23 cycles later, from two pipelines one after the other. i is due 11 cycles after its x, so that hashes of
// one i share the line that delays it.
module tmmo (
    input  logic          clk,
    input  logic          ce,
    input  logic [1407:0] keys,
    input  logic [127:0]  x,
    input  logic [63:0]   i, // of the x of 11 cycles before
    output logic [127:0]  h
);
    logic [127:0] first;  // input of the rounds
    logic [127:0] second;
    wire [127:0] inner;   // pi(x), 11 cycles after x
    wire [127:0] outer;   // pi(pi(x) ^ i), 22 cycles after x
    wire [127:0] kept;    // pi(x), 22 cycles after x

    always_ff @(posedge clk) if (ce) first <= x ^ keys[127:0];
    aes_rounds inner_rounds (.clk(clk), .ce(ce), .s(first), .keys(keys), .q(inner));
    always_ff @(posedge clk) if (ce) second <= inner ^ {64'b0, i} ^ keys[127:0];
    aes_rounds outer_rounds (.clk(clk), .ce(ce), .s(second), .keys(keys), .q(outer));
    delay #(.W(128), .N(11)) keep (.clk(clk), .ce(ce), .d(inner), .q(kept));
    always_ff @(posedge clk) if (ce) h <= outer ^ kept;
endmodule
