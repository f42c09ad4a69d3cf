// The steps of an iterative hash, and its round keys: 22 cycles, first to first.
module hash_sequence (
    input  logic         clk,
    input  logic         rst,
    input  logic         ce,
    input  logic         key_load,
    input  logic [127:0] key,
    output logic         ready,
    input  logic         start, // begins where idle is
    output logic         idle,  // step 0
    output logic         middle,
    output logic         last,
    output logic         done,  // the hash that was begun 22 cycles before is there
    output logic [127:0] round_key
);
    logic [3:0] round; // 0 to 10, of each of the two AES
    logic       second;
    aes_key_memory keys (.clk(clk), .rst(rst), .load(key_load), .key(key), .ready(ready), .round(round), .round_key(round_key));
    assign idle = round == 0 && !second;
    assign middle = round == 0 && second;
    assign last = round == 10;
    always_ff @(posedge clk)
        if (rst) begin
            round  <= 0;
            second <= 0;
            done   <= 0;
        end else if (ce) begin
            done <= last && second;
            if (start || !idle) round <= last ? 0 : round + 1;
            if (last) second <= !second;
        end
endmodule
