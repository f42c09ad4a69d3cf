package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"sotto/backend/llvm"
	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/tools/sotto/clang"
)

// compilerFor finds what compiles native kernels, where some are wanted.
func compilerFor(native bool) (*clang.Compiler, error) {
	if !native {
		return nil, nil
	}
	c, err := clang.Find()
	if err != nil {
		return nil, fmt.Errorf("--native: %w; without it the kernels that sotto brings compute", err)
	}
	return c, nil
}

// writeKernels compiles a party's native kernels into its bundle.
func writeKernels(ctx context.Context, c *clang.Compiler, dir string, p *program.Program) error {
	k, err := llvm.Compile(p, c.Target)
	if err != nil {
		return err
	}
	return c.Write(ctx, filepath.Join(dir, party.NativeDir), k)
}

// addNativeFlag adds --native. Kernels are code that a bundle brings along: nothing runs them unless it is told to.
func addNativeFlag(c *cobra.Command, to *bool) {
	c.Flags().BoolVar(to, "native", false, "compute with the bundle's own kernels (compile --native), which are code: use it for bundles that you compiled")
}

// loadNative has a bundle compute with its native kernels, if it is to and has some that this machine can run.
func (a *app) loadNative(b *party.Bundle, wanted bool) {
	if !wanted {
		return
	}
	if err := b.LoadNative(); err != nil {
		a.notice("the bundle's native kernels are not used: %v", err)
	}
}

// checkNative says what keeps the parties of this machine, whose own words nobody reads, from using their native kernels.
func (a *app) checkNative(dir string, client *party.Bundle) {
	a.loadNative(client, true)
	if server, err := openBundle(filepath.Join(dir, serverDir), cost.Server); err == nil {
		a.loadNative(server, true)
	}
}
