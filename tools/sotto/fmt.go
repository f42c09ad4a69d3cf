package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sotto/frontend/syntax"
)

type fmtResult struct {
	head
	Files []formatted `json:"files"`
}

type formatted struct {
	File    string `json:"file"`
	Changed bool   `json:"changed"` // the file is not formatted, or was not before -w
	text    string
}

func newFmtCmd(a *app) *cobra.Command {
	var write, check bool
	c := &cobra.Command{
		Use: "fmt FILE...", Short: "format .sotto files", Args: cobra.MinimumNArgs(1),
		Long:    "Fmt prints files in the one accepted layout; with -w it rewrites them, with --check it lists those it would change and fails.",
		Example: "  sotto fmt -w net.sotto\n  sotto fmt --check examples/*.sotto",
		RunE: func(_ *cobra.Command, args []string) error {
			r := fmtResult{head: version1, Files: []formatted{}}
			for _, path := range args {
				f, err := a.format(path)
				if err != nil {
					return err
				}
				r.Files = append(r.Files, f)
			}
			switch {
			case check:
				return a.checkFormatted(r)
			case write:
				return a.writeFormatted(r)
			}
			return a.show(r, r.print)
		},
	}
	c.Flags().BoolVarP(&write, "write", "w", false, "rewrite the files")
	c.Flags().BoolVar(&check, "check", false, "list the files that are not formatted, and fail if there are any")
	c.MarkFlagsMutuallyExclusive("write", "check")
	return c
}

func (a *app) format(path string) (formatted, error) {
	text, err := a.read(path)
	if err != nil {
		return formatted{}, err
	}
	f, err := syntax.Parse(path, []byte(text))
	if err != nil {
		return formatted{}, err
	}
	out := syntax.Format(f)
	return formatted{path, out != text, out}, nil
}

func (r fmtResult) print(w io.Writer) {
	for _, f := range r.Files {
		io.WriteString(w, f.text)
	}
}

func (r fmtResult) changed() []string {
	var out []string
	for _, f := range r.Files {
		if f.Changed {
			out = append(out, f.File)
		}
	}
	return out
}

func (r fmtResult) list(w io.Writer) {
	for _, name := range r.changed() {
		fmt.Fprintln(w, name)
	}
}

func (a *app) checkFormatted(r fmtResult) error {
	if err := a.show(r, r.list); err != nil {
		return err
	}
	if list := r.changed(); len(list) > 0 {
		return fmt.Errorf("not formatted: %s; sotto fmt -w rewrites them", strings.Join(list, ", "))
	}
	return nil
}

func (a *app) writeFormatted(r fmtResult) error {
	for _, f := range r.Files {
		if !f.Changed {
			continue
		}
		if f.File == "-" {
			return usagef("fmt -w needs files, not standard input")
		}
		if err := replaceFile(f.File, f.text); err != nil {
			return err
		}
	}
	return a.show(r, r.list)
}
