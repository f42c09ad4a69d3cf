// Half-gates evaluator of the function and ports of evaluator, from HASHES iterative hash units, 1 or 2: an AND every 44/HASHES
// cycles, 44/HASHES + 1 cycles after it was taken.
module evaluator_iterative #(
    parameter int HASHES = 1
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

    wire         idle;
    wire         middle;
    wire         last;
    wire         done;
    wire [127:0] round_key;
    logic        step; // under way, or done
    wire         closing = step == 1'(STEPS-1);
    wire         next = !closing;
    wire         start = in_valid || !closing;
    hash_sequence sequencer (
        .clk(clk), .rst(rst), .ce(ce), .key_load(key_load), .key(key), .ready(ready), .start(start),
        .idle(idle), .middle(middle), .last(last), .done(done), .round_key(round_key));
    always_ff @(posedge clk)
        if (rst) step <= 1'(STEPS-1);
        else if (ce && idle && start) step <= next;
    assign in_ready = idle && closing;

    // The gate under way: its second label, and of its tables what its colours choose.
    logic [127:0] held_b;
    logic [63:0]  j;
    logic [127:0] chosen;
    always_ff @(posedge clk) if (ce && in_ready && in_valid) begin
        held_b <= b;
        j      <= tweak;
        chosen <= (a[0] ? tg : 128'b0) ^ (b[0] ? te ^ a : 128'b0);
    end
    wire [63:0] second = j + 64;

    wire [128*HASHES-1:0] h;
    for (genvar u = 0; u < HASHES; u++) begin : hashes
        wire [127:0] in;
        hash_operand operand (
            .a(a), .b(HASHES == 2 ? b : held_b), .of_b(u == 1 || !closing), .offset(128'b0),
            .i(u == 1 || step ? second : j), .tweak(!idle), .in(in));
        tmmo_iterative hash (
            .clk(clk), .ce(ce), .first(idle), .middle(middle), .last(last), .key(round_key), .in(in),
            .h(h[128*u +: 128]));
    end
    evaluated_sum #(.HASHES(HASHES)) total (
        .clk(clk), .rst(rst), .ce(ce), .valid(done), .step(step), .last(closing), .chosen(chosen), .h(h),
        .out_valid(out_valid), .c(c));
endmodule
