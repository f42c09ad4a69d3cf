package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/runtime/wire"
	"sotto/tools/sotto/prices"
)

// calibrateFlags say what is measured and where the list goes.
type calibrateFlags struct {
	peerFlags
	out     string
	name    string
	links   linkList
	listen  string
	connect string
	budget  prices.Budget
}

// calibrated is what calibrate prints: a price list for each link.
type calibrated struct {
	head
	Machine string        `json:"machine"`
	Took    float64       `json:"took_ms"`
	Files   []string      `json:"files"`
	Targets []cost.Target `json:"targets"`
	// Sessions are those that corrected the prices of this machine.
	Sessions []prices.Agreement `json:"sessions"`
}

func newCalibrateCmd(a *app) *cobra.Command {
	f := calibrateFlags{budget: prices.Full, links: linkList{names: []string{"loopback"}}}
	var quick bool
	c := &cobra.Command{
		Use: "calibrate -o FILE", Short: "measure what things cost on this machine, or on two, and write a price list", Args: cobra.NoArgs,
		Long: "Calibrate runs every kernel of an inference at the sizes that networks have, on one core and on all, sends messages between two\n" +
			"processes over mutual TLS, and writes a price list, which is what --target takes: every number with its spread and with how it was\n" +
			"found. It takes six to seven minutes, in which the machine should have nothing else to do.\n\n" +
			"Alone it measures this machine for two parties that share it, over loopback and whatever links --link names. With --listen at one host\n" +
			"and --connect at another it measures both, and the network between them: the one that connects is the client, and writes the list.",
		Example: "  sotto calibrate -o me.json\n  sotto calibrate --link loopback,lan,wan -o prices/\n" +
			"  sotto calibrate --listen :7766 --keys keys\n  sotto calibrate --connect server.example:7766 --keys keys -o pair.json",
		RunE: func(*cobra.Command, []string) error {
			if quick {
				f.budget = prices.Tiny
			}
			return a.calibrate(&f)
		},
	}
	f.add(c)
	c.Flags().StringVarP(&f.out, "output", "o", "", "the `file` to write, or a directory where --link names several")
	c.Flags().StringVar(&f.name, "name", "", "the list's `name` (default: the file's, or the link's)")
	c.Flags().Var(&f.links, "link", "links between two parties of this machine: loopback (unshaped), lan, wan, pasnet, or numbers such as 300mbps,5ms; several with commas")
	c.Flags().StringVar(&f.listen, "listen", "", "`address` to be measured at by another host")
	c.Flags().StringVar(&f.connect, "connect", "", "`address` of another host that listens")
	c.Flags().BoolVar(&quick, "quick", false, "run everything once or twice: the list has the right form, and its prices are worth nothing")
	return c
}

func (f *calibrateFlags) check() error {
	switch {
	case f.listen != "" && (f.connect != "" || f.out != ""):
		return usagef("--listen is measured by who connects, who writes the list: accepted are --keys, --link and --timeout with it")
	case f.listen == "" && f.out == "":
		return usagef("-o is missing: accepted is the price list to write, such as me.json")
	case f.connect != "" && len(f.links.names) != 1:
		return usagef("--link %s: with --connect the link is what lies between the hosts", &f.links)
	}
	if info, err := os.Stat(f.out); len(f.links.names) > 1 && (f.listen != "" || err != nil || !info.IsDir()) {
		return usagef("--link %s: accepted is one link, or a directory that exists with -o, for a list each", &f.links)
	}
	return f.writable()
}

// writable checks that the lists can be written; who listens writes none.
func (f *calibrateFlags) writable() error {
	if f.listen != "" {
		return nil
	}
	for _, l := range f.links.names {
		if err := writable(f.path(l)); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) calibrate(f *calibrateFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	settleCollector() // as sessions have it
	if f.listen != "" {
		return a.calibrateFor(f)
	}
	begun := time.Now()
	ctx, stop := interruptible()
	defer stop()
	var targets []cost.Target
	var sessions []prices.Agreement
	var err error
	if f.connect != "" {
		targets, sessions, err = a.calibratePair(ctx, f)
	} else {
		targets, sessions, err = a.calibrateAlone(ctx, f.links.names, f.budget)
	}
	if err != nil {
		return interrupted(ctx, a.during(err))
	}
	r := calibrated{head: version1, Machine: thisMachine().text(), Took: float64(time.Since(begun)) / float64(time.Millisecond), Sessions: sessions}
	for _, t := range targets {
		path := f.path(t.Name)
		if t.Name = f.name; t.Name == "" {
			t.Name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		}
		if err := writeTarget(path, t); err != nil {
			return err
		}
		r.Files, r.Targets = append(r.Files, path), append(r.Targets, t)
	}
	return a.show(r, r.text)
}

// path is where the list of a link goes.
func (f *calibrateFlags) path(link string) string {
	if info, err := os.Stat(f.out); err == nil && info.IsDir() {
		return filepath.Join(f.out, link+".json")
	}
	return f.out
}

// writeTarget writes a list that reads back as what it is.
func writeTarget(path string, t cost.Target) error {
	text, err := json.MarshalIndent(t, "", "  ")
	if err != nil {
		return err
	}
	if _, err := cost.ParseTarget(text); err != nil {
		return fmt.Errorf("%s: what was measured is no price list: %w", path, err)
	}
	return replaceFile(path, string(text)+"\n")
}

// text says in one line what the machine is.
func (m machine) text() string {
	return fmt.Sprintf("%s, %d cores, %s, %s", m.CPU, m.Cores, m.OS, m.Go)
}

// stamp says who measured what when, for the sources of a list.
func stamp(machine, how string, b prices.Budget) string {
	if b == prices.Tiny {
		how += " --quick"
	}
	return fmt.Sprintf("%s, %s, %s", how, machine, time.Now().Format(time.DateOnly))
}

// calibrateFor lets another host, or the process that started this one, measure.
func (a *app) calibrateFor(f *calibrateFlags) error {
	link, err := wire.ParseLink(f.links.names[0])
	if err != nil {
		return usageError{err}
	}
	config, err := f.tls(wire.Server, wire.Client)
	if err != nil {
		return err
	}
	l, err := wire.Listen(f.listen, config, wire.Options{Timeout: max(f.timeout, calibrateTimeout), Link: link})
	if err != nil {
		return err
	}
	defer l.Close()
	idle := residentBytes()
	a.listening(l.Addr())
	ctx, stop := interruptible()
	defer stop()
	conn, err := l.Accept(ctx)
	if err != nil {
		return interrupted(ctx, err)
	}
	defer conn.Close()
	const serving = "doing what the other host asks"
	a.begin(serving)
	err = prices.Serve(conn, func(b prices.Budget) (*prices.Machine, error) {
		if b.Runs == 0 { // the facts alone
			return &prices.Machine{ProcessBytes: idle}, nil
		}
		m, err := a.measureMachine(ctx, b)
		if err == nil {
			a.begin(serving)
		}
		return m, err
	})
	return interrupted(ctx, a.during(err))
}

// begin tells the step that a calibration begins, and keeps it for an error that comes in it.
func (a *app) begin(format string, args ...any) {
	a.calibrating = fmt.Sprintf(format, args...)
	a.progress.step("%s", a.calibrating)
}

// during says in which step of a calibration an error came: that of an interrupt or of a connection says no more than that it ended.
func (a *app) during(err error) error {
	if err == nil || a.calibrating == "" {
		return err
	}
	return fmt.Errorf("calibrate: %s: %w", a.calibrating, err)
}

// calibrateTimeout is how long a party may be silent while it measures itself.
const calibrateTimeout = 10 * time.Minute

// local is another process of this machine that is measured.
type local struct {
	*group
	*prices.Peer
	process *process
	conn    *wire.Conn
}

// beside starts another process and connects to it over a link.
func (a *app) beside(ctx context.Context, keys string, link wire.Link) (*local, error) {
	ctx, cancel := context.WithCancel(ctx)
	g := &group{app: a, ctx: ctx, cancel: cancel, common: []string{"--keys", keys}}
	p, err := g.start("calibrate", "--listen", "127.0.0.1:0", "--link", link.Name)
	if err != nil {
		cancel()
		return nil, err
	}
	l := &local{group: g, process: p}
	addr, err := p.listening()
	if err == nil {
		f := peerFlags{keys: keys}
		var config, e = f.tls(wire.Client, wire.Server)
		if e == nil {
			l.conn, e = wire.Dial(ctx, addr, config, wire.Options{Timeout: calibrateTimeout, Link: link})
		}
		err = e
	}
	if err != nil {
		g.stop()
		return nil, err
	}
	l.Peer = prices.NewPeer(l.conn)
	return l, nil
}

// close lets the other process go.
func (l *local) close() error {
	err := l.End()
	return errors.Join(err, l.conn.Close(), l.process.cmd.Wait())
}

// withLocal runs f beside another process of this machine.
func (a *app) withLocal(ctx context.Context, link wire.Link, f func(*local) error) error {
	keys, err := os.MkdirTemp("", "sotto-calibrate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(keys)
	if _, err := writeKeys(keys); err != nil {
		return err
	}
	l, err := a.beside(ctx, keys, link)
	if err != nil {
		return err
	}
	defer l.stop()
	if err := f(l); err != nil {
		return err
	}
	return l.close()
}

// measureMachine measures this machine, and corrects what kernels take alone by sessions.
func (a *app) measureMachine(ctx context.Context, b prices.Budget) (*prices.Machine, error) {
	m, err := a.measureKernels(ctx, b)
	if err != nil {
		return nil, err
	}
	return m, a.refine(ctx, m, b)
}

// measureKernels measures what kernels take alone: bytes between two processes, and every other kernel in this one.
func (a *app) measureKernels(ctx context.Context, b prices.Budget) (*prices.Machine, error) {
	var w prices.Wire
	var facts *prices.Machine
	a.begin("messages between two processes")
	err := a.withLocal(ctx, wire.Loopback(), func(l *local) (err error) {
		if facts, err = l.Machine(prices.Budget{}); err != nil {
			return err
		}
		w, err = l.Wire(b)
		return err
	})
	if err != nil {
		return nil, err
	}
	m, err := prices.Measure(ctx, b, thisMachine().text(), func(name string, done, of int) {
		a.begin("%d of %d: %s", done+1, of, name)
	})
	if err != nil {
		return nil, err
	}
	m.Bytes(w)
	m.ProcessBytes = facts.ProcessBytes
	if m.Loopback, err = prices.LoopbackRate(b); err != nil {
		return nil, err
	}
	m.Emulating, err = a.emulating(ctx, m, b)
	return m, err
}

// calibrateAlone measures this machine and gives a list for each link, for two parties that share it.
func (a *app) calibrateAlone(ctx context.Context, links []string, b prices.Budget) ([]cost.Target, []prices.Agreement, error) {
	m, err := a.measureMachine(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	out, err := a.lists(ctx, m, links, b)
	return out, m.Sessions, err
}

// lists are price lists for two parties that share a machine, one for each link, which is measured.
func (a *app) lists(ctx context.Context, m *prices.Machine, links []string, b prices.Budget) ([]cost.Target, error) {
	source := stamp(m.CPU, "sotto calibrate", b)
	list, err := m.Target(source)
	if err != nil {
		return nil, err
	}
	var out []cost.Target
	for _, name := range links {
		preset, err := wire.ParseLink(name)
		if err != nil {
			return nil, usageError{err}
		}
		a.begin("link %s", name)
		link, err := a.linkPrice(ctx, m, preset, b, source)
		if err != nil {
			return nil, err
		}
		out = append(out, cost.Target{Sotto: cost.TargetVersion, Name: name, Link: link, Machines: map[string]cost.Machine{hereName: list}, Client: hereName, Server: hereName, Shared: true,
			Source: fmt.Sprintf("measured by %s; both parties on this machine, which share its %d cores; link: %s", source, m.Cores, name)})
	}
	return out, nil
}

// Names of machines in the lists that calibrate writes.
const (
	hereName   = "here"
	clientName = "client"
	serverName = "server"
)

// linkPrice is a link between two processes of this machine. What a message costs its ends is in the machine's prices: of loopback nothing
// is left, and of a shaped link what it delays a message by.
func (a *app) linkPrice(ctx context.Context, m *prices.Machine, preset wire.Link, b prices.Budget, source string) (cost.Link, error) {
	if !preset.Shaped() {
		return cost.Link{
			BytesPerSecond: cost.Quantity{Value: math.Round(m.Loopback.Value), Spread: spreadOf(m.Loopback), Source: "TCP between two sockets of the machine, 1 MiB at a time, unencrypted; " + source},
			OneWayMS:       cost.Quantity{Source: "none: what a message takes from one process to the other is in the calls of send and receive; " + source},
		}, nil
	}
	trip, err := a.halfTrip(ctx, preset, b)
	oneWay := max(trip.Value-m.Calls(), float64(preset.OneWay)+m.Emulating) / float64(time.Millisecond)
	return cost.Link{
		BytesPerSecond: cost.Quantity{Value: preset.BitsPerSecond / 8, Source: fmt.Sprintf("the preset %s of runtime/wire: %g Gbps each way", preset.Name, preset.BitsPerSecond/1e9)},
		OneWayMS: cost.Quantity{Value: math.Round(oneWay*1e6) / 1e6, Spread: spreadOf(trip), Source: fmt.Sprintf(
			"half a round trip of a byte over the preset %s of runtime/wire less a call of send and one of receive, and no less than its %v and %.0f us, which is what "+
				"emulating a link takes in sessions; %s", preset.Name, preset.OneWay, m.Emulating/1e3, source)},
	}, err
}

// spreadOf is the spread of a quantity as a price list may have it.
func spreadOf(q prices.Quantity) float64 { return math.Round(min(q.Spread, 0.99)*1e4) / 1e4 }

// calibratePair measures this host as the client, the one that listens as the server, and what lies between them.
func (a *app) calibratePair(ctx context.Context, f *calibrateFlags) ([]cost.Target, []prices.Agreement, error) {
	config, err := f.tls(wire.Client, wire.Server)
	if err != nil {
		return nil, nil, err
	}
	conn, err := f.dial(ctx, f.connect, config, wire.Options{Timeout: max(f.timeout, calibrateTimeout)})
	if err != nil {
		return nil, nil, err
	}
	defer conn.Close()
	peer := prices.NewPeer(conn)
	a.begin("messages between the hosts")
	w, err := peer.Wire(f.budget)
	if err != nil {
		return nil, nil, err
	}
	a.begin("the other host measures itself")
	theirs, err := peer.Machine(f.budget)
	if err != nil {
		return nil, nil, err
	}
	if err := peer.End(); err != nil {
		return nil, nil, err
	}
	mine, err := a.measureMachine(ctx, f.budget)
	if err != nil {
		return nil, nil, err
	}
	t, err := pairTarget(mine, theirs, w, f.connect, f.budget)
	return []cost.Target{t}, mine.Sessions, err
}

// pairTarget is the list of two hosts.
func pairTarget(client, server *prices.Machine, w prices.Wire, addr string, b prices.Budget) (cost.Target, error) {
	source := stamp(fmt.Sprintf("%s and %s at %s", client.CPU, server.CPU, addr), "sotto calibrate --connect", b)
	t := cost.Target{Sotto: cost.TargetVersion, Name: "pair", Machines: map[string]cost.Machine{}, Client: clientName, Server: serverName, Source: "measured by " + source}
	calls := (client.Calls() + server.Calls()) / 2
	t.Link = cost.Link{
		BytesPerSecond: cost.Quantity{Value: math.Round(w.BytesPerSecond.Value), Spread: spreadOf(w.BytesPerSecond), Source: "1 MiB messages over mutual TLS between the hosts, the slower direction; " + source},
		OneWayMS: cost.Quantity{Value: max(0, w.HalfTrip.Value-calls) / 1e6, Spread: spreadOf(w.HalfTrip),
			Source: "half a round trip of a byte over mutual TLS between the hosts, less a call of send and one of receive; " + source},
	}
	for name, m := range map[string]*prices.Machine{clientName: client, serverName: server} {
		list, err := m.Target(stamp(m.CPU, "sotto calibrate", b))
		if err != nil {
			return t, err
		}
		t.Machines[name] = list
	}
	return t, nil
}

func (r calibrated) text(w io.Writer) {
	for i, t := range r.Targets {
		for _, name := range []string{t.Client, t.Server} {
			if m := t.Machines[name]; i == 0 && (name == t.Client || t.Client != t.Server) {
				machineTable(w, name, m)
			}
			if t.Client == t.Server {
				break
			}
		}
		fmt.Fprintf(w, "link %s: %s bytes, %s ms one way\n", t.Name, rate(t.Link.BytesPerSecond.Value), three(t.Link.OneWayMS.Value))
	}
	sessionTable(w, r.Sessions)
	fmt.Fprintf(w, "%s; took %s\nwritten: %s\n", r.Machine, duration(r.Took), strings.Join(r.Files, ", "))
}

// machineTable prints a machine's prices.
func machineTable(w io.Writer, name string, m cost.Machine) {
	fmt.Fprintf(w, "prices of %s, %d cores, in ns\n", name, m.Cores)
	var rows [][]string
	for k, p := range m.Prices {
		all := ""
		if p.AllNS > 0 {
			all = three(p.AllNS)
		}
		rows = append(rows, []string{cost.Kernel(k).String(), cost.Kernel(k).Unit(), three(p.NS), all, blankReal(p.CallNS), fmt.Sprintf("%.0f %%", 100*p.Spread)})
	}
	table(w, "kernel unit >one_core >all_cores >a_call >spread", rows)
	fmt.Fprintln(w)
}

// sessionTable prints the sessions that corrected the prices.
func sessionTable(w io.Writer, sessions []prices.Agreement) {
	var rows [][]string
	for _, s := range sessions {
		rows = append(rows, []string{s.Name, s.Phase, duration(s.Measured), duration(s.Alone), duration(s.Refined), fmt.Sprintf("%.2f", s.Refined/s.Measured)})
	}
	fmt.Fprintln(w)
	table(w, "session phase >measured >by_kernels_alone >by_the_list >ratio", rows)
	fmt.Fprintln(w)
}
