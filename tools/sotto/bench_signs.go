package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"sotto/passes/pass"
	"sotto/runtime/party"
	"sotto/tools/sotto/bench"
	"sotto/tools/sotto/estimates"
)

// signElements is how many results each circuit gives, unless --n says otherwise: the tables of the largest are 0.87 GB.
const signElements = 1 << 14

// signCircuit is an op on n elements or windows, whose comparison is garbled by its signs alone, and all inside the circuit.
type signCircuit struct {
	side int // of a max-pool's windows, which do not overlap; 1: a ReLU
	ring int
}

var signCircuits = []signCircuit{{1, 32}, {1, 64}, {2, 32}, {2, 64}, {3, 32}, {3, 64}}

// signForms are the ways that are compared, of which the ratios are the second's to the first's.
var signForms = [2]pass.Nonlinear{pass.GarbledSign, pass.GarbledWhole}

// signLayer is the path of the op in its dump: the session's own bytes and time are not counted.
const signLayer = "op"

func (c signCircuit) name() string {
	if c.side == 1 {
		return fmt.Sprintf("relu.%d", c.ring)
	}
	return fmt.Sprintf("maxpool%d.%d", c.side, c.ring)
}

func (c signCircuit) doc() string {
	if c.side == 1 {
		return fmt.Sprintf("n ReLUs of %d bits", c.ring)
	}
	return fmt.Sprintf("n maxima of windows of %dx%d numbers of %d bits", c.side, c.side, c.ring)
}

// dump is the op on a row of windows. Nothing is known of its operand's range, so that all bits are compared.
func (c signCircuit) dump(n int64) string {
	in, out := fmt.Sprintf("i%dq12[1,%d,%d]", c.ring, c.side, int64(c.side)*n), fmt.Sprintf("i%dq12[1,1,%d]", c.ring, n)
	op := "ring.relu %x"
	if c.side > 1 {
		op = fmt.Sprintf("ring.maxpool %%x {kernel=[%d,%d], stride=[%d,%d], pad=[0,0]}", c.side, c.side, c.side, c.side)
	}
	return fmt.Sprintf("module ring\nfunc @bench(%%x: C %s) -> %s {\n  %%1 = %s : %s  @0:0:0/%s\n  return %%1 {name=\"y\"}\n}\n", in, out, op, out, signLayer)
}

func signEntries() []benchEntry {
	var out []benchEntry
	for _, c := range signCircuits {
		out = append(out, benchEntry{c.name(), c.doc() + ", garbled by their signs with products by OT, and all inside the circuit"})
	}
	return out
}

// signRatio is what the circuit with all inside takes over the one of signs alone.
type signRatio struct {
	Name    string     `json:"name"`
	ANDs    float64    `json:"ands"`
	Offline phaseRatio `json:"offline"`
	Online  phaseRatio `json:"online"`
	Both    phaseRatio `json:"both"`
}

// phaseRatio is of the bytes of a phase, and of its time run by run.
type phaseRatio struct {
	Bytes float64          `json:"bytes"`
	MS    estimates.Median `json:"ms"`
}

// benchSigns measures the chosen circuits in both forms, by turns.
func (a *app) benchSigns(f *benchFlags, names []string) (*benchReport, error) {
	return a.benchPaired(f, func(p *benchPair, _ *bench.Limits, r *benchReport) error {
		for _, c := range signCircuits {
			if !slices.Contains(names, c.name()) {
				continue
			}
			forms, err := a.runForms(p, c, f)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name(), err)
			}
			for _, form := range forms {
				r.Results = append(r.Results, form.results()...)
			}
			ratio, err := compareForms(c.name(), forms)
			if err != nil {
				return err
			}
			r.Compared = append(r.Compared, ratio)
		}
		return nil
	})
}

// signForm is an op in one form, with what its own layer took in each run.
type signForm struct {
	*preparedLayer
	name string
	ands int64 // of an element
	runs []*party.Stats
}

// prepareForms compiles a circuit in both forms.
func (a *app) prepareForms(tmp string, c signCircuit, f *benchFlags) (forms [2]signForm, err error) {
	for i, way := range signForms {
		l := layerBench{name: c.name() + "." + string(way), n: signElements, nonlinear: way, dump: c.dump}
		dir := filepath.Join(tmp, string(way))
		if err := os.Mkdir(dir, 0o700); err != nil {
			return forms, err
		}
		prepared, err := a.prepareLayer(dir, l, f)
		if err != nil {
			return forms, err
		}
		ands, err := prepared.bundle.Program.ANDs()
		if err != nil {
			return forms, err
		}
		forms[i] = signForm{preparedLayer: prepared, name: l.name, ands: ands / prepared.outputs()}
	}
	return forms, nil
}

// runForms runs both forms of a circuit by turns.
func (a *app) runForms(p *benchPair, c signCircuit, f *benchFlags) (forms [2]signForm, err error) {
	tmp, err := os.MkdirTemp("", "sotto-bench-")
	if err != nil {
		return forms, err
	}
	defer os.RemoveAll(tmp)
	if forms, err = a.prepareForms(tmp, c, f); err != nil {
		return forms, err
	}
	for run := range f.runs {
		for i := range forms {
			a.progress.step("%s, run %d of %d", forms[i].name, run+1, f.runs)
			s, err := forms[i].run(p)
			if err != nil {
				return forms, err
			}
			own, err := ownLayer(s)
			if err != nil {
				return forms, err
			}
			forms[i].runs = append(forms[i].runs, own)
		}
	}
	return forms, nil
}

// ownLayer is the op's part of a session: not the base OTs, nor the input and the result.
func ownLayer(s *party.Stats) (*party.Stats, error) {
	i := slices.IndexFunc(s.Layers, func(l party.LayerStats) bool { return l.Path == signLayer })
	if i < 0 {
		return nil, fmt.Errorf("nothing was counted for the layer %q", signLayer)
	}
	return &party.Stats{Online: s.Layers[i].Online, Offline: s.Layers[i].Offline}, nil
}

// results are a form's phases.
func (s signForm) results() (list []benchResult) {
	for _, p := range netPhases {
		x := layerResult(s.name+p.suffix, s.outputs(), s.runs, func(s *party.Stats) float64 { return p.of(s).MS }, func(s *party.Stats) []party.Phase { return []party.Phase{p.of(s)} })
		program := s.bundle.Program
		x.ANDs, x.Garbling, x.OT = s.ands, program.Circuits[0].Scheme, program.Extensions.OT.String()
		list = append(list, x)
	}
	return list
}

// inAll is both phases together.
func inAll(s *party.Stats) party.Phase {
	sum := party.Phase{MS: s.Offline.MS + s.Online.MS, Traffic: s.Offline.Traffic}
	sum.Traffic.Add(s.Online.Traffic)
	return sum
}

// compareForms sets the second form against the first.
func compareForms(name string, forms [2]signForm) (signRatio, error) {
	r := signRatio{Name: name, ANDs: float64(forms[1].ands) / float64(forms[0].ands)}
	var errs [3]error
	r.Offline, errs[0] = ratioOf(forms, func(s *party.Stats) party.Phase { return s.Offline })
	r.Online, errs[1] = ratioOf(forms, func(s *party.Stats) party.Phase { return s.Online })
	r.Both, errs[2] = ratioOf(forms, inAll)
	return r, errors.Join(errs[:]...)
}

func ratioOf(forms [2]signForm, of func(*party.Stats) party.Phase) (r phaseRatio, err error) {
	var ms []float64
	for i := range forms[0].runs {
		signs, whole := of(forms[0].runs[i]), of(forms[1].runs[i])
		ms = append(ms, whole.MS/signs.MS)
		r.Bytes = float64(whole.ClientSent+whole.ServerSent) / float64(signs.ClientSent+signs.ServerSent)
	}
	r.MS, err = estimates.MedianOf(ms)
	return r, err
}

// compared prints what circuits with all inside take over those of signs alone.
func compared(w io.Writer, list []signRatio) {
	var rows [][]string
	for _, r := range list {
		row := []string{r.Name, fmt.Sprintf("%.2f", r.ANDs)}
		for _, p := range []phaseRatio{r.Offline, r.Online, r.Both} {
			row = append(row, fmt.Sprintf("%.2f", p.Bytes), interval(p.MS))
		}
		rows = append(rows, row)
	}
	fmt.Fprintf(w, "\nall inside the circuit over signs alone:\n")
	table(w, "name >ANDs >bytes_offline time_offline >bytes_online time_online >bytes time", rows)
}
