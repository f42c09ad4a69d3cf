// Clocks a testbench until it is finished: reset for the first cycles, which do not count.
#include "Vkernels_tb.h"
#include "verilated.h"

int main(int argc, char **argv) {
    VerilatedContext context;
    context.commandArgs(argc, argv);
    Vkernels_tb top{&context};
    const int reset_cycles = 4;
    for (int half = 0; !context.gotFinish(); half++) {
        top.rst = half < 2 * reset_cycles;
        top.clk = half & 1;
        top.eval();
        context.timeInc(1);
    }
    top.final();
}
