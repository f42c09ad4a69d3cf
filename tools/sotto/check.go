package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sotto/frontend"
	"sotto/ir"
	"sotto/passes/choices"
)

// checkResult is what check prints. Undecided choices count their first option.
type checkResult struct {
	head
	Net                string         `json:"net"`
	Input              inputJSON      `json:"input"`
	Output             tensorJSON     `json:"output"`
	ReLUs              int64          `json:"relus"`
	ReLUsCompared      int64          `json:"relus_compared"` // once the exact passes have shared and moved them
	X2acts             int64          `json:"x2acts"`
	MaxpoolInputs      int64          `json:"maxpool_inputs"`
	ActivationSites    int            `json:"activation_sites"`
	ActivationElements int64          `json:"activation_elements"`
	MACs               int64          `json:"macs"`
	Params             int64          `json:"params"`
	Sites              []choices.Site `json:"sites"`
	Undecided          []string       `json:"undecided"`
	Parameters         []paramJSON    `json:"parameters"`
	Layers             []layerJSON    `json:"layers"`
}

type tensorJSON struct {
	Name  string `json:"name"`
	Shape []int  `json:"shape"`
}

// inputJSON is the input with what is done to an image first.
type inputJSON struct {
	tensorJSON
	Resize int       `json:"resize,omitempty"` // pixels of the shorter side
	Crop   int       `json:"crop,omitempty"`   // of a side
	Mean   []float64 `json:"mean,omitempty"`
	Std    []float64 `json:"std,omitempty"`
}

func (in inputJSON) text() string {
	steps := []string{in.Name + " " + shapeText(in.Shape)}
	if in.Resize > 0 {
		steps = append(steps, fmt.Sprintf("shorter side to %d pixels", in.Resize))
	}
	if in.Crop > 0 {
		steps = append(steps, fmt.Sprintf("middle %d x %d", in.Crop, in.Crop))
	}
	if in.Mean != nil {
		steps = append(steps, fmt.Sprintf("less %v", in.Mean))
	}
	if in.Std != nil {
		steps = append(steps, fmt.Sprintf("over %v", in.Std))
	}
	return strings.Join(steps, ", ")
}

// paramJSON is a parameter of the space and what was picked for it, an element of a vector at a time.
type paramJSON struct {
	Name  string   `json:"name"`
	Value []string `json:"value"`
}

type layerJSON struct {
	Path   string `json:"path"`
	Op     string `json:"op"`
	Shape  []int  `json:"shape"`
	ReLUs  int64  `json:"relus"`
	MACs   int64  `json:"macs"`
	Params int64  `json:"params"`
	Line   int    `json:"line"`
}

func newCheckCmd(a *app) *cobra.Command {
	var flags networkFlags
	c := &cobra.Command{
		Use: "check FILE", Short: "check a network and count what it holds", Args: cobra.ExactArgs(1),
		Long: "Check reports every error of a file at once and, where there is none, a table of the layers: shape, ReLUs, MACs and\n" +
			"trained parameters, of layers that nobody reads too. Choices that are not decided count their first option. Relus are counted as\n" +
			"they are written; those that --gates or a decision file leave out, and those that --prune takes away, are not.",
		Example: "  sotto check examples/resnet18.sotto\n  sotto check examples/resnet18.sotto --set act=x2act --json",
		RunE: func(_ *cobra.Command, args []string) error {
			n, err := a.load(args[0], flags)
			if err != nil {
				return err
			}
			r, err := check(n)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	flags.add(c)
	return c
}

func check(n *network) (*checkResult, error) {
	if err := n.infers(); err != nil {
		return nil, err
	}
	if n.module.Stage&(ir.Space|ir.Net) == 0 {
		return nil, fmt.Errorf("@%s is in stage %s: accepted are .sotto files and dumps of stage space or net", n.fn().Name, n.module.Stage)
	}
	f, open, err := choices.First(n.fn(), n.decisions)
	if err != nil {
		return nil, err
	}
	compared, err := n.relus.compared(f)
	if err != nil {
		return nil, err
	}
	if f, err = n.relus.apply(f); err != nil {
		return nil, err
	}
	s := frontend.Summarise(f)
	r := &checkResult{head: version1, Net: f.Name, Output: tensorJSON{outputName(f), f.Result.Type.Shape},
		ReLUs: s.ReLUs, ReLUsCompared: compared, Parameters: []paramJSON{}, X2acts: s.X2acts, MaxpoolInputs: s.MaxpoolInputs, ActivationSites: s.ActivationSites,
		ActivationElements: s.ReLUs + s.X2acts, MACs: s.MACs, Params: s.Params,
		Sites: choices.Sites(n.fn()), Undecided: open, Layers: []layerJSON{}}
	if len(f.Params) > 0 {
		x := f.Params[0]
		r.Input = inputJSON{tensorJSON{x.Name, x.Type.Shape}, x.Int("resize"), x.Int("crop"), x.Floats("mean"), x.Floats("std")}
	}
	if r.Sites == nil {
		r.Sites = []choices.Site{}
	}
	if r.Undecided == nil {
		r.Undecided = []string{}
	}
	for _, p := range n.params {
		picked := paramJSON{Name: p.Name}
		for _, i := range p.Chosen {
			picked.Value = append(picked.Value, p.Values[i])
		}
		r.Parameters = append(r.Parameters, picked)
	}
	for _, l := range s.Layers {
		r.Layers = append(r.Layers, layerJSON{l.Path, strings.TrimPrefix(l.Op, "nn."), l.Shape, l.ReLUs, l.MACs, l.Params, l.Pos.Line})
	}
	return r, nil
}

func outputName(f *ir.Func) string {
	name, _ := f.Output["name"].(string)
	return name
}

// relus says how many there are and, where that differs, how many are left to compare.
func (r *checkResult) relus() string {
	if r.ReLUs == r.ReLUsCompared {
		return count(r.ReLUs)
	}
	return fmt.Sprintf("%s, of which %s are compared once they are shared and behind pools", count(r.ReLUs), count(r.ReLUsCompared))
}

func (r *checkResult) text(w io.Writer) {
	var rows [][]string
	for _, l := range r.Layers {
		rows = append(rows, []string{l.Path, l.Op, shapeText(l.Shape), blankZero(l.ReLUs), blankZero(l.MACs), blankZero(l.Params), fmt.Sprint(l.Line)})
	}
	table(w, "layer op shape >ReLUs >MACs >parameters >line", rows)
	fmt.Fprintln(w)
	pairs(w, "net", r.Net,
		"input", r.Input.text(), "output", r.Output.Name+" "+shapeText(r.Output.Shape),
		"ReLUs", r.relus(), "x2acts", count(r.X2acts), "max-pool inputs", count(r.MaxpoolInputs),
		"activations", fmt.Sprintf("%s in %d layers", count(r.ActivationElements), r.ActivationSites),
		"MACs", count(r.MACs), "parameters", count(r.Params))
	for _, p := range r.Parameters {
		fmt.Fprintf(w, "%s = %s\n", p.Name, strings.Join(p.Value, ", "))
	}
	if len(r.Undecided) > 0 {
		fmt.Fprintf(w, "\nundecided, counted as the first option:\n")
		for _, s := range r.Sites {
			for _, path := range r.Undecided {
				if path == s.Path {
					fmt.Fprintf(w, "  %s = %s\n", s.Path, strings.Join(s.Options, " | "))
				}
			}
		}
	}
}
