// All kernels beside each other: engines with the gates of +garbler=FILE or +evaluator=FILE, comparisons and arrays with the files of
// their names in +comparisons=DIRECTORY and +arrays=DIRECTORY. Ends when all have ended.
module kernels_tb (
    input logic clk,
    input logic rst
);
    localparam int KERNELS = 18;
    wire [KERNELS-1:0] finished;

    garbler_bench #(.HASHES(4)) garbler4 (.clk(clk), .rst(rst), .finished(finished[0]));
    garbler_bench #(.HASHES(2)) garbler2 (.clk(clk), .rst(rst), .finished(finished[1]));
    garbler_bench #(.HASHES(1)) garbler1 (.clk(clk), .rst(rst), .finished(finished[2]));
    garbler_bench #(.HASHES(4), .ITERATIVE(1)) iterative4 (.clk(clk), .rst(rst), .finished(finished[3]));
    garbler_bench #(.HASHES(2), .ITERATIVE(1)) iterative2 (.clk(clk), .rst(rst), .finished(finished[4]));
    garbler_bench #(.HASHES(1), .ITERATIVE(1)) iterative1 (.clk(clk), .rst(rst), .finished(finished[5]));
    garbler_bench #(.HASHES(2), .STALLS(1)) stalled (.clk(clk), .rst(rst), .finished(finished[6]));
    garbler_bench #(.HASHES(2), .ITERATIVE(1), .STALLS(1)) stalled_iterative (.clk(clk), .rst(rst), .finished(finished[7]));

    evaluator_bench #(.HASHES(2)) evaluator2 (.clk(clk), .rst(rst), .finished(finished[8]));
    evaluator_bench #(.HASHES(1)) evaluator1 (.clk(clk), .rst(rst), .finished(finished[9]));
    evaluator_bench #(.HASHES(2), .ITERATIVE(1)) evaluating2 (.clk(clk), .rst(rst), .finished(finished[10]));
    evaluator_bench #(.HASHES(1), .ITERATIVE(1)) evaluating1 (.clk(clk), .rst(rst), .finished(finished[11]));
    evaluator_bench #(.HASHES(1), .STALLS(1)) stalled_evaluator (.clk(clk), .rst(rst), .finished(finished[12]));

    comparison_bench #(.HASHES(2)) comparison2 (.clk(clk), .rst(rst), .finished(finished[16]));
    comparison_bench #(.HASHES(1), .ITERATIVE(1), .BITS(3)) comparing1 (.clk(clk), .rst(rst), .finished(finished[17]));

    mac_bench #(.W(32), .TM(4), .TN(4)) array32 (.clk(clk), .rst(rst), .finished(finished[13]));
    mac_bench #(.W(64), .TM(3), .TN(5)) array64 (.clk(clk), .rst(rst), .finished(finished[14]));
    mac_bench #(.W(64), .TM(6), .TN(1)) column64 (.clk(clk), .rst(rst), .finished(finished[15]));

    always @(posedge clk) if (&finished) $finish;
endmodule
