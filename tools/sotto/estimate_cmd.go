package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sotto/backend/twopc"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/choose"
	"sotto/passes/pass"
)

// netEstimate is what estimate prints.
type netEstimate struct {
	head
	Net        string          `json:"net"`
	Deploy     cost.Deployment `json:"deploy"`
	Target     string          `json:"target"`
	TargetNote string          `json:"target_source"`
	estimate
	Comparisons map[pass.Nonlinear]int `json:"comparisons,omitempty"`
	Weighed     choose.Weighed         `json:"choice_weighed,omitempty"` // what of all programs, so that none of it is estimated faster
	Explain     *explanation           `json:"explain,omitempty"`
	Notices     []string               `json:"notices"`
	Picked      []picked               `json:"picked,omitempty"` // choices that --allow left to the prices
}

func newEstimateCmd(a *app) *cobra.Command {
	var network networkFlags
	var lower lowerFlags
	var target string
	c := &cobra.Command{
		Use: "estimate FILE --target T", Short: "what a private inference would cost on a target, layer by layer", Args: cobra.ExactArgs(1),
		Long: "Estimate compiles FILE and plays both parties against each other at the prices of a target: bytes and rounds are exact, times have the\n" +
			"range that the prices' spread gives them. A layer's time is the client's, waiting included; the columns beside it say who works for it,\n" +
			"on one core each. Weights are not needed; with them the widths of values, and so the bytes, are those that a bundle will have.",
		Example: "  sotto estimate examples/minionn.sotto --target wan\n" +
			"  sotto estimate examples/resnet18.sotto --set act=x2act --set pool=avgpool --target me.json --offline dealer --json\n" +
			"  sotto estimate examples/resnet18.sotto --set act=x2act --set pool=avgpool --target zcu104x2-pasnet",
		RunE: func(c *cobra.Command, args []string) error {
			n, err := a.load(args[0], network)
			if err != nil {
				return err
			}
			if t, ok, err := a.pasnetTarget(target); ok || err != nil {
				return a.showPaper(c, n, t, err)
			}
			prices, err := a.target(target, n)
			if err != nil {
				return err
			}
			r, err := a.estimated(n, lower, prices)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	network.add(c)
	lower.add(c)
	lower.addDeploy(c)
	addOfflineFlag(c, &lower.offline)
	addTargetFlag(c, &target)
	addExplainFlag(c, &lower)
	return c
}

// addTargetFlag is what commands share that go by price.
func addTargetFlag(c *cobra.Command, target *string) {
	c.Flags().StringVar(target, "target", "loopback", "price list: a file (of prices, or of a board of which there are two), a shipped one (loopback, lan, wan, pasnet; estimate alone: zcu104x2-pasnet, the paper's model), two of a board (zcu104x2, kv260x2 ..., or on a link zcu104x2@8gbps,0.1ms), or the prices of loopback on a link such as 300mbps,5ms")
}

// estimated compiles a network as far as its costs are known.
func (a *app) estimated(n *network, flags lowerFlags, target cost.Target) (*netEstimate, error) {
	if err := n.infers(); err != nil {
		return nil, err
	}
	n, picked, err := a.pick(n, flags, target)
	if err != nil {
		return nil, err
	}
	l, err := a.lowering(n, flags)
	if err != nil {
		return nil, err
	}
	defer l.close()
	return l.estimated(n, flags, target, picked)
}

// estimated takes a network, in which options were picked by price, as far as its costs are known.
func (l *lowering) estimated(n *network, flags lowerFlags, target cost.Target, picked []picked) (*netEstimate, error) {
	l.notePicked(picked)
	if err := l.choose(n, flags, target); err != nil {
		return nil, err
	}
	if err := l.toSecure(n); err != nil {
		return nil, err
	}
	if err := ir.CheckMaterial(l.secure, l.context.Source); err != nil {
		return nil, err
	}
	l.notices()
	notices := l.context.Notices
	if notices == nil {
		notices = []string{}
	}
	pair, err := twopc.Emit(l.secure, l.secure.Funcs[0])
	if err != nil {
		return nil, err
	}
	r := &netEstimate{version1, l.secure.Funcs[0].Name, l.secure.Deploy, target.Name, target.Source, costs(l.secure, pair, l.context.Source, target), l.comparisons(), l.deciding.choice.Weighed, nil, notices, nil}
	r.Picked = picked
	r.Explain, err = l.explain()
	return r, err
}

func (r *netEstimate) text(w io.Writer) {
	r.estimate.text(w)
	fmt.Fprintln(w)
	r.Explain.text(w)
	pickedText(w, r.Picked)
	facts := []string{"net", r.Net, "deployment", string(r.Deploy), "comparisons", comparisonsText(r.Comparisons), "online", r.Online.line(), "offline", r.Offline.line()}
	facts = append(facts, "peak memory", fmt.Sprintf("client %s, server %s", size(r.PeakBytes.Client), size(r.PeakBytes.Server)))
	if r.EnergyMJ > 0 {
		facts = append(facts, "energy", fmt.Sprintf("%s J", three(r.EnergyMJ/1000)))
	}
	pairs(w, append(facts, "prices", fmt.Sprintf("%s: %s", r.Target, r.TargetNote))...)
}
