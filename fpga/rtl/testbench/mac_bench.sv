// Drives one array with a file of what is at its inputs, a line a cycle, in hexadecimal: weight_write, weight_row, weight, in_valid,
// swap, first, last, pixel, x. Prints "name in cycle" for the first inputs and "name out cycle pixel sums" for each pixel's sums.
module mac_bench #(
    parameter int W = 32,
    parameter int TM = 4,
    parameter int TN = 4,
    parameter int PIXELS = 32
) (
    input  logic clk,
    input  logic rst,
    output logic finished
);
    logic                      ce = 1;
    logic                      weight_write = 0;
    logic [$clog2(TM+1)-1:0]   weight_row;
    logic [W*TN-1:0]           weight;
    logic                      in_valid = 0;
    logic                      swap;
    logic                      first;
    logic                      last;
    logic [$clog2(PIXELS)-1:0] pixel;
    logic [W*TN-1:0]           x;
    logic                      out_valid;
    logic [$clog2(PIXELS)-1:0] out_pixel;
    logic [W*TM-1:0]           out;
    mac_array #(.W(W), .TM(TM), .TN(TN), .PIXELS(PIXELS)) dut (.*);

    string path;
    string name;
    int    file;
    int    fields;
    int    cycle = 0;
    int    ended = 0; // cycles since the file's end
    logic  begun = 0;
    assign finished = ended > 100;

    initial begin
        name = $sformatf("array-%0d-%0dx%0d", W, TM, TN);
        if (!$value$plusargs("arrays=%s", path)) $fatal(1, "+arrays=DIRECTORY is missing");
        file = $fopen($sformatf("%s/%s", path, name), "r");
        if (file == 0) $fatal(1, "no file for %s", name);
    end

    always @(negedge clk) if (!rst) begin
        fields = $fscanf(file, "%h %h %h %h %h %h %h %h %h", weight_write, weight_row, weight, in_valid, swap, first, last, pixel, x);
        if (fields != 9) begin
            weight_write = 0;
            in_valid = 0;
            ended = ended + 1;
        end
    end

    always @(posedge clk) begin
        cycle <= cycle + 1;
        if (in_valid && !begun) begin
            begun <= 1;
            $display("%s in %0d", name, cycle);
        end
        if (out_valid) $display("%s out %0d %h %h", name, cycle, out_pixel, out);
    end
endmodule
