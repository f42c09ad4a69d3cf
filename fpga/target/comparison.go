package target

import "fmt"

// Comparison is an engine with the loop of fpga/rtl that makes whole comparisons of it: the carry out of x + y, an AND a bit, on blocks of
// Lanes instances as the runtime tweaks them. The three XORs of a bit are wired beside the engine and take no cycle.
type Comparison struct {
	Engine HalfGates
	Bits   int // ANDs of an instance: one less than those of the numbers compared
}

// Lanes are the instances of a block, which also gives the engine time: a bit of an instance comes so many gates after the one before.
const Lanes = 64

// Check refuses what fpga/rtl cannot make.
func (c Comparison) Check() error {
	if c.Bits < 2 {
		return fmt.Errorf("target: comparison of %d bits: at least 2 are accepted", c.Bits)
	}
	return c.Engine.Check()
}

// Module names the comparison's module in fpga/rtl.
func (c Comparison) Module() string { return "comparison_" + string(c.Engine.Role) }

// Cycles are those of so many instances, from the first's labels to the last's result: incomplete blocks take as long as complete ones.
func (c Comparison) Cycles(instances int) int {
	return c.Engine.Cycles(c.Bits * Lanes * ceil(instances, Lanes))
}

// Area is that of the engine and of the loop: a label a lane in distributed memory, of seven bits a RAM64M8 of eight LUTs, once for the gates
// that begin and once for those that end; three XORs; the tweak; and what counts lanes and bits, the lanes' registers twice.
func (c Comparison) Area() Area {
	const perMemory, memoryLUTs = 7, 8
	return Sum(c.Engine.Area(), Luts(2*memoryLUTs*ceil(LabelBits, perMemory)), Xor(LabelBits).Times(3), Adder(64), Luts(28),
		Registers(64+2*2*log2(Lanes)+2*log2(c.Bits)+2))
}
