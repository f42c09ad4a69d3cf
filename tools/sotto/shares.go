package main

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/dataset"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/runtime/tensorfile"
)

// The outsourced deployment's data owner: it splits an input into one share a server, and adds the servers' shares of the
// output up. Neither server alone learns anything but sizes.

// split gives two shares of fixed-point numbers, each alone uniform.
func split(x []int64, bits int) (first, second []int64) {
	random := make([]byte, 8*len(x))
	rand.Read(random)
	first, second = make([]int64, len(x)), make([]int64, len(x))
	for i := range x {
		first[i] = ir.Wrap(int64(binary.LittleEndian.Uint64(random[8*i:])), bits)
		second[i] = ir.Wrap(x[i]-first[i], bits)
	}
	return first, second
}

func addShares(bits int, sum, share []int64) []int64 {
	if sum == nil {
		sum = make([]int64, len(share))
	}
	for i := range share {
		sum[i] = ir.Wrap(sum[i]+share[i], bits)
	}
	return sum
}

// encode puts a clear input into the program's fixed point.
func encode(p *program.Program, x []float32) ([]int64, error) {
	if len(x) != p.Input.Len() {
		return nil, fmt.Errorf("input of %d elements, the network takes %d (shape %v)", len(x), p.Input.Len(), p.Input.Shape)
	}
	if p.Ring == 32 {
		w := make([]uint32, len(x))
		err := party.EncodeInput(w, x, p.Input)
		return party.Signed(w), err
	}
	w := make([]uint64, len(x))
	err := party.EncodeInput(w, x, p.Input)
	return party.Signed(w), err
}

// decode gives the real values of fixed-point numbers.
func decode(p *program.Program, x []int64) []float64 {
	t := &ir.Tensor{Type: ir.Type{Elem: ir.Ring(p.Ring, p.Output.Frac), Shape: []int{len(x)}}, I: x}
	return t.Real()
}

// shareFile is where `share` writes a server's share of an input.
func shareFile(dir string, p cost.Party) string { return filepath.Join(dir, p.String()+".npy") }

func writeShares(dir string, shape []int, bits int, x []int64) error {
	first, second := split(x, bits)
	for p, share := range [][]int64{first, second} {
		if err := tensorfile.WriteNPY(shareFile(dir, cost.Party(p)), shape, share, tensorfile.Secret); err != nil {
			return err
		}
	}
	return nil
}

func readShare(path string) ([]int64, error) {
	f, err := tensorfile.OpenNPY(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Ints()
}

type shareResult struct {
	head
	Client string     `json:"client"`
	Server string     `json:"server"`
	Data   *dataShare `json:"data,omitempty"`
}

// shareFlags say how an input or a data set is split.
type shareFlags struct {
	bundle, output string // of an input
	dataShareFlags
}

func newShareCmd(a *app) *cobra.Command {
	var f shareFlags
	c := &cobra.Command{
		Use: "share INPUT|DATA --bundle BUNDLE|--for NET -o DIR", Short: "split an input, or a data set, into one share a server (outsourced deployment)", Args: cobra.ExactArgs(1),
		Long: "Share is the data owner's part. With --bundle it encodes an input as the bundle's program takes it and writes two shares,\n" +
			"DIR/client.npy for S0 and DIR/server.npy for S1. Each alone is uniformly random. Give them to `sotto infer --input` and `sotto serve --input`.\n\n" +
			"With --for it splits a labelled data set for private training of that network: its training and validation images, normalised as\n" +
			"the network takes them, and their labels. DIR/client.data is encrypted to S0 and DIR/server.data to S1, whose certificates (client.crt\n" +
			"and server.crt, of `sotto keys`) are in --keys; no key is needed. A server alone learns how many images there are, of what shape and in how many classes.\n" +
			"Every owner of data makes such a pair; the servers put them together, in the order of the splittings' names (data.set in the JSON). An owner may lack\n" +
			"images of some classes, where the data numbers them. DATA is " + dataset.Accepted + ".",
		Example: "  sotto share cat.png --bundle out/client -o shares\n  sotto share glyphs:2000 --for examples/minionn.sotto --keys keys -o mine",
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := a.share(args[0], &f)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	c.Flags().StringVar(&f.bundle, "bundle", "", "either server's `bundle`: says how the network takes its input")
	c.Flags().StringVarP(&f.output, "output", "o", "shares", "`directory` to write to")
	f.add(c)
	c.MarkFlagsOneRequired("bundle", "for")
	c.MarkFlagsMutuallyExclusive("bundle", "for")
	return c
}

func (a *app) share(what string, f *shareFlags) (*shareResult, error) {
	if f.network != "" {
		return a.shareData(what, f)
	}
	b, err := party.OpenBundle(f.bundle)
	if err != nil {
		return nil, err
	}
	if b.Program.Deploy != cost.Outsourced {
		return nil, fmt.Errorf("%s is of the client-server deployment, in which the client gives its input to `sotto infer` as it is", f.bundle)
	}
	x, err := input(what, preprocessOf(b.Program.Input))
	if err != nil {
		return nil, err
	}
	whole, err := encode(b.Program, x)
	if err != nil {
		return nil, err
	}
	if err := makeDir(f.output); err != nil {
		return nil, err
	}
	if err := writeShares(f.output, b.Program.Input.Shape, b.Program.Ring, whole); err != nil {
		return nil, err
	}
	return &shareResult{head: version1, Client: shareFile(f.output, cost.Client), Server: shareFile(f.output, cost.Server)}, nil
}

func (r *shareResult) text(w io.Writer) {
	pairs(w, "for S0 (client)", r.Client, "for S1 (server)", r.Server)
	if r.Data != nil {
		r.Data.text(w)
	}
}

func newRevealCmd(a *app) *cobra.Command {
	var bundle string
	c := &cobra.Command{
		Use: "reveal SHARE0 SHARE1 --bundle BUNDLE", Short: "add the servers' shares of an output up (outsourced deployment)", Args: cobra.ExactArgs(2),
		Long:    "Reveal is the data owner's last step: it adds the two servers' output shares, written by `serve --output` and `infer --output`.",
		Example: "  sotto reveal out0.npy out1.npy --bundle out/client",
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := party.OpenBundle(bundle)
			if err != nil {
				return err
			}
			var sum []int64
			for _, path := range args {
				share, err := readShare(path)
				if err != nil {
					return err
				}
				if len(share) != b.Program.Output.Len() {
					return fmt.Errorf("%s holds %d elements, the network's output has %d", path, len(share), b.Program.Output.Len())
				}
				sum = addShares(b.Program.Ring, sum, share)
			}
			p := answer(b.Program, decode(b.Program, sum))
			return a.show(struct {
				head
				prediction
			}{version1, p}, p.text)
		},
	}
	c.Flags().StringVar(&bundle, "bundle", "", "either server's `bundle`: says what the output means")
	c.MarkFlagRequired("bundle")
	return c
}
