package target

import (
	"fmt"
	"slices"
)

// Half-gates engines of fpga/rtl: an AND gate of one instance at a time, XOR gates being free. The hash of the runtime (TMMO, runtime/prg)
// is two AES-128 one after the other under a key that stays, so that an AND is eight AES garbling and four evaluating.
const (
	GarbledHashes   = 4 // hashes of an AND for the garbler: both labels of both operands
	EvaluatedHashes = 2 // for the evaluator: the active label of both

	aesRoundCount = 10
	aesCycles     = 1 + aesRoundCount // the first AddRoundKey and the rounds, each a register
	hashSteps     = 2 * aesCycles     // what an iterative hash unit is busy for
	hashDelay     = 2*aesCycles + 1   // of a pipelined one: the sum of both AES has a register too
	KeyCycles     = 11                // from a new hash key to the first gate
	LabelBits     = 128               // of a wire
	TableBits     = 2 * LabelBits     // that the garbler gives, or the evaluator takes, with an AND
	GateBits      = 2*LabelBits + 64  // that enter with an AND: operands and tweak
)

// Role is what an engine does.
type Role string

const (
	Garble   Role = "garbler"
	Evaluate Role = "evaluator"
)

// Core is how a hash unit is built.
type Core string

const (
	Pipelined Core = "pipelined" // two AES of ten rounds each in hardware: a hash a cycle
	Iterative Core = "iterative" // one round in hardware: a hash every 22 cycles
)

// HalfGates is an engine: of a role, from so many hash units of a kind. One that serves a link of 1 GbE (3.9e6 ANDs a second) at 200
// MHz is {Garble, Iterative, 2}, one for 10 GbE {Garble, Pipelined, 1}, one for 100 GbE {Garble, Pipelined, 4} and a second beside it.
type HalfGates struct {
	Role   Role
	Core   Core
	Hashes int
}

// HalfGatesEngines lists all engines there are, the largest of each role and core first.
func HalfGatesEngines() []HalfGates {
	var all []HalfGates
	for _, r := range []Role{Garble, Evaluate} {
		for _, c := range []Core{Pipelined, Iterative} {
			for h := r.hashes(); h > 0; h /= 2 {
				all = append(all, HalfGates{r, c, h})
			}
		}
	}
	return all
}

// hashes of an AND.
func (r Role) hashes() int {
	if r == Garble {
		return GarbledHashes
	}
	return EvaluatedHashes
}

// Check refuses an engine that fpga/rtl does not have.
func (e HalfGates) Check() error {
	if !slices.Contains(HalfGatesEngines(), e) {
		return fmt.Errorf("target: %s %s of %d hash units: accepted are %v", e.Core, e.Role, e.Hashes, HalfGatesEngines())
	}
	return nil
}

// Module names the engine's module in fpga/rtl.
func (e HalfGates) Module() string {
	if e.Core == Iterative {
		return string(e.Role) + "_iterative"
	}
	return string(e.Role)
}

// steps are the hashes of an AND that each unit makes, one after the other.
func (e HalfGates) steps() int { return e.Role.hashes() / e.Hashes }

// Rounds is how many rounds of AES there are in hardware.
func (e HalfGates) Rounds() int {
	if e.Core == Iterative {
		return e.Hashes
	}
	return e.Hashes * 2 * aesRoundCount
}

// Interval is the cycles from one AND to the next.
func (e HalfGates) Interval() int {
	if e.Core == Iterative {
		return hashSteps * e.steps()
	}
	return e.steps()
}

// Latency is the cycles from an AND's operands to its results: after so many a gate that reads them may begin.
func (e HalfGates) Latency() int {
	if e.Core == Iterative {
		return e.Interval() + 1
	}
	return hashDelay + e.Interval()
}

// LabelInterval is the cycles from a label to the next that a garbler generates of its seed, by an AES of its own.
func (e HalfGates) LabelInterval() int {
	if e.Core == Iterative {
		return aesCycles
	}
	return 1
}

// LabelCycles are those of n labels, from the first's number to the last one.
func (e HalfGates) LabelCycles(n int) int {
	if n <= 0 {
		return 0
	}
	return (n-1)*e.LabelInterval() + aesCycles
}

// Cycles are those of n ANDs that do not wait for each other, from the first's operands to the last's results.
func (e HalfGates) Cycles(n int) int {
	if n <= 0 {
		return 0
	}
	return (n-1)*e.Interval() + e.Latency()
}

// Parts of the engines: a LUT makes a bit of anything of up to six inputs.
var (
	sbox      = Luts(8 * 4)    // four LUTs and wide multiplexers an output bit
	subShift  = sbox.Times(16) // a block's
	mixColumn = Luts(32 + 4*3) // with AddRoundKey: a bit of six inputs, and three of a byte with two more
	aesRound  = Sum(subShift, mixColumn.Times(4), Registers(128))
	aesLast   = Sum(subShift, Luts(128), Registers(128))
	aesRounds = Sum(aesRound.Times(9), aesLast)
	keyStep   = Sum(sbox.Times(4), Luts(128))

	// A pipelined hash adds two AddRoundKeys and the sum of both AES, and delays the first.
	hashPiped = Sum(aesRounds.Times(2), Luts(3*128), Registers(3*128), DelayLine(128, aesCycles))
	// An iterative one chooses between two ways to its next state, and keeps the first AES's result.
	hashSingle = Sum(subShift, mixColumn.Times(4), Luts(3*128), Registers(2*128))

	// All round keys in registers, made by steps that shift them along; 9 LUTs and 13 registers count.
	keyRegisters = Sum(keyStep, Luts(128+9), Registers(11*128+13))
	// All round keys in distributed memory, 14 bits of up to 32 words a RAM32M16 of eight LUTs, and the one that is stored next; 6
	// LUTs and 14 registers count.
	keyMemory = Sum(keyStep, Luts(128+6+8*ceil(128, 14)), Registers(128+14))
	// sequencer counts the steps of iterative hashes.
	sequencer = Sum(Luts(10), Registers(6))
)

// LabelGenerator is the AES that makes a garbler's labels, with the keys of its seed.
func (e HalfGates) LabelGenerator() Area {
	if e.Core == Iterative {
		return Sum(subShift, mixColumn.Times(4), Luts(128), Registers(128), keyMemory)
	}
	return Sum(aesRounds, keyRegisters)
}

// AESPipeline is the ten rounds of AES-128, a block a cycle, under round keys kept elsewhere.
func AESPipeline() Area { return aesRounds }

// Area is what the engine takes, key schedule included.
func (e HalfGates) Area() Area {
	own := e.garbler
	if e.Role == Evaluate {
		own = e.evaluator
	}
	if e.Core == Iterative {
		return Sum(keyMemory, hashSingle.Times(e.Hashes), Luts(128*e.Hashes), sequencer, own())
	}
	return Sum(keyRegisters, hashPiped.Times(e.Hashes), Registers(hashDelay), e.tweaks(), own())
}

// tweaks delays a pipelined engine's to where they enter, and adds 64 where they are an operand B's.
func (e HalfGates) tweaks() Area {
	if e.steps() == 1 {
		return Sum(DelayLine(64, aesCycles-1), Registers(2*64-6)) // the six lowest bits of both are the same
	}
	return Sum(DelayLine(64+1, aesCycles-1), Adder(64), Registers(64))
}

// garbler is what garbles beside the hashes: sums to two ciphertexts and a label, and
//   - pipelined: what delays A0 and a bit of B0, and in several steps the operands kept
//   - iterative: the operands kept, and an adder for the tweak.
func (e HalfGates) garbler() Area {
	sums := map[int]int{1: 4, 2: 7, 4: 6}[e.Hashes] // LUTs a bit: less where a step has hashes of both operands
	a := Sum(Luts(sums*128), Registers(3*128+1))
	switch {
	case e.Core == Iterative && e.steps() == 1: // of B0 a bit alone is kept
		return Sum(a, Adder(64), Luts(128), Registers(GateBits-127+2))
	case e.Core == Iterative:
		return Sum(a, Adder(64), Luts(128), Registers(GateBits+2))
	case e.steps() == 1:
		return Sum(a, DelayLine(128+3, hashDelay), Luts(2*128))
	}
	return Sum(a, DelayLine(128+3, hashDelay), Luts(GateBits+128*e.Hashes), Registers(GateBits+2))
}

// evaluator is the same for evaluating, where what the colours choose of the tables is one block.
func (e HalfGates) evaluator() Area {
	a := Sum(Luts(2*128), Registers(128+1))
	switch {
	case e.Core == Iterative && e.steps() == 1:
		return Sum(a, Adder(64), Registers(64+128))
	case e.Core == Iterative:
		return Sum(a, Adder(64), Registers(64+2*128+1))
	case e.steps() == 1:
		return Sum(a, DelayLine(128+1, hashDelay))
	}
	return Sum(a, DelayLine(128+1, hashDelay), Luts(GateBits+2*128), Registers(GateBits+128+2))
}
