package main

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"github.com/spf13/cobra"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
	pricetable "sotto/passes/table"
)

// tableResult is what table prints: what each option adds to the mean of the space's networks.
type tableResult struct {
	head
	Net        string            `json:"net"`
	Deploy     cost.Deployment   `json:"deploy"`
	Source     cost.Source       `json:"offline_source"`
	OT         string            `json:"ot"`
	Products   string            `json:"products"`
	Target     string            `json:"target"`
	TargetNote string            `json:"target_source"`
	Mean       cost.Figures      `json:"mean"` // of a network whose options are all equally likely
	OnlineOff  float64           `json:"online_off"`
	OfflineOff float64           `json:"offline_off"`
	Sites      []siteJSON        `json:"sites"`
	Learnt     pricetable.Learnt `json:"learnt"`
}

type siteJSON struct {
	Path    string       `json:"path"`
	Choice  string       `json:"choice"`
	Options []optionJSON `json:"options"`
}

type optionJSON struct {
	Name string       `json:"name"`
	Adds cost.Figures `json:"adds"`
}

func newTableCmd(a *app) *cobra.Command {
	var network networkFlags
	var lower lowerFlags
	var target, out string
	var networks int
	c := &cobra.Command{
		Use: "table SPACE --target T", Short: "what every option of a space costs on a target", Args: cobra.ExactArgs(1),
		Long: "Table prices the networks of a space without compiling each, and prints what each option adds to the mean network: the increments that\n" +
			"a gradient search descends. Every network's own price has exact bytes and rounds; increments are means over random networks, and\n" +
			"online_off and offline_off say how far their sums are from the price. Ranges are assumed, as in a compilation without weights. All\n" +
			"networks have one OT extension and one way of making products: where --ot or --products is auto, those that a compilation of the\n" +
			"network with the first option everywhere chooses.",
		Example: "  sotto table examples/resnet18_cifar.sotto --target lan\n" +
			"  sotto table examples/resnet50.sotto --target me.json --ot ferret -o table.json",
		RunE: func(_ *cobra.Command, args []string) error {
			if networks < 1 {
				return usagef("--networks %d: accepted are 1 and more", networks)
			}
			if slices.Contains(lower.nonlinear, wayAuto) || slices.Contains(lower.trunc, wayAuto) {
				return usagef("--nonlinear and --trunc %s: accepted is a protocol, which all networks of a table have", wayAuto)
			}
			if err := writable(out); err != nil {
				return err
			}
			n, err := a.load(args[0], network)
			if err != nil {
				return err
			}
			prices, err := a.target(target, n)
			if err != nil {
				return err
			}
			r, err := a.table(n, lower, prices, networks)
			if err == nil && out != "" {
				err = writeJSON(out, r)
			}
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	c.Flags().StringVar(&network.net, "net", "", "the net, where the file has several")
	c.Flags().IntVar(&lower.ring, "ring", 0, "ring `bits`, 32 or 64 (default: 32 if the ranges fit)")
	c.Flags().StringSliceVar((*[]string)(&lower.nonlinear), "nonlinear", []string{string(pass.Nonlinears()[0])}, fmt.Sprintf("`protocol` of comparisons, which all networks have: %v", pass.Nonlinears()))
	c.Flags().StringSliceVar((*[]string)(&lower.trunc), "trunc", []string{string(pass.Truncations()[0])}, fmt.Sprintf("`protocol` of truncations: %v", pass.Truncations()))
	lower.addDeploy(c)
	addOfflineFlag(c, &lower.offline)
	addTargetFlag(c, &target)
	c.Flags().IntVar(&networks, "networks", 16, "random networks that an increment is the mean of")
	c.Flags().StringVarP(&out, "output", "o", "", "write the table as JSON to this `file` too")
	return c
}

// effectsSeed makes one table's random networks the same ones every time.
const effectsSeed = 1

// table prices a space.
func (a *app) table(n *network, flags lowerFlags, target cost.Target, networks int) (*tableResult, error) {
	if n.module.Stage != ir.Space {
		return nil, fmt.Errorf("@%s is in stage %s: accepted are .sotto files and dumps of stage space", n.fn().Name, n.module.Stage)
	}
	l, err := a.firstOptions(n, flags, target)
	if err != nil {
		return nil, err
	}
	defer l.close()
	a.progress.step("networks of the space")
	t, learnt, err := passes.PriceTable(l.context, n.module, target, l.secure.OT, l.secure.Elementwise)
	if err != nil {
		return nil, err
	}
	a.progress.step("increments of the options")
	e, err := t.Effects(networks, rand.New(rand.NewPCG(effectsSeed, effectsSeed)).IntN)
	if err != nil {
		return nil, err
	}
	r := &tableResult{head: version1, Net: n.fn().Name, Deploy: l.secure.Deploy, Source: l.context.Source, OT: l.secure.OT.String(), Products: l.secure.Elementwise.String(),
		Target: target.Name, TargetNote: target.Source, Mean: e.Mean, OnlineOff: e.OnlineOff, OfflineOff: e.OfflineOff, Sites: []siteJSON{}, Learnt: learnt}
	for i, s := range t.Sites {
		site := siteJSON{Path: s.Path, Choice: s.Choice}
		for o, name := range s.Options {
			site.Options = append(site.Options, optionJSON{name, e.Sites[i][o]})
		}
		r.Sites = append(r.Sites, site)
	}
	return r, nil
}

func (r *tableResult) text(w io.Writer) {
	var rows [][]string
	for _, s := range r.Sites {
		for _, o := range s.Options {
			rows = append(rows, append([]string{s.Path, o.Name}, figureCells(o.Adds)...))
		}
	}
	rows = append(rows, append([]string{"mean", ""}, figureCells(r.Mean)...))
	table(w, "site option >offline_ms >bytes >online_ms >bytes >rounds >ReLUs", rows)
	fmt.Fprintln(w)
	pairs(w, "net", r.Net, "deployment", string(r.Deploy), "OT extension", r.OT, "elementwise products", r.Products,
		"sums of increments", fmt.Sprintf("%.1f %% off the price online, %.1f %% offline", 100*r.OnlineOff, 100*r.OfflineOff),
		"learnt from", fmt.Sprintf("%d networks, the last %d of which were as foretold", r.Learnt.Probes, r.Learnt.Foretold),
		"prices", fmt.Sprintf("%s: %s", r.Target, r.TargetNote))
}

func figureCells(f cost.Figures) []string {
	return []string{fmt.Sprintf("%.3f", f.OfflineMS), fmt.Sprintf("%.0f", f.OfflineBytes), fmt.Sprintf("%.3f", f.OnlineMS), fmt.Sprintf("%.0f", f.OnlineBytes),
		fmt.Sprintf("%.1f", f.OnlineRounds), fmt.Sprintf("%.0f", f.ReLUs)}
}
