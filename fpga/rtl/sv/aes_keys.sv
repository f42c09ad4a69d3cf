// The keys of all rounds, in registers: ready rises eleven cycles after load, and keys stay until the next load. They move down the
// register as they are made, so no register has a choice to make.
module aes_keys (
    input  logic          clk,
    input  logic          rst,
    input  logic          load,
    input  logic [127:0]  key,
    output logic          ready,
    output logic [1407:0] keys
);
    logic [3:0] left; // steps to go
    logic [7:0] rcon;
    wire [127:0] next;
    aes_key_step step (.key(keys[1280 +: 128]), .rcon(rcon), .next(next));

    always_ff @(posedge clk)
        if (rst) begin
            left  <= 0;
            ready <= 0;
        end else if (load) begin
            left  <= 10;
            ready <= 0;
        end else if (left != 0) begin
            left  <= left - 1;
            ready <= left == 1;
        end
    always_ff @(posedge clk)
        if (load) rcon <= 8'h01;
        else if (left != 0) rcon <= {rcon[6:0], 1'b0} ^ (rcon[7] ? 8'h1b : 8'h00);
    always_ff @(posedge clk)
        if (load || left != 0) keys <= {load ? key : next, keys[1407:128]};
endmodule
