package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"sotto/backend/torch"
	"sotto/ir"
	"sotto/passes/choices"
	"sotto/passes/clean"
	"sotto/passes/pass"
	"sotto/passes/relu"
)

// torchResult is what torch prints.
type torchResult struct {
	head
	Net    string   `json:"net"`
	Folder string   `json:"folder"`
	Files  []string `json:"files"`
	Params int64    `json:"params"` // trained ones, of all options
	Sites  int      `json:"sites"`  // choices that are open
	Target string   `json:"target,omitempty"`
}

func newTorchCmd(a *app) *cobra.Command {
	var network networkFlags
	var lower lowerFlags
	var target, out string
	var networks int
	c := &cobra.Command{
		Use: "torch FILE -o DIR", Short: "write a network as a PyTorch program: search, training, evaluation", Args: cobra.ExactArgs(1),
		Long: "Torch writes a program that needs PyTorch and nothing else, for one process or, under torchrun, for many on as many GPUs: training and\n" +
			"evaluation of a network whose choices are decided, and for a space the search over its choices by gradient, with what each option costs\n" +
			"on the target (see sotto table). What it leaves, a decision file and weights, is what sotto compile takes. DIR/README.md has its commands.",
		Example: "  sotto torch examples/resnet18_cifar.sotto --target lan -o program\n" +
			"  cd program && torchrun --nproc_per_node 8 main.py search --data ../cifar --out found",
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usagef("-o is missing: accepted is the directory to write the program into")
			}
			if networks < 1 {
				return usagef("--networks %d: accepted are 1 and more", networks)
			}
			n, err := a.load(args[0], network)
			if err != nil {
				return err
			}
			m, err := trainable(n)
			if err != nil {
				return err
			}
			if m.Stage == ir.Net && c.Flags().Changed("target") {
				return usagef("--target %s: the network has no choice that is open, so nothing is to be priced", target)
			}
			r, err := a.writeTorch(n, m, lower, target, networks, out)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	network.add(c)
	c.Flags().IntVar(&lower.ring, "ring", 0, "ring `bits` that options are priced for, 32 or 64 (default: 32 if the ranges fit)")
	c.Flags().StringSliceVar((*[]string)(&lower.nonlinear), "nonlinear", []string{string(pass.Nonlinears()[0])}, fmt.Sprintf("`protocol` of comparisons, which all networks have: %v", pass.Nonlinears()))
	c.Flags().StringSliceVar((*[]string)(&lower.trunc), "trunc", []string{string(pass.Truncations()[0])}, fmt.Sprintf("`protocol` of truncations: %v", pass.Truncations()))
	lower.addDeploy(c)
	addOfflineFlag(c, &lower.offline)
	addTargetFlag(c, &target)
	c.Flags().IntVar(&networks, "networks", 16, "random networks that an increment is the mean of")
	c.Flags().StringVarP(&out, "output", "o", "", "the `directory` to write the program into")
	return c
}

// trainable gives a network as it is trained: with dropout, without what nothing reads, and in stage NET if all its choices are decided.
func trainable(n *network) (*ir.Module, error) {
	m := n.module.Clone()
	if m.Stage&(ir.Space|ir.Net) == 0 {
		return nil, fmt.Errorf("@%s is in stage %s: accepted are .sotto files and dumps of stage space or net", n.fn().Name, m.Stage)
	}
	if err := oneInput(n.fn()); err != nil {
		return nil, err
	}
	decided, err := choices.Decide(n.fn(), n.decisions)
	if err != nil {
		return nil, err
	}
	list := []*pass.Pass{clean.Shapes}
	switch sites := choices.Sites(n.fn()); {
	case m.Stage == ir.Space && len(decided) == 0 && len(sites) > 0:
		if n.relus.any() {
			return nil, errors.New("--gates, --prune and \"linearize\" are of a network whose choices are decided: accepted is --decision or --set beside them")
		}
	case m.Stage == ir.Space:
		list = append(list, choices.Resolve, relu.Linearize)
	default:
		list = append(list, relu.Linearize)
	}
	list = append(append(list, n.relus.requested()...), clean.DCE)
	return m, (&pass.Runner{}).Run(&pass.Context{Choices: n.decisions, Gates: n.relus.gates}, m, list...)
}

// writeTorch writes the program.
func (a *app) writeTorch(n *network, m *ir.Module, lower lowerFlags, target string, networks int, out string) (*torchResult, error) {
	files, err := torch.Emit(m)
	if err != nil {
		return nil, err
	}
	r := &torchResult{head: version1, Net: n.fn().Name, Folder: out, Params: trained(m.Funcs[0])}
	var prices *tableResult
	if m.Stage == ir.Space {
		if prices, err = a.tableOf(n, lower, target, networks); err != nil {
			return nil, err
		}
		r.Sites, r.Target = len(prices.Sites), prices.Target
	}
	return r, replaceDirIf(out, ownProgram(files), func(tmp string) error {
		for _, f := range files {
			r.Files = append(r.Files, f.Name)
			if err := os.WriteFile(filepath.Join(tmp, f.Name), f.Text, 0o666); err != nil {
				return err
			}
		}
		if prices == nil {
			return nil
		}
		r.Files = append(r.Files, torch.TableFile)
		return writeJSON(filepath.Join(tmp, torch.TableFile), prices)
	})
}

// tableOf prices the options of a space on a target by name.
func (a *app) tableOf(n *network, lower lowerFlags, target string, networks int) (*tableResult, error) {
	prices, err := a.target(target, n)
	if err != nil {
		return nil, err
	}
	return a.table(n, lower, prices, networks)
}

// ownProgram refuses a directory that holds something else than a program of torch's.
func ownProgram(files []torch.File) func(string) error {
	return func(dir string) error {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		for _, e := range entries {
			own := e.Name() == torch.TableFile || slices.ContainsFunc(files, func(f torch.File) bool { return f.Name == e.Name() })
			if !own {
				return fmt.Errorf("%s would be lost if %s were replaced: move it away, or name another directory", filepath.Join(dir, e.Name()), dir)
			}
		}
		return err
	}
}

func (r *torchResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s, %s trained parameters", r.Folder, r.Net, count(r.Params))
	if r.Sites > 0 {
		fmt.Fprintf(w, ", %d choices priced on %s", r.Sites, r.Target)
	}
	fmt.Fprintln(w, "; see README.md there")
}
