package target

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// Design is one party's accelerator: the kernels of fpga/hlslib with their sizes, on a board's memory. Its numbers are knobs: Knobs names
// them, With turns them.
//
// Areas and cycles of the garblers, the evaluators and the array that multiplies are those of fpga/rtl, held against synthesis and
// simulation. The other kernels have no hardware description here: theirs are estimates, made of the operators and memories that they
// consist of.
type Design struct {
	Ring     int     `json:"ring"`      // bits of a word: 32 or 64
	ClockMHz float64 `json:"clock_mhz"` // planned; whether it is met only the maker's tools can tell
	// PortBytes is what a kernel's memory port moves a cycle, MemoryBytes what the memory moves for all of them together.
	PortBytes   int     `json:"port_bytes"`
	MemoryBytes float64 `json:"memory_bytes_per_cycle"`
	// Chunk is the words of one of the two tile buffers that a streaming kernel (elementwise, pool, move) has for each operand. A lane is a
	// word of a port a cycle, so that lanes beyond a port's width wait for it.
	Chunk int `json:"chunk"`

	Conv        Conv      `json:"conv"`
	Depthwise   Depthwise `json:"depthwise"`
	Elementwise Stream    `json:"elementwise"`
	Pool        Stream    `json:"pool"`
	Move        Stream    `json:"move"` // of words: inside the memory, and to and from the link whatever an element is packed to
	Garble      Engines   `json:"garble"`
	Evaluate    Engines   `json:"evaluate"`
	OT          OTStep    `json:"ot"`
	Compare     Stream    `json:"compare"` // units for steps of comparisons by OT, a word of 64 instances a cycle each
}

// Conv is the kernel of dense convolutions and matrix products: a MACArray and its tile buffers, of each of which there are two.
type Conv struct {
	TM     int `json:"tm"`     // output channels of a tile
	TN     int `json:"tn"`     // input channels of a tap
	Pixels int `json:"pixels"` // of a tile, at most
	// Ports for the inputs: channel n of TN comes through port n % Ports.
	Ports int `json:"ports"`
	// Words of an input buffer (TN channels side by side) and of a weight buffer (TN weights side by side).
	InputWords  int `json:"input_words"`
	WeightWords int `json:"weight_words"`
	// Inputs and Weights are what these buffers are made of.
	Inputs  Storage `json:"inputs"`
	Weights Storage `json:"weights"`
}

// Storage is a kind of memory on the chip.
type Storage string

const (
	Block Storage = "bram"
	Ultra Storage = "uram"
)

// Depthwise is the kernel of convolutions with a channel a group: so many channels side by side.
type Depthwise struct {
	Lanes  int `json:"lanes"`
	Pixels int `json:"pixels"` // of a tile, at most
	// InputWords of one of the two input buffers.
	InputWords int `json:"input_words"`
}

// Stream is a streaming kernel that takes so many words a cycle.
type Stream struct {
	Lanes int `json:"lanes"`
}

// Engines are half-gates engines beside each other. The role is the kernel's.
type Engines struct {
	Core   Core `json:"core"`
	Hashes int  `json:"hashes"`
	Count  int  `json:"count"`
	// Slots is the labels that an engine holds of each of the 64 instances of a block: of wires still to be read.
	Slots int `json:"slots"`
	// Labels is what they are kept in, where Slots is more than 1.
	Labels Storage `json:"labels"`
}

// OTStep is the kernel of an OT extension's batches: AES that expands a SoftSpoken batch's leaves, a transposition, and units that hash
// OTs into pads. Core says how AES and units are built.
type OTStep struct {
	Core   Core `json:"core"`
	AES    int  `json:"aes"`
	Hashes int  `json:"hashes"`
}

// Kernel names a kernel of the accelerator.
type Kernel string

const (
	KernelConv        Kernel = "conv"
	KernelDepthwise   Kernel = "depthwise"
	KernelElementwise Kernel = "elementwise"
	KernelPool        Kernel = "pool"
	KernelGarble      Kernel = "garble"
	KernelEvaluate    Kernel = "evaluate"
	KernelOT          Kernel = "ot"
	KernelMove        Kernel = "move"
	KernelCompare     Kernel = "compare"
	KernelSend        Kernel = "send"
	KernelRecv        Kernel = "recv"
	KernelSequencer   Kernel = "sequencer"
)

// Kernels lists the kernels that commands name, in the order of their numbers in a command.
func Kernels() []Kernel {
	return []Kernel{KernelConv, KernelDepthwise, KernelElementwise, KernelPool, KernelGarble, KernelEvaluate, KernelOT, KernelMove, KernelCompare,
		KernelSend, KernelRecv}
}

// Has tells whether the design has a kernel. Those of which there may be none (depthwise convolutions, garbling, evaluating, OT and
// comparisons by OT) are left out by a knob of 0.
func (d Design) Has(k Kernel) bool {
	switch k {
	case KernelDepthwise:
		return d.Depthwise.Lanes > 0
	case KernelGarble:
		return d.Garble.Count > 0
	case KernelEvaluate:
		return d.Evaluate.Count > 0
	case KernelOT:
		return d.OT.AES > 0
	case KernelCompare:
		return d.Compare.Lanes > 0
	}
	return true
}

// Needs is a *KnobError if the design lacks a kernel, with the knob that brings it.
func (d Design) Needs(k Kernel) error {
	if d.Has(k) {
		return nil
	}
	knob := map[Kernel]string{KernelDepthwise: "depthwise.lanes", KernelGarble: "garble.count", KernelEvaluate: "evaluate.count", KernelOT: "ot.aes", KernelCompare: "compare.lanes"}[k]
	return &KnobError{fmt.Sprintf("kernel %s", k), knob, 0, 1}
}

// Array is the array of the convolution kernel.
func (d Design) Array() MACArray { return MACArray{d.Ring, d.Conv.TM, d.Conv.TN, d.Conv.Pixels} }

// Garbler and Evaluator are the engines of which there are Garble.Count and Evaluate.Count.
func (d Design) Garbler() HalfGates   { return HalfGates{Garble, d.Garble.Core, d.Garble.Hashes} }
func (d Design) Evaluator() HalfGates { return HalfGates{Evaluate, d.Evaluate.Core, d.Evaluate.Hashes} }

// Limits of a design that no board has a say in.
const (
	// MostUnrolled is how many elements a tool unrolls a loop or partitions an array into (Vitis HLS; hls4ml#1013 is what happens beyond).
	MostUnrolled = 4096
	// MostBuffer is the most words of a tile buffer: more than any board's memory holds.
	MostBuffer = 1 << 24
	// WordBlock is what ranges of elements begin at a multiple of, for the sake of packed bits.
	WordBlock = 64
	// MostOTAES is how many leaves of an OT extension are expanded side by side at most: all of a tree.
	MostOTAES = 16
	// MostCompareLanes is how many units the kernel of comparisons has ports for.
	MostCompareLanes = 4
)

// Check refuses what cannot be built whatever the board.
func (d Design) Check() error {
	errs := []error{d.Array().Check()}
	if d.Has(KernelGarble) {
		errs = append(errs, d.Garbler().Check())
	}
	if d.Has(KernelEvaluate) {
		errs = append(errs, d.Evaluator().Check())
	}
	for _, k := range knobs {
		errs = append(errs, k.check(*k.of(&d)))
	}
	if !(d.ClockMHz > 0) || !(d.MemoryBytes > 0) {
		errs = append(errs, fmt.Errorf("clock_mhz is %v and memory_bytes_per_cycle %v: accepted are positive numbers", d.ClockMHz, d.MemoryBytes))
	}
	errs = append(errs, oneOf("conv.inputs", d.Conv.Inputs, Block, Ultra), oneOf("conv.weights", d.Conv.Weights, Block, Ultra),
		oneOf("ot.core", d.OT.Core, Pipelined, Iterative),
		oneOf("garble.labels", d.Garble.Labels, Block, Ultra), oneOf("evaluate.labels", d.Evaluate.Labels, Block, Ultra), d.checkShapes())
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("design: %w", err)
	}
	return nil
}

// checkShapes holds sizes against each other.
func (d Design) checkShapes() error {
	var errs []error
	if n := d.Conv.TM * d.Conv.TN; n > MostUnrolled {
		errs = append(errs, fmt.Errorf("conv.tm x conv.tn are %d unrolled products: accepted are %d at most", n, MostUnrolled))
	}
	if d.Conv.InputWords < d.Conv.TN {
		errs = append(errs, fmt.Errorf("conv.input_words is %d: accepted are conv.tn, %d, and more", d.Conv.InputWords, d.Conv.TN))
	}
	if d.Conv.WeightWords < d.Conv.TN*d.Conv.TM {
		errs = append(errs, fmt.Errorf("conv.weight_words is %d: accepted are conv.tn x conv.tm, %d, and more", d.Conv.WeightWords, d.Conv.TN*d.Conv.TM))
	}
	if d.Depthwise.InputWords < d.Depthwise.Lanes {
		errs = append(errs, fmt.Errorf("depthwise.input_words is %d: accepted are depthwise.lanes, %d, and more", d.Depthwise.InputWords, d.Depthwise.Lanes))
	}
	if d.PortBytes < d.Ring/8 {
		errs = append(errs, fmt.Errorf("port_bytes is %d: accepted are a word, %d, and more", d.PortBytes, d.Ring/8))
	}
	if d.Chunk < d.Elementwise.Lanes || d.Chunk < d.Pool.Lanes || d.Chunk < d.Move.Lanes {
		errs = append(errs, fmt.Errorf("chunk is %d: accepted are the lanes of elementwise, pool and move, %d, %d and %d, and more", d.Chunk, d.Elementwise.Lanes, d.Pool.Lanes, d.Move.Lanes))
	}
	return errors.Join(errs...)
}

// knob is a number of a design that may be turned.
type knob struct {
	name        string
	of          func(*Design) *int
	least, most int
	values      progression
}

// progression is which values from the least to the most a knob may have.
type progression uint8

const (
	every  progression = iota
	powers             // of two
)

func (k knob) check(v int) error {
	if v < k.least || v > k.most {
		return fmt.Errorf("%s is %d: accepted are %d to %d", k.name, v, k.least, k.most)
	}
	if k.values == powers && v > 0 && bits.OnesCount(uint(v)) != 1 {
		return fmt.Errorf("%s is %d: accepted are powers of two", k.name, v)
	}
	return nil
}

// mostPixels of a tile: as many as a command can say.
const mostPixels = 1 << 16

// knobs are all numbers that a design is made of, but for its ring, clock and memory.
var knobs = []knob{
	{"conv.tm", func(d *Design) *int { return &d.Conv.TM }, 1, MostUnrolled, every},
	{"conv.tn", func(d *Design) *int { return &d.Conv.TN }, 1, MostUnrolled, every},
	{"conv.pixels", func(d *Design) *int { return &d.Conv.Pixels }, MinPixels, mostPixels, every},
	{"conv.ports", func(d *Design) *int { return &d.Conv.Ports }, 1, 8, powers},
	{"conv.input_words", func(d *Design) *int { return &d.Conv.InputWords }, 1, MostBuffer, every},
	{"conv.weight_words", func(d *Design) *int { return &d.Conv.WeightWords }, 1, MostBuffer, every},
	{"depthwise.lanes", func(d *Design) *int { return &d.Depthwise.Lanes }, 0, MostUnrolled, powers},
	{"depthwise.pixels", func(d *Design) *int { return &d.Depthwise.Pixels }, MinPixels, mostPixels, every},
	{"depthwise.input_words", func(d *Design) *int { return &d.Depthwise.InputWords }, 1, MostBuffer, every},
	{"elementwise.lanes", func(d *Design) *int { return &d.Elementwise.Lanes }, 1, WordBlock, powers},
	{"pool.lanes", func(d *Design) *int { return &d.Pool.Lanes }, 1, WordBlock, powers},
	{"move.lanes", func(d *Design) *int { return &d.Move.Lanes }, 1, WordBlock, powers},
	{"chunk", func(d *Design) *int { return &d.Chunk }, WordBlock, 1 << 20, powers},
	{"garble.hashes", func(d *Design) *int { return &d.Garble.Hashes }, 1, GarbledHashes, powers},
	{"garble.count", func(d *Design) *int { return &d.Garble.Count }, 0, 64, every},
	{"garble.slots", func(d *Design) *int { return &d.Garble.Slots }, 1, 1 << 12, powers},
	{"evaluate.hashes", func(d *Design) *int { return &d.Evaluate.Hashes }, 1, EvaluatedHashes, powers},
	{"evaluate.count", func(d *Design) *int { return &d.Evaluate.Count }, 0, 64, every},
	{"evaluate.slots", func(d *Design) *int { return &d.Evaluate.Slots }, 1, 1 << 12, powers},
	{"ot.aes", func(d *Design) *int { return &d.OT.AES }, 0, MostOTAES, powers},
	{"ot.hashes", func(d *Design) *int { return &d.OT.Hashes }, 1, 64, every},
	{"compare.lanes", func(d *Design) *int { return &d.Compare.Lanes }, 0, MostCompareLanes, powers},
	{"port_bytes", func(d *Design) *int { return &d.PortBytes }, 4, 64, powers},
}

// Setting is a knob and a value for it.
type Setting struct {
	Knob  string `json:"knob"`
	Value int    `json:"value"`
}

func (s Setting) String() string { return fmt.Sprintf("%s=%d", s.Knob, s.Value) }

// Knobs names the knobs of a design with their values.
func (d Design) Knobs() []Setting {
	var all []Setting
	for _, k := range knobs {
		all = append(all, Setting{k.name, *k.of(&d)})
	}
	return all
}

// With is the design with knobs turned, checked.
func (d Design) With(settings ...Setting) (Design, error) {
	for _, s := range settings {
		i := slices.IndexFunc(knobs, func(k knob) bool { return k.name == s.Knob })
		if i < 0 {
			return d, fmt.Errorf("design: no knob is called %q: accepted are %s", s.Knob, strings.Join(knobNames(), ", "))
		}
		*knobs[i].of(&d) = s.Value
	}
	return d, d.Check()
}

func knobNames() []string {
	var names []string
	for _, k := range knobs {
		names = append(names, k.name)
	}
	return names
}
