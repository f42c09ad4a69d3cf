// The keys of all rounds, in distributed memory, one read at a time: ready rises eleven cycles after load.
module aes_key_memory (
    input  logic         clk,
    input  logic         rst,
    input  logic         load,
    input  logic [127:0] key,
    output logic         ready,
    input  logic [3:0]   round,
    output logic [127:0] round_key
);
    logic [127:0] memory [0:15];
    logic [127:0] last;    // the key that is stored next
    logic [3:0]   at;      // its round
    logic         storing;
    logic [7:0]   rcon;
    wire [127:0] next;
    aes_key_step step (.key(last), .rcon(rcon), .next(next));

    always_ff @(posedge clk)
        if (rst) begin
            storing <= 0;
            ready   <= 0;
        end else if (load) begin
            storing <= 1;
            ready   <= 0;
        end else if (storing && at == 10) begin
            storing <= 0;
            ready   <= 1;
        end
    always_ff @(posedge clk)
        if (load) begin
            at   <= 0;
            rcon <= 8'h01;
            last <= key;
        end else if (storing) begin
            at   <= at + 1;
            rcon <= {rcon[6:0], 1'b0} ^ (rcon[7] ? 8'h1b : 8'h00);
            last <= next;
        end
    always_ff @(posedge clk) if (storing) memory[at] <= last;
    assign round_key = memory[round];
endmodule
