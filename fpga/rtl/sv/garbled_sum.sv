// The tables and the output's zero-label of an AND gate, from its hashes (see garbler), a step's hashes at a time.
module garbled_sum #(
    parameter int HASHES = 4
) (
    input  logic                  clk,
    input  logic                  rst,
    input  logic                  ce,
    input  logic                  valid,
    input  logic [1:0]            step,
    input  logic                  last, // of the gate's steps
    input  logic [127:0]          delta,
    input  logic [127:0]          a0,
    input  logic                  pb,
    input  logic [128*HASHES-1:0] h,
    output logic                  out_valid,
    output logic [127:0]          tg,
    output logic [127:0]          te,
    output logic [127:0]          c0
);
    wire pa = a0[0];
    // Sums of this step's hashes: word u is of those before unit u.
    wire [127:0] g [0:HASHES];
    wire [127:0] e [0:HASHES];
    wire [127:0] c [0:HASHES];
    assign g[0] = step != 0 ? tg : pb ? delta : 128'b0;
    assign e[0] = step != 0 ? te : a0;
    assign c[0] = step != 0 ? c0 : pa && pb ? delta : 128'b0;
    for (genvar u = 0; u < HASHES; u++) begin : sums
        wire [1:0]   number = 2'(step * HASHES + u);
        wire [127:0] hash = h[128*u +: 128];
        wire         active = number[0] == (number[1] ? pb : pa);
        assign g[u+1] = g[u] ^ (number[1] ? 128'b0 : hash);
        assign e[u+1] = e[u] ^ (number[1] ? hash : 128'b0);
        assign c[u+1] = c[u] ^ (active ? hash : 128'b0);
    end
    always_ff @(posedge clk) if (ce && valid) begin
        tg <= g[HASHES];
        te <= e[HASHES];
        c0 <= c[HASHES];
    end
    always_ff @(posedge clk)
        if (rst) out_valid <= 0;
        else if (ce) out_valid <= valid && last;
endmodule
