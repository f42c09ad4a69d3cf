package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/wire"
)

// runResult is what run prints: the client's statistics, with what only the server knows beside them.
type runResult struct {
	head
	prediction
	party.Stats
	ClientPeakRSS int64  `json:"client_peak_rss"`
	ServerPeakRSS int64  `json:"server_peak_rss"`
	ProgramHash   string `json:"program_hash"`

	Estimate *expectation `json:"estimate,omitempty"` // what compile expected of such a run, if the bundle says
}

type runFlags struct {
	network networkFlags
	lower   lowerFlags
	input   string
	offline string
	link    string
	store   string
	native  bool
	target  string // price list of this machine; empty: what is shipped for the link
	against bool
	trace   string
}

func newRunCmd(a *app) *cobra.Command {
	var f runFlags
	c := &cobra.Command{
		Use: "run DIR|FILE --input FILE", Short: "run both parties on this machine: one private inference", Args: cobra.ExactArgs(1),
		Long: "Run starts a server and a client, and with --offline dealer a dealer, as processes of their own with fresh keys, connected over\n" +
			"loopback by mutual TLS, and prints the prediction and what every layer cost. DIR is what compile wrote; a .sotto file is compiled first.",
		Example: "  sotto run examples/minionn.sotto --weights random:1 --input examples/images/seven.png\n  sotto run out --input cat.png --link wan --json\n" +
			"  sotto run out --input cat.png --store both\n  sotto run examples/minionn.sotto --input examples/images/seven.png --target me.json --against-estimate\n" +
			"  sotto run examples/minionn.sotto --input examples/images/seven.png --trace trace.json",
		RunE: func(c *cobra.Command, args []string) error {
			if _, err := wire.ParseLink(f.link); err != nil {
				return usageError{err}
			}
			if err := compiledAlready(args[0], c); err != nil {
				return err
			}
			if err := writable(f.trace); err != nil {
				return err
			}
			dir, clean, err := a.compiled(args[0], &f)
			if err != nil {
				return err
			}
			defer clean()
			expected, err := expectationOf(dir, &f)
			if f.against && err != nil {
				return err
			}
			if f.against && f.native {
				a.notice("--native: prices are those of the kernels that sotto brings, so the estimates of linear layers are of these")
			}
			r, err := a.runBundle(dir, &f, nil)
			if err != nil {
				return err
			}
			r.addEstimates(expected)
			return a.show(r, func(w io.Writer) {
				if f.against {
					r.against(w)
				}
				r.text(w)
			})
		},
	}
	c.Flags().BoolVar(&f.against, "against-estimate", false, "print the estimate beside the measurement, layer by layer and in all; a bundle's is what compile wrote into its report")
	c.Flags().StringVar(&f.target, "target", "", "price `list` of this machine (sotto calibrate), for a network's file; default: what is shipped for the link")
	f.network.add(c)
	f.lower.add(c)
	f.lower.addDeploy(c)
	f.add(c)
	addNativeFlag(c, &f.native)
	addTraceFlag(c, &f.trace, "both parties")
	addStoreFlag(c, &f.store, "`directory` of `sotto prepare DIR`: run the online phase alone, on material from there")
	return c
}

func (f *runFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.input, "input", "", "PNG or JPEG image, .npy `file`, or random:SEED")
	addOfflineFlag(c, &f.offline)
	c.Flags().StringVar(&f.link, "link", "loopback", "network between the parties: loopback (unshaped), lan, wan, pasnet, or BANDWIDTH,DELAY such as 300mbps,5ms, each way and one way")
	c.MarkFlagRequired("input")
}

// compiledAlready refuses flags of the compiler for a directory of bundles, which would change nothing.
func compiledAlready(path string, c *cobra.Command) error {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return nil
	}
	var of struct {
		network networkFlags
		lower   lowerFlags
	}
	compiler := &cobra.Command{}
	of.network.add(compiler)
	of.lower.add(compiler)
	of.lower.addDeploy(compiler)
	compiler.Flags().String("target", "", "") // run's own, of what compile does for it
	var idle []string
	compiler.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "offline" && c.Flags().Changed(f.Name) {
			idle = append(idle, "--"+f.Name)
		}
	})
	if idle != nil {
		return usagef("%s is compiled already, %s would change nothing: accepted is a network's file with them", path, strings.Join(idle, ", "))
	}
	return nil
}

// compiled gives a bundle directory: the one named, or a temporary one compiled from a network file.
func (a *app) compiled(path string, f *runFlags) (dir string, clean func(), err error) {
	if info, err := os.Stat(path); err != nil {
		return "", nil, err
	} else if info.IsDir() {
		return path, func() {}, nil
	}
	tmp, err := os.MkdirTemp("", "sotto-run-")
	if err != nil {
		return "", nil, err
	}
	clean = func() { os.RemoveAll(tmp) }
	n, err := a.load(path, f.network)
	if err == nil {
		if f.lower.weights == "" {
			f.lower.weights = "random:1"
			a.notice("no --weights: random ones (random:1) are used, so the prediction means nothing")
		}
		f.lower.offline = f.offline
		f.lower.clang, err = compilerFor(f.native)
	}
	if err == nil {
		var prices cost.Target
		if prices, err = a.runTarget(f, n); err == nil {
			_, err = a.compile(n, f.lower, prices, filepath.Join(tmp, "out"))
		}
	}
	if err != nil {
		clean()
		return "", nil, err
	}
	return filepath.Join(tmp, "out"), clean, nil
}

// taps are where the parties dump their shares, by party, if they do.
type taps [2]string

// runBundle runs the parties, and a dealer if asked for, on one input.
func (a *app) runBundle(dir string, f *runFlags, dump *taps) (*runResult, error) {
	source, err := offlineSource(f.offline)
	if err != nil {
		return nil, err
	}
	if _, err := wire.ParseLink(f.link); err != nil {
		return nil, usageError{err}
	}
	b, err := openBundle(filepath.Join(dir, clientDir), cost.Client)
	if err != nil {
		return nil, err
	}
	if f.native {
		a.checkNative(dir, b)
	}
	tmp, err := os.MkdirTemp("", "sotto-run-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	inputs, err := a.partyInputs(b, f.input, tmp)
	if err != nil {
		return nil, err
	}
	keys, err := f.keys(tmp)
	if err != nil {
		return nil, err
	}
	ctx, stop := interruptible()
	g := &group{app: a, ctx: ctx, cancel: stop, common: []string{"--keys", keys}, traces: tracesIn(tmp, f.trace)}
	defer g.stop()
	r, err := g.play(dir, f, source, inputs, dump, b)
	if err != nil {
		return nil, interrupted(ctx, err)
	}
	return r, g.traces.merge(f.trace)
}

// keys are fresh ones in tmp, or those that a store is bound to.
func (f *runFlags) keys(tmp string) (string, error) {
	if f.store != "" {
		keys := filepath.Join(f.store, defaultKeys)
		if !exists(keys) {
			return "", fmt.Errorf("%s holds no material of both parties: accepted is what `sotto prepare DIR --store %s` made", f.store, f.store)
		}
		return keys, nil
	}
	keys := filepath.Join(tmp, defaultKeys)
	_, err := writeKeys(keys)
	return keys, err
}

// partyInputs gives each party's --input: the client's image, or for outsourced servers a share each.
func (a *app) partyInputs(b *party.Bundle, spec, tmp string) ([2]string, error) {
	x, err := input(spec, preprocessOf(b.Program.Input))
	if err != nil {
		return [2]string{}, err
	}
	whole, err := encode(b.Program, x)
	if err != nil {
		return [2]string{}, err
	}
	if b.Program.Deploy == cost.ClientServer {
		return [2]string{spec, ""}, nil
	}
	err = writeShares(tmp, b.Program.Input.Shape, b.Program.Ring, whole)
	return [2]string{shareFile(tmp, cost.Client), shareFile(tmp, cost.Server)}, err
}

// group is the processes of one run.
type group struct {
	*app
	ctx    context.Context // ends the processes
	cancel context.CancelFunc
	common []string
	traces traces
	procs  []*process
}

// process is one of sotto's own commands running on its own.
type process struct {
	name string
	cmd  *exec.Cmd
	out  *bufio.Reader
	errs relayed
}

// stopGrace is how long a process that is told to stop may take before it is killed.
const stopGrace = 5 * time.Second

// start runs a command of this executable. Its errors come back as JSON; the client's progress is shown as the run's.
func (g *group) start(name string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	all := append(append([]string{name}, args...), append(g.common, "--json")...)
	if (name == "infer" || name == "prepare") && g.progress != nil {
		all = append(all, "--relay-progress")
	}
	p := &process{name: name, cmd: exec.CommandContext(g.ctx, self, all...), errs: relayed{progress: g.progress}}
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = stopGrace
	p.cmd.SysProcAttr = dieWithParent()
	p.cmd.Stderr = &p.errs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReaderSize(out, 1<<20)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	g.procs = append(g.procs, p)
	return p, nil
}

// listening reads the first line of a listener.
func (p *process) listening() (string, error) {
	var line struct {
		Listening string `json:"listening"`
	}
	if err := p.read(&line); err != nil {
		return "", err
	}
	return line.Listening, nil
}

// read decodes one line of output, or gives the error the process ended with.
func (p *process) read(v any) error {
	line, err := p.out.ReadBytes('\n')
	if err == nil && json.Unmarshal(line, v) == nil {
		return nil
	}
	return p.failure()
}

// failure waits for a process that printed no result and gives its error as its own.
func (p *process) failure() error {
	waited := p.cmd.Wait()
	var printed struct {
		Error errorJSON `json:"error"`
	}
	if json.Unmarshal(lastLine(p.errs.bytes()), &printed) == nil && printed.Error.Message != "" {
		return &processError{p.name, printed.Error, p.cmd.ProcessState.ExitCode()}
	}
	if waited == nil {
		waited = errors.New("ended without a result")
	}
	return fmt.Errorf("%s: %w: %s", p.name, waited, bytes.TrimSpace(p.errs.bytes()))
}

func lastLine(b []byte) []byte {
	b = bytes.TrimSpace(b)
	return b[bytes.LastIndexByte(b, '\n')+1:]
}

// processError is the error of one of the processes, with its exit status.
type processError struct {
	name   string
	err    errorJSON
	status int
}

func (e *processError) Error() string { return e.name + ": " + e.err.Message }

// kind is that of the process's own error.
func (e *processError) kind() kind {
	for _, k := range []kind{userKind, usageKind, peerKind, internalKind, interruptKind} {
		if k.status == e.status {
			return k
		}
	}
	return internalKind
}

// stop ends what still runs, and waits until it has ended.
func (g *group) stop() {
	g.cancel()
	for _, p := range g.procs {
		if p.cmd.ProcessState == nil {
			p.cmd.Wait()
		}
	}
}

func (g *group) play(dir string, f *runFlags, source cost.Source, inputs [2]string, dump *taps, b *party.Bundle) (*runResult, error) {
	session, own, err := g.material(dir, f, source)
	if err != nil {
		return nil, err
	}
	if f.native {
		session = append(session, "--native")
	}
	for p, path := range g.traces {
		if path != "" {
			own[p] = append(own[p], "--trace", path)
		}
	}
	server, addr, err := g.serve(session, args(filepath.Join(dir, serverDir), inputs[cost.Server], dump, cost.Server, own[cost.Server]...)...)
	if err != nil {
		return nil, err
	}
	g.progress.step("private inference")
	client, err := g.start("infer", append(session, args(filepath.Join(dir, clientDir), inputs[cost.Client], dump, cost.Client, append(own[cost.Client], "--connect", addr)...)...)...)
	if err != nil {
		return nil, err
	}
	return g.collect(client, server, b)
}

// material gives the parties' arguments that say where their material comes from, common and own, and starts who makes it.
func (g *group) material(dir string, f *runFlags, source cost.Source) (session []string, own [2][]string, err error) {
	if f.store != "" {
		own = [2][]string{{"--store", filepath.Join(f.store, clientDir)}, {"--store", filepath.Join(f.store, serverDir)}}
		return []string{"--link", f.link}, own, nil
	}
	session, err = g.makers(dir, f.link, source)
	return session, own, err
}

// makers gives what both parties are told, having started a dealer if that is the source.
func (g *group) makers(dir, link string, source cost.Source) ([]string, error) {
	session := []string{"--link", link, "--offline", string(source)}
	if source != cost.FromDealer {
		g.progress.step("starting server and client")
		return session, nil
	}
	g.progress.step("starting dealer, server and client")
	dealer, err := g.start("deal", filepath.Join(dir, dealerDir), "--listen", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr, err := dealer.listening()
	return append(session, "--dealer", addr), err
}

// serve starts a server for one session and gives its address.
func (g *group) serve(session []string, args ...string) (*process, string, error) {
	server, err := g.start("serve", append(append(args, session...), "--listen", "127.0.0.1:0", "--sessions", "1")...)
	if err != nil {
		return nil, "", err
	}
	addr, err := server.listening()
	return server, addr, err
}

// args are a party's own arguments.
func args(bundle, input string, dump *taps, p cost.Party, more ...string) []string {
	out := append([]string{bundle}, more...)
	if input != "" {
		out = append(out, "--input", input)
	}
	if dump != nil {
		out = append(out, "--insecure-dump-shares", dump[p])
	}
	return out
}

// both reads the results of client and server. The client's error goes first unless the server knows better: whoever is not told
// of a closed connection is the one who closed it.
func both(client, server *process, mine, theirs any) error {
	errC := client.read(mine)
	if errC != nil {
		stopSoon := time.AfterFunc(time.Second, func() { server.cmd.Process.Signal(syscall.SIGTERM) })
		defer stopSoon.Stop()
	}
	return worse(errC, server.read(theirs))
}

func (g *group) collect(client, server *process, b *party.Bundle) (*runResult, error) {
	var mine inferResult
	var theirs sessionResult
	if err := both(client, server, &mine, &theirs); err != nil {
		return nil, err
	}
	r := &runResult{head: version1, Stats: mine.Stats, ClientPeakRSS: mine.PeakRSS, ServerPeakRSS: theirs.PeakRSS, ProgramHash: b.Program.Pair.String()}
	addDealt(&r.Stats, &theirs.Stats)
	if mine.Class != nil {
		r.prediction = prediction{Output: mine.Output, Class: *mine.Class}
		return r, nil
	}
	if len(mine.OutputShare) != len(theirs.OutputShare) {
		return nil, fmt.Errorf("output shares of %d and %d elements", len(mine.OutputShare), len(theirs.OutputShare))
	}
	sum := addShares(b.Program.Ring, addShares(b.Program.Ring, nil, mine.OutputShare), theirs.OutputShare)
	r.prediction = answer(b.Program, decode(b.Program, sum))
	return r, nil
}

// worse picks the error that says more: one that is neither about the connection nor of a process that was stopped.
func worse(errs ...error) error {
	var out error
	for _, err := range errs {
		var p *processError
		if err != nil && (out == nil || (errors.As(err, &p) && p.kind() != peerKind && p.kind() != interruptKind)) {
			out = err
		}
	}
	return out
}

// addDealt adds what the dealer sent to the server.
func addDealt(r, server *party.Stats) {
	dealt := map[string]int64{}
	for _, l := range server.Layers {
		dealt[l.Path] = l.Offline.DealerSent
	}
	for i, l := range r.Layers {
		r.Layers[i].Offline.DealerSent += dealt[l.Path]
	}
	r.Offline.DealerSent += server.Offline.DealerSent
}

func (r *runResult) text(w io.Writer) {
	statsTable(w, &r.Stats)
	fmt.Fprintf(w, "peak memory: client %s, server %s\n\n", size(r.ClientPeakRSS), size(r.ServerPeakRSS))
	r.prediction.text(w)
}
