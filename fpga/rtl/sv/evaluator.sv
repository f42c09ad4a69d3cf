// Half-gates evaluator, pipelined: step 5 of runtime/garble, an AND gate of one instance every 2/HASHES cycles, 23 + 2/HASHES cycles
// after it was taken. HASHES is 1 or 2; with s_a = lsb(A), s_b = lsb(B)
//
//    C = H(A, j) ^ H(B, j+64) ^ s_a*T_G ^ s_b*(T_E ^ A)
//
// Handshakes are those of the garbler.
module evaluator #(
    parameter int HASHES = 2
) (
    input  logic         clk,
    input  logic         rst,
    input  logic         ce,
    input  logic         key_load,
    input  logic [127:0] key,
    output logic         ready,
    input  logic         in_valid,
    output logic         in_ready,
    input  logic [127:0] a,
    input  logic [127:0] b,
    input  logic [63:0]  tweak,
    input  logic [127:0] tg,
    input  logic [127:0] te,
    output logic         out_valid,
    output logic [127:0] c
);
    localparam int STEPS = 2 / HASHES;
    localparam int HASH_CYCLES = 23;
    localparam int TWEAK_CYCLES = 11; // after x

    wire [1407:0] keys;
    aes_keys schedule (.clk(clk), .rst(rst), .load(key_load), .key(key), .ready(ready), .keys(keys));

    // Of the tables an AND needs what its colours choose alone.
    wire [127:0] chosen = (a[0] ? tg : 128'b0) ^ (b[0] ? te ^ a : 128'b0);
    wire         step_valid;
    wire [1:0]   step;
    wire [127:0] x0;
    wire [127:0] x1;
    wire [63:0]  j;
    wire [127:0] m;
    operands #(.STEPS(STEPS), .W(448)) taken (
        .clk(clk), .rst(rst), .ce(ce), .in_valid(in_valid), .in_ready(in_ready), .in({chosen, tweak, b, a}),
        .valid(step_valid), .step(step), .out({m, j, x1, x0}));

    wire [63:0]  late;
    wire         late_step;
    logic [63:0] first_tweak;
    logic [63:0] second_tweak;
    delay #(.W(65), .N(TWEAK_CYCLES-1)) tweaks (.clk(clk), .ce(ce), .d({step[0], j}), .q({late_step, late}));
    if (STEPS == 1) begin : both
        always_ff @(posedge clk) if (ce) begin
            first_tweak  <= late;
            second_tweak <= late + 64;
        end
    end else begin : one
        always_ff @(posedge clk) if (ce) first_tweak <= late_step ? late + 64 : late;
        assign second_tweak = first_tweak;
    end

    wire [128*HASHES-1:0] h;
    for (genvar u = 0; u < HASHES; u++) begin : hashes
        wire [127:0] x = u == 1 || step[0] ? x1 : x0;
        wire [63:0]  i = u == 0 ? first_tweak : second_tweak;
        tmmo hash (.clk(clk), .ce(ce), .keys(keys), .x(x), .i(i), .h(h[128*u +: 128]));
    end

    wire         hashed;
    wire         hashed_step;
    wire [127:0] hashed_m;
    valid_line #(.N(HASH_CYCLES)) valid (.clk(clk), .rst(rst), .ce(ce), .d(step_valid), .q(hashed));
    delay #(.W(129), .N(HASH_CYCLES)) beside (.clk(clk), .ce(ce), .d({step[0], m}), .q({hashed_step, hashed_m}));
    evaluated_sum #(.HASHES(HASHES)) total (
        .clk(clk), .rst(rst), .ce(ce), .valid(hashed), .step(hashed_step), .last(hashed_step == 1'(STEPS-1)),
        .chosen(hashed_m), .h(h), .out_valid(out_valid), .c(c));
endmodule
