package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"sotto/runtime/program"
)

type versionResult struct {
	head
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Program  int    `json:"program_format"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "print the version", Args: cobra.NoArgs,
		Long:    "Version prints sotto's version, the version of the program format it writes, and what it was built with.",
		Example: "  sotto version --json",
		RunE: func(*cobra.Command, []string) error {
			r := versionOf()
			return a.show(r, r.text)
		},
	}
}

func versionOf() versionResult {
	r := versionResult{head: version1, Version: "(devel)", Program: program.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return r
	}
	if info.Main.Version != "" {
		r.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			r.Revision = s.Value
		}
	}
	return r
}

func (r versionResult) text(w io.Writer) {
	fmt.Fprintf(w, "sotto %s, program format %d, %s %s\n", r.Version, r.Program, r.Go, r.Platform)
}
