package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sotto/fpga/pasnet"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
)

// pasnetTarget resolves the name of a price list of PASNet's model; ok is false where it is something else.
func (a *app) pasnetTarget(name string) (t pasnet.Target, ok bool, err error) {
	if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() {
		return pasnet.ShippedTarget(name)
	}
	text, err := a.read(name)
	if err != nil || !pasnet.IsTarget([]byte(text)) {
		return t, false, err
	}
	if t, err = pasnet.ParseTarget([]byte(text)); err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return t, true, err
}

// ofPaper are the flags that an estimate by the paper's model takes: it knows one ring and one protocol an op.
var ofPaper = []string{"target", "net", "set", "decision", "gates", "prune", "relu-budget", "json", "quiet"}

// showPaper prints a network's estimate by PASNet's model; err is what was wrong with its target.
func (a *app) showPaper(c *cobra.Command, n *network, t pasnet.Target, err error) error {
	if err != nil {
		return err
	}
	r, err := a.onPaper(c, n, t)
	if err != nil {
		return err
	}
	return a.show(r, r.text)
}

// onPaper prices a network by PASNet's model, as it is written.
func (a *app) onPaper(c *cobra.Command, n *network, t pasnet.Target) (*paperEstimate, error) {
	var foreign []string
	c.Flags().Visit(func(f *pflag.Flag) {
		if !slices.Contains(ofPaper, f.Name) {
			foreign = append(foreign, "--"+f.Name)
		}
	})
	if len(foreign) > 0 {
		return nil, usagef("%s: %s is of PASNet's model, which knows one ring and one protocol an op: accepted are --%s", strings.Join(foreign, ", "), t.Name, strings.Join(ofPaper, ", --"))
	}
	context := &pass.Context{Choices: n.decisions, Gates: n.relus.gates}
	if err := new(pass.Runner).Run(context, n.module, passes.AsWritten...); err != nil {
		return nil, err
	}
	e, err := pasnet.Of(n.fn(), t)
	if err != nil {
		return nil, err
	}
	r := &paperEstimate{head: version1, Net: n.fn().Name, Target: t.Name, TargetNote: t.Source, Model: t.Model, EnergyMJ: e.EnergyMJ, Efficiency: e.PerKWSecond, Online: phaseOf(e.Total),
		Notices: []string{"one ring of 32 bits, no truncation and no offline phase are counted; the comparison is a cost model, not a secure protocol"}}
	for _, l := range e.Layers {
		r.Layers = append(r.Layers, paperLayer{l.Value.Layer(), strings.TrimPrefix(l.Value.Op.Name, "nn."), l.Value.Pos.Line, phaseOf(l)})
	}
	return r, nil
}

// paperEstimate is what estimate prints of PASNet's model.
type paperEstimate struct {
	head
	Net        string       `json:"net"`
	Target     string       `json:"target"`
	TargetNote string       `json:"target_source"`
	Model      string       `json:"model"`
	Online     paperPhase   `json:"online"`
	EnergyMJ   float64      `json:"energy_mj"`
	Efficiency float64      `json:"per_kw_s"` // the paper's energy efficiency: 1 / (seconds * kW)
	Layers     []paperLayer `json:"layers"`
	Notices    []string     `json:"notices"`
}

type paperLayer struct {
	Path   string     `json:"path"`
	Op     string     `json:"op"`
	Line   int        `json:"line"`
	Online paperPhase `json:"online"`
}

// paperPhase is a layer's online phase. The model has no other, and no spread.
type paperPhase struct {
	MS        float64 `json:"ms"`
	ComputeMS float64 `json:"compute_ms"`
	LinkMS    float64 `json:"link_ms"`
	Bytes     int64   `json:"bytes"` // both parties'
	cost.Traffic
}

func phaseOf(l pasnet.Layer) paperPhase {
	const bitsPerByte = 8
	return paperPhase{l.MS(), l.ComputeMS, l.LinkMS, l.Bytes(), cost.Traffic{ClientSent: l.Bits[0] / bitsPerByte, ServerSent: l.Bits[1] / bitsPerByte, Rounds: l.Messages}}
}

func (r *paperEstimate) text(w io.Writer) {
	var rows [][]string
	for _, l := range append(r.Layers, paperLayer{Path: "total", Online: r.Online}) {
		x := l.Online
		rows = append(rows, []string{l.Path, l.Op, blankMS(x.MS), blankMS(x.ComputeMS), blankMS(x.LinkMS), blankSize(x.Bytes), blankZero(int64(x.Rounds))})
	}
	table(w, "layer op >online_ms >compute >link >bytes >rounds", rows)
	fmt.Fprintln(w)
	const bytesPerMB = 1e6
	pairs(w, "net", r.Net, "online", fmt.Sprintf("%.1f ms, %.2f MB, %d messages", r.Online.MS, float64(r.Online.Bytes)/bytesPerMB, r.Online.Rounds),
		"energy", fmt.Sprintf("%s mJ, %.0f inferences per kW and second", three(r.EnergyMJ), r.Efficiency), "model", r.Model+": "+r.Notices[0], "prices", r.Target+": "+r.TargetNote)
}
