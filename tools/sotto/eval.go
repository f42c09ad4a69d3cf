package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
)

type evalResult struct {
	head
	Float prediction `json:"float"`
	Ring  prediction `json:"ring"`
}

func newEvalCmd(a *app) *cobra.Command {
	var network networkFlags
	var lower lowerFlags
	var in string
	var on imageFlags
	c := &cobra.Command{
		Use: "eval FILE|DIR --input X | --data DATA", Short: "evaluate a network in the clear, in float and in fixed point", Args: cobra.ExactArgs(1),
		Long: "Eval runs the network twice in this process, as trained and in the fixed-point arithmetic of the private run. It takes a\n" +
			".sotto file with --weights, or what compile wrote.\n\n" +
			"With --data it does so for the images of a data set's test split (of its training split, where there is none), and says how\n" +
			"many of them are right, with the mean cross entropy: how good weights are, wherever they are from.",
		Example: "  sotto eval examples/minionn.sotto --weights random:1 --input random:7\n  sotto eval out --input digit.png --json\n" +
			"  sotto eval examples/glyphs.sotto --weights examples/weights/glyphs.safetensors --data glyphs",
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case on.data == "" && in == "":
				return usagef("--input or --data is missing")
			case on.data != "" && (in != "" || on.n < 0):
				return usagef("--data takes -n of at least 0, and no --input")
			}
			c, err := a.clearOf(args[0], network, lower)
			if err != nil {
				return err
			}
			defer c.close()
			if on.data != "" {
				r, err := a.evalData(c, on)
				if err != nil {
					return err
				}
				return a.show(r, r.text)
			}
			r, err := a.eval(c, in)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	network.add(c)
	lower.add(c)
	c.Flags().StringVar(&in, "input", "", "a PNG or JPEG image, a .npy `file`, or random:SEED")
	on.add(c, "evaluate images of", 0, "how many of them (default: all)")
	return c
}

// clearOf makes the clear network from a bundle or from source.
func (a *app) clearOf(path string, network networkFlags, lower lowerFlags) (*clear, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return a.openClear(path)
	}
	n, err := a.load(path, network)
	if err != nil {
		return nil, err
	}
	if err := n.infers(); err != nil {
		return nil, err
	}
	if lower.weights == "" {
		return nil, usagef("--weights is missing: accepted are a safetensors file or random:SEED")
	}
	l, err := a.lowering(n, lower)
	if err != nil {
		return nil, err
	}
	if err := l.toRing(n); err != nil {
		l.close()
		return nil, err
	}
	if l.net == nil {
		l.close()
		return nil, fmt.Errorf("%s is a dump of stage %s: accepted are .sotto files and dumps of stage space or net", path, n.module.Stage)
	}
	l.notices()
	return l.clear(), nil
}

func (a *app) eval(c *clear, in string) (r evalResult, err error) {
	x, err := input(in, preprocess(c.net.Params[0]))
	if err != nil {
		return r, err
	}
	r.head = version1
	a.progress.step("in float")
	if r.Float, err = c.evalFloat(x); err != nil {
		return r, err
	}
	a.progress.step("in fixed point")
	r.Ring, err = c.evalRing(x)
	return r, err
}

// mostShown is how many elements of an output the text shows.
const mostShown = 10

func (r evalResult) text(w io.Writer) {
	n := min(len(r.Float.Output), mostShown)
	var rows [][]string
	for i := range n {
		rows = append(rows, []string{fmt.Sprint(i), fmt.Sprintf("%.5f", r.Float.Output[i]), fmt.Sprintf("%.5f", r.Ring.Output[i])})
	}
	table(w, ">output >float >fixed_point", rows)
	if more := len(r.Float.Output) - n; more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
	fmt.Fprintf(w, "\nclass %d in float, %d in fixed point\n", r.Float.Class, r.Ring.Class)
}
