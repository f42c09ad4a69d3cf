// Drives one garbler with the gates of a file: its first line is the key and delta, each other line A0, B0 and the tweak of a gate, in
// hexadecimal. Prints the cycle in which a gate is taken, "name in cycle", and in which it comes out, "name out cycle T_G T_E C0".
// With stalls, gates come late and the engine is stopped now and then: cycles mean nothing then, values must stay.
module garbler_bench #(
    parameter int HASHES = 4,
    parameter int ITERATIVE = 0,
    parameter int STALLS = 0
) (
    input  logic  clk,
    input  logic  rst,
    output logic  finished
);
    logic         ce = 1;
    logic         key_load = 0;
    logic [127:0] key;
    logic         ready;
    logic [127:0] delta;
    logic         in_valid = 0;
    logic         in_ready;
    logic [127:0] a0;
    logic [127:0] b0;
    logic [63:0]  tweak;
    logic         out_valid;
    logic [127:0] tg;
    logic [127:0] te;
    logic [127:0] c0;
    if (ITERATIVE != 0) begin : iterative
        garbler_iterative #(.HASHES(HASHES)) dut (.*);
    end else begin : pipelined
        garbler #(.HASHES(HASHES)) dut (.*);
    end

    string  path;
    int     file;
    int     fields;
    int     cycle = 0;
    int     taken = 0;
    int     given = 0;
    int     ended = 0;
    logic   started = 0;
    logic   accepted = 0;
    string  name;
    assign finished = ended != 0 && given == taken;

    initial begin
        name = $sformatf("garbler-%0d", HASHES);
        if (ITERATIVE != 0) name = {name, "-iterative"};
        if (STALLS != 0) name = {name, "-stalls"};
        if (!$value$plusargs("garbler=%s", path)) $fatal(1, "+garbler=FILE is missing");
        file = $fopen(path, "r");
        if (file == 0 || $fscanf(file, "%h %h", key, delta) != 2) $fatal(1, "no key and delta in the file");
    end

    always @(negedge clk) if (!rst) begin
        if (STALLS != 0) ce = $urandom_range(3) != 0;
        key_load = !started;
        started = 1;
        if (!in_valid || accepted) begin
            in_valid = 0;
            if (ended == 0 && ready && !key_load && (STALLS == 0 || $urandom_range(2) != 0)) begin
                fields = $fscanf(file, "%h %h %h", a0, b0, tweak);
                in_valid = fields == 3;
                ended = in_valid ? 0 : 1;
            end
        end
    end

    always @(posedge clk) begin
        cycle <= cycle + 1;
        accepted <= in_valid && in_ready && ce;
        if (in_valid && in_ready && ce) begin
            taken <= taken + 1;
            $display("%s in %0d", name, cycle);
        end
        if (out_valid && ce) begin
            given <= given + 1;
            $display("%s out %0d %h %h %h", name, cycle, tg, te, c0);
        end
    end
endmodule
