package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/runtime/wire"
	"sotto/tools/sotto/bench"
)

// benchResult is one line of `sotto bench`: the median of its runs, with the fastest and the slowest.
type benchResult struct {
	Name     string  `json:"name"`
	N        int64   `json:"n"`
	MS       float64 `json:"ms"`
	Low      float64 `json:"low_ms"`
	High     float64 `json:"high_ms"`
	Runs     int     `json:"runs"`
	PerS     float64 `json:"per_s"`
	Bytes    int64   `json:"bytes"`
	Rounds   int     `json:"rounds"`
	Limit    float64 `json:"limit,omitempty"` // per second
	Fraction float64 `json:"fraction_of_limit,omitempty"`
	Binds    string  `json:"limited_by,omitempty"`
	// Of networks: the most memory a party took.
	ClientPeakRSS int64 `json:"client_peak_rss,omitempty"`
	ServerPeakRSS int64 `json:"server_peak_rss,omitempty"`
	// Of private training steps: what the dealer sent, what a price list expected, and what another system takes.
	DealerBytes int64      `json:"dealer_bytes,omitempty"`
	EstimateMS  float64    `json:"estimate_ms,omitempty"`
	Other       *otherStep `json:"other,omitempty"`
	// Of garbled circuits: the AND gates of an element, how they are garbled, and the OT extension.
	ANDs     int64       `json:"ands_each,omitempty"`
	Garbling cost.Scheme `json:"garbling,omitempty"`
	OT       string      `json:"ot,omitempty"`
}

type benchReport struct {
	head
	Machine machine       `json:"machine"`
	Link    string        `json:"link,omitempty"`
	Results []benchResult `json:"results"`
	// Compared sets forms of circuits against each other.
	Compared []signRatio `json:"compared,omitempty"`
}

// machine is where the figures come from, with what it can do by its own account.
type machine struct {
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	OS    string `json:"os"`
	Go    string `json:"go"`
	*bench.Limits
}

type benchFlags struct {
	only     string
	n        int64
	runs     int
	link     string
	ot       string
	list     bool
	examples string
}

// benchGroup is what `sotto bench` takes as its argument.
type benchGroup struct {
	name string
	list func() []benchEntry
	run  func(a *app, f *benchFlags, names []string) (*benchReport, error)
}

type benchEntry struct{ name, doc string }

var benchGroups = []benchGroup{
	{"primitives", primitiveEntries, (*app).benchPrimitives},
	{"layers", layerEntries, (*app).benchLayers},
	{"signs", signEntries, (*app).benchSigns},
	{"nets", netEntries, (*app).benchNets},
	{"train", trainEntries, (*app).benchTrain},
	{"step", stepEntries, (*app).benchSteps},
}

func newBenchCmd(a *app) *cobra.Command {
	var f benchFlags
	var names []string
	for _, g := range benchGroups {
		names = append(names, g.name)
	}
	c := &cobra.Command{
		Use: "bench " + strings.Join(names, "|"), Short: "measure the runtime on this machine, beside what the machine allows",
		Args: cobra.ExactArgs(1), ValidArgs: names,
		Long: "Bench runs each measurement between two processes on this machine and prints throughput, bytes and rounds, and the fraction of\n" +
			"the limit that binds it, measured in the same run. Primitives, layers and signs travel over plain TCP, which no other command offers.\n" +
			"Signs runs ReLUs and max-pools with garbled circuits that hold the sign alone and with all inside the circuit, by turns, and counts\n" +
			"what their own layer took; the ratio of the times is the median run by run, with its 95 % interval (all runs, below 6 of them).\n" +
			"Step runs a private training step of LeNet's size, batch 32, over mutual TLS, with material of a dealer in a third process, on shares\n" +
			"drawn at random: what the values are changes nothing. A step is a session by itself or, later, one between others, whose material was\n" +
			"begun while the one before was online.",
		Example: "  sotto bench primitives\n  sotto bench primitives --only 'ot.*' --runs 5 --json\n  sotto bench layers --only 'relu.ot*' --ot ferret --link wan\n  sotto bench nets --only 'resnet50.relu.*' --runs 1\n  sotto bench signs --only 'relu.*' --n 65536\n  sotto bench primitives --list\n  sotto bench train --runs 5\n  sotto bench step --runs 11\n  sotto bench growth -o growth.svg\n  sotto bench choice --runs 11",
		RunE: func(_ *cobra.Command, args []string) error {
			return a.bench(args[0], &f)
		},
	}
	c.Flags().StringVar(&f.only, "only", "*", "run those whose name matches this `pattern` (*, ?, [a-z])")
	c.Flags().Int64Var(&f.n, "n", 0, "how many elements (default: each measurement's own)")
	c.Flags().IntVar(&f.runs, "runs", 3, "repeat each so often; the median is reported, with the fastest and the slowest")
	c.Flags().StringVar(&f.link, "link", "loopback", "network between the processes: loopback (unshaped), lan, wan, pasnet, or BANDWIDTH,DELAY such as 300mbps,5ms")
	c.Flags().StringVar(&f.ot, "ot", cost.OTAuto, "OT `extension` of layers and nets: softspoken, ferret, iknp, or auto, by the link's prices")
	c.Flags().StringVar(&f.examples, "examples", "examples", "`directory` of the networks that nets measures")
	c.Flags().BoolVar(&f.list, "list", false, "list the measurements and run none")
	c.AddCommand(newBenchGrowthCmd(a), newBenchEstimatesCmd(a), newBenchChoiceCmd(a), newBenchSearchCmd(a))
	return c
}

func (a *app) bench(group string, f *benchFlags) error {
	i := slices.IndexFunc(benchGroups, func(g benchGroup) bool { return g.name == group })
	if i < 0 {
		return usagef("nothing to measure is called %q: see sotto bench --help", group)
	}
	if f.runs < 1 || f.n < 0 {
		return usagef("--runs %d, --n %d: accepted are 1 or more runs, and n of 0 (the default) or more", f.runs, f.n)
	}
	g := benchGroups[i]
	chosen, err := chosenEntries(g.list(), f.only)
	if err != nil {
		return err
	}
	if f.list {
		return a.listBenchmarks(chosen)
	}
	names := make([]string, len(chosen))
	for i, e := range chosen {
		names[i] = e.name
	}
	r, err := g.run(a, f, names)
	if err != nil {
		return err
	}
	return a.show(r, r.text)
}

func chosenEntries(all []benchEntry, pattern string) ([]benchEntry, error) {
	var out []benchEntry
	var names []string
	for _, e := range all {
		ok, err := path.Match(pattern, e.name)
		if err != nil {
			return nil, usagef("--only %q: %v", pattern, err)
		}
		if ok {
			out = append(out, e)
		}
		names = append(names, e.name)
	}
	if out == nil {
		return nil, usagef("--only %q matches none of %s", pattern, strings.Join(names, ", "))
	}
	return out, nil
}

func (a *app) listBenchmarks(list []benchEntry) error {
	type entry struct {
		Name string `json:"name"`
		Doc  string `json:"doc"`
	}
	var rows [][]string
	var out []entry
	for _, e := range list {
		rows = append(rows, []string{e.name, e.doc})
		out = append(out, entry{e.name, e.doc})
	}
	return a.show(struct {
		head
		Benchmarks []entry `json:"benchmarks"`
	}{version1, out}, func(w io.Writer) { table(w, "name what", rows) })
}

func thisMachine() machine {
	m := machine{Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), CPU: "unknown"}
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	return m
}

// summary is the result of some runs of one measurement.
func summary(name string, n int64, took []time.Duration, bytes int64, rounds int) benchResult {
	slices.Sort(took)
	median := took[len(took)/2]
	inMS := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return benchResult{Name: name, N: n, MS: inMS(median), Low: inMS(took[0]), High: inMS(took[len(took)-1]), Runs: len(took),
		PerS: float64(n) / median.Seconds(), Bytes: bytes, Rounds: rounds}
}

// overLoopback holds a result against its bytes: what the loopback of this machine moves in the time.
func (r *benchResult) overLoopback(l *bench.Limits) {
	if r.Bytes > 0 {
		r.against(bench.Bound{PerSecond: l.Loopback * float64(r.N) / float64(r.Bytes), Binds: "bytes over loopback"})
	}
}

func (r *benchResult) against(b bench.Bound) {
	if b.PerSecond == 0 {
		return
	}
	r.Limit, r.Binds = b.PerSecond, b.Binds
	r.Fraction = r.PerS / b.PerSecond
}

func (r *benchReport) text(w io.Writer) {
	var rows [][]string
	for _, x := range r.Results {
		limit := ""
		if x.Limit > 0 {
			limit = fmt.Sprintf("%.0f %% of %s (%s)", 100*x.Fraction, rate(x.Limit), x.Binds)
		}
		each := ""
		if x.Bytes > 0 {
			each = fmt.Sprintf("%.4g", float64(x.Bytes)/float64(x.N))
		}
		if x.ANDs > 0 {
			limit = fmt.Sprintf("%d ANDs each, %s, %s", x.ANDs, x.Garbling, x.OT)
		}
		if x.EstimateMS > 0 {
			limit = x.besideStep()
		}
		if x.ServerPeakRSS > 0 {
			limit += fmt.Sprintf("; peak memory %s / %s", size(x.ClientPeakRSS), size(x.ServerPeakRSS))
		}
		rows = append(rows, []string{x.Name, count(x.N), duration(x.MS), duration(x.Low) + " - " + duration(x.High), rate(x.PerS), each, blankZero(int64(x.Rounds)), limit})
	}
	table(w, "name >n >median >spread >rate >bytes_each >rounds beside", rows)
	if len(r.Compared) > 0 {
		compared(w, r.Compared)
	}
	fmt.Fprintf(w, "\n%s, %d cores, %s, %s", r.Machine.CPU, r.Machine.Cores, r.Machine.OS, r.Machine.Go)
	if r.Link != "" {
		fmt.Fprintf(w, ", link %s", r.Link)
	}
	fmt.Fprintln(w)
	if l := r.Machine.Limits; l != nil {
		fmt.Fprintf(w, "one core: AES %s blocks (%s), memory copy %s; loopback %s, under TLS %s\n", rate(l.AES), l.AESPath, rate(l.Copy)+" bytes", rate(l.Loopback)+" bytes", rate(l.TLS)+" bytes")
		fmt.Fprintf(w, "multiply-adds of one core (%s): i32 %s, i64 %s, f32 %s", l.Path, rate(l.I32), rate(l.I64), rate(l.F32))
		if l.Word52 > 0 {
			fmt.Fprintf(w, ", 52 bits %s", rate(l.Word52))
		}
		fmt.Fprintln(w)
	}
}

// rate prints a number a second with three digits.
func rate(perSecond float64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"e9/s", 1e9}, {"e6/s", 1e6}, {"e3/s", 1e3}} {
		if perSecond >= unit.size {
			return three(perSecond/unit.size) + unit.name
		}
	}
	return three(perSecond) + "/s"
}

func primitiveEntries() []benchEntry {
	var out []benchEntry
	for _, p := range bench.Primitives() {
		out = append(out, benchEntry{p.Name, p.Doc})
	}
	return out
}

// order is what the measuring process asks of the other: a primitive, a session as the server of a bundle, or, with neither, to end.
type order struct {
	Primitive string
	N         int64
	Bundle    string
}

const orderBytes = 1 << 12 // JSON, padded with spaces

func (o order) encode() []byte {
	b, _ := json.Marshal(o) // of strings and a number
	return append(b, strings.Repeat(" ", orderBytes-len(b))...)
}

// benchPair is the measuring process's hold on the other one.
type benchPair struct {
	cmd      *exec.Cmd
	conn     *wire.Conn // plain TCP
	secure   *wire.Conn // mutual TLS
	listener net.Listener
	link     wire.Link
}

// pairUp starts the other process, measures the machine and opens the connection.
func (a *app) pairUp(link wire.Link) (*benchPair, *bench.Limits, error) {
	a.progress.step("what this machine can do")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	keys, err := os.MkdirTemp("", "sotto-bench-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(keys) // both have read them when they have met
	if _, err := writeKeys(keys); err != nil {
		return nil, nil, err
	}
	p := &benchPair{cmd: exec.Command(self, "bench-peer", l.Addr().String(), "--keys", keys, "--link", link.Name), listener: l, link: link}
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = dieWithParent()
	if err := p.cmd.Start(); err != nil {
		return nil, nil, err
	}
	limits, err := p.meet(keys)
	if err != nil {
		p.end()
		return nil, nil, err
	}
	return p, limits, nil
}

// meet accepts the connections of the other process: two to pour into, two to work on.
func (p *benchPair) meet(keys string) (*bench.Limits, error) {
	config, err := benchTLS(keys, wire.Client)
	if err != nil {
		return nil, err
	}
	var socks [4]net.Conn
	for i := range socks {
		if socks[i], err = p.listener.Accept(); err != nil {
			return nil, err
		}
	}
	poured := tls.Server(socks[1], config)
	defer func() { socks[0].Close(); poured.Close() }()
	limits, err := bench.MeasureLimits(socks[0], poured)
	if err != nil {
		return nil, err
	}
	if p.conn, err = wire.New(socks[2], wire.Options{Link: p.link}); err != nil {
		return nil, err
	}
	p.secure, err = wire.Accept(context.Background(), socks[3], config, wire.Options{Link: p.link})
	return limits, err
}

// benchTLS is the product's own configuration, for one of two fresh identities.
func benchTLS(keys string, role wire.Role) (*tls.Config, error) {
	dir, peer := filepath.Join(keys, role.String()), wire.Client+wire.Server-role
	id, err := wire.LoadIdentity(dir, role)
	if err != nil {
		return nil, err
	}
	cert, err := wire.LoadCertificate(wire.CertPath(dir, peer), peer)
	if err != nil {
		return nil, err
	}
	return wire.TLSConfig(id, peer, cert)
}

// end asks the other process to end, or makes it.
func (p *benchPair) end() error {
	defer p.listener.Close()
	if p.conn == nil {
		p.cmd.Process.Kill()
		return p.cmd.Wait()
	}
	err := p.conn.Send(order{}.encode())
	if p.secure != nil {
		err = errors.Join(err, p.secure.Close())
	}
	return errors.Join(err, p.cmd.Wait(), p.conn.Close())
}

// benchPaired gives run a second process, what bounds both over the link, and a report to fill.
func (a *app) benchPaired(f *benchFlags, run func(*benchPair, *bench.Limits, *benchReport) error) (_ *benchReport, err error) {
	link, err := wire.ParseLink(f.link)
	if err != nil {
		return nil, usageError{err}
	}
	p, limits, err := a.pairUp(link)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.end()) }()
	r := newBenchReport(link, limits)
	return r, run(p, limits, r)
}

func (a *app) benchPrimitives(f *benchFlags, names []string) (*benchReport, error) {
	return a.benchPaired(f, func(p *benchPair, limits *bench.Limits, r *benchReport) error {
		s := newBenchSessions(p.conn, p.secure, cost.Client)
		for _, name := range names {
			x, err := bench.Find(name)
			if err != nil {
				return err
			}
			result, err := a.benchPrimitive(s, x, f)
			if err != nil {
				return err
			}
			if x.Limit != nil {
				result.against(x.Limit(limits))
			}
			r.Results = append(r.Results, result)
		}
		return nil
	})
}

// benchSessions are those over either connection of a process.
type benchSessions struct{ plain, secure *bench.Session }

func newBenchSessions(plain, secure *wire.Conn, party cost.Party) benchSessions {
	return benchSessions{&bench.Session{Conn: plain, Party: party}, &bench.Session{Conn: secure, Party: party}}
}

// of gives the one that a primitive travels over.
func (s benchSessions) of(x *bench.Primitive) *bench.Session {
	if x.TLS {
		return s.secure
	}
	return s.plain
}

func (a *app) benchPrimitive(s benchSessions, x *bench.Primitive, f *benchFlags) (benchResult, error) {
	n := x.N
	if f.n > 0 {
		n = f.n
	}
	var took []time.Duration
	var last bench.Measure
	for i := range f.runs {
		a.progress.step("%s, run %d of %d", x.Name, i+1, f.runs)
		if !x.Solo {
			if err := s.plain.Conn.Send(order{Primitive: x.Name, N: n}.encode()); err != nil {
				return benchResult{}, err
			}
		}
		m, err := bench.Run(x, s.of(x), n)
		if err != nil {
			return benchResult{}, err
		}
		took, last = append(took, m.Took), m
	}
	return summary(x.Name, n, took, last.Bytes, last.Rounds), nil
}

// newBenchPeerCmd is the other process of a benchmark.
func newBenchPeerCmd(a *app) *cobra.Command {
	var linkName, keys string
	c := &cobra.Command{
		Use: "bench-peer ADDR", Hidden: true, Args: cobra.ExactArgs(1), Short: "the other process of sotto bench",
		RunE: func(_ *cobra.Command, args []string) error {
			link, err := wire.ParseLink(linkName)
			if err != nil {
				return usageError{err}
			}
			config, err := benchTLS(keys, wire.Server)
			if err != nil {
				return err
			}
			return benchPeer(args[0], link, config)
		},
	}
	c.Flags().StringVar(&linkName, "link", "loopback", "as sotto bench has it")
	c.Flags().StringVar(&keys, "keys", "", "`directory` of `sotto keys`")
	return c
}

func benchPeer(addr string, link wire.Link, config *tls.Config) error {
	var socks [4]net.Conn
	for i := range socks {
		var err error
		if socks[i], err = net.Dial("tcp", addr); err != nil {
			return err
		}
		defer socks[i].Close()
	}
	if err := errors.Join(bench.Drain(socks[0]), bench.Drain(tls.Client(socks[1], config))); err != nil {
		return err
	}
	conn, err := wire.New(socks[2], wire.Options{Link: link})
	if err != nil {
		return err
	}
	defer conn.Close()
	secure, err := wire.Connect(context.Background(), socks[3], config, wire.Options{Link: link})
	if err != nil {
		return err
	}
	defer secure.Close()
	return obey(newBenchSessions(conn, secure, cost.Server), addr, link)
}

// longestBench is how long the measuring process may be without orders: what it measures then takes two other processes.
const longestBench = 24 * time.Hour

// obey runs what the measuring process orders until it orders the end.
func obey(s benchSessions, addr string, link wire.Link) error {
	for {
		buf := make([]byte, orderBytes)
		if err := errors.Join(s.plain.Conn.SetReadTimeout(longestBench), s.plain.Conn.ReadFull(buf), s.plain.Conn.SetReadTimeout(0)); err != nil {
			return err
		}
		var o order
		if err := json.Unmarshal(buf, &o); err != nil {
			return err
		}
		switch {
		case o.Primitive != "":
			if err := obeyOnce(s, o); err != nil {
				return err
			}
		case o.Bundle != "":
			if err := serveLayer(addr, o.Bundle, link); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

func obeyOnce(s benchSessions, o order) error {
	x, err := bench.Find(o.Primitive)
	if err != nil {
		return err
	}
	_, err = bench.Run(x, s.of(x), o.N)
	return err
}
