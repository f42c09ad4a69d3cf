// The hash of tmmo from one round of AES: a hash every 22 cycles, 23 cycles after its x. Units beside each other take the same steps
// of one hash_sequence. in is x in the first step, tweak in the middle one.
module tmmo_iterative (
    input  logic         clk,
    input  logic         ce,
    input  logic         first,  // step 0: a new x
    input  logic         middle, // step 11: between the two AES
    input  logic         last,   // steps 10 and 21: rounds without MixColumns
    input  logic [127:0] key,    // of the step
    input  logic [127:0] in,
    output logic [127:0] h       // once the last step is done and the next first one begins
); /*verilator hier_block*/ // compiled once however many there are
    logic [127:0] state;
    logic [127:0] kept; // pi(x)
    wire [127:0] shifted;
    wire [127:0] mixed;
    aes_sub_shift sub_shift (.s(state), .q(shifted));
    for (genvar i = 0; i < 4; i++) begin : columns
        aes_column column (.x(shifted[32*i +: 32]), .key(key[32*i +: 32]), .y(mixed[32*i +: 32]));
    end
    wire [127:0] unmixed;
    hash_unmixed other (.key(key), .shifted(shifted), .in(in), .state(state), .middle(middle), .last(last), .next(unmixed));
    wire         mixes = !(first || middle || last);
    always_ff @(posedge clk) if (ce) begin
        state <= mixes ? mixed : unmixed;
        if (middle) kept <= state;
    end
    assign h = state ^ kept;
endmodule
