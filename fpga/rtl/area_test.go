package rtl

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sotto/fpga/target"
)

// design is a module with its parameters, and what fpga/target says it takes.
type design struct {
	module     string
	parameters []parameter
	estimate   target.Area
}

type parameter struct {
	name  string
	value int
}

func (d design) name() string {
	s := d.module
	for _, p := range d.parameters {
		s += fmt.Sprintf("_%s%d", p.name, p.value)
	}
	return s
}

// instance is the module as an instance without connections: synthesis keeps it, and keeps all that is inside.
func (d design) instance() string {
	var set []string
	for _, p := range d.parameters {
		set = append(set, fmt.Sprintf(".%s(%d)", p.name, p.value))
	}
	if len(set) == 0 {
		return fmt.Sprintf("(* keep *) %s it ();", d.module)
	}
	return fmt.Sprintf("(* keep *) %s #(%s) it ();", d.module, strings.Join(set, ", "))
}

func operator(module string, width int, estimate target.Area) design {
	return design{module, []parameter{{"W", width}}, estimate}
}

func sized(module string, width int, name string, size int, estimate target.Area) design {
	return design{module, []parameter{{"W", width}, {name, size}}, estimate}
}

func array(a target.MACArray) design {
	return design{"mac_array", []parameter{{"W", a.Width}, {"TM", a.TM}, {"TN", a.TN}, {"PIXELS", a.Pixels}}, a.Area()}
}

func engine(e target.HalfGates) design {
	return design{e.Module(), []parameter{{"HASHES", e.Hashes}}, e.Area()}
}

func comparison(c target.Comparison) design {
	iterative := is(c.Engine.Core == target.Iterative)
	return design{c.Module(), []parameter{{"HASHES", c.Engine.Hashes}, {"ITERATIVE", iterative}, {"BITS", c.Bits}}, c.Area()}
}

func operators(widths ...int) []design {
	var all []design
	for _, w := range widths {
		all = append(all, operator("op_add", w, target.Adder(w)), operator("op_xor", w, target.Xor(w)),
			operator("op_less", w, target.Less(w)), operator("op_equal", w, target.Equal(w)), operator("op_relu", w, target.ReLU(w)),
			operator("op_shift", w, target.Shift(w)), operator("op_multiply", w, target.Multiplier(w)))
	}
	return all
}

func muxes(w int, ways ...int) []design {
	var all []design
	for _, n := range ways {
		all = append(all, sized("op_mux", w, "N", n, target.Mux(w, n)))
	}
	return all
}

func memories() []design {
	var all []design
	for _, m := range [][2]int{{72, 512}, {32, 512}, {24, 300}, {18, 2048}, {64, 1000}, {64, 4096}, {128, 4096}, {32, 16384}} {
		all = append(all, sized("op_block", m[0], "D", m[1], target.BlockRAM(m[0], m[1])))
	}
	for _, m := range [][2]int{{64, 4096}, {128, 4096}, {64, 8192}, {32, 8192}, {64, 16384}} {
		all = append(all, sized("op_ultra", m[0], "D", m[1], target.UltraRAM(m[0], m[1])))
	}
	return all
}

func parts() []design {
	all := []design{{module: "aes_rounds", estimate: target.AESPipeline()}}
	for _, l := range [][2]int{{64, 2}, {128, 11}, {64, 40}} {
		all = append(all, sized("delay", l[0], "N", l[1], target.DelayLine(l[0], l[1])))
	}
	for _, w := range []int{32, 64} {
		all = append(all, operator("ring_multiply", w, target.RingMultiplier(w)), sized("adder_tree", w, "N", 5, target.AdderTree(w, 5)))
	}
	return all
}

// designs are those that every run synthesises; the others take minutes.
func designs(long bool) []design {
	all := append(append(operators(32, 64), muxes(32, 2, 4, 8)...), parts()...)
	arrays := []target.MACArray{{Width: 32, TM: 2, TN: 2, Pixels: 512}, {Width: 32, TM: 4, TN: 4, Pixels: 196}, {Width: 64, TM: 2, TN: 3, Pixels: 512}}
	engines := []target.HalfGates{{Role: target.Garble, Core: target.Pipelined, Hashes: 4}, {Role: target.Garble, Core: target.Iterative, Hashes: 2},
		{Role: target.Evaluate, Core: target.Pipelined, Hashes: 2}, {Role: target.Evaluate, Core: target.Iterative, Hashes: 1}}
	if long {
		all = append(append(all, operators(16, 24, 48)...), muxes(64, 3, 16)...)
		arrays = append(arrays, target.MACArray{Width: 32, TM: 3, TN: 5, Pixels: 512}, target.MACArray{Width: 32, TM: 8, TN: 8, Pixels: 512},
			target.MACArray{Width: 64, TM: 3, TN: 5, Pixels: 512}, target.MACArray{Width: 64, TM: 8, TN: 8, Pixels: 1024})
		engines = target.HalfGatesEngines()
	}
	all = append(all, memories()...)
	for _, a := range arrays {
		all = append(all, array(a))
	}
	for _, e := range engines {
		all = append(all, engine(e))
		if e.Core == target.Iterative {
			all = append(all, comparison(target.Comparison{Engine: e, Bits: 31}))
		}
	}
	return all
}

// synthesise gives what yosys makes of the designs, each on its own: modules are not flattened into each other.
func synthesise(t *testing.T, all []design) map[string]target.Area {
	t.Helper()
	yosys := tool(t, "yosys")
	dir := t.TempDir()
	operators, err := os.ReadFile("testdata/operators.sv")
	check(t, err)
	var wrappers, top strings.Builder
	wrappers.Write(operators)
	for i, d := range all {
		fmt.Fprintf(&wrappers, "module of_%s (); %s endmodule\n", d.name(), d.instance())
		fmt.Fprintf(&top, "  (* keep *) of_%s d%d ();\n", d.name(), i)
	}
	fmt.Fprintf(&wrappers, "module all ();\n%sendmodule\n", &top)
	source, report := filepath.Join(dir, "all.sv"), filepath.Join(dir, "report")
	check(t, os.WriteFile(source, []byte(wrappers.String()), 0o600))
	script := fmt.Sprintf("read_verilog -sv sv/*.sv %s; hierarchy -top all; "+
		"synth_xilinx -family xcup -noiopad -noclkbuf -top all; tee -o %s stat", source, report)
	if out, err := exec.Command(yosys, "-p", script).CombinedOutput(); err != nil {
		t.Fatalf("yosys: %v\n%s", err, out[max(0, len(out)-2000):])
	}
	text, err := os.ReadFile(report)
	check(t, err)
	cells := readReport(string(text))
	areas := map[string]target.Area{}
	for _, d := range all {
		areas[d.name()] = cells.area("of_" + d.name())
	}
	return areas
}

// netlist is how many cells of each type a module has, modules among them.
type netlist map[string]map[string]int

var (
	moduleLine = regexp.MustCompile(`^=== (.*) ===$`)
	cellLine   = regexp.MustCompile(`^     (\S+) +(\d+)$`)
)

// readReport reads what stat prints.
func readReport(text string) netlist {
	n := netlist{}
	var cells map[string]int
	for _, line := range strings.Split(text, "\n") {
		if m := moduleLine.FindStringSubmatch(line); m != nil {
			cells = map[string]int{}
			n[m[1]] = cells
		} else if m := cellLine.FindStringSubmatch(line); m != nil && cells != nil {
			cells[m[1]], _ = strconv.Atoi(m[2])
		}
	}
	return n
}

// area counts the cells of a module and all below it.
func (n netlist) area(module string) target.Area {
	var a target.Area
	for cell, count := range n[module] {
		if _, inner := n[cell]; inner {
			a = a.Add(n.area(cell).Times(count))
		} else {
			a = a.Add(cellArea(cell).Times(count))
		}
	}
	return a
}

// cellArea is what a cell of the device's library takes: shift registers and distributed memory take LUTs, and what a LUT has beside it
// (carry chains, wide multiplexers, inverters) nothing.
func cellArea(cell string) target.Area {
	switch {
	case strings.HasPrefix(cell, "LUT"), strings.HasPrefix(cell, "SRL"):
		return target.Luts(1)
	case strings.HasPrefix(cell, "FD"):
		return target.Registers(1)
	case cell == "RAM32M16", cell == "RAM64M8":
		return target.Luts(8)
	case cell == "DSP48E2":
		return target.Area{DSP: 1}
	case cell == "RAMB18E2":
		return target.Area{BRAM18: 1}
	case cell == "RAMB36E2":
		return target.Area{BRAM18: 2}
	case cell == "URAM288":
		return target.Area{URAM: 1}
	}
	return target.Area{}
}

// TestAreas holds the estimates against synthesis: DSPs and memories exactly, LUTs within 15 %, registers within 5 %.
func TestAreas(t *testing.T) {
	if testing.Short() {
		t.Skip("synthesis takes a minute")
	}
	t.Parallel()
	all := designs(os.Getenv("SOTTO_LONG") == "1")
	made := synthesise(t, all)
	for _, d := range all {
		t.Run(d.name(), func(t *testing.T) {
			got, want := made[d.name()], d.estimate
			t.Logf("LUT %d (%d estimated), FF %d (%d), DSP %d (%d), BRAM18 %d (%d), URAM %d (%d)", got.LUT, want.LUT, got.FF, want.FF,
				got.DSP, want.DSP, got.BRAM18, want.BRAM18, got.URAM, want.URAM)
			if got == (target.Area{}) {
				t.Fatal("nothing is left of the module")
			}
			if got.DSP != want.DSP || got.BRAM18 != want.BRAM18 || got.URAM != want.URAM {
				t.Errorf("DSP, BRAM18, URAM: %d, %d, %d; estimated %d, %d, %d", got.DSP, got.BRAM18, got.URAM, want.DSP, want.BRAM18, want.URAM)
			}
			within(t, "LUT", got.LUT, want.LUT, 0.15)
			within(t, "FF", got.FF, want.FF, 0.05)
		})
	}
}

func within(t *testing.T, what string, got, want int, tolerance float64) {
	t.Helper()
	if math.Abs(float64(want-got)) > tolerance*float64(got) {
		t.Errorf("%s: %d, estimated %d: more than %.0f %% off", what, got, want, 100*tolerance)
	}
}
