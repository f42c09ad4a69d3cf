// Package clang builds native kernels with an installed clang.
package clang

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sotto/backend/llvm"
	"sotto/runtime/kernel/native"
	"sotto/runtime/party"
)

// names are those that clang goes by, the plain one first; oldest is the first release that takes what backend/llvm writes as it is
// meant.
var names = []string{"clang", "clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16", "clang-15", "clang-14"}

const oldest = 14

// Compiler compiles native kernels for this machine.
type Compiler struct {
	Target        llvm.Target
	path, version string
}

// Find looks for a compiler and for what it should compile for.
func Find() (*Compiler, error) {
	target, err := llvm.TargetFor(native.Has)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if text, err := exec.Command(path, "--version").Output(); err == nil && supported(string(text)) {
			version, _, _ := strings.Cut(string(text), "\n")
			return &Compiler{target, path, version}, nil
		}
	}
	return nil, fmt.Errorf("native kernels need clang %d or newer, and none is installed: on Debian, apt-get install clang", oldest)
}

// supported reads what clang says of itself: "... clang version 14.0.6 ...".
func supported(text string) bool {
	_, after, found := strings.Cut(text, "clang version ")
	var major int
	_, err := fmt.Sscanf(after, "%d.", &major)
	return found && err == nil && major >= oldest
}

// Write writes kernels into a new folder: their text, the library and its description.
func (c *Compiler) Write(ctx context.Context, dir string, k *llvm.Kernels) error {
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
	description, err := json.MarshalIndent(k.Plan, "", "  ")
	return errors.Join(err, os.Chmod(library, 0o755), os.WriteFile(filepath.Join(dir, party.NativeFile), description, 0o644))
}

// build makes a library that needs no other: what memory is set and copied with is in the process already.
func (c *Compiler) build(ctx context.Context, source, library string) error {
	run := exec.CommandContext(ctx, c.path, append(c.Target.Flags(), "-O3", "-fPIC", "-shared", "-nostdlib", "-Wno-override-module", "-o", library, source)...)
	if out, err := run.CombinedOutput(); err != nil {
		return fmt.Errorf("%s does not compile the kernels in %s: %w\n%s", c.path, source, err, out)
	}
	return nil
}

// Load opens the library of a folder that Write wrote.
func (c *Compiler) Load(dir string, k *llvm.Kernels) (*native.Library, error) {
	return native.Open(filepath.Join(dir, party.LibraryFile), k.Plan.Library, k.Plan.Features)
}

// Version is what the compiler says of itself.
func (c *Compiler) Version() string { return c.version }
