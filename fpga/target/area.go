// Package target knows what the accelerator's kernels take of a board and how many cycles they need, by formulas that the tests of
// fpga/rtl hold against synthesis and simulation of the hardware itself.
//
// The areas are those of yosys (synth_xilinx -family xcup), which stops before place and route: a vendor's tool packs two small LUTs
// into one and registers into DSPs, so its counts are lower; its frequency is not known here.
package target

// Area is what something takes of an UltraScale+ device. LUTs include those that are shift registers or memory.
type Area struct {
	LUT, FF, DSP int
	BRAM18       int // halves of a block memory of 36 Kbit
	URAM         int
}

// BRAM36 is how many block memories of 36 Kbit hold the halves.
func (a Area) BRAM36() int { return (a.BRAM18 + 1) / 2 }

// Add is both areas together.
func (a Area) Add(b Area) Area {
	return Area{a.LUT + b.LUT, a.FF + b.FF, a.DSP + b.DSP, a.BRAM18 + b.BRAM18, a.URAM + b.URAM}
}

// Times is n of them.
func (a Area) Times(n int) Area {
	return Area{n * a.LUT, n * a.FF, n * a.DSP, n * a.BRAM18, n * a.URAM}
}

// Sum is the areas together.
func Sum(areas ...Area) Area {
	var s Area
	for _, a := range areas {
		s = s.Add(a)
	}
	return s
}

// Luts and Registers are areas of one kind.
func Luts(n int) Area      { return Area{LUT: n} }
func Registers(n int) Area { return Area{FF: n} }
