package hls

import (
	"math"

	"sotto/fpga/hlslib"
	"sotto/fpga/lower"
	"sotto/fpga/report"
	"sotto/fpga/sim"
	"sotto/fpga/target"
	"sotto/ir/cost"
)

// ConfigFile is the file of a folder that says what it is.
const ConfigFile = "config.json"

// ConfigVersion is the version of the formats of config.json and schedule.json: see docs/FPGA.md.
const ConfigVersion = 1

// Config is config.json.
type Config struct {
	Sotto    int             `json:"sotto"`
	Kind     string          `json:"kind"` // ConfigKind
	Net      string          `json:"net"`
	Program  string          `json:"program_hash"`
	Deploy   cost.Deployment `json:"deploy"`
	Source   cost.Source     `json:"offline_source"`
	Phase    string          `json:"phase"`
	Ring     int             `json:"ring"`      // bits
	ClockMHz float64         `json:"clock_mhz"` // estimate
	Tool     string          `json:"tool"`      // the version of Vitis that build files are for
	Board    BoardConfig     `json:"board"`     // of each party
	Link     LinkConfig      `json:"link"`
	Design   target.Design   `json:"design"`
	// Constants are what the kernels are instantiated with, by name, as src/config.hpp has them.
	Constants hlslib.Config     `json:"constants"`
	Kernels   []KernelConfig    `json:"kernels"`
	Area      Resources         `json:"area"` // estimate: of all kernels
	Usable    Resources         `json:"usable"`
	Used      Shares            `json:"utilisation"` // of usable
	Parties   [2]PartyConfig    `json:"parties"`
	Latency   LatencyConfig     `json:"latency"`
	Rates     []Rate            `json:"rates,omitempty"` // estimate: of engines of garbled circuits and OT extensions
	Checked   map[string]string `json:"checked"`         // what, and by what
	Estimates map[string]string `json:"estimate"`        // what, and of what
}

// ConfigKind is a folder of this package.
const ConfigKind = "fpga"

// BoardConfig names the board.
type BoardConfig struct {
	Name  string  `json:"name"`
	Title string  `json:"title"`
	Part  string  `json:"part"`
	Watts float64 `json:"watts"` // estimate
}

// LinkConfig is the link between the boards.
type LinkConfig struct {
	BitsPerSecond float64 `json:"bits_per_second"` // each way
	OneWayUS      float64 `json:"one_way_us"`
	// HoldsBytes is what the network must hold of each direction, on its way or arrived and not received yet: with less the boards may wait
	// for each other without end.
	HoldsBytes int64 `json:"holds_bytes"`
}

// Resources of a chip.
type Resources struct {
	LUT    int     `json:"lut"`
	FF     int     `json:"ff"`
	DSP    int     `json:"dsp"`
	BRAM36 float64 `json:"bram36"`
	URAM   int     `json:"uram"`
}

// Shares of resources, 1 being all.
type Shares struct {
	LUT  float64 `json:"lut"`
	FF   float64 `json:"ff"`
	DSP  float64 `json:"dsp"`
	BRAM float64 `json:"bram"`
	URAM float64 `json:"uram"`
}

// KernelConfig is one kernel.
type KernelConfig struct {
	Name   string    `json:"name"`
	Top    string    `json:"top"`
	Source string    `json:"source"`
	Area   Resources `json:"area"` // estimate
}

// PartyConfig is what a board holds and runs.
type PartyConfig struct {
	Party     string         `json:"party"`
	RingWords int            `json:"ring_words"` // of Ring bits
	BitsWords int            `json:"bits_words"` // of 64 bits
	Bytes     int64          `json:"memory_bytes"`
	Commands  map[string]int `json:"commands"` // by kernel
	Parts     []int          `json:"parts"`    // where the commands of each phase end
	// Input and Output are where this party's parts lie, in RING: absent where it has none.
	Input  *Region `json:"input,omitempty"`
	Output *Region `json:"output,omitempty"`
}

// Region is words of a memory.
type Region struct {
	Space   lower.Space `json:"space"`
	Address uint32      `json:"address"`
	Words   int         `json:"words"`
}

// LatencyConfig is the phase of one inference, or both.
type LatencyConfig struct {
	Cycles int64 `json:"cycles"` // of the schedule
	// Simulated is what the event by event simulation of both boards' commands takes, which knows nothing of the schedule but their order.
	Simulated int64   `json:"simulated_cycles,omitempty"`
	MS        float64 `json:"ms"`        // estimate
	EnergyMJ  float64 `json:"energy_mj"` // estimate, both boards
	// Offline is when the online phase begins, of cycles, where there are both.
	Offline int64 `json:"offline_cycles,omitempty"`
}

// Alternative is another design.
type Alternative struct {
	EstimateMS  float64          `json:"estimate_ms"`            // by bounds of each instruction
	ScheduledMS float64          `json:"scheduled_ms,omitempty"` // of a schedule, where one was made
	Area        Resources        `json:"area"`
	Used        Shares           `json:"utilisation"`
	Scarce      target.Resource  `json:"scarce"` // of what it fills most
	Knobs       []target.Setting `json:"knobs"`
	Chosen      bool             `json:"chosen,omitempty"`
}

// NewAlternative describes a design on the front.
func NewAlternative(d target.Design, b target.Board) Alternative {
	a := d.AreaOn(b)
	return Alternative{Area: resourcesOf(a), Used: shares(a, b.Plannable()), Knobs: d.Knobs()}
}

func resourcesOf(a target.Area) Resources {
	const halves = 2 // of a block memory
	return Resources{a.LUT, a.FF, a.DSP, float64(a.BRAM18) / halves, a.URAM}
}

func shares(need, have target.Area) Shares {
	of := func(n, m int) float64 {
		if m == 0 {
			return 0
		}
		const digits = 1e4
		return math.Round(float64(n)/float64(m)*digits) / digits
	}
	return Shares{of(need.LUT, have.LUT), of(need.FF, have.FF), of(need.DSP, have.DSP), of(need.BRAM18, have.BRAM18), of(need.URAM, have.URAM)}
}

// Utilisation is what the accelerator takes of what it may fill of a board: the design's kernels, but for those that no board has commands
// for, which it lacks.
func (f *Folder) Utilisation() Shares { return shares(f.area(), f.Board.Plannable()) }

// config says what the folder is.
func (f *Folder) config(s *report.Summary, simulated []sim.Result) (*Config, error) {
	p := f.Plan
	b, d := p.Boards[0], p.Boards[0].Design
	const bitsPerByte, usPerMS = 8, 1e3
	constants, err := hlslib.ConfigOf(d)
	if err != nil {
		return nil, err
	}
	c := &Config{Sotto: ConfigVersion, Kind: ConfigKind, Net: b.Program.Net, Program: b.Program.Pair.String(), Deploy: b.Program.Deploy, Source: f.Source,
		Phase: p.Phases.String(), Ring: d.Ring, ClockMHz: d.ClockMHz, Tool: "Vitis " + Tool,
		Board:  BoardConfig{f.Board.Name, f.Board.Title, f.Board.Part, f.Board.Watts.Busy.Value},
		Link:   LinkConfig{p.Link.BytesPerSecond.Value * bitsPerByte, p.Link.OneWayMS.Value * usPerMS, p.LinkBytes()},
		Design: d, Constants: constants, Area: resourcesOf(f.area()), Usable: resourcesOf(f.Board.Plannable()), Used: f.Utilisation(),
		Latency: f.latency(s, simulated), Rates: f.rates(s), Checked: checkedFacts(f.Recordings[0] != nil), Estimates: estimatedFacts()}
	for _, part := range f.parts() {
		c.Kernels = append(c.Kernels, KernelConfig{string(part.Kernel), string(part.Kernel) + "_top", "src/" + string(part.Kernel) + ".cpp", resourcesOf(part.Area)})
	}
	for i, b := range p.Boards {
		c.Parties[i] = partyConfig(cost.Party(i), b)
	}
	return c, nil
}

// latency is what schedule and simulation say.
func (f *Folder) latency(s *report.Summary, simulated []sim.Result) LatencyConfig {
	l := LatencyConfig{Cycles: s.Cycles, MS: s.LatencyMS, EnergyMJ: s.EnergyMJ, Offline: f.border()}
	for _, r := range simulated {
		l.Simulated += r.Cycles
	}
	return l
}

// border is the first cycle of the second phase, 0 where there is one alone.
func (f *Folder) border() int64 {
	p := f.Plan
	first := int64(0)
	for i, o := range p.Ops {
		if o.Command < 0 || o.Command < p.Boards[o.Party].Parts[0] {
			continue
		}
		if at := p.Schedule.Start[i]; first == 0 || at < first {
			first = at
		}
	}
	return first
}

func partyConfig(p cost.Party, b lower.Board) PartyConfig {
	c := PartyConfig{Party: p.String(), RingWords: b.Words[lower.RING], BitsWords: b.Words[lower.BITS], Commands: map[string]int{}, Parts: b.Parts}
	c.Bytes = int64(c.RingWords)*int64(b.Design.WordBytes()) + int64(c.BitsWords)*wordBytes
	for i := range b.Commands {
		c.Commands[b.Commands[i].Kernel.String()]++
	}
	for _, v := range b.Values {
		if v.Origin.Kind == lower.Input {
			c.Input = &Region{v.Space, v.Address, v.Words()}
		}
	}
	if out := b.Output; out != nil {
		c.Output = &Region{lower.RING, b.Values[out.Value].Address + uint32(out.At), out.Len}
	}
	return c
}

// checkedFacts says what is checked, and how.
func checkedFacts(session bool) map[string]string {
	facts := map[string]string{
		"schedule":              "every rule of its problem (dependences, units, buffers), by a verifier that shares nothing with the scheduler, when the folder was written",
		"latency":               "latency.simulated_cycles: an event by event simulation of both boards' commands, with finite queues and buffers and a shared memory and link (fpga/sim)",
		"kernels":               "src/hlslib: every operation against the CPU runtime, bit for bit, by the tests of fpga/hlslib",
		"cycles of the kernels": "what the loops of src/hlslib count in C-simulation, kernel by kernel, against the schedule's, by the tests of fpga/hlslib and tools/conform",
		"engines and array as SystemVerilog": "fpga/rtl, which is not in this folder, synthesised with yosys: DSP exact, LUT within 15 %, FF within 5 %; and simulated with Verilator. " +
			"The kernels here are the same loops in C++, and what a tool makes of these is an estimate",
	}
	if session {
		facts["results"] = "make csim: every result of both boards, in the order of the schedule, equals the CPU runtime's bit for bit"
	}
	return facts
}

// estimatedFacts says what is an estimate, and of what.
func estimatedFacts() map[string]string {
	return map[string]string{
		"clock_mhz": "planned: whether place and route meets it only the maker's tools can tell",
		"watts":     "of the board's file; energy is watts times latency",
		"area":      "of all kernels, as no synthesis tool for C++ has seen them: operators and memories that they consist of; of engines and array, what their SystemVerilog takes",
		"dsp": "of products: two DSPs at 32 bits and seven at 64, as src/hlslib/product.hpp cuts them into limbs of 17 and 26 bits; " +
			"a tool that does not narrow its multipliers to these takes three and ten",
		"memory":       "the bandwidth that the board's file plans with; bursts and refresh are not simulated",
		"milliseconds": "cycles at the planned clock",
	}
}

func (f *Folder) alternatives() any {
	list := f.Alternatives
	if list == nil {
		list = []Alternative{}
	}
	return map[string]any{"sotto": ConfigVersion, "alternatives": list}
}
