package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type manResult struct {
	head
	Files []string `json:"files"`
}

func newManCmd(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "man -o DIR", Short: "write manual pages, one a command", Args: cobra.NoArgs,
		Long:    "Man writes DIR/sotto.1 and a page for every command, made of what --help says.",
		Example: "  sotto man -o /usr/local/share/man/man1\n  sotto man -o man && man man/sotto-run.1",
		RunE: func(c *cobra.Command, _ []string) error {
			if out == "" {
				return usagef("-o is missing: accepted is the directory to write")
			}
			if err := os.MkdirAll(out, 0o777); err != nil {
				return err
			}
			r := manResult{head: version1}
			if err := r.pages(out, c.Root()); err != nil {
				return err
			}
			return a.show(r, func(w io.Writer) { fmt.Fprintf(w, "%d pages in %s\n", len(r.Files), out) })
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "the `directory` to write")
	return c
}

// pages writes the page of a command, and of those below it.
func (r *manResult) pages(dir string, c *cobra.Command) error {
	path := filepath.Join(dir, pageName(c)+".1")
	if err := os.WriteFile(path, []byte(page(c)), 0o666); err != nil {
		return err
	}
	r.Files = append(r.Files, path)
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			if err := r.pages(dir, sub); err != nil {
				return err
			}
		}
	}
	return nil
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

// page is a command's help as man(7).
func page(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH %s 1\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n\\fB%s\\fR\n.SH DESCRIPTION\n%s\n", strings.ToUpper(roff(pageName(c))), roff(pageName(c)),
		roff(c.Short), roff(c.UseLine()), paragraphs(c.Long))
	options := func(title string, flags *pflag.FlagSet) {
		if !flags.HasAvailableFlags() {
			return
		}
		fmt.Fprintf(&b, ".SH %s\n", title)
		flags.VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				fmt.Fprint(&b, option(f))
			}
		})
	}
	options("OPTIONS", c.NonInheritedFlags())
	options("OPTIONS OF ALL COMMANDS", c.InheritedFlags())
	if c.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(c.Example))
	}
	var other []string
	c.VisitParents(func(p *cobra.Command) { other = append(other, pageName(p)) })
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			other = append(other, pageName(sub))
		}
	}
	if len(other) > 0 {
		fmt.Fprintf(&b, ".SH SEE ALSO\n\\fB%s\\fR(1)\n", strings.Join(strings.Split(roff(strings.Join(other, " ")), " "), "\\fR(1), \\fB"))
	}
	return b.String()
}

// option is a flag with what it takes and its default.
func option(f *pflag.Flag) string {
	name, usage := pflag.UnquoteUsage(f)
	text := "--" + f.Name
	if f.Shorthand != "" {
		text = "-" + f.Shorthand + ", " + text
	}
	head := "\\fB" + roff(text) + "\\fR"
	if name != "" {
		head += " \\fI" + roff(name) + "\\fR"
	}
	switch f.DefValue {
	case "", "false", "0", "[]", "0s":
	default:
		usage += " (default " + f.DefValue + ")"
	}
	return ".TP\n" + head + "\n" + roff(usage) + "\n"
}

// paragraphs keeps indented lines and those of lists as they are.
func paragraphs(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "":
			b.WriteString(".PP\n")
		case strings.HasPrefix(line, " "):
			b.WriteString(".br\n" + roff(strings.TrimSpace(line)) + "\n")
		default:
			b.WriteString(roff(line) + "\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// roff makes text of what may look like requests.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
