package lower

// A chain is one command for elementwise steps that follow one another on the same elements: each operand is read once, each result that
// another command needs is written once, and what lies between two steps stays in the kernel.

// What a chain may have: the hardware's ports and buffers, which fpga/hlslib/command.hpp has too.
const (
	ChainSteps      = 6
	ChainVectors    = 5 // operands that are vectors
	ChainPlanes     = 4 // operands that are bits
	ChainResults    = 3 // results that are vectors
	ChainBitResults = 1
	ChainFactors    = WeightRefs // of channels of one size
	ChainKept       = 2          // vectors kept between steps, and one of bits
	ChainHead       = 2          // ints before those of the steps
	ChainStepInts   = 5
	ChainFirstKept  = 8 // of sources, behind the command's operands
)

// ChainStep is a step of a chain.
type ChainStep struct {
	Operation Operation
	// Numbers are what a truncation drops or a sign's width, and k; of OpMulC and OpAddC the halves of the constant, the low one first.
	Numbers [2]int32
	// Sources are where its operands are: of the command's, of the vectors kept, from ChainFirstKept on, or the bits kept, behind these.
	Sources []int
	// Result is which of the command's results it makes, Kept what it is kept as, as sources count, Factor which weight it takes; -1: none.
	Result, Kept, Factor int
}

// Chain is the ints of an OpChain:
//
//	ints[0]    how many steps; from bit 8 on which operands are bits, from bit 16 on which results
//	ints[1]    the elements of a channel, of those that take factors
//	ints[2..]  each step's five: operation; numbers; sources, four bits each; result+1, from bit 3 on kept+1, from bit 5 on factor+1
type Chain struct {
	Bits, ResultBits uint8 // bit i: operand or result i is bits
	Size             int
	Steps            []ChainStep
}

// SetChain writes a chain's ints.
func (c *Command) SetChain(chain Chain) {
	c.Ints[0] = int32(len(chain.Steps)) | int32(chain.Bits)<<8 | int32(chain.ResultBits)<<16
	c.Ints[1] = int32(chain.Size)
	for i, s := range chain.Steps {
		ints := c.Ints[ChainHead+ChainStepInts*i:]
		var sources uint32
		for j, from := range s.Sources {
			sources |= uint32(from) << (4 * j)
		}
		kept := 0
		if s.Kept >= 0 {
			kept = s.Kept - ChainFirstKept + 1
		}
		ints[0], ints[1], ints[2], ints[3] = int32(s.Operation), s.Numbers[0], s.Numbers[1], int32(sources)
		ints[4] = int32(s.Result+1) | int32(kept)<<3 | int32(s.Factor+1)<<5
	}
}
