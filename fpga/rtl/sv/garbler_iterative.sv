// Half-gates garbler of the function and ports of garbler, from HASHES iterative hash units, 1, 2 or 4: an AND every 88/HASHES
// cycles, 88/HASHES + 1 cycles after it was taken.
module garbler_iterative #(
    parameter int HASHES = 2
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

    wire         idle;
    wire         middle;
    wire         last;
    wire         done;
    wire [127:0] round_key;
    logic [1:0]  step; // under way, or done
    wire         closing = step == 2'(STEPS-1);
    wire [1:0]   next = closing ? 0 : step + 1;
    wire         start = in_valid || !closing;
    hash_sequence sequencer (
        .clk(clk), .rst(rst), .ce(ce), .key_load(key_load), .key(key), .ready(ready), .start(start),
        .idle(idle), .middle(middle), .last(last), .done(done), .round_key(round_key));
    always_ff @(posedge clk)
        if (rst) step <= 2'(STEPS-1);
        else if (ce && idle && start) step <= next;
    assign in_ready = idle && closing;

    // The gate under way, until its last hashes are summed: that is while the next gate's operands are at the ports.
    logic [127:0] a;
    logic [127:0] b;
    logic [63:0]  j;
    always_ff @(posedge clk) if (ce && in_ready && in_valid) begin
        a <= a0;
        b <= b0;
        j <= tweak;
    end
    wire [127:0] first_b = HASHES == 4 ? b0 : b; // a B that is not hashed beside A is hashed once it is kept
    wire [63:0]  second = j + 64;

    wire [128*HASHES-1:0] h;
    for (genvar u = 0; u < HASHES; u++) begin : hashes
        wire [1:0]   begun = 2'(next * HASHES + u);
        wire [1:0]   running = 2'(step * HASHES + u);
        wire [127:0] in;
        hash_operand operand (
            .a(closing ? a0 : a), .b(first_b), .of_b(begun[1]), .offset(begun[0] ? delta : 128'b0),
            .i(running[1] ? second : j), .tweak(!idle), .in(in));
        tmmo_iterative hash (
            .clk(clk), .ce(ce), .first(idle), .middle(middle), .last(last), .key(round_key), .in(in),
            .h(h[128*u +: 128]));
    end
    garbled_sum #(.HASHES(HASHES)) total (
        .clk(clk), .rst(rst), .ce(ce), .valid(done), .step(step), .last(closing), .delta(delta), .a0(a), .pb(b[0]), .h(h),
        .out_valid(out_valid), .tg(tg), .te(te), .c0(c0));
endmodule
