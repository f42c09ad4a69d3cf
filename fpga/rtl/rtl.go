// Package rtl holds the kernels of the accelerator as synthesisable SystemVerilog: the half-gates engines and the ring-MAC array. Its
// tests simulate them against the runtime and synthesise them against the estimates of fpga/target; its README says what they are.
package rtl

import (
	"embed"
	"io/fs"
)

//go:embed sv/*.sv testbench/*
var files embed.FS

// Sources are the modules, each in the file of its name.
func Sources() fs.FS { return folder("sv") }

// Testbench is what simulates the modules: kernels_tb and main.cpp for Verilator.
func Testbench() fs.FS { return folder("testbench") }

func folder(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		return nil // the name is a valid path
	}
	return sub
}
