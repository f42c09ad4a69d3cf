package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sotto/ir"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/passes/protocols"
	"sotto/passes/relu"
)

func newOptCmd(a *app) *cobra.Command {
	var network networkFlags
	var lower lowerFlags
	var train trainingFlags
	var names, out string
	var list, ops bool
	c := &cobra.Command{
		Use: "opt --passes a,b FILE", Short: "run passes over an IR dump", Args: cobra.MaximumNArgs(1),
		Long: "Opt runs the passes named, in that order, and prints the module. FILE is any dump, a .sotto file, or - for standard input.\n" +
			"--list documents every pass, --ops every operation.",
		Example: "  sotto opt --passes prune,dce out/ir/02-resolve.ir\n  sotto opt --list",
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case list:
				return a.show(passList(), writePasses)
			case ops:
				return a.show(opList(), writeOps)
			case len(args) == 0:
				return usagef("a file is missing: accepted are an IR dump, a .sotto file, or -; or --list, or --ops")
			}
			n, err := a.load(args[0], network)
			if err != nil {
				return err
			}
			how, err := train.training()
			if err != nil {
				return err
			}
			return a.opt(n, lower, how, names, out)
		},
	}
	network.add(c)
	lower.add(c)
	lower.addDeploy(c)
	addOfflineFlag(c, &lower.offline)
	lower.addDump(c)
	train.add(c)
	c.Flags().StringVar(&names, "passes", "", "comma-separated `names`, in order")
	c.Flags().StringVarP(&out, "output", "o", "", "write the module to this `file`")
	c.Flags().BoolVar(&list, "list", false, "document every pass")
	c.Flags().BoolVar(&ops, "ops", false, "document every operation")
	return c
}

type optResult struct {
	head
	Stage   string   `json:"stage"`
	Module  string   `json:"module"`
	Notices []string `json:"notices"`
}

func (a *app) opt(n *network, flags lowerFlags, how *pass.Training, names, out string) error {
	todo, err := passesNamed(names, &flags)
	if err != nil {
		return err
	}
	l, err := a.lowering(n, flags)
	if err != nil {
		return err
	}
	defer l.close()
	prices, err := a.target("loopback", n)
	if err != nil {
		return err
	}
	if err := l.choose(n, flags, prices); err != nil {
		return err
	}
	m := n.module
	l.context.Training = how
	for _, p := range todo {
		if p == protocols.Protocols && m.Stage == ir.RingStage {
			l.ring = m.Clone()
			if err := l.decide(); err != nil {
				return err
			}
		}
		if err := l.runner.Run(l.context, m, p); err != nil {
			return err
		}
	}
	l.notices()
	text := ir.Print(m, l.notes(m))
	if out != "" {
		if err := replaceFile(out, text); err != nil {
			return err
		}
	}
	r := optResult{version1, m.Stage.String(), text, slices.Clone(l.context.Notices)}
	return a.show(r, func(w io.Writer) {
		if out == "" {
			io.WriteString(w, text)
		}
	})
}

// passesNamed finds passes; signdrop may say how many bits, as the flag does.
func passesNamed(names string, flags *lowerFlags) ([]*pass.Pass, error) {
	var list []*pass.Pass
	for name := range strings.SplitSeq(names, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		name, value, given := strings.Cut(name, "=")
		p, ok := passes.Find(name)
		if !ok {
			return nil, usagef("no pass is called %q: accepted are %s", name, passNames())
		}
		if given {
			bits, err := strconv.Atoi(value)
			if p != relu.SignDrop || err != nil {
				return nil, usagef("%s=%s: accepted is %s=BITS, of passes none else", name, value, relu.SignDrop.Name)
			}
			flags.signDrop = bits
		}
		list = append(list, p)
	}
	return list, nil
}

type passesJSON struct {
	head
	Passes []passJSON `json:"passes"`
}

type passJSON struct {
	Name  string `json:"name"`
	Doc   string `json:"doc"`
	Needs string `json:"needs"`
	Gives string `json:"gives,omitempty"`
}

func passList() passesJSON {
	out := passesJSON{head: version1}
	for _, p := range passes.All() {
		j := passJSON{Name: p.Name, Doc: p.Doc, Needs: stagesText(p.Needs)}
		if p.Gives != 0 {
			j.Gives = p.Gives.String()
		}
		out.Passes = append(out.Passes, j)
	}
	return out
}

func writePasses(w io.Writer) {
	for _, p := range passList().Passes {
		stages := p.Needs
		if p.Gives != "" {
			stages += " to " + p.Gives
		}
		fmt.Fprintf(w, "%s (%s)\n", p.Name, stages)
		wrap(w, p.Doc)
	}
}

// stagesText names the stages of a set.
func stagesText(set ir.Stage) string {
	var names []string
	for _, s := range []ir.Stage{ir.Space, ir.Net, ir.RingStage, ir.Secure, ir.Train} {
		if set&s != 0 {
			names = append(names, s.String())
		}
	}
	return strings.Join(names, ", ")
}

type opsJSON struct {
	head
	Ops []opJSON `json:"ops"`
}

type opJSON struct {
	Name     string        `json:"name"`
	Doc      string        `json:"doc"`
	Stages   string        `json:"stages"`
	Operands []operandJSON `json:"operands"`
	Attrs    []attrJSON    `json:"attributes"`
	Example  string        `json:"example"`
	Local    bool          `json:"local"`
}

type operandJSON struct {
	Name string `json:"name"`
	Doc  string `json:"doc,omitempty"`
}

type attrJSON struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Default any    `json:"default"` // null: required
	Doc     string `json:"doc"`
}

func opList() opsJSON {
	out := opsJSON{head: version1}
	for _, o := range ir.Ops() {
		j := opJSON{Name: o.Name, Doc: o.Doc, Stages: stagesText(o.Stages), Example: o.Example, Local: o.Local || o.Constant,
			Operands: []operandJSON{}, Attrs: []attrJSON{}}
		for _, x := range o.Operands {
			j.Operands = append(j.Operands, operandJSON{x.Name, x.Doc})
		}
		for _, x := range o.Attrs {
			j.Attrs = append(j.Attrs, attrJSON{x.Name, x.Kind.String(), x.Default, x.Doc})
		}
		out.Ops = append(out.Ops, j)
	}
	return out
}

func writeOps(w io.Writer) {
	for _, o := range opList().Ops {
		fmt.Fprintf(w, "%s (%s)\n", o.Name, o.Stages)
		wrap(w, o.Doc)
		for _, x := range o.Operands {
			fmt.Fprintf(w, "    %%%s  %s\n", x.Name, x.Doc)
		}
		for _, x := range o.Attrs {
			fmt.Fprintf(w, "    {%s}  %s, %s%s\n", x.Name, x.Kind, x.Doc, defaultText(x.Default))
		}
		for line := range strings.Lines(o.Example) {
			fmt.Fprintf(w, "      %s\n", strings.TrimSuffix(line, "\n"))
		}
	}
}

func defaultText(x any) string {
	if x == nil {
		return " (required)"
	}
	return fmt.Sprintf(" (default %v)", x)
}

// wrap writes text in lines of at most so many characters, indented.
func wrap(w io.Writer, text string) {
	const most = 110
	line := "   "
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > most {
			fmt.Fprintln(w, line)
			line = "   "
		}
		line += " " + word
	}
	fmt.Fprintln(w, line)
}
