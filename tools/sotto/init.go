package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sotto/ir"
	"sotto/runtime/tensorfile"
	"sotto/tools/sotto/weights"
)

type initResult struct {
	head
	File    string `json:"file"`
	Seed    uint64 `json:"seed"`
	Tensors int    `json:"tensors"`
	Params  int64  `json:"params"` // trained ones: without running statistics
}

func newInitCmd(a *app) *cobra.Command {
	var network networkFlags
	var out string
	var seed uint64
	var force bool
	c := &cobra.Command{
		Use: "init FILE -o W --seed N", Short: "write initial weights, for tests and measurements", Args: cobra.ExactArgs(1),
		Long: "Init writes He-initialised weights: uniform of variance 2/fan-in, batch-norm statistics propagated so that activations keep\n" +
			"unit variance, the last gamma of a residual branch 0.25, x2act 0.005*x^2 + x. They follow from the seed: nothing in them is\n" +
			"secret. Weights of all options of a choice are written; the statistics are those of the options that --set decides, or of the\n" +
			"first. --weights random:N gives the same tensors without a file.",
		Example: "  sotto init examples/resnet18.sotto --set act=x2act -o w.safetensors --seed 1",
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return usagef("-o is missing: accepted is the file to write")
			}
			if exists(out) && !force && !isInitial(out) {
				return fmt.Errorf("%s is there and holds no initial weights: it stays as it is; name another file, or pass --force", out)
			}
			n, err := a.load(args[0], network)
			if err != nil {
				return err
			}
			a.progress.step("statistics")
			w, err := weights.HeInitialised(n.fn(), n.decisions, seed)
			if err != nil {
				return err
			}
			a.progress.step("writing %s", out)
			if err := weights.Write(out, n.fn(), w); err != nil {
				return err
			}
			r := initResult{version1, out, seed, len(weights.Params(n.fn())), trained(n.fn())}
			return a.show(r, r.text)
		},
	}
	network.add(c)
	c.Flags().StringVarP(&out, "output", "o", "", "the safetensors `file` to write")
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	c.Flags().Uint64Var(&seed, "seed", 1, "seed")
	return c
}

// isInitial reports whether a file is one that init wrote, which it may replace.
func isInitial(path string) bool {
	f, err := tensorfile.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return f.Metadata()[weights.InitKey] != ""
}

// trained counts the elements of all weights but running statistics.
func trained(f *ir.Func) int64 {
	running := map[string]bool{}
	f.Walk(func(v *ir.Value) {
		if v.Is("nn.batchnorm") {
			running[v.Args[3].Path], running[v.Args[4].Path] = true, true
		}
	})
	var n int64
	for _, p := range weights.Params(f) {
		if !running[p.Path] {
			n += int64(p.Type.Len())
		}
	}
	return n
}

func (r initResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %d tensors, %s trained parameters, seed %d\n", r.File, r.Tensors, count(r.Params), r.Seed)
}
