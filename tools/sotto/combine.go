package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/passes/choices"
	"sotto/runtime/tensorfile"
	"sotto/tools/sotto/weights"
)

// The model owner's end of private training: he adds the two servers' shares of the weights up.

type combineResult struct {
	head
	File    string `json:"file"`
	Tensors int    `json:"tensors"`
	Params  int64  `json:"params"`
	Sites   int    `json:"sites,omitempty"`         // of a search: how many were decided
	Decided string `json:"decision_file,omitempty"` // where that was written
}

func newCombineCmd(a *app) *cobra.Command {
	var out, ranges, decision string
	c := &cobra.Command{
		Use: "combine SHARE0 SHARE1 -o FILE", Short: "add two servers' shares of trained weights up", Args: cobra.ExactArgs(2),
		Long: "Combine is the model owner's part of private training: it adds the shares that both servers of `sotto train --private` ended with and\n" +
			"writes the weights as compile, eval and train --init take them. Of `sotto search --private` it writes what was decided too, as --decision\n" +
			"takes it. Whoever has both shares has the model: do this where the model belongs.\n\n" +
			"Neither server sees a number that leaves the ring, and what that makes of weights is garbage, mostly large. With --ranges, the record of a run of the same\n" +
			"step on public data (sotto train --ring 64 --ranges), a tensor is refused that came 16 times as far as there; without it weights beyond 256, and means and\n" +
			"variances beyond 4096.",
		Example: "  sotto combine s0/share.safetensors s1/share.safetensors -o weights.safetensors\n" +
			"  sotto combine s0/share.safetensors s1/share.safetensors --ranges ranges.json -o weights.safetensors\n" +
			"  sotto combine s0/share.safetensors s1/share.safetensors -o weights.safetensors --decision decision.json",
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return usagef("-o is missing: accepted is the file to write")
			}
			r, err := combine(args[0], args[1], ranges, out, decision)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "the safetensors `file` to write")
	c.Flags().StringVar(&ranges, "ranges", "", "the `file` that a run on public data wrote")
	c.Flags().StringVar(&decision, "decision", "", "of a search: the `file` to write what was decided to")
	return c
}

// combine adds two files of shares up, which may not be beyond what a public run came to, if its record is named. decision is where what a search
// decided goes.
func combine(first, second, ranges, out, decision string) (*combineResult, error) {
	a, err := tensorfile.Open(first)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	b, err := tensorfile.Open(second)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	fracs, err := fracsOf(a)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", first, err)
	}
	if p, q := a.Metadata()[partyKey], b.Metadata()[partyKey]; !(p == cost.Client.String() && q == cost.Server.String()) && !(p == cost.Server.String() && q == cost.Client.String()) {
		return nil, fmt.Errorf("%s and %s are not the two shares of one training: they are of the parties %.40q and %.40q, accepted are %s and %s", first, second, p, q, cost.Client, cost.Server)
	}
	for key, x := range a.Metadata() {
		if y := b.Metadata()[key]; x != y && key != partyKey {
			return nil, fmt.Errorf("%s and %s are not the two shares of one training: %s is %.40q and %.40q", first, second, key, x, y)
		}
	}
	if !slices.Equal(a.Names(), b.Names()) {
		return nil, fmt.Errorf("%s and %s are not the two shares of one training: they hold other tensors", first, second)
	}
	var public *ringRecord
	if ranges != "" {
		if public, err = openRecord(ranges, a.Metadata()[programKey]); err != nil {
			return nil, err
		}
	}
	r := &combineResult{head: version1, File: out, Decided: decision}
	meta := map[string]string{weights.ChoicesKey: a.Metadata()[weights.ChoicesKey]}
	var found map[string]string
	if a.Metadata()[sitesKey] != "" {
		if found, err = decisionIn(a, b); err != nil {
			return nil, fmt.Errorf("%s: %w", first, err)
		}
		r.Sites = len(found)
		text, err := json.Marshal(found)
		if err != nil {
			return nil, err
		}
		meta[weights.ChoicesKey] = string(text)
	}
	if (found == nil) != (decision == "") {
		return nil, usagef("--decision %q: accepted is a file to write to for shares of `sotto search --private`, and none for others", decision)
	}
	var tensors []tensorfile.Tensor
	for _, name := range a.Names() {
		if found != nil && name == decisionShare {
			continue
		}
		frac, ok := fracs[name]
		if !ok {
			return nil, fmt.Errorf("%s: %s has no number of fraction bits: accepted is what `sotto train --private` wrote", first, name)
		}
		x, shape, err := added(a, b, name)
		if err != nil {
			return nil, err
		}
		w, err := inTheClear(name, x, frac, public.most(name))
		if err != nil {
			return nil, err
		}
		tensors = append(tensors, tensorfile.New(name, shape, w))
		r.Params += int64(len(w))
	}
	r.Tensors = len(tensors)
	if found != nil {
		if err := writeJSONAs(decision, map[string]any{"sotto": 1, "choices": found}, tensorfile.Secret); err != nil {
			return nil, err
		}
	}
	return r, tensorfile.Write(out, tensors, meta, tensorfile.Secret)
}

// added adds the shares of a tensor up.
func added(a, b *tensorfile.File, name string) ([]int64, []int, error) {
	x, shape, err := tensorfile.Words[uint64](a, name)
	if err != nil {
		return nil, nil, err
	}
	y, other, err := tensorfile.Words[uint64](b, name)
	if err != nil {
		return nil, nil, err
	}
	if !slices.Equal(shape, other) {
		return nil, nil, fmt.Errorf("%s: shapes %v and %v", name, shape, other)
	}
	sum := make([]int64, len(x))
	for i := range x {
		sum[i] = int64(x[i] + y[i])
	}
	return sum, shape, nil
}

// decisionIn adds the shares of what a search decided up, and names the options.
func decisionIn(a, b *tensorfile.File) (map[string]string, error) {
	var sites []choices.Site
	if json.Unmarshal([]byte(a.Metadata()[sitesKey]), &sites) != nil {
		return nil, fmt.Errorf("%s lists no sites: accepted is what `sotto search --private` wrote", sitesKey)
	}
	options, _, err := added(a, b, decisionShare)
	if err != nil {
		return nil, err
	}
	return namedOptions(sites, options)
}

// inTheClear gives the numbers that ring elements stand for, and refuses those that are greater than any that stayed in the ring.
func inTheClear(name string, x []int64, frac int, most float64) ([]float32, error) {
	w := make([]float32, len(x))
	for i := range x {
		w[i] = float32(math.Ldexp(float64(x[i]), -frac))
		if math.Abs(float64(w[i])) > most {
			return nil, fmt.Errorf("%s[%d] is %.3g, as numbers that left the ring make weights: accepted is up to %g, or with --ranges 16 times what a run on public data came to; "+
				"train with a lower --rate or fewer --frac, after such a run with them (`sotto train --ring 64 --ranges`)", name, i, w[i], most)
		}
	}
	return w, nil
}

// fracsOf reads the fraction bits that a file of shares tells of its tensors.
func fracsOf(f *tensorfile.File) (fracs map[string]int, err error) {
	if json.Unmarshal([]byte(f.Metadata()[fracsKey]), &fracs) != nil || f.Metadata()[stepsKey] == "" {
		return nil, fmt.Errorf("no share of trained weights: accepted is what `sotto train --private` wrote")
	}
	for name, frac := range fracs {
		if frac < 0 || frac > 62 {
			return nil, fmt.Errorf("%s has %d fraction bits, accepted are 0 to 62", name, frac)
		}
	}
	return fracs, nil
}

func (r *combineResult) text(w io.Writer) {
	fmt.Fprintf(w, "%d tensors, %s parameters in %s\n", r.Tensors, count(r.Params), r.File)
	if r.Sites > 0 {
		fmt.Fprintf(w, "%d decision(s) in %s\n", r.Sites, r.Decided)
	}
}
