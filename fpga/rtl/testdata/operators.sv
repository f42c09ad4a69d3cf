// Operators of W-bit words, each in a module of its own: what the formulas of fpga/target are held against.
module op_add #(parameter int W = 32) (input logic [W-1:0] a, input logic [W-1:0] b, output logic [W-1:0] y);
    assign y = a + b;
endmodule

module op_less #(parameter int W = 32) (input logic [W-1:0] a, input logic [W-1:0] b, output logic y);
    assign y = a < b;
endmodule

module op_equal #(parameter int W = 32) (input logic [W-1:0] a, input logic [W-1:0] b, output logic y);
    assign y = a == b;
endmodule

module op_xor #(parameter int W = 32) (input logic [W-1:0] a, input logic [W-1:0] b, output logic [W-1:0] y);
    assign y = a ^ b;
endmodule

module op_mux #(parameter int W = 32, parameter int N = 2) (
    input logic [W*N-1:0] a, input logic [$clog2(N)-1:0] s, output logic [W-1:0] y);
    wire [W-1:0] v [0:N-1];
    for (genvar i = 0; i < N; i++) assign v[i] = a[W*i +: W];
    assign y = v[s];
endmodule

module op_shift #(parameter int W = 32) (input logic [W-1:0] a, input logic [$clog2(W)-1:0] s, output logic [W-1:0] y);
    assign y = a >> s;
endmodule

module op_relu #(parameter int W = 32) (input logic [W-1:0] a, output logic [W-1:0] y);
    assign y = a[W-1] ? 0 : a;
endmodule

module op_multiply #(parameter int W = 32) (input logic [W-1:0] a, input logic [W-1:0] b, output logic [W-1:0] y);
    assign y = a * b;
endmodule

module op_block #(parameter int W = 64, parameter int D = 512) (
    input logic clk, input logic write, input logic [$clog2(D)-1:0] to, input logic [$clog2(D)-1:0] from,
    input logic [W-1:0] d, output logic [W-1:0] q);
    (* ram_style = "block" *) logic [W-1:0] memory [0:D-1];
    always_ff @(posedge clk) begin
        q <= memory[from];
        if (write) memory[to] <= d;
    end
endmodule

module op_ultra #(parameter int W = 64, parameter int D = 4096) (
    input logic clk, input logic write, input logic [$clog2(D)-1:0] to, input logic [$clog2(D)-1:0] from,
    input logic [W-1:0] d, output logic [W-1:0] q);
    (* ram_style = "ultra" *) logic [W-1:0] memory [0:D-1];
    always_ff @(posedge clk) begin
        q <= memory[from];
        if (write) memory[to] <= d;
    end
endmodule
