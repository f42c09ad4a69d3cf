package program

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"sotto/ir/cost"
)

// Regions: the stretches of a program between two communications that a library of native kernels computes in place of the
// machine. A region stands for consecutive instructions of the computations of one level. It is a list of stages that run one
// after the other; each is a function of the library
//
//	void stage(void **args, int64_t lo, int64_t hi)
//
// that does units lo to hi-1 of its work. Units are independent, so that a stage is split over the cores; all of a stage is done
// before the next one begins. What the arguments point to is listed with the stage.
//
// After its region every buffer that an instruction of it writes, and that anything later reads before it is written again, holds
// what the instruction would have left there. Others hold anything.

// Native describes a library of kernels for one party's program. It is a file beside the library.
type Native struct {
	Version  int        `json:"version"`
	Pair     string     `json:"program"` // hash of the pair of programs
	Party    cost.Party `json:"party"`
	Target   string     `json:"target"` // what the kernels are specialised to
	Triple   string     `json:"triple"`
	Features []string   `json:"features"` // of the processor, without which the library must not be loaded
	Compiler string     `json:"compiler"`
	Library  string     `json:"sha256"` // of the library's file

	Panels  []Panels `json:"panels"`
	Shared  int      `json:"shared_bytes"` // scratch memory of a machine
	Worker  int      `json:"worker_bytes"` // scratch memory of each of its workers
	Regions []Region `json:"regions"`
}

// Panels are weights in the order in which a kernel reads them: see kernel.Panels.
type Panels struct {
	Weight int `json:"weight"` // index in Program.Weights
	Groups int `json:"groups"`
	Out    int `json:"out"` // channels of a group
	Depth  int `json:"depth"`
	Width  int `json:"width"`
}

// Region stands for the instructions First to First+Count-1 of the computations of an online level.
type Region struct {
	Level  int     `json:"level"`
	First  int     `json:"first"`
	Count  int     `json:"count"`
	Stages []Stage `json:"stages"`
}

// Stage is one function over Units units of work, of which a worker takes at least Grain at a time. Its time is layer Tag's.
type Stage struct {
	Symbol string `json:"symbol"`
	Tag    int    `json:"layer"`
	Units  int    `json:"units"`
	Grain  int    `json:"grain"`
	Args   []Arg  `json:"args"`
}

// Elementwise tells whether element i of an instruction's result comes of elements i of its arguments, and perhaps of a weight of the
// element's channel, alone: a run of such instructions of one length is one pass over memory.
func (in Instr) Elementwise() bool {
	switch in.Op {
	case Add, Sub, MulC, AddC, Copy, Shift, TruncChoose, TruncCorrelate, TruncReceive, TruncSend, SquareClient, SquareServer, SquareOpened,
		QuadraticBlind, QuadraticClient, QuadraticServer, RoundedShare, RoundedCorrelate, RoundedClient, RoundedServer:
		return true
	case Conv: // a factor for each channel
		c := Geometry(in.Ints[2:])
		return c.Groups == c.InC && c.OutC == c.InC && c.Depth() == 1 && c.StrideH == 1 && c.StrideW == 1 && c.PadH == 0 && c.PadW == 0
	}
	return false
}

// ArgKind says what an argument of a stage points to.
type ArgKind string

const (
	BufferArg ArgKind = "buffer" // a buffer of the program
	WeightArg ArgKind = "weight" // a weight, as the program has it
	PanelsArg ArgKind = "panels" // a weight in panels
	SharedArg ArgKind = "shared" // scratch memory that stages hand on, from byte Index
	WorkerArg ArgKind = "worker" // scratch memory that is this worker's alone
)

// Arg is one argument.
type Arg struct {
	Kind  ArgKind `json:"kind"`
	Index int     `json:"index"`
}

// NativeVersion of the description and of what a stage may expect.
const NativeVersion = 1

// ParseNative reads a description and checks it against the program that it is for.
func ParseNative(text []byte, p *Program) (*Native, error) {
	n := new(Native)
	if err := json.Unmarshal(text, n); err != nil {
		return nil, err
	}
	return n, n.Check(p)
}

// Check refuses a description that is not of this program, or that names what the program does not have. What the functions do
// with their arguments cannot be checked: the library is trusted as the rest of the bundle is.
func (n *Native) Check(p *Program) error {
	switch {
	case n.Version != NativeVersion:
		return fmt.Errorf("native kernels of version %d, accepted is %d: compile again", n.Version, NativeVersion)
	case n.Pair != p.Pair.String() || n.Party != p.Party:
		return errors.New("the native kernels are of another program: compile again")
	case min(n.Shared, n.Worker) < 0 || int64(max(n.Shared, n.Worker)) > maxMemory/2:
		return fmt.Errorf("scratch memory of %d and %d bytes", n.Shared, n.Worker)
	}
	for _, w := range n.Panels {
		if err := w.check(p); err != nil {
			return err
		}
	}
	last := Region{Level: -1}
	for _, r := range n.Regions {
		if cmp.Or(cmp.Compare(last.Level, r.Level), cmp.Compare(last.First+last.Count, r.First+1)) >= 0 {
			return fmt.Errorf("region %d of level %d does not follow the one before", r.First, r.Level)
		}
		if err := n.checkRegion(p, r); err != nil {
			return fmt.Errorf("region %d of level %d: %w", r.First, r.Level, err)
		}
		last = r
	}
	return nil
}

// maxPanel is more channels than a panel has on any machine.
const maxPanel = 1 << 10

func (w Panels) check(p *Program) error {
	wrong := fmt.Errorf("panels %+v of a weight that is not so large", w)
	if w.Weight < 0 || w.Weight >= len(p.Weights) || min(w.Groups, w.Out, w.Depth, w.Width) < 1 || w.Width > maxPanel {
		return wrong
	}
	rest := p.Weights[w.Weight].Len
	for _, n := range []int{w.Groups, w.Out, w.Depth} { // by division: their product may be any number
		if rest%n != 0 {
			return wrong
		}
		rest /= n
	}
	if rest != 1 {
		return wrong
	}
	return nil
}

func (n *Native) checkRegion(p *Program, r Region) error {
	if r.Level < 0 || r.Level >= len(p.Online) || r.First < 0 || r.Count < 1 || r.Count > len(p.Online[r.Level].Compute)-r.First {
		return fmt.Errorf("%d instructions that the program does not have", r.Count)
	}
	for _, in := range p.Online[r.Level].Compute[r.First : r.First+r.Count] {
		if in.Local() {
			return fmt.Errorf("%s in a region", in.Op)
		}
	}
	for _, s := range r.Stages {
		if s.Symbol == "" || s.Units < 0 || s.Grain < 1 || s.Tag < 0 || s.Tag >= len(p.Layers) {
			return fmt.Errorf("stage %q of %d units", s.Symbol, s.Units)
		}
		if i := slices.IndexFunc(s.Args, func(a Arg) bool { return !n.has(p, a) }); i >= 0 {
			return fmt.Errorf("stage %s: no %s %d", s.Symbol, s.Args[i].Kind, s.Args[i].Index)
		}
	}
	return nil
}

// has tells whether there is what an argument points to.
func (n *Native) has(p *Program, a Arg) bool {
	most, known := map[ArgKind]int{BufferArg: len(p.Buffers), WeightArg: len(p.Weights), PanelsArg: len(n.Panels), SharedArg: n.Shared, WorkerArg: 1}[a.Kind]
	return known && a.Index >= 0 && a.Index < most
}
