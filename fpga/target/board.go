package target

import (
	"embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"sotto/ir/cost"
)

// Board is what a board has and how much of it a design may plan with. One board is one party. In JSON every number is a Figure.
type Board struct {
	Sotto      int    `json:"sotto"` // version of the format
	Name       string `json:"name"`
	Title      string `json:"title"` // as its maker calls it
	Part       string `json:"part"`  // as the maker's tools want it
	PartSource string `json:"part_source"`

	Chip Chip `json:"chip"`
	// AfterShell is what a card's fixed logic (PCIe, management) leaves; without it there is none and the whole chip is free.
	AfterShell *Resources `json:"after_shell,omitempty"`
	// Usable are the parts of what is free that a design may fill and still meet its clock; UsableParts where the file has none.
	Usable Parts `json:"usable,omitzero"`

	Memory Memory `json:"memory"`
	// Network lists the kinds of ports. The first is planned with where nobody says otherwise.
	Network  []Port `json:"network"`
	ClockMHz Figure `json:"clock_mhz"` // to plan with; whether a design meets it only the maker's tools can tell
	Watts    Watts  `json:"watts"`
}

// BoardVersion is the version of the format that Parse reads.
const BoardVersion = 1

// Figure is a number with its source, and how good that source is.
type Figure struct {
	cost.Quantity
	Basis Basis `json:"basis"`
}

// Basis is how a figure was found.
type Basis string

const (
	Document Basis = "document" // the source says it
	Computed Basis = "computed" // by what the source says, which need not be the figure itself
	Recalled Basis = "recalled" // not confirmed: the source is where it should be
	Planned  Basis = "planned"  // a choice or an assumption of who wrote the file
)

// Resources of the logic. A block memory has 36 Kbit, an UltraRAM 288.
type Resources struct {
	LUT    Figure `json:"lut"`
	FF     Figure `json:"ff"`
	DSP    Figure `json:"dsp"`
	BRAM36 Figure `json:"bram36"`
	URAM   Figure `json:"uram"`
}

// Chip is the whole device.
type Chip struct {
	Resources
	DSPKind DSPKind `json:"dsp_kind"`
}

// DSPKind is the generation of the multipliers: DSP48E1 of 25 x 18 bits, DSP48E2 of 27 x 18, DSP58 of 27 x 24. The areas of this package
// are counted in DSP48E2.
type DSPKind string

const (
	DSP48E1 DSPKind = "E1"
	DSP48E2 DSPKind = "E2"
	DSP58   DSPKind = "58"
)

// Parts of the resources, from above 0 to 1. One that is absent is UsableParts'.
type Parts struct {
	LUT    *Figure `json:"lut,omitempty"`
	FF     *Figure `json:"ff,omitempty"`
	DSP    *Figure `json:"dsp,omitempty"`
	BRAM36 *Figure `json:"bram36,omitempty"`
	URAM   *Figure `json:"uram,omitempty"`
}

// Memory is what lies outside the chip, or in its package.
type Memory struct {
	Kind string `json:"kind"`
	// PeakGBs is what the pins carry, PlannedGBs what a schedule may count on, in 1e9 bytes a second, reads and writes together.
	PeakGBs    Figure `json:"peak_gb_s"`
	PlannedGBs Figure `json:"planned_gb_s"`
	// GiB is what it holds, in 2^30 bytes, the operating system's part included where it is a processor's; absent: not known, and not checked.
	GiB *Figure `json:"gib,omitempty"`
}

// Port is a kind of network port, with its rate in each direction in 1e9 bits a second.
type Port struct {
	Kind  string `json:"kind"`
	Gbps  Figure `json:"gbps"`
	Ports Figure `json:"ports"` // of this kind
}

// Watts of the whole board or card, where the source does not say otherwise.
type Watts struct {
	Busy  Figure  `json:"busy"`
	Idle  *Figure `json:"idle,omitempty"`  // absent: not known, so that energy must count Busy all the time
	Limit *Figure `json:"limit,omitempty"` // that supply or card allow; absent: not known
}

// UsableParts are the parts of a chip that its maker recommends as limits for meeting timing, as FINN has them
// (Xilinx/finn, src/finn/util/platforms.py, DEFAULT_RES_LIMITS).
var UsableParts = struct{ LUT, FF, DSP, BRAM36, URAM float64 }{LUT: 0.7, FF: 0.5, DSP: 0.8, BRAM36: 0.8, URAM: 0.8}

// Free is what a design finds: the chip, without the shell where there is one.
func (b Board) Free() Area {
	if b.AfterShell != nil {
		return b.AfterShell.area()
	}
	return b.Chip.area()
}

// Plannable is the part of Free that a design may fill, each number rounded down.
func (b Board) Plannable() Area {
	free, p := b.Free(), UsableParts
	part := func(n int, own *Figure, usual float64) int {
		if own != nil {
			usual = own.Value
		}
		const rounding = 1e-6 // 0.7 of 10 is 7, not a little less
		return int(math.Floor(float64(n)*usual + rounding))
	}
	return Area{
		LUT:    part(free.LUT, b.Usable.LUT, p.LUT),
		FF:     part(free.FF, b.Usable.FF, p.FF),
		DSP:    part(free.DSP, b.Usable.DSP, p.DSP),
		BRAM18: part(free.BRAM18, b.Usable.BRAM36, p.BRAM36),
		URAM:   part(free.URAM, b.Usable.URAM, p.URAM),
	}
}

// ShellPart is the part of the chip's LUTs that the shell takes.
func (b Board) ShellPart() float64 { return 1 - float64(b.Free().LUT)/b.Chip.LUT.Value }

// area counts whole resources, which check has made sure of.
func (r Resources) area() Area {
	return Area{LUT: int(r.LUT.Value), FF: int(r.FF.Value), DSP: int(r.DSP.Value), BRAM18: 2 * int(r.BRAM36.Value), URAM: int(r.URAM.Value)}
}

//go:embed boards/*.json
var boards embed.FS

// Names lists the shipped boards.
func Names() []string {
	entries, err := boards.ReadDir("boards")
	if err != nil {
		return nil // embedded: the directory is there
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	return names
}

// Shipped gives the shipped board of that name.
func Shipped(name string) (Board, error) {
	if !slices.Contains(Names(), name) {
		return Board{}, fmt.Errorf("no board is called %q: accepted are %s, or a board's file", name, strings.Join(Names(), ", "))
	}
	text, err := boards.ReadFile("boards/" + name + ".json")
	if err != nil {
		return Board{}, err
	}
	return Parse(text)
}

// Parse reads a board in JSON. Every number needs a basis and a source; unknown fields are an error. Each line of the error is of one field.
func Parse(text []byte) (Board, error) {
	var b Board
	var head struct {
		Sotto *int `json:"sotto"`
	}
	if json.Unmarshal(text, &head) == nil && head.Sotto != nil && *head.Sotto != BoardVersion {
		return b, fmt.Errorf("sotto: a board of format %d: accepted is %d", *head.Sotto, BoardVersion)
	}
	if err := parse(text, &b); err != nil {
		return b, err
	}
	return b, b.check()
}
