// Drives a garbler and an evaluator of comparisons side by side with the gates of a file of this name: its first line is the key, delta and first
// tweak, each other line zero-labels of x and y, their active labels and T_G and T_E, in hexadecimal. Prints "name in cycle" for each gate
// and "name out cycle last T_G T_E carry0 carry".
module comparison_bench #(
    parameter int HASHES = 2, // of the evaluator; the garbler has twice as many
    parameter int ITERATIVE = 0,
    parameter int BITS = 31
) (
    input  logic  clk,
    input  logic  rst,
    output logic  finished
);
    logic         key_load = 0;
    logic [127:0] key;
    logic [63:0]  first_tweak;
    logic         ready;
    logic         evaluator_ready;
    logic [127:0] delta;
    logic         in_valid = 0;
    logic         in_ready;
    logic         evaluator_in_ready;
    logic [127:0] x0;
    logic [127:0] y0;
    logic [127:0] x;
    logic [127:0] y;
    logic [127:0] in_tg;
    logic [127:0] in_te;
    logic         out_valid;
    logic         evaluator_out_valid;
    logic         out_last;
    logic         evaluator_out_last;
    logic [127:0] tg;
    logic [127:0] te;
    logic [127:0] carry0;
    logic [127:0] carry;
    comparison_garbler #(.HASHES(2*HASHES), .ITERATIVE(ITERATIVE), .BITS(BITS)) garbler_ (
        .clk(clk), .rst(rst), .ce(1'b1), .key_load(key_load), .key(key), .ready(ready), .delta(delta), .tweak_load(key_load),
        .first_tweak(first_tweak), .in_valid(in_valid), .in_ready(in_ready), .x(x0), .y(y0), .out_valid(out_valid),
        .out_last(out_last), .tg(tg), .te(te), .carry(carry0));
    comparison_evaluator #(.HASHES(HASHES), .ITERATIVE(ITERATIVE), .BITS(BITS)) evaluator_ (
        .clk(clk), .rst(rst), .ce(1'b1), .key_load(key_load), .key(key), .ready(evaluator_ready), .tweak_load(key_load),
        .first_tweak(first_tweak), .in_valid(in_valid), .in_ready(evaluator_in_ready), .x(x), .y(y), .tg(in_tg), .te(in_te),
        .out_valid(evaluator_out_valid), .out_last(evaluator_out_last), .carry(carry));

    string name;
    string path;
    int    file;
    int    fields;
    int    cycle = 0;
    int    taken = 0;
    int    given = 0;
    int    ended = 0;
    logic  started = 0;
    logic  accepted = 0;
    assign finished = ended != 0 && given == taken;

    initial begin
        name = $sformatf("comparison-%0d", HASHES);
        if (ITERATIVE != 0) name = {name, "-iterative"};
        if (!$value$plusargs("comparisons=%s", path)) $fatal(1, "+comparisons=DIRECTORY is missing");
        file = $fopen($sformatf("%s/%s", path, name), "r");
        if (file == 0 || $fscanf(file, "%h %h %h", key, delta, first_tweak) != 3) $fatal(1, "no key, delta and tweak for %s", name);
    end

    always @(negedge clk) if (!rst) begin
        key_load = !started;
        started = 1;
        if (!in_valid || accepted) begin
            in_valid = 0;
            if (ended == 0 && ready && !key_load) begin
                fields = $fscanf(file, "%h %h %h %h %h %h", x0, y0, x, y, in_tg, in_te);
                in_valid = fields == 6;
                ended = in_valid ? 0 : 1;
            end
        end
    end

    always @(posedge clk) begin
        cycle <= cycle + 1;
        accepted <= in_valid && in_ready;
        if (in_ready != evaluator_in_ready || out_valid != evaluator_out_valid || out_valid && out_last != evaluator_out_last)
            if (!rst && started) $fatal(1, "%s: garbler and evaluator part", name);
        if (in_valid && in_ready) begin
            taken <= taken + 1;
            $display("%s in %0d", name, cycle);
        end
        if (out_valid) begin
            given <= given + 1;
            $display("%s out %0d %h %h %h %h %h", name, cycle, out_last, tg, te, carry0, carry);
        end
    end
endmodule
