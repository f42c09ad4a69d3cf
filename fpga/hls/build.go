package hls

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"math"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"sotto/fpga/lower"
	"sotto/fpga/target"
)

// Tool is the version of Vitis that the build files are for. Tcl scripts are for the versions before hls_config.cfg.
const Tool = "2023.2"

//go:embed src
var sources embed.FS

//go:embed build
var builds embed.FS

var templates = template.Must(template.ParseFS(builds, "build/*"))

// kernel is one of the accelerator's kernels: src/NAME.cpp has its top function with what it says of its ports.
type kernel struct {
	Name string
	axi  []port
	axis []string
}

// port is a port to memory. Its bundle's name begins with the memory's.
type port struct{ name, memory string }

// Memories of a board: two spaces, and the list of commands.
var memories = []string{"ring", "bits", "records"}

// Top is the kernel's top function.
func (k kernel) Top() string { return k.Name + "_top" }

// What a top function's source says of its ports.
var (
	memoryPort = regexp.MustCompile(`(?m)^#pragma HLS INTERFACE mode = m_axi port = (\w+) bundle = (\w+)`)
	streamPort = regexp.MustCompile(`(?m)^#pragma HLS INTERFACE mode = axis port = (\w+)`)
)

// absent is what stands at the sequencer's ports of kernels that are left out.
const absent = "absent"

// present tells which kernels an accelerator has.
type present func(target.Kernel) bool

// leftOut lists the kernels of commands that there are not.
func (has present) leftOut() (list []string) {
	for k := range lower.Kernels {
		if name := k.String(); !has(target.Kernel(name)) {
			list = append(list, name)
		}
	}
	return list
}

// built tells whether there is a top function of a name.
func (has present) built(name string) bool {
	if name == absent {
		return len(has.leftOut()) > 0
	}
	return has(target.Kernel(name))
}

// kernels reads the sources of the top functions. A port that the constants leave unused is there all the same, and must be connected.
func (has present) kernels() ([]kernel, error) {
	names, err := fs.Glob(sources, "src/*.cpp")
	if err != nil {
		return nil, err
	}
	var out []kernel
	for _, name := range names {
		text, err := sources.ReadFile(name)
		if err != nil {
			return nil, err
		}
		k := kernel{Name: strings.TrimSuffix(strings.TrimPrefix(name, "src/"), ".cpp")}
		if !has.built(k.Name) {
			continue
		}
		for _, m := range memoryPort.FindAllSubmatch(text, -1) {
			p := port{string(m[1]), ""}
			for _, of := range memories {
				if strings.HasPrefix(string(m[2]), of) {
					p.memory = of
				}
			}
			k.axi = append(k.axi, p)
		}
		for _, m := range streamPort.FindAllSubmatch(text, -1) {
			k.axis = append(k.axis, string(m[1]))
		}
		out = append(out, k)
	}
	return out, nil
}

// platform is what Vitis calls a board and its memories.
type platform struct {
	name string
	// ports to one memory, which kernels' ports share; ring and bits are those of each space where memories are many.
	shared     []string
	ring, bits string
	embedded   bool // it has a processor: linking gives an .xsa
	note       string
}

// platforms by board. Names of platforms change with the tool: `platforminfo` lists them.
var platforms = map[string]platform{
	"zcu104":  {name: "xilinx_zcu104_base_202320_1", shared: zynqUltra, embedded: true},
	"zcu102":  {name: "xilinx_zcu102_base_202320_1", shared: zynqUltra, embedded: true},
	"kv260":   {name: "kv260_custom", shared: zynqUltra, embedded: true, note: "the board's maker ships none for acceleration under this name: make one and give PLATFORM to make"},
	"pynq-z2": {name: "pynq_z2_custom", shared: []string{"HP0", "HP1", "HP2", "HP3"}, embedded: true, note: "Vitis has none for this board: make one, or take the kernels into Vivado as IP"},
	"vck190":  {name: "xilinx_vck190_base_202320_1", ring: "DDR", bits: "DDR", embedded: true},
	"u50":     {name: "xilinx_u50_gen3x16_xdma_5_202210_1", ring: "HBM[0:15]", bits: "HBM[16:31]"},
	"u200":    {name: "xilinx_u200_gen3x16_xdma_2_202110_1", ring: "DDR[0]", bits: "DDR[1]"},
	"u250":    {name: "xilinx_u250_gen3x16_xdma_4_1_202210_1", ring: "DDR[0]", bits: "DDR[1]"},
	"u280":    {name: "xilinx_u280_gen3x16_xdma_1_202211_1", ring: "HBM[0:15]", bits: "HBM[16:31]"},
}

// zynqUltra are the ports from the logic to the memory of a Zynq UltraScale+.
var zynqUltra = []string{"HP0", "HP1", "HP2", "HP3", "HPC0", "HPC1"}

// memory gives the memory of port number n.
func (p platform) memory(n int, space string) string {
	switch {
	case len(p.shared) > 0:
		return p.shared[n%len(p.shared)]
	case space == inBits:
		return p.bits
	}
	return p.ring
}

const inBits = "bits"

// connection lines of connectivity.cfg.
type (
	memoryLine struct{ Kernel, Port, Memory string }
	streamLine struct {
		From, To string
		Depth    int
	}
)

// buildFiles gives the build files of the kernels that there are by path.
func buildFiles(board target.Board, clockMHz float64, has present, queueDepth int) (map[string][]byte, error) {
	all, err := has.kernels()
	if err != nil {
		return nil, err
	}
	p, known := platforms[board.Name]
	out := map[string][]byte{}
	fill := func(path, name string, data any) {
		var b bytes.Buffer
		if e := templates.ExecuteTemplate(&b, name, data); e != nil && err == nil {
			err = fmt.Errorf("%s: %w", path, e)
		}
		out[path] = b.Bytes()
	}
	binary := "xclbin"
	if p.embedded {
		binary = "xsa"
	}
	fill("Makefile", "Makefile", map[string]any{"Tool": Tool, "Kernels": all, "Instances": has.instances(all), "Hz": clockHz(clockMHz), "Platform": p.name, "Board": board.Name, "Binary": binary})
	fill("link/connectivity.cfg", "connectivity.cfg", map[string]any{"Tool": Tool, "Instances": has.instanceLines(all), "Ports": memoryLines(all, p, known), "Streams": has.streamLines(queueDepth), "Note": platformNote(board.Name)})
	fill("link/network.cfg", "network.cfg", map[string]any{"Tool": Tool})
	for _, k := range all {
		var others []string
		for _, o := range all {
			if o.Name != k.Name {
				others = append(others, o.Name)
			}
		}
		data := map[string]any{"Tool": Tool, "Part": board.Part, "ClockNS": clockNS(clockMHz), "Name": k.Name, "Top": k.Top(), "Others": others}
		fill("kernels/"+k.Name+"/hls_config.cfg", "hls_config.cfg", data)
		fill("kernels/"+k.Name+"/run_hls.tcl", "run_hls.tcl", data)
	}
	return out, err
}

// platformNote says what there is to know of a board's platform, or that there is none.
func platformNote(board string) string {
	if p, known := platforms[board]; known {
		return p.note
	}
	return "sotto knows none for " + board + ": give PLATFORM to make, and name its memories in link/connectivity.cfg"
}

// instances names those of all kernels in the linked accelerator: one each, and one of the absent for each that is left out.
func (has present) instances(all []kernel) (list []string) {
	for _, k := range all {
		if k.Name != absent {
			list = append(list, k.Name)
		}
	}
	for i := range has.leftOut() {
		list = append(list, absentInstance(i))
	}
	return list
}

// absentInstance is what the linker calls one of several instances to which it is given no names.
func absentInstance(i int) string { return fmt.Sprintf("%s_%d", kernel{Name: absent}.Top(), i+1) }

// instanceLine says how many instances of a kernel there are. One has the kernel's name.
type instanceLine struct {
	Top, Name string
	Count     int
}

func (has present) instanceLines(all []kernel) (list []instanceLine) {
	for _, k := range all {
		l := instanceLine{k.Top(), k.Name, 1}
		if k.Name == absent {
			l.Name, l.Count = "", len(has.leftOut())
		}
		list = append(list, l)
	}
	return list
}

// clockHz is the clock, to the hertz.
func clockHz(mhz float64) int64 {
	const hzPerMHz = 1e6
	return int64(math.Round(mhz * hzPerMHz))
}

// clockNS is the period, to the picosecond.
func clockNS(mhz float64) float64 {
	const nsPerUS, psPerNS = 1e3, 1e3
	return math.Round(nsPerUS/mhz*psPerNS) / psPerNS
}

// memoryLines connects ports to memories; a board that is not known leaves them open.
func memoryLines(all []kernel, p platform, known bool) []memoryLine {
	var out []memoryLine
	for _, k := range all {
		for _, port := range k.axi {
			l := memoryLine{Kernel: k.Name, Port: port.name}
			if known {
				l.Memory = p.memory(len(out), port.memory)
			}
			out = append(out, l)
		}
	}
	return out
}

// sequencer is the kernel that issues commands. It has arrays of streams, one for each other kernel by its number in a command, which the
// tool calls queue_0, queue_1 and so on.
const sequencer = "sequencer"

// streamLines connects every kernel, or the absent in its place, to the sequencer.
func (has present) streamLines(depth int) []streamLine {
	var out []streamLine
	missing := has.leftOut()
	for n := range lower.Kernels {
		name := n.String()
		if i := slices.Index(missing, name); i >= 0 {
			name = absentInstance(i)
		}
		out = append(out, streamLine{From: fmt.Sprintf("%s.queue_%d", sequencer, n), To: name + ".queue", Depth: depth},
			streamLine{From: name + ".finished", To: fmt.Sprintf("%s.finished_%d", sequencer, n), Depth: depth})
	}
	return out
}
