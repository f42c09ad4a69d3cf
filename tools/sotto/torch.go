package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sotto/backend/torch"
	"sotto/ir"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/clean"
	"sotto/passes/pass"
	"sotto/tools/sotto/goals"
)

// torchResult is what torch prints.
type torchResult struct {
	head
	Net    string   `json:"net"`
	Folder string   `json:"folder"`
	Files  []string `json:"files"`
	Params int64    `json:"params"` // trained ones, of all options
	Sites  int      `json:"sites"`  // choices that are open
	Target string   `json:"target,omitempty"`
}

func newTorchCmd(a *app) *cobra.Command {
	var network networkFlags
	var lower lowerFlags
	var target, search, out string
	var networks int
	c := &cobra.Command{
		Use: "torch FILE -o DIR", Short: "write a network as a PyTorch program: search, training, evaluation", Args: cobra.ExactArgs(1),
		Long: "Torch writes a program that needs PyTorch and nothing else, for one process or, under torchrun, for many on as many GPUs: training and\n" +
			"evaluation of a network whose choices are decided, and for a space the search over its choices by gradient, with what each option costs\n" +
			"on the target (see sotto table). The search block of the file sets what the search makes least, under which limits. What it leaves, a decision file and weights, is what sotto compile takes. DIR/README.md has its commands.",
		Example: "  sotto torch examples/resnet18_cifar.sotto --target lan -o program\n" +
			"  cd program && torchrun --nproc_per_node 8 main.py search --data ../cifar -o found",
		RunE: func(c *cobra.Command, args []string) error {
			if out == "" {
				return usagef("-o is missing: accepted is the directory to write the program into")
			}
			if networks < 1 {
				return usagef("--networks %d: accepted are 1 and more", networks)
			}
			n, err := a.load(args[0], network)
			if err != nil {
				return err
			}
			m, err := trainable(n)
			if err != nil {
				return err
			}
			goal, err := goalOf(n, search)
			if err != nil {
				return err
			}
			p, err := newTorchProgram(m, goal)
			if err != nil {
				return err
			}
			for _, text := range p.notices {
				a.notice("%s", text)
			}
			switch changed := c.Flags().Changed("target"); {
			case changed && m.Stage == ir.Net:
				return usagef("--target %s: the network has no choice that is open, so nothing is to be priced", target)
			case !changed && p.target != "":
				target = p.target
			}
			if m.Stage == ir.Space {
				if p.prices, err = a.tableOf(n, lower, target, networks); err != nil {
					return err
				}
			}
			r, err := p.write(out)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	network.add(c)
	c.Flags().IntVar(&lower.ring, "ring", 0, "ring `bits` that options are priced for, 32 or 64 (default: 32 if the ranges fit)")
	c.Flags().StringSliceVar((*[]string)(&lower.nonlinear), "nonlinear", []string{string(pass.Nonlinears()[0])}, fmt.Sprintf("`protocol` of comparisons, which all networks have: %v", pass.Nonlinears()))
	c.Flags().StringSliceVar((*[]string)(&lower.trunc), "trunc", []string{string(pass.Truncations()[0])}, fmt.Sprintf("`protocol` of truncations: %v", pass.Truncations()))
	lower.addDeploy(c)
	addOfflineFlag(c, &lower.offline)
	addTargetFlag(c, &target)
	c.Flags().StringVar(&search, "search", "", "the search block of the file, where the net has several")
	c.Flags().IntVar(&networks, "networks", 16, "random networks that an increment is the mean of")
	c.Flags().StringVarP(&out, "output", "o", "", "the `directory` to write the program into")
	return c
}

// trainable gives a network as it is trained: with dropout, without what nothing reads, and in stage NET if all its choices are decided.
func trainable(n *network) (*ir.Module, error) {
	m := n.module.Clone()
	if m.Stage&(ir.Space|ir.Net) == 0 {
		return nil, fmt.Errorf("@%s is in stage %s: accepted are .sotto files and dumps of stage space or net", n.fn().Name, m.Stage)
	}
	if err := oneInput(n.fn()); err != nil {
		return nil, err
	}
	decided, err := choices.Decide(n.fn(), n.decisions)
	if err != nil {
		return nil, err
	}
	context := &pass.Context{Choices: n.decisions, Gates: n.relus.gates}
	list := []*pass.Pass{clean.Shapes, clean.DCE}
	switch open := m.Stage == ir.Space && len(decided) == 0 && len(choices.Sites(n.fn())) > 0; {
	case open && n.relus.any():
		return nil, errors.New("--gates, --prune and \"linearize\" are of a network whose choices are decided: accepted is --decision or --set beside them")
	case m.Stage == ir.Space && !open:
		list = slices.Concat(passes.ToTrainable, n.relus.requested())
	case !open:
		list = slices.Concat(n.relus.ofNet(), list)
	}
	return m, (&pass.Runner{}).Run(context, m, list...)
}

// torchProgram is a program to be written.
type torchProgram struct {
	net      *ir.Func
	files    []torch.File
	prices   *tableResult   // of a space
	settings map[string]any // by the name of the program's flag; of the search block
	target   string         // that its figures are on
	notices  []string
}

// newTorchProgram emits the program of a module, set as a search block says, if there is one.
func newTorchProgram(m *ir.Module, goal *goals.Goal) (*torchProgram, error) {
	files, err := torch.Emit(m)
	if err != nil {
		return nil, err
	}
	p := &torchProgram{net: m.Funcs[0], files: files}
	if goal != nil && m.Stage == ir.Space {
		err = p.aim(goal)
	}
	return p, err
}

// goalOf reads the search block of that name, without one the only one there is; nil where there is none.
func goalOf(n *network, name string) (*goals.Goal, error) {
	var names []string
	for _, s := range n.searches {
		if names = append(names, s.Name.Name); s.Name.Name == name || name == "" && len(n.searches) == 1 {
			return goals.Read(s)
		}
	}
	switch {
	case name != "":
		return nil, usagef("no search of @%s is called %s: accepted are %s", n.fn().Name, name, cmp.Or(strings.Join(names, ", "), "files that have one"))
	case len(names) > 1:
		return nil, usagef("the file has several searches in @%s: name one of %s by --search", n.fn().Name, strings.Join(names, ", "))
	}
	return nil, nil
}

// tabled are the figures that a table of prices has.
var tabled = []string{"latency", "offline", "total", "online", "traffic", "rounds", "relus"}

// followed are the settings of a search block that the program has flags for; sotto search has more.
var followed = []string{"epochs", "order", "batch", "seed", "optimiser", "momentum", "decay", "weight_decay", "decay_of", "rate", "least_rate",
	"clip", "smoothing", "augment", "logit_rate", "logit_decay", "warm_up", "gumbel"}

// aim takes over what a search block says.
func (p *torchProgram) aim(g *goals.Goal) error {
	if g.Method != "" && g.Method != "gradient" {
		return fmt.Errorf("search %s: method %s: PyTorch programs search by gradient; accepted is method gradient, or another search by --search", g.Name, g.Method)
	}
	var price, limit []string
	for _, t := range g.Objective {
		if err := p.figure(t.Figure); err != nil {
			return fmt.Errorf("search %s: %w", g.Name, err)
		}
		price = append(price, fmt.Sprintf("%s=%g", t.Measure, t.Weight))
	}
	for _, l := range g.Limits {
		if err := p.figure(l.Figure); err != nil {
			return fmt.Errorf("search %s: %w", g.Name, err)
		}
		limit = append(limit, fmt.Sprintf("%s=%g", l.Measure, l.Most))
	}
	p.settings = map[string]any{"budget": strings.Join(limit, ",")}
	if len(price) > 0 {
		p.settings["price"] = strings.Join(price, ",")
	}
	for name, s := range g.Settings {
		if !slices.Contains(followed, name) {
			p.notices = append(p.notices, fmt.Sprintf("search %s sets %s, which the PyTorch program does not follow", g.Name, name))
			continue
		}
		p.settings[name] = s.Number
		if s.Word != "" {
			p.settings[name] = s.Word
		}
	}
	return nil
}

// figure notes the target that a figure is on: there is one table.
func (p *torchProgram) figure(f goals.Figure) error {
	if !slices.Contains(tabled, f.Measure) {
		return fmt.Errorf("%s: no table of prices has it: accepted in a PyTorch program are %s", f.Measure, strings.Join(tabled, ", "))
	}
	if f.Target != "" && p.target != "" && f.Target != p.target {
		return fmt.Errorf("figures on %s and on %s: accepted is one target", p.target, f.Target)
	}
	p.target = cmp.Or(f.Target, p.target)
	return nil
}

// settingsFile is what the program reads in place of defaults.
const settingsFile = "settings.json"

// write puts the program into a directory.
func (p *torchProgram) write(out string) (*torchResult, error) {
	r := &torchResult{head: version1, Net: p.net.Name, Folder: out, Params: trained(p.net)}
	for _, f := range p.files {
		r.Files = append(r.Files, f.Name)
	}
	extra := map[string]any{}
	if p.prices != nil {
		extra[torch.TableFile], r.Sites, r.Target = p.prices, len(p.prices.Sites), p.prices.Target
	}
	if p.settings != nil {
		extra[settingsFile] = p.settings
	}
	r.Files = append(r.Files, slices.Sorted(maps.Keys(extra))...)
	return r, replaceDirIf(out, p.replaces, func(tmp string) error {
		for _, f := range p.files {
			if err := os.WriteFile(filepath.Join(tmp, f.Name), f.Text, 0o666); err != nil {
				return err
			}
		}
		for name, v := range extra {
			if err := writeJSON(filepath.Join(tmp, name), v); err != nil {
				return err
			}
		}
		return nil
	})
}

// tableOf prices the options of a space on a target by name.
func (a *app) tableOf(n *network, lower lowerFlags, target string, networks int) (*tableResult, error) {
	prices, err := a.target(target, n)
	if err != nil {
		return nil, err
	}
	return a.table(n, lower, prices, networks)
}

// replaces refuses a directory that holds something else than a program of torch's.
func (p *torchProgram) replaces(dir string) error {
	own := []string{torch.TableFile, settingsFile}
	for _, f := range p.files {
		own = append(own, f.Name)
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if !slices.Contains(own, e.Name()) {
			return fmt.Errorf("%s would be lost if %s were replaced: move it away, or name another directory", filepath.Join(dir, e.Name()), dir)
		}
	}
	return err
}

func (r *torchResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s, %s trained parameters", r.Folder, r.Net, count(r.Params))
	if r.Sites > 0 {
		fmt.Fprintf(w, ", %d choices priced on %s", r.Sites, r.Target)
	}
	fmt.Fprintln(w, "; see README.md there")
}
