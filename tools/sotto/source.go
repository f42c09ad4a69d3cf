package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sotto/fpga/pasnet"
	"sotto/frontend"
	"sotto/frontend/syntax"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/choices"
	"sotto/passes/pass"
	"sotto/runtime/wire"
)

// network is a network as a user names it: a .sotto file or an IR dump, one of its nets, and decisions.
type network struct {
	module    *ir.Module
	decisions []pass.Decision
	targets   []*syntax.Target
	relus     reluDecisions
	params    []frontend.Param // of the space, as they were picked
	file      *syntax.File     // that it is from; nil of a dump
	options   frontend.Options // that it was elaborated with
	searches  []*syntax.Search
}

func (n *network) fn() *ir.Func { return n.module.Funcs[0] }

// infers refuses functions that train a network, which are no network to run.
func (n *network) infers() error {
	if n.module.Stage != ir.Train {
		return nil
	}
	return fmt.Errorf("@%s is in stage train, a function that trains a network: accepted are .sotto files and dumps of stage space, net, ring or secure; sotto opt takes it", n.fn().Name)
}

// networkFlags choose a net of a file and decide its choices.
type networkFlags struct {
	net      string
	set      []string
	decision string
	gates    string
	prune    bool
	budget   string
}

func (f *networkFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.net, "net", "", "the net, where the file has several")
	f.addSet(c)
}

func (f *networkFlags) addSet(c *cobra.Command) {
	c.Flags().StringArrayVar(&f.set, "set", nil, "decide `NAME=OPTION`: a choice for all its uses, one site by its path, or a parameter; later ones win")
	c.Flags().StringVar(&f.decision, "decision", "", "JSON `file` of decisions, {\"sotto\":1,\"choices\":{path:option},\"linearize\":{path:[0 or 1...]}}; --set wins")
	c.Flags().StringVar(&f.gates, "gates", "", "safetensors `file` of zeros and ones by the path of a relu: where it stays; of its shape, [C] for channels, or [1]")
	c.Flags().StringVar(&f.budget, "relu-budget", "", "pick the value of a parameter with the most relus within a `budget`: 50K, or NAME=50K where several are open")
	c.Flags().BoolVar(&f.prune, "prune", false, "take relus off skip connections (see sotto opt --list)")
}

// maxSource bounds the text files that are read whole.
const maxSource = 256 << 20

// read reads a text file, - for standard input, and keeps it for carets.
func (a *app) read(path string) (string, error) {
	var r = a.in
	if path != "-" {
		info, err := os.Stat(path)
		if err != nil {
			return "", err
		}
		if info.IsDir() {
			return "", fmt.Errorf("%s is a directory: accepted is a file", path)
		}
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		r = f
	}
	text, err := io.ReadAll(io.LimitReader(r, maxSource+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxSource {
		return "", fmt.Errorf("%s: more than %d bytes", path, maxSource)
	}
	a.sources[path] = string(text)
	return string(text), nil
}

// load reads a network. Dumps are told from .sotto files by their first word.
func (a *app) load(path string, flags networkFlags) (*network, error) {
	text, err := a.read(path)
	if err != nil {
		return nil, err
	}
	if strings.ContainsRune(text, 0) {
		return nil, fmt.Errorf("%s is no text: accepted are .sotto files and IR dumps", path)
	}
	decisions, relus, fromFile, err := a.decisions(flags)
	if err != nil {
		return nil, err
	}
	if !isDump(text) {
		return loadSource(path, text, flags.net, decisions, fromFile, relus)
	}
	n, err := loadDump(path, text, flags.net, decisions)
	if err != nil {
		return nil, err
	}
	broadFirst(n.fn(), decisions[:fromFile])
	n.relus = relus
	return n, relus.takes(n.module)
}

// broadFirst orders a decision file's entries, which have no order of their own: the name of a choice before single sites,
// which are the more exact.
func broadFirst(f *ir.Func, decisions []pass.Decision) {
	names := map[string]bool{}
	for _, s := range choices.Sites(f) {
		names[s.Choice] = true
	}
	slices.SortFunc(decisions, func(x, y pass.Decision) int {
		if names[x.Site] != names[y.Site] {
			if names[x.Site] {
				return -1
			}
			return 1
		}
		return strings.Compare(x.Site, y.Site)
	})
}

func isDump(text string) bool {
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, ";")
		if words := strings.Fields(line); len(words) > 0 {
			return words[0] == "module"
		}
	}
	return false
}

func loadDump(path, text, net string, decisions []pass.Decision) (*network, error) {
	m, err := ir.Parse(path, text)
	if err != nil {
		return nil, err
	}
	if net != "" {
		f := m.Func(net)
		if f == nil {
			return nil, fmt.Errorf("%s: no function is called @%s: accepted are %s", path, net, funcNames(m))
		}
		m.Funcs = []*ir.Func{f}
	}
	if len(m.Funcs) != 1 && (m.Stage != ir.Train || len(m.Funcs) == 0) {
		return nil, fmt.Errorf("%s holds %d functions: name one of %s by --net", path, len(m.Funcs), funcNames(m))
	}
	return &network{module: m, decisions: decisions}, nil
}

func funcNames(m *ir.Module) string {
	var names []string
	for _, f := range m.Funcs {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// loadSource elaborates a net; decisions that name a parameter of the space go into its elaboration.
func loadSource(path, text, net string, decisions []pass.Decision, fromFile int, relus reluDecisions) (*network, error) {
	file, err := syntax.Parse(path, []byte(text))
	if err != nil {
		return nil, err
	}
	space, err := frontend.Elaborate(file, frontend.Options{Net: net})
	if err != nil {
		return nil, err
	}
	broadFirst(space.Func, decisions[:fromFile])
	params, rest, err := parameters(space.Params, decisions)
	if err != nil {
		return nil, err
	}
	opts, err := relus.balanced(file, frontend.Options{Net: net, Params: params}, rest)
	if err == nil && len(opts.Params) > 0 {
		space, err = frontend.Elaborate(file, opts)
	}
	if err != nil {
		return nil, err
	}
	if err := known(space, rest); err != nil {
		return nil, err
	}
	return &network{module: space.Module, decisions: rest, targets: space.Targets, relus: relus, params: space.Params, file: file, options: opts,
		searches: space.Searches}, nil
}

// known refuses decisions about what the network does not have, also where no pass will ask.
func known(space *frontend.Space, decisions []pass.Decision) error {
	_, err := choices.Decide(space.Func, decisions)
	if err == nil || len(space.Params) == 0 {
		return err
	}
	var names []string
	for _, p := range space.Params {
		names = append(names, p.Name)
	}
	return fmt.Errorf("%w; parameters are %s", err, strings.Join(names, ", "))
}

// parameters takes the decisions about parameters of the space (`let w in {16, 32}`) out of a list: the index of the
// value, for a vector one value for all its elements or a comma-separated list.
func parameters(params []frontend.Param, decisions []pass.Decision) (map[string][]int, []pass.Decision, error) {
	picked := map[string][]int{}
	var rest []pass.Decision
	for _, d := range decisions {
		i := slices.IndexFunc(params, func(p frontend.Param) bool { return p.Name == d.Site })
		if i < 0 {
			rest = append(rest, d)
			continue
		}
		indices, err := indicesOf(params[i], d.Option)
		if err != nil {
			return nil, nil, err
		}
		picked[d.Site] = indices
	}
	return picked, rest, nil
}

func indicesOf(p frontend.Param, text string) ([]int, error) {
	parts := strings.Split(text, ",")
	if len(parts) == 1 {
		parts = slices.Repeat(parts, len(p.Chosen))
	}
	if len(parts) != len(p.Chosen) {
		return nil, fmt.Errorf("parameter %s has %d elements, not %d", p.Name, len(p.Chosen), len(parts))
	}
	out := make([]int, len(parts))
	for i, part := range parts {
		part = strings.TrimSpace(part)
		is := func(value string) bool { return value == part || value == strconv.Quote(part) } // a string needs no quotes here
		if out[i] = slices.IndexFunc(p.Values, is); out[i] < 0 {
			return nil, fmt.Errorf("parameter %s has no value %q: accepted are %s", p.Name, part, strings.Join(p.Values, ", "))
		}
	}
	return out, nil
}

// decisions reads --decision, --set and --gates, in the order in which later ones win; the first fromFile are the file's.
func (a *app) decisions(flags networkFlags) (out []pass.Decision, relus reluDecisions, fromFile int, err error) {
	relus.prune = flags.prune
	if err := relus.readBudget(flags.budget); err != nil {
		return nil, relus, 0, err
	}
	if flags.decision != "" {
		if out, relus.gates, err = a.decisionFile(flags.decision); err != nil {
			return nil, relus, 0, err
		}
		fromFile = len(out)
	}
	for _, s := range flags.set {
		name, option, ok := strings.Cut(s, "=")
		if !ok || name == "" || option == "" {
			return nil, relus, 0, usagef("--set %s: accepted is NAME=OPTION", s)
		}
		out = append(out, pass.Decision{Site: name, Option: option})
	}
	return out, relus, fromFile, relus.readGates(flags.gates)
}

const decisionForm = `accepted is {"sotto":1,"choices":{path:option},"linearize":{path:[0 or 1...]}}`

func (a *app) decisionFile(path string) ([]pass.Decision, pass.Gates, error) {
	text, err := a.read(path)
	if err != nil {
		return nil, nil, err
	}
	var file struct {
		head
		Choices   map[string]string  `json:"choices"`
		Linearize map[string][]int64 `json:"linearize"`
	}
	if err := json.Unmarshal([]byte(text), &file); err != nil {
		return nil, nil, fmt.Errorf("%s: %w; %s", path, cost.PlainJSON(err), decisionForm)
	}
	if file.Sotto != 1 || file.Choices == nil && file.Linearize == nil {
		return nil, nil, fmt.Errorf("%s: no decision file of version 1; %s", path, decisionForm)
	}
	var out []pass.Decision
	for site, option := range file.Choices {
		out = append(out, pass.Decision{Site: site, Option: option})
	}
	gates := pass.Gates{}
	for site, keep := range file.Linearize {
		gates[site] = pass.Gate{Shape: []int{len(keep)}, Keep: keep}
	}
	return out, gates, nil
}

// target resolves a target's name: a file, a declaration in the .sotto file, a shipped one.
func (a *app) target(name string, n *network) (cost.Target, error) {
	if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() {
		text, err := a.read(name)
		if err != nil {
			return cost.Target{}, err
		}
		if pasnet.IsTarget([]byte(text)) {
			return cost.Target{}, fmt.Errorf("%s: a price list of PASNet's model, which has no prices of programs: it is for sotto estimate alone", name)
		}
		read := func(text string) (cost.Target, error) { return cost.ParseTarget([]byte(text)) }
		if isBoard(text) {
			read = pairOfFile
		}
		t, err := read(text)
		return t, ofFile(name, err)
	}
	for _, d := range n.targets {
		if d.Name.Name == name {
			return a.declared(d)
		}
	}
	if slices.Contains(pasnet.TargetNames(), name) {
		return cost.Target{}, fmt.Errorf("%s is of PASNet's model, which has no prices of programs: it is for sotto estimate alone; accepted are %s, a price list's file, a link such as 300mbps,5ms",
			name, strings.Join(targetNames(), ", "))
	}
	if slices.Contains(cost.TargetNames(), name) {
		return cost.ShippedTarget(name)
	}
	if t, ok, err := pairOf(name); ok {
		return t, err
	}
	link, err := wire.ParseLink(name)
	if err != nil && strings.Contains(name, ",") {
		return cost.Target{}, err // it was meant as numbers
	}
	if err != nil {
		return cost.Target{}, fmt.Errorf("no target is called %q: accepted are %s, a price list's or a board's file, or a link such as 300mbps,5ms", name, strings.Join(targetNames(), ", "))
	}
	t, err := cost.ShippedTarget(wire.Loopback().Name)
	return onLink(t, link), err
}

// onLink is a target with another link.
func onLink(t cost.Target, l wire.Link) cost.Target {
	t.Name, t.Source = l.Name, t.Source+"; link: "+l.Name
	const bitsPerByte, source = 8, "asked for"
	t.Link = cost.Link{BytesPerSecond: cost.Quantity{Value: l.BitsPerSecond / bitsPerByte, Source: source}, OneWayMS: cost.Quantity{Value: l.OneWay.Seconds() * 1e3, Source: source}}
	return t
}

// exists reports whether a file or directory is there.
func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, os.ErrNotExist)
}
