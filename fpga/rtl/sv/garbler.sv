// Half-gates garbler, pipelined: step 2 of runtime/garble, an AND gate of one instance every 4/HASHES cycles, 23 + 4/HASHES cycles
// after it was taken. HASHES is how many hash units there are, 1, 2 or 4, two AES pipelines each; an AND is four hashes,
//
//    number h     0            1            2              3
//    H of         A0, j        A0^Delta, j  B0, j+64       B0^Delta, j+64
//
// which with p_a = lsb(A0) and p_b = lsb(B0) give
//
//    T_G = H0 ^ H1 ^ p_b*Delta        C0 = H(p_a) ^ H(2+p_b) ^ p_a*p_b*Delta
//    T_E = H2 ^ H3 ^ A0
//
// (C0 is W_G0 ^ W_E0 of the runtime with T_G and T_E put in). 64 is the lanes of a block of instances, whose second tweaks follow
// their first ones.
//
// Take a key by key_load, wait for ready; delta has lsb 1 and stays while gates are under way. An AND is taken where in_valid and
// in_ready; ce = 0 stops everything, which is how a full output queue holds the engine.
module garbler #(
    parameter int HASHES = 4
) (
    input  logic         clk,
    input  logic         rst,
    input  logic         ce,
    input  logic         key_load,
    input  logic [127:0] key,
    output logic         ready,
    input  logic [127:0] delta,
    input  logic         in_valid,
    output logic         in_ready,
    input  logic [127:0] a0,
    input  logic [127:0] b0,
    input  logic [63:0]  tweak,
    output logic         out_valid,
    output logic [127:0] tg,
    output logic [127:0] te,
    output logic [127:0] c0
);
    localparam int STEPS = 4 / HASHES;
    localparam int HASH_CYCLES = 23;
    localparam int TWEAK_CYCLES = 11; // after x

    wire [1407:0] keys;
    aes_keys schedule (.clk(clk), .rst(rst), .load(key_load), .key(key), .ready(ready), .keys(keys));

    // What a step works on: the AND at the ports in the first, the one taken last in the others.
    wire         step_valid;
    wire [1:0]   step;
    wire [127:0] a;
    wire [127:0] b;
    wire [63:0]  j;
    operands #(.STEPS(STEPS)) taken (
        .clk(clk), .rst(rst), .ce(ce), .in_valid(in_valid), .in_ready(in_ready), .in({tweak, b0, a0}),
        .valid(step_valid), .step(step), .out({j, b, a}));

    // The tweak of the step's hashes, when they are due: in a step of four hashes that of the first two and that of the others.
    wire [63:0]  late;
    wire [1:0]   late_step;
    logic [63:0] first_tweak;
    logic [63:0] second_tweak;
    delay #(.W(66), .N(TWEAK_CYCLES-1)) tweaks (.clk(clk), .ce(ce), .d({step, j}), .q({late_step, late}));
    if (STEPS == 1) begin : both
        always_ff @(posedge clk) if (ce) begin
            first_tweak  <= late;
            second_tweak <= late + 64;
        end
    end else begin : one
        wire of_b = HASHES == 2 ? late_step[0] : late_step[1];
        always_ff @(posedge clk) if (ce) first_tweak <= of_b ? late + 64 : late;
        assign second_tweak = first_tweak;
    end

    wire [128*HASHES-1:0] h;
    for (genvar u = 0; u < HASHES; u++) begin : hashes
        wire [1:0]   number = 2'(step * HASHES + u);
        wire [127:0] x = (number[1] ? b : a) ^ (number[0] ? delta : 128'b0);
        wire [63:0]  i = u < 2 ? first_tweak : second_tweak;
        tmmo hash (.clk(clk), .ce(ce), .keys(keys), .x(x), .i(i), .h(h[128*u +: 128]));
    end

    // The gate, beside its hashes.
    wire         hashed;
    wire [1:0]   hashed_step;
    wire [127:0] hashed_a;
    wire         pb;
    valid_line #(.N(HASH_CYCLES)) valid (.clk(clk), .rst(rst), .ce(ce), .d(step_valid), .q(hashed));
    delay #(.W(131), .N(HASH_CYCLES)) beside (.clk(clk), .ce(ce), .d({step, b[0], a}), .q({hashed_step, pb, hashed_a}));
    garbled_sum #(.HASHES(HASHES)) total (
        .clk(clk), .rst(rst), .ce(ce), .valid(hashed), .step(hashed_step), .last(hashed_step == 2'(STEPS-1)),
        .delta(delta), .a0(hashed_a), .pb(pb), .h(h), .out_valid(out_valid), .tg(tg), .te(te), .c0(c0));
endmodule
