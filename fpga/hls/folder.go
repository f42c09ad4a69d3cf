package hls

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed" // of the testbench
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"path"
	"slices"
	"strings"

	"sotto/fpga/hlslib"
	"sotto/fpga/lower"
	"sotto/fpga/report"
	"sotto/fpga/sim"
	"sotto/fpga/target"
	"sotto/ir/cost"
)

// Folder is all that is known of an accelerator and a program for it.
type Folder struct {
	Plan   *lower.Plan
	Board  target.Board // of each party
	Source cost.Source  // of the material
	// Recordings are of a session that the C-simulation is held against; nil of what is written without one.
	Recordings [2]*Recording
	// Alternatives are other designs, on the front of latency and area.
	Alternatives []Alternative
}

// Create makes a file of the folder by its path.
type Create func(path string) (io.WriteCloser, error)

//go:embed csim/csim.cpp
var testbench []byte

// Write writes the folder and gives its summary. What it says of itself is in README.md there.
func (f *Folder) Write(create Create) (*report.Summary, error) {
	r, err := f.run()
	if err != nil {
		return nil, err
	}
	w := &writer{create: create, kept: map[string][]byte{}, sums: map[string][]byte{}}
	summary := r.Summarise()
	w.json("report.json", summary)
	w.text("report.md", summary.Page)
	w.stream("gantt.svg", r.Gantt)
	w.stream("trace.json", r.Trace)
	w.json("pareto.json", f.alternatives())
	w.stream("schedule.json", f.writeSchedule)
	w.json(MemoryFile, f.places())
	w.sources(f)
	w.builds(f)
	if f.Recordings[0] != nil {
		for p := range f.Plan.Boards {
			w.data(f, cost.Party(p))
		}
		w.stream("csim/data/parts.bin", func(to io.Writer) error { return writeParts(to, f.Plan) })
		w.stream("csim/data/order.bin", func(to io.Writer) error { return writeTurns(to, turns(f.Plan)) })
	}
	simulated, err := sim.RunPlan(f.Plan)
	if err != nil {
		return nil, err
	}
	c, err := f.config(summary, simulated)
	if err != nil {
		return nil, err
	}
	w.json(ConfigFile, c)
	w.readme(f, c)
	w.written()
	return summary, w.err
}

// run describes the plan's schedule.
func (f *Folder) run() (*report.Run, error) {
	p := f.Plan
	r := &report.Run{Net: p.Boards[0].Program.Net, Board: f.Board.Title, Link: linkText(p.Link), ClockMHz: p.ClockMHz, Watts: 2 * f.Board.Watts.Busy.Value,
		Problem: &p.Problem, Schedule: p.Schedule, Resources: resources(p)}
	var of []int
	r.Layers, of = layers(p)
	for _, o := range p.Ops {
		r.Ops = append(r.Ops, report.Op{Layer: of[o.Layer], Command: o.Command, Port: fmt.Sprintf("%s %s port", o.Kernel, o.Stage), Bytes: o.Bytes})
	}
	return r, r.Check()
}

// layers lists the user's layers, each once, in the order in which they begin, and says which of them each of the program's is.
func layers(p *lower.Plan) (list []report.Layer, of []int) {
	program := p.Boards[0].Program
	first := slices.Repeat([]int64{math.MaxInt64}, len(program.Layers))
	for i, o := range p.Ops {
		first[o.Layer] = min(first[o.Layer], p.Schedule.Start[i])
	}
	order := make([]int, len(program.Layers))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(first[a], first[b]) })
	of = make([]int, len(program.Layers))
	for _, i := range order {
		l := program.Layers[i]
		layer := report.Layer{Path: l.Path, Op: l.Op, File: l.File, Line: l.Line}
		if of[i] = slices.Index(list, layer); of[i] < 0 {
			of[i] = len(list)
			list = append(list, layer)
		}
	}
	return list, of
}

// resources says what the classes of a plan's problem are, by their names' last word and the operations that they do.
func resources(p *lower.Plan) []report.Resource {
	out := make([]report.Resource, len(p.Problem.Resources))
	for i := range out {
		name := p.Problem.Resources[i].Name
		out[i] = report.Resource{Class: report.Other}
		if strings.Contains(name, cost.Server.String()) {
			out[i].Party = cost.Server
		}
	}
	for i, o := range p.Ops {
		r := &out[p.Problem.Ops[i].Resource]
		switch o.Stage {
		case lower.Load, lower.Store:
			r.Class = report.Memory
		case lower.Compute:
			r.Class, r.Kernel = report.Engine, o.Kernel.String()
		case lower.Transit:
			r.Class = report.Network
		}
	}
	return out
}

func linkText(l cost.Link) string {
	const bitsPerByte, bitsPerGbit, usPerMS = 8, 1e9, 1e3
	return fmt.Sprintf("%g Gbit/s each way, %g us one way", l.BytesPerSecond.Value*bitsPerByte/bitsPerGbit, l.OneWayMS.Value*usPerMS)
}

// writer writes files until one fails.
type writer struct {
	create Create
	kept   map[string][]byte // texts, by path
	sums   map[string][]byte // SHA-256 of all files, by path
	err    error
}

func (w *writer) stream(path string, write func(io.Writer) error) {
	if w.err != nil {
		return
	}
	f, err := w.create(path)
	if err == nil {
		sum := sha256.New()
		err = write(io.MultiWriter(f, sum))
		w.sums[path] = sum.Sum(nil)
		if e := f.Close(); err == nil {
			err = e
		}
	}
	if err != nil {
		w.err = fmt.Errorf("%s: %w", path, err)
	}
}

// text is stream for a file that README.md may point into.
func (w *writer) text(path string, write func(io.Writer) error) {
	var b bytes.Buffer
	if w.err == nil {
		w.err = write(&b)
	}
	w.bytes(path, b.Bytes())
}

func (w *writer) bytes(path string, b []byte) {
	w.kept[path] = b
	w.stream(path, func(to io.Writer) error {
		_, err := to.Write(b)
		return err
	})
}

func (w *writer) json(path string, v any) {
	w.text(path, func(to io.Writer) error {
		e := json.NewEncoder(to)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	})
}

// sources copies the kernels and the testbench, and writes their constants.
func (w *writer) sources(f *Folder) {
	if w.err != nil {
		return
	}
	copyAll := func(from fs.FS, to string, match func(string) bool) {
		err := fs.WalkDir(from, ".", func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !match(name) {
				return err
			}
			text, err := fs.ReadFile(from, name)
			w.bytes(to+name, text)
			return err
		})
		if w.err == nil {
			w.err = err
		}
	}
	copyAll(hlslib.Sources(), "src/hlslib/", func(p string) bool { return strings.HasSuffix(p, ".hpp") && !strings.Contains(p, "/") })
	d := f.Plan.Boards[0].Design
	copyAll(sources, "", func(p string) bool {
		name, top := strings.CutSuffix(path.Base(p), ".cpp")
		return !top || present(f.needs).built(name)
	})
	w.bytes("csim/csim.cpp", testbench)
	c, err := hlslib.ConfigOf(d)
	if err != nil && w.err == nil {
		w.err = err
	}
	constants := c.Struct("config")
	w.bytes("src/config.hpp", []byte(header(constants, f.sizes(), f.has())))
	w.bytes("src/planned.hpp", []byte(planned(constants)))
}

// sizes are the words of the larger of both boards' memories, which a co-simulation must know, as a struct.
func (f *Folder) sizes() string {
	var most [2]int
	records := 0
	for _, b := range f.Plan.Boards {
		for s := range most {
			most[s] = max(most[s], b.Words[s])
		}
		records = max(records, len(b.Commands))
	}
	return fmt.Sprintf("// What the network holds of each direction, on its way or arrived and not received yet.\nstruct network {\n    static const uint32_t LINK_BYTES = %d;\n};\n\n", f.Plan.LinkBytes()) + fmt.Sprintf("// Words of a board's memories: what the first command finds, and what commands make.\nstruct memory_words {\n    static const uint32_t RING = %d;\n"+
		"    static const uint32_t BITS = %d;\n    static const uint32_t RECORDS = %d;\n};\n", most[lower.RING], most[lower.BITS], records*lower.RecordWords)
}

// needs tells whether a kernel is part of the accelerator: one that neither board has commands for is left out.
func (f *Folder) needs(k target.Kernel) bool {
	if k == target.KernelSequencer {
		return true
	}
	for _, b := range f.Plan.Boards {
		if slices.ContainsFunc(b.Commands, func(c lower.Command) bool { return c.Kernel.String() == string(k) }) {
			return true
		}
	}
	return false
}

// parts are the areas of the kernels that are there.
func (f *Folder) parts() []target.Part {
	return slices.DeleteFunc(f.Plan.Boards[0].Design.PartsOn(f.Board), func(p target.Part) bool { return !f.needs(p.Kernel) })
}

// area is what they take together.
func (f *Folder) area() (all target.Area) {
	for _, p := range f.parts() {
		all = all.Add(p.Area)
	}
	return all
}

// has says which kernels there are, for the preprocessor.
func (f *Folder) has() string {
	var s strings.Builder
	s.WriteString("// Kernels of this accelerator: 1 of those that are there.\n")
	for _, k := range target.Kernels() {
		there := 0
		if f.needs(k) {
			there = 1
		}
		fmt.Fprintf(&s, "#define SOTTO_HAS_%s %d\n", strings.ToUpper(string(k)), there)
	}
	return s.String()
}

func (w *writer) builds(f *Folder) {
	files, err := buildFiles(f.Board, f.Plan.Boards[0].Design.ClockMHz, f.needs, lower.QueueDepth)
	if err != nil && w.err == nil {
		w.err = err
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		w.bytes(path, files[path])
	}
}

// data writes what a board of the C-simulation starts from, runs and is held against.
func (w *writer) data(f *Folder, p cost.Party) {
	b, r := f.Plan.Boards[p], f.Recordings[p]
	dir := "csim/data/" + p.String() + "/"
	var records []uint32
	for i := range b.Commands {
		records = b.Commands[i].Encode(records)
	}
	w.stream(dir+"commands.bin", func(to io.Writer) error { return binary.Write(to, binary.LittleEndian, records) })
	segments, err := image(b, r)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("%smemory.bin: %w", dir, err)
	}
	w.stream(dir+"memory.bin", func(to io.Writer) error {
		for _, s := range segments {
			if err := s.write(to, wordSize(b, s.space)); err != nil {
				return err
			}
		}
		return nil
	})
	list, err := checks(b, r)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.stream(dir+"checks.bin", func(to io.Writer) error {
		var all bytes.Buffer
		for _, c := range list {
			if err := c.write(&all); err != nil {
				return err
			}
		}
		_, err := to.Write(all.Bytes())
		return err
	})
}
