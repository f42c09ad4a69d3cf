package main

import (
	"context"
	"path/filepath"

	"sotto/backend/llvm"
	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/tools/sotto/clang"
)

// writeKernels compiles a party's native kernels into its bundle.
func writeKernels(ctx context.Context, c *clang.Compiler, dir string, p *program.Program) error {
	k, err := llvm.Compile(p, c.Target)
	if err != nil {
		return err
	}
	return c.Write(ctx, filepath.Join(dir, party.NativeDir), k)
}

// loadNative has a bundle compute with its native kernels, if it has some that this machine can run.
func (a *app) loadNative(b *party.Bundle) {
	if err := b.LoadNative(); err != nil {
		a.notice("the bundle's native kernels are not used: %v", err)
	}
}

// checkNative says what keeps the parties of this machine, whose own words nobody reads, from using their native kernels.
func (a *app) checkNative(dir string, client *party.Bundle) {
	a.loadNative(client)
	if server, err := openBundle(filepath.Join(dir, serverDir), cost.Server); err == nil {
		a.loadNative(server)
	}
}
