// Package hlslib holds the accelerator's kernels as C++ for a high-level synthesis tool: hand-written headers, templates over a struct of
// constants, which a design instantiates and never rewrites. They compile with g++ too, as a C-simulation of whole boards, which the tests
// hold against the runtime bit for bit.
//
// In Go are the constants (Config) and the order of weights in a board's memory (pack.go).
package hlslib

import (
	"embed"
	"io/fs"
)

//go:embed *.hpp csim/main.cpp csim/Makefile
var files embed.FS

// Sources are the headers, and under csim the C-simulation of boards, which wants a config.hpp beside it.
func Sources() fs.FS { return files }

// CompilerFlags are those that the sources compile with, without a warning, by g++. Labels name loops for a synthesis tool's reports.
func CompilerFlags() []string {
	return []string{"-std=c++14", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-label", "-pthread"}
}
