package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/tools/conform"
)

// verifyResult says whether every value of a private run is what the clear fixed-point network gives for its arguments.
type verifyResult struct {
	head
	Equal           bool            `json:"equal"`
	MaxULP          int64           `json:"max_ulp"`
	FirstDifference *differenceJSON `json:"first_difference"`
	Exceeded        []exceededJSON  `json:"exceeded"` // calibrated ranges
	Compared        int             `json:"compared"`
	ErrorBound      float64         `json:"error_bound"`
	MaxError        float64         `json:"max_error"`
	FloatClass      int             `json:"float_class"`
	Class           int             `json:"class"`
}

type differenceJSON struct {
	Path    string `json:"path"`
	Op      string `json:"op"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Message string `json:"message"`
}

func firstDifference(d conform.Difference) *differenceJSON {
	v := d.Value
	return &differenceJSON{v.Path, v.Op.Name, v.Pos.File, v.Pos.Line, d.String()}
}

// exceededJSON is a layer that reached beyond its calibrated range.
type exceededJSON struct {
	Path    string     `json:"path"`
	File    string     `json:"file"`
	Line    int        `json:"line"`
	Reached float64    `json:"reached"`
	Range   [2]float64 `json:"range"`
	Holds   float64    `json:"holds"`
	Message string     `json:"message"`
}

func exceeded(list []conform.Exceeded) []exceededJSON {
	out := []exceededJSON{}
	for _, e := range list {
		v := e.Value
		if n := len(out); n > 0 && out[n-1].Path == v.Path {
			continue
		}
		out = append(out, exceededJSON{v.Path, v.Pos.File, v.Pos.Line, e.Reached, [2]float64{e.Bounds.Lo, e.Bounds.Hi}, e.Holds, e.String()})
	}
	return out
}

func newVerifyCmd(a *app) *cobra.Command {
	var f runFlags
	var on imageFlags
	c := &cobra.Command{
		Use: "verify DIR --input FILE | --data DATA", Short: "run private and clear side by side and name the first layer that differs", Args: cobra.ExactArgs(1),
		Long: "Verify runs both parties on this machine, has them dump their shares, and evaluates every op of the clear fixed-point network on\n" +
			"the reconstructed arguments: what a protocol computes exactly must be equal bit for bit, a truncation may be one unit above\n" +
			"the floor. It also compares the output with the float network's and the bound that compile stated, and names the layers that\n" +
			"this input takes beyond the ranges which calibration showed.\n\n" +
			"With --data it does so for images of a data set's test split (of its training split, where there is none), both parties in this\n" +
			"process, and says how often the private run, the clear one in fixed point and the float network are right and agree; of each\n" +
			"layer how far it is from the float network's, what it reached and the range that its scales rely on; and which layer is worst. It\n" +
			"fails where a private value is not what its op states, or a layer reaches more than the ring holds.",
		Example: "  sotto verify out --input examples/images/seven.png\n  sotto verify out --data glyphs -n 200",
		RunE: func(_ *cobra.Command, args []string) error {
			if on.data != "" {
				r, err := a.verifyData(args[0], &f, on)
				if err != nil {
					return err
				}
				if err := a.show(r, r.text); err != nil {
					return err
				}
				return r.failed()
			}
			if f.input == "" {
				return usagef("--input or --data is missing")
			}
			r, err := a.verify(args[0], &f)
			if err != nil {
				return err
			}
			if err := a.show(r, r.text); err != nil {
				return err
			}
			if !r.Equal {
				return fmt.Errorf("the private run differs from the clear one: %s", r.FirstDifference.Message)
			}
			return nil
		},
	}
	f.add(c)
	delete(c.Flags().Lookup("input").Annotations, cobra.BashCompOneRequiredFlag) // or --data
	on.add(c, "run images of", 100, "how many of them")
	return c
}

func (a *app) verify(dir string, f *runFlags) (*verifyResult, error) {
	clear, err := a.openClear(dir)
	if err != nil {
		return nil, err
	}
	defer clear.close()
	tmp, err := os.MkdirTemp("", "sotto-verify-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	dump := &taps{filepath.Join(tmp, "client"), filepath.Join(tmp, "server")}
	private, err := a.runBundle(dir, f, dump)
	if err != nil {
		return nil, err
	}
	b, err := openBundle(filepath.Join(dir, clientDir), cost.Client)
	if err != nil {
		return nil, err
	}
	a.progress.step("comparing with the clear network")
	return a.compare(dir, b, clear, f, dump, private)
}

func (a *app) compare(dir string, b *party.Bundle, clear *clear, f *runFlags, dump *taps, private *runResult) (*verifyResult, error) {
	x, err := input(f.input, preprocessOf(b.Program.Input))
	if err != nil {
		return nil, err
	}
	values, err := readTaps(b.Program.Ring, dump[:]...)
	if err != nil {
		return nil, err
	}
	var beyond []conform.Exceeded
	diffs, units, err := conform.CompareEach(clear.ring, clear.baked, x, values, func(d conform.Difference, x *ir.Tensor) {
		if e, yes := conform.Beyond(clear.ring, d.Value, x); yes {
			beyond = append(beyond, e)
		}
	})
	if err != nil {
		return nil, err
	}
	float, err := clear.evalFloat(x)
	if err != nil {
		return nil, err
	}
	r := &verifyResult{head: version1, Equal: len(diffs) == 0, MaxULP: units, Exceeded: exceeded(beyond), Compared: len(values), FloatClass: float.Class, Class: private.Class}
	if len(diffs) > 0 {
		r.FirstDifference = firstDifference(diffs[0])
	}
	for i := range float.Output {
		r.MaxError = max(r.MaxError, math.Abs(float.Output[i]-private.Output[i]))
	}
	r.ErrorBound, err = statedBound(dir)
	return r, err
}

// statedBound reads the error bound from the bundle's report.
func statedBound(dir string) (float64, error) {
	var report struct {
		ErrorBound float64 `json:"error_bound"`
	}
	return report.ErrorBound, readJSON(filepath.Join(dir, reportFile), &report)
}

func (r *verifyResult) text(w io.Writer) {
	if r.Equal {
		fmt.Fprintf(w, "equal: %d values compared on their actual arguments, at most %d unit(s) apart as truncation states\n", r.Compared, r.MaxULP)
	} else {
		fmt.Fprintf(w, "different: %s\n", r.FirstDifference.Message)
	}
	for _, e := range r.Exceeded {
		fmt.Fprintf(w, "beyond its range: %s\n", e.Message)
	}
	fmt.Fprintf(w, "output: greatest error against float %.3g, stated bound %.3g; class %d, float %d\n", r.MaxError, r.ErrorBound, r.Class, r.FloatClass)
}
