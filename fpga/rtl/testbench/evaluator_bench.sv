// Drives one evaluator with the gates of a file: its first line is the key, each other line A, B, the tweak, T_G and T_E of a gate, in
// hexadecimal. Prints the cycle in which a gate is taken, "name in cycle", and in which it comes out, "name out cycle C".
// With stalls, gates come late and the engine is stopped now and then: cycles mean nothing then, values must stay.
module evaluator_bench #(
    parameter int HASHES = 2,
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
    logic         in_valid = 0;
    logic         in_ready;
    logic [127:0] a;
    logic [127:0] b;
    logic [63:0]  tweak;
    logic         out_valid;
    logic [127:0] tg;
    logic [127:0] te;
    logic [127:0] c;
    if (ITERATIVE != 0) begin : iterative
        evaluator_iterative #(.HASHES(HASHES)) dut (.*);
    end else begin : pipelined
        evaluator #(.HASHES(HASHES)) dut (.*);
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
        name = $sformatf("evaluator-%0d", HASHES);
        if (ITERATIVE != 0) name = {name, "-iterative"};
        if (STALLS != 0) name = {name, "-stalls"};
        if (!$value$plusargs("evaluator=%s", path)) $fatal(1, "+evaluator=FILE is missing");
        file = $fopen(path, "r");
        if (file == 0 || $fscanf(file, "%h", key) != 1) $fatal(1, "no key in the file");
    end

    always @(negedge clk) if (!rst) begin
        if (STALLS != 0) ce = $urandom_range(3) != 0;
        key_load = !started;
        started = 1;
        if (!in_valid || accepted) begin
            in_valid = 0;
            if (ended == 0 && ready && !key_load && (STALLS == 0 || $urandom_range(2) != 0)) begin
                fields = $fscanf(file, "%h %h %h %h %h", a, b, tweak, tg, te);
                in_valid = fields == 5;
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
            $display("%s out %0d %h", name, cycle, c);
        end
    end
endmodule
