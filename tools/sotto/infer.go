package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/store"
	"sotto/runtime/wire"
)

type inferFlags struct {
	peerFlags
	connect string
	input   string
	output  string
	taps    string
	native  bool
	store   string
	trace   string
}

// inferResult is what infer prints: the prediction (client-server) or this server's share of it (outsourced).
type inferResult struct {
	head
	Output      []float64 `json:"output,omitempty"`
	Class       *int      `json:"class,omitempty"`
	OutputShare []int64   `json:"output_share,omitempty"`
	party.Stats
}

func newInferCmd(a *app) *cobra.Command {
	var f inferFlags
	c := &cobra.Command{
		Use: "infer BUNDLE --connect ADDR --input FILE", Short: "run the client's party, or S0: one private inference", Args: cobra.ExactArgs(1),
		Long: "Infer connects to a server and runs one private inference with it. The input never leaves this process but masked. In the\n" +
			"outsourced deployment --input is S0's share (sotto share) and --output takes S0's share of the result. With --store the offline\n" +
			"phase was run by `sotto prepare`.",
		Example: "  sotto infer out/client --connect host:7766 --input cat.png\n" +
			"  sotto infer out/client --connect host:7766 --dealer dealer.example:7767 --input cat.png\n" +
			"  sotto infer out/client --connect host:7766 --store material --input cat.png",
		RunE: func(_ *cobra.Command, args []string) error {
			r, b, err := a.infer(args[0], &f)
			if err != nil {
				return err
			}
			return a.show(r, func(w io.Writer) { r.text(w, b, f.output) })
		},
	}
	f.addSession(c)
	c.Flags().StringVar(&f.connect, "connect", "", "`address` of the server, host:port")
	c.Flags().StringVar(&f.input, "input", "", "PNG or JPEG image, .npy `file`, or random:SEED; outsourced: this server's share")
	c.Flags().StringVar(&f.output, "output", "", "outsourced: `file` (.npy) for this server's share of the output")
	addTapFlag(c, &f.taps)
	addNativeFlag(c, &f.native)
	addTraceFlag(c, &f.trace, "this party")
	addStoreFlag(c, &f.store, storeHelp)
	c.MarkFlagRequired("connect")
	c.MarkFlagRequired("input")
	return c
}

func (a *app) infer(dir string, f *inferFlags) (*inferResult, *party.Bundle, error) {
	b, err := openParty(dir, cost.Client)
	if err == nil {
		err = writable(f.trace)
	}
	if err != nil {
		return nil, nil, err
	}
	a.loadNative(b, f.native)
	if f.store != "" && f.taps != "" {
		return nil, nil, errDumpOfStored
	}
	source, err := f.source(b, f.store)
	if err != nil {
		return nil, nil, err
	}
	in, err := clientInput(b, f.input)
	if err != nil {
		return nil, nil, err
	}
	config, err := f.tls(wire.Client, wire.Server)
	if err != nil {
		return nil, nil, err
	}
	o, err := f.options()
	if err != nil {
		return nil, nil, err
	}
	s, err := f.openHolding(b)
	if err != nil {
		return nil, nil, err
	}
	if s != nil {
		defer s.Close()
	}
	ctx, stop := interruptible()
	defer stop()
	a.progress.step("connecting to %s", f.connect)
	conn, err := f.dial(ctx, f.connect, config, o)
	if err != nil {
		return nil, nil, interrupted(ctx, err)
	}
	defer conn.Close()
	return a.inferOver(ctx, conn, b, source, in, s, f)
}

func clientInput(b *party.Bundle, path string) (party.Input, error) {
	if b.Program.Deploy == cost.Outsourced {
		return shareInput(b, path)
	}
	x, err := input(path, preprocessOf(b.Program.Input))
	if err != nil {
		return party.Input{}, err
	}
	if _, err := encode(b.Program, x); err != nil {
		return party.Input{}, fmt.Errorf("%s: %w", path, err)
	}
	return party.Input{Clear: x}, nil
}

func (a *app) inferOver(ctx context.Context, conn *wire.Conn, b *party.Bundle, source cost.Source, in party.Input, s *store.Store, f *inferFlags) (*inferResult, *party.Bundle, error) {
	taps := newTapFile(f.taps)
	o := a.sessionOptions(b, source, &f.peerFlags, taps)
	o.Conn, o.Input = conn, in
	if s != nil {
		o.Modes, o.Store = party.Stored, s
	}
	trace := newTraceFile(f.trace, &o)
	res, err := party.Run(ctx, o)
	if err != nil {
		return nil, nil, interrupted(ctx, err)
	}
	if err := trace.write(&res.Stats); err != nil {
		return nil, nil, err
	}
	if err := taps.write(); err != nil {
		return nil, nil, err
	}
	if err := writeOutputShare(f.output, b, res.Share); err != nil {
		return nil, nil, err
	}
	r := &inferResult{head: version1, Stats: res.Stats}
	if res.Clear != nil {
		p := answer(b.Program, res.Clear)
		r.Output, r.Class = p.Output, &p.Class
	} else if f.output == "" {
		r.OutputShare = res.Share
	}
	return r, b, nil
}

func (r *inferResult) text(w io.Writer, b *party.Bundle, output string) {
	statsTable(w, &r.Stats)
	switch {
	case r.Class != nil:
		prediction{Output: r.Output, Class: *r.Class}.text(w)
	case output != "":
		fmt.Fprintf(w, "share of the output in %s: the data owner adds it to the other server's (sotto reveal)\n", output)
	default:
		fmt.Fprintf(w, "share of the output %v\n", r.OutputShare)
	}
}
