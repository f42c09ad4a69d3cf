package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/runtime/tensorfile"
)

// What `sotto compile -o DIR` writes. client/ and server/ are the parties' bundles, each whole on its own; dealer/ is what
// `sotto deal` needs, which holds no weights; clear/ is for eval and verify and never shipped.
const (
	clientDir = "client"
	serverDir = "server"
	dealerDir = "dealer"
	clearDir  = "clear"

	reportFile = "report.json"
	dealFile   = "deal.json"

	netFile   = "net.ir"            // NET, float
	floatFile = "float.safetensors" // its weights
	ringFile  = "ring.ir"           // RING
	// The weights of ring.ir, baked, are in party.WeightsFile.
)

// deal is what dealer/deal.json says about dealer/manifest.cbor.
type deal struct {
	head
	Pair string `json:"pair"` // hash of the pair of programs
	Net  string `json:"net"`
	// Manifest is the SHA-256 of manifest.cbor: a dealer has no program to hold it against, and material for a changed one
	// would make answers wrong without a sign of it.
	Manifest string `json:"manifest"`
}

// newDeal describes the manifest in a dealer's folder.
func newDeal(dir string, pair program.Hash, net string) (deal, error) {
	text, err := os.ReadFile(filepath.Join(dir, party.ManifestFile))
	sum := sha256.Sum256(text)
	return deal{version1, pair.String(), net, hex.EncodeToString(sum[:])}, err
}

// isBundle reports whether dir is something that compile wrote, which it may replace.
func isBundle(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, reportFile))
	if err != nil {
		return false
	}
	var h head
	return json.Unmarshal(text, &h) == nil && h.Sotto == 1
}

// replaceDir has fill make a directory beside dir and puts it in dir's place when it is whole. A directory there must be
// empty or a bundle.
func replaceDir(dir string, fill func(tmp string) error) error {
	return replaceDirIf(dir, replaceable, fill)
}

// replaceDirIf is replaceDir for a directory that is empty or what another check lets go.
func replaceDirIf(dir string, replaceable func(dir string) error, fill func(tmp string) error) (err error) {
	if err := replaceable(dir); err != nil {
		return err
	}
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	tmp, done, err := scratch(filepath.Dir(dir), filepath.Base(dir)+".tmp-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if err := errors.Join(fill(tmp), os.Chmod(tmp, 0o755)); err != nil {
		return err
	}
	return swap(dir, tmp)
}

func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) > 0 && !isBundle(dir):
		return fmt.Errorf("%s is not empty and no bundle of sotto's: it stays as it is; name another directory", dir)
	}
	return onlyOurs(dir)
}

// ours are the names that compile gives to files and folders; a bundle that holds others is not replaced.
var ours = []string{clientDir, serverDir, dealerDir, clearDir, reportFile, dealFile, netFile, floatFile, ringFile,
	party.ProgramFile, party.ManifestFile, party.WeightsFile, party.NativeDir, party.NativeFile, party.LibraryFile, party.AssemblyFile}

// onlyOurs refuses a bundle in which somebody keeps something else: replacing it would lose that.
func onlyOurs(dir string) error {
	return filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		switch {
		case errors.Is(err, os.ErrNotExist) && path == dir:
			return nil
		case err != nil:
			return err
		case path != dir && !slices.Contains(ours, e.Name()):
			return fmt.Errorf("%s would be lost if %s were replaced: move it away, or name another directory", path, dir)
		}
		return nil
	})
}

// swap puts the new directory in the old one's place; the old one comes back if that fails.
func swap(dir, tmp string) error {
	if !exists(dir) {
		return os.Rename(tmp, dir)
	}
	old := tmp + ".old"
	if err := os.Rename(dir, old); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return errors.Join(err, os.Rename(old, dir))
	}
	return os.RemoveAll(old)
}

func writeJSON(path string, v any) error { return writeJSONAs(path, v, tensorfile.Shared) }

// writeJSONAs is writeJSON for a file of a mode.
func writeJSONAs(path string, v any, mode os.FileMode) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return replaceAs(path, string(text)+"\n", mode)
}

func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, cost.PlainJSON(err))
	}
	return nil
}
