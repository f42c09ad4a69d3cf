package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sotto/frontend"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/tools/sotto/irdiff"
)

// diffResult is what diff prints. Costs are what both modules cost by the op table, where that differs.
type diffResult struct {
	head
	Equal bool `json:"equal"`
	*irdiff.Module
	Costs []irdiff.Change `json:"costs"`
}

func newDiffCmd(a *app) *cobra.Command {
	var network networkFlags
	c := &cobra.Command{
		Use: "diff A B", Short: "say what differs between two IR dumps in what they compute", Args: cobra.ExactArgs(2),
		Long: "Diff matches the values of two dumps, or networks, by what they compute and where in the network they belong: names, order and\n" +
			"lines make no difference. It prints ops that were removed (-), added (+) or changed (~: attributes, type, operands, path), and apart\n" +
			"from them what that does to the cost: ReLUs, MACs and parameters of a network, bytes and rounds of a SECURE function.\n\n" +
			"Exit status, as of diff(1): 0 where nothing differs, 1 where something does, 2 where a file cannot be compared.",
		Example: "  sotto diff out/ir/03-fold.ir out/ir/04-ranges.ir\n  sotto diff before.ir after.ir --json",
		RunE: func(_ *cobra.Command, args []string) error {
			var m [2]*ir.Module
			for i, path := range args {
				n, err := a.load(path, network)
				if err == nil {
					err = ir.Check(n.module)
				}
				if err != nil {
					return uncompared{err}
				}
				m[i] = n.module
			}
			r := diffResult{head: version1, Module: irdiff.Of(m[0], m[1]), Costs: costChanges(m[0], m[1])}
			r.Equal = r.Module.Equal()
			if err := a.show(r, r.text); err != nil || r.Equal {
				return err
			}
			removed, added, changed := r.Counts()
			return fmt.Errorf("%s and %s differ: %d removed, %d added, %d changed", args[0], args[1], removed, added, changed)
		},
	}
	c.Flags().StringVar(&network.net, "net", "", "the net, where the files have several")
	return c
}

// uncompared is an error in a file of diff, whose status 1 says that files differ.
type uncompared struct{ error }

func (e uncompared) Unwrap() error { return e.error }

func (r diffResult) text(w io.Writer) {
	for _, c := range r.Changes {
		fmt.Fprintf(w, "module %s\n", changeText(c))
	}
	for _, f := range r.Funcs {
		fmt.Fprintf(w, "func @%s\n", f.Name)
		for _, c := range f.Changes {
			fmt.Fprintf(w, "    %s\n", changeText(c))
		}
		for _, v := range f.Removed {
			fmt.Fprintf(w, "- %s\n", valueText(v))
		}
		for _, v := range f.Added {
			fmt.Fprintf(w, "+ %s\n", valueText(v))
		}
		for _, p := range f.Changed {
			fmt.Fprintf(w, "~ %s\n", valueText(p.From))
			for _, c := range p.Changes {
				fmt.Fprintf(w, "    %s\n", changeText(c))
			}
		}
	}
	for _, c := range r.Costs {
		fmt.Fprintf(w, "cost %s\n", changeText(c))
	}
}

func valueText(v irdiff.Value) string {
	if v.Path == "" || v.Op == "param" {
		return v.Text
	}
	return v.Text + "  " + v.Path
}

func changeText(c irdiff.Change) string {
	side := func(s string) string {
		if s == "" {
			return "none"
		}
		return s
	}
	return fmt.Sprintf("%s: %s -> %s", c.What, side(c.From), side(c.To))
}

// costChanges compares what two modules cost, as far as the op table says it of both.
func costChanges(a, b *ir.Module) []irdiff.Change {
	from, to := costsOf(a), costsOf(b)
	out := []irdiff.Change{}
	for i := range min(len(from), len(to)) {
		if from[i] != to[i] && from[i].What == to[i].What {
			out = append(out, irdiff.Change{What: from[i].What, From: from[i].To, To: to[i].To})
		}
	}
	return out
}

// costsOf lists what a module costs.
func costsOf(m *ir.Module) (out []irdiff.Change) {
	count := func(what string, n int64) { out = append(out, irdiff.Change{What: what, To: count(n)}) }
	switch {
	case m.Stage&(ir.Space|ir.Net) != 0:
		s := frontend.Summarise(m.Funcs[0])
		count("ReLUs", s.ReLUs)
		count("x2acts", s.X2acts)
		count("MACs", s.MACs)
		count("parameters", s.Params)
	case m.Stage == ir.Secure:
		source := cost.FromHE
		if ir.CheckMaterial(m, source) != nil {
			source = cost.FromDealer
		}
		l := ir.Account(m, m.Funcs[0], source)
		for _, phase := range []cost.Phase{cost.Offline, cost.Online} {
			t := l.Total(phase)
			count(phase.String()+" client_sent", t.ClientSent)
			count(phase.String()+" server_sent", t.ServerSent)
			count(phase.String()+" rounds", int64(t.Rounds))
		}
	}
	return out
}
