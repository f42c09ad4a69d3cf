package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"sync"

	"sotto/fpga/hls"
	schedule "sotto/fpga/report"
)

// unlessEnded is what work gives, or the context's error if that ends first: work then goes on alone, and what comes of it is nobody's.
func unlessEnded[T any](ctx context.Context, work func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if r := recover(); r != nil {
				o.err = asInternal(r, debug.Stack())
			}
			done <- o
		}()
		o.value, o.err = work()
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// openFolder is a directory in which files are made until it is closed.
type openFolder struct {
	dir    string
	mu     sync.Mutex
	closed bool
}

// create makes a file by its path with slashes.
func (g *openFolder) create(path string) (io.WriteCloser, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, fs.ErrClosed
	}
	to := filepath.Join(g.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return nil, err
	}
	return os.Create(to)
}

// close lets no more files be made.
func (g *openFolder) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

// writeHardware writes the folder beside its place and puts it there when it is whole. If ctx ends before that there is nothing left of it.
func writeHardware(ctx context.Context, dir string, folder *hls.Folder) (*schedule.Summary, error) {
	var summary *schedule.Summary
	err := replaceDirIf(dir, ownHardware, func(tmp string) (err error) {
		to := &openFolder{dir: tmp}
		defer to.close()
		summary, err = unlessEnded(ctx, func() (*schedule.Summary, error) { return folder.Write(to.create) })
		return err
	})
	return summary, err
}

// hardwareFiles are the names in a folder of fpga's of the time when it listed no sums; one that holds others is not replaced.
var hardwareFiles = []string{"README.md", "Makefile", hls.ConfigFile, hls.MemoryFile, "schedule.json", "report.json", "report.md", "gantt.svg", "trace.json", "pareto.json", "src", "kernels", "link", "csim", "build"}

// ownHardware refuses a directory that holds something else than a folder of fpga's as it was written.
func ownHardware(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	var c struct {
		Kind string `json:"kind"`
	}
	if readJSON(filepath.Join(dir, hls.ConfigFile), &c) != nil || c.Kind != hls.ConfigKind {
		return fmt.Errorf("%s is not empty and no folder of sotto fpga's: it stays as it is; name another directory", dir)
	}
	changed, err := hls.Changed(os.DirFS(dir))
	if errors.Is(err, os.ErrNotExist) {
		changed, err = foreign(entries), nil
	}
	if err == nil && changed != "" {
		err = fmt.Errorf("%s is not as sotto fpga wrote it, and would be lost if %s were replaced: move it away, or name another directory", filepath.Join(dir, filepath.FromSlash(changed)), dir)
	}
	return err
}

// foreign is the first entry that is not of a folder of fpga's.
func foreign(entries []os.DirEntry) string {
	i := slices.IndexFunc(entries, func(e os.DirEntry) bool { return !slices.Contains(hardwareFiles, e.Name()) })
	if i < 0 {
		return ""
	}
	return entries[i].Name()
}
