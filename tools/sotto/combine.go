package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/runtime/tensorfile"
	"sotto/tools/sotto/weights"
)

// The model owner's end of private training: he adds the two servers' shares of the weights up.

type combineResult struct {
	head
	File    string `json:"file"`
	Tensors int    `json:"tensors"`
	Params  int64  `json:"params"`
}

func newCombineCmd(a *app) *cobra.Command {
	var out, ranges string
	c := &cobra.Command{
		Use: "combine SHARE0 SHARE1 -o FILE", Short: "add two servers' shares of trained weights up", Args: cobra.ExactArgs(2),
		Long: "Combine is the model owner's part of private training: it adds the shares that both servers of `sotto train --private` ended with and\n" +
			"writes the weights as compile, eval and train --init take them. Whoever has both shares has the model: do this where the model belongs.\n\n" +
			"Neither server saw a number that left the ring, and what that makes of weights is garbage, mostly huge. Weights beyond 4096 are refused, and with --ranges,\n" +
			"the record of a run of the same step on public data (sotto train --ring 64 --ranges), those of a tensor that are 16 times what they came to there.",
		Example: "  sotto combine s0/share.safetensors s1/share.safetensors -o weights.safetensors\n" +
			"  sotto combine s0/share.safetensors s1/share.safetensors --ranges ranges.json -o weights.safetensors",
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return usagef("-o is missing: accepted is the file to write")
			}
			r, err := combine(args[0], args[1], ranges, out)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "the safetensors `file` to write")
	c.Flags().StringVar(&ranges, "ranges", "", "the `file` that a run on public data wrote")
	return c
}

// combine adds two files of shares up, which may not be beyond what a public run came to, if its record is named.
func combine(first, second, ranges, out string) (*combineResult, error) {
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
	r := &combineResult{head: version1, File: out}
	var tensors []tensorfile.Tensor
	for _, name := range a.Names() {
		frac, ok := fracs[name]
		if !ok {
			return nil, fmt.Errorf("%s: %s has no number of fraction bits: accepted is what `sotto train --private` wrote", first, name)
		}
		x, shape, err := tensorfile.Words[uint64](a, name)
		if err != nil {
			return nil, err
		}
		y, other, err := tensorfile.Words[uint64](b, name)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(shape, other) {
			return nil, fmt.Errorf("%s: shapes %v and %v", name, shape, other)
		}
		w, most := make([]float32, len(x)), public.most(name)
		for i := range x {
			w[i] = float32(math.Ldexp(float64(int64(x[i]+y[i])), -frac))
			if math.Abs(float64(w[i])) > most {
				return nil, fmt.Errorf("%s[%d] is %.3g, as numbers that left the ring make weights: accepted is up to %g; train with a lower --rate or fewer --frac, "+
					"after a run on public data with them (`sotto train --ring 64 --ranges`)", name, i, w[i], most)
			}
		}
		tensors = append(tensors, tensorfile.New(name, shape, w))
		r.Params += int64(len(w))
	}
	r.Tensors = len(tensors)
	return r, tensorfile.Write(out, tensors, map[string]string{weights.ChoicesKey: a.Metadata()[weights.ChoicesKey]}, tensorfile.Secret)
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
}
