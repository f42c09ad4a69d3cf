package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
)

type prepareFlags struct {
	peerFlags
	n       int
	store   string
	connect string
	list    bool
}

// prepareResult is what prepare prints. Disk of the server is known where both parties run here.
type prepareResult struct {
	head
	party.Prepared
	ServerDisk int64  `json:"server_disk,omitempty"`
	Hash       string `json:"program_hash"`
	party.Stats
}

func newPrepareCmd(a *app) *cobra.Command {
	var f prepareFlags
	c := &cobra.Command{
		Use: "prepare BUNDLE|DIR -n N --store DIR", Short: "make the offline material of later inferences, and keep it on disk",
		Args: func(_ *cobra.Command, args []string) error { return f.args(args) },
		Long: "Prepare runs set-up and the offline phase of inferences ahead, so that infer --store or run --store have only the online phase to\n" +
			"run. It makes as many as are missing until both parties hold N; what is finished stays if it is interrupted, and the same\n" +
			"command continues. With --connect it is the client of a server that runs `sotto serve --store`. Without, DIR is what compile\n" +
			"wrote, and both parties run on this machine, with keys of their own in the store. Each inference's material is used once: one\n" +
			"that is interrupted is lost, and so is its material. --list tells what a store holds.",
		Example: "  sotto prepare out/client -n 100 --store material --connect host:7766\n" +
			"  sotto prepare out -n 10 --store both && sotto run out --store both --input cat.png\n  sotto prepare --list --store material",
		RunE: func(_ *cobra.Command, args []string) error {
			if f.list {
				r, err := listStores(f.store)
				if err != nil {
					return err
				}
				return a.show(r, r.text)
			}
			r, err := a.prepare(args[0], &f)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	f.addSession(c)
	addStoreFlag(c, &f.store, storeHelp)
	c.Flags().IntVarP(&f.n, "number", "n", 1, "how many unused inferences both parties are to hold in the end")
	c.Flags().StringVar(&f.connect, "connect", "", "`address` of the server, host:port")
	c.Flags().BoolVar(&f.list, "list", false, "print what the store holds, and prepare nothing")
	c.MarkFlagRequired("store")
	return c
}

func (f *prepareFlags) args(args []string) error {
	switch {
	case f.list && len(args) > 0:
		return usagef("--list takes no bundle, only --store")
	case !f.list && len(args) != 1:
		return usagef("accepts 1 arg(s), received %d: a client's bundle, or what compile wrote", len(args))
	case f.n < 1 || f.n > party.MaxWanted:
		return usagef("-n %d: accepted are 1 to %d", f.n, party.MaxWanted)
	}
	return nil
}

func (a *app) prepare(dir string, f *prepareFlags) (*prepareResult, error) {
	if f.connect == "" {
		return a.prepareHere(dir, f)
	}
	b, err := openParty(dir, cost.Client)
	if err != nil {
		return nil, err
	}
	source, err := f.source(b, "")
	if err != nil {
		return nil, err
	}
	config, err := f.tls(wire.Client, wire.Server)
	if err != nil {
		return nil, err
	}
	wo, err := f.options()
	if err != nil {
		return nil, err
	}
	s, err := f.openStore(f.store, b)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	ctx, stop := interruptible()
	defer stop()
	a.progress.step("connecting to %s", f.connect)
	conn, err := f.dial(ctx, f.connect, config, wo)
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	defer conn.Close()
	o := a.sessionOptions(b, source, &f.peerFlags, nil)
	o.Conn, o.Modes, o.Store, o.Hold = conn, party.Prepare, s, f.n
	a.showPreparing(&o)
	res, err := party.Run(ctx, o)
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	return &prepareResult{head: version1, Prepared: *res.Prepared, Hash: b.Program.Pair.String(), Stats: res.Stats}, nil
}

// showPreparing has the progress of phases say which inference they are of.
func (a *app) showPreparing(o *party.Options) {
	which := ""
	o.Preparing = func(made, of int) {
		which = fmt.Sprintf("inference %d of %d", made+1, of)
		a.progress.step("preparing %s", which)
	}
	o.Making = func(p vm.Progress) {
		a.progress.step("preparing %s and more: layer %d of %d, %s", which, p.Done, p.Of, p.Layer)
	}
	o.Progress = func(_ cost.Phase, p vm.Progress) {
		a.progress.step("preparing %s: %d %%, layer %s", which, 100*p.Done/p.Of, p.Layer)
	}
}

// prepareHere runs both parties on this machine.
func (a *app) prepareHere(dir string, f *prepareFlags) (*prepareResult, error) {
	b, err := openBundle(filepath.Join(dir, clientDir), cost.Client)
	if err != nil {
		return nil, fmt.Errorf("%w (a client's bundle needs --connect ADDR)", err)
	}
	source, err := offlineSource(f.offline)
	if err != nil {
		return nil, err
	}
	if err := checkShared(f.store); err != nil {
		return nil, err
	}
	keys, err := localKeys(f.store)
	if err != nil {
		return nil, err
	}
	ctx, stop := interruptible()
	g := &group{app: a, ctx: ctx, cancel: stop, common: []string{"--keys", keys}}
	defer g.stop()
	r, err := g.prepare(dir, f, source, b)
	return r, interrupted(ctx, err)
}

// localKeys gives the keys of a store of both parties; a store is bound to them.
func localKeys(dir string) (string, error) {
	keys := filepath.Join(dir, defaultKeys)
	if exists(keys) {
		return keys, nil
	}
	_, err := writeKeys(keys)
	return keys, err
}

func (g *group) prepare(dir string, f *prepareFlags, source cost.Source, b *party.Bundle) (*prepareResult, error) {
	session, err := g.makers(dir, f.link, source)
	if err != nil {
		return nil, err
	}
	server, addr, err := g.serve(session, filepath.Join(dir, serverDir), "--store", filepath.Join(f.store, serverDir))
	if err != nil {
		return nil, err
	}
	client, err := g.start("prepare", append(session, filepath.Join(dir, clientDir), "--connect", addr, "--store", filepath.Join(f.store, clientDir), "-n", fmt.Sprint(f.n))...)
	if err != nil {
		return nil, err
	}
	var mine prepareResult
	var theirs sessionResult
	if err := both(client, server, &mine, &theirs); err != nil {
		return nil, err
	}
	mine.Hash = b.Program.Pair.String()
	if theirs.Prepared != nil {
		mine.ServerDisk = theirs.Prepared.Disk
	}
	addDealt(&mine.Stats, &theirs.Stats)
	return &mine, nil
}

func (r *prepareResult) text(w io.Writer) {
	fmt.Fprintf(w, "made %d, now %d inference(s) are stored and take %s here", r.Made, r.Held, size(r.Disk))
	if r.ServerDisk > 0 {
		fmt.Fprintf(w, ", %s at the server", size(r.ServerDisk))
	}
	fmt.Fprintln(w)
	if r.Made > 0 {
		fmt.Fprintln(w, phaseLine("offline", r.Offline))
	}
}

// preparedLine is the server's account of a session that prepared.
func preparedLine(p *party.Prepared) string {
	return fmt.Sprintf("prepared %d, now %d are stored and take %s", p.Made, p.Held, size(p.Disk))
}
