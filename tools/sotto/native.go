package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sotto/backend/llvm"
	"sotto/ir/cost"
	"sotto/runtime/kernel/native"
	"sotto/runtime/party"
	"sotto/runtime/program"
)

// compilers are the names that clang goes by, the plain one first; oldest is the first release that takes what backend/llvm writes
// as it is meant.
var compilers = []string{"clang", "clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16", "clang-15", "clang-14"}

const oldestClang = 14

// clang is a compiler of native kernels for this machine.
type clang struct {
	path, version string
	target        llvm.Target
}

// findClang looks for a compiler and for what it should compile for.
func findClang() (clang, error) {
	target, err := llvm.TargetFor(native.Has)
	if err != nil {
		return clang{}, err
	}
	for _, name := range compilers {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if text, err := exec.Command(path, "--version").Output(); err == nil && supported(string(text)) {
			version, _, _ := strings.Cut(string(text), "\n")
			return clang{path, version, target}, nil
		}
	}
	return clang{}, fmt.Errorf("--native needs clang %d or newer, and none is installed: on Debian, apt-get install clang lld; or leave --native out, then the kernels that sotto brings compute", oldestClang)
}

// supported reads what clang says of itself: "... clang version 14.0.6 ...".
func supported(text string) bool {
	_, after, found := strings.Cut(text, "clang version ")
	var major int
	_, err := fmt.Sscanf(after, "%d.", &major)
	return found && err == nil && major >= oldestClang
}

// kernels writes a party's native kernels into its bundle.
func (c clang) kernels(ctx context.Context, dir string, p *program.Program) error {
	k, err := llvm.Compile(p, c.target)
	if err != nil {
		return err
	}
	dir = filepath.Join(dir, party.NativeDir)
	source, library := filepath.Join(dir, party.AssemblyFile), filepath.Join(dir, party.LibraryFile)
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(source, []byte(k.Text), 0o644)); err != nil {
		return err
	}
	if err := c.build(ctx, source, library); err != nil {
		return err
	}
	text, err := os.ReadFile(library)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	k.Plan.Compiler, k.Plan.Library = c.version, hex.EncodeToString(sum[:])
	return errors.Join(os.Chmod(library, 0o755), writeJSON(filepath.Join(dir, party.NativeFile), k.Plan))
}

// build makes a library that needs no other: what memory is set and copied with is in the process already.
func (c clang) build(ctx context.Context, source, library string) error {
	run := exec.CommandContext(ctx, c.path, "-O3", "-march="+c.target.CPU, "-fPIC", "-shared", "-nostdlib", "-Wno-override-module", "-o", library, source)
	if out, err := run.CombinedOutput(); err != nil {
		return fmt.Errorf("%s does not compile the kernels in %s: %w\n%s", c.path, source, err, out)
	}
	return nil
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
