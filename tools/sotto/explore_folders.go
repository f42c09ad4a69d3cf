package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"sotto/ir"
	"sotto/tools/sotto/explore"
	"sotto/tools/sotto/timeline"
)

// What explore shows beside a network: folders that other commands wrote, and measurements.

// bundle shows the clear stages and the report of what compile wrote.
func (e *explorer) bundle(dir string) error {
	var report compileResult
	if err := readJSON(filepath.Join(dir, reportFile), &report); err != nil {
		return err
	}
	if e.network == nil {
		if err := e.document.Put("estimate", report); err != nil {
			return err
		}
	}
	for _, name := range []string{netFile, ringFile} {
		if path := filepath.Join(dir, clearDir, name); exists(path) {
			if err := e.dump(path, strings.TrimSuffix(name, ".ir")); err != nil {
				return err
			}
		}
	}
	return nil
}

// dumps shows the dumps of a folder, in their order.
func (e *explorer) dumps(paths []string) error {
	for _, path := range paths {
		_, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".ir"), "-")
		if err := e.dump(path, name); err != nil {
			return err
		}
	}
	return nil
}

// dump shows one; where a network's file was given, its own passes are shown instead.
func (e *explorer) dump(path, name string) error {
	if e.network != nil {
		return nil
	}
	text, err := e.read(path)
	if err != nil {
		return err
	}
	m, err := ir.Parse(path, text)
	if err != nil {
		return err
	}
	source, err := offlineSource(e.flags.lower.offline)
	if err != nil {
		return err
	}
	e.recorder.Note = func(m *ir.Module) func(*ir.Value) string { return costNotes(m, source) }
	e.document.Doing(path)
	if err := e.step(name, "", m, 0); err != nil || len(m.Funcs) == 0 {
		return err
	}
	return e.graph(m, nil)
}

// measurement shows what `run --json` printed, or what `run --trace` wrote.
func (e *explorer) measurement(path string) error {
	var run runResult
	err := readJSON(path, &run)
	if err == nil && run.Sotto == version1.Sotto && run.Layers != nil {
		e.ran, e.measured = true, &run.Stats
		return e.document.Put("measured", run)
	}
	trace, notTrace := timeline.Read(path)
	if err != nil || notTrace != nil {
		return errors.Join(fmt.Errorf("%s is no measurement: accepted are what run --json printed and what run --trace wrote", path), err)
	}
	if e.trace != nil { // of one party: the other's goes with it
		if trace, _, err = timeline.Merge(e.trace, trace); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	e.trace = trace
	if err := e.document.Put("timeline-measured", explore.Measured(trace)); err != nil || e.ran {
		return err
	}
	e.measured = explore.MeasuredLayers(trace)
	return e.document.Put("measured", e.measured)
}

// hardware shows a folder of fpga's.
func (e *explorer) hardware(dir string) error {
	h, err := explore.ReadHardware(dir)
	if err != nil {
		return err
	}
	return e.document.Put("hardware", h)
}

// search shows the networks that a search found, also while it goes on.
func (e *explorer) search(dir string) error {
	all, _, err := readTrials(filepath.Join(dir, trialsFile))
	if err != nil {
		return err
	}
	found := explore.Search{Sotto: explore.Version, Name: dir, Points: []explore.Found{}, Measures: []string{}}
	for _, t := range all {
		if len(found.Measures) == 0 {
			found.Measures = measureNames(t.Measures)
		}
		p := explore.Found{Name: t.Name, Kind: t.kind(), Accuracy: t.Valid.Accuracy, Valid: t.Valid.Accuracy, Measures: t.Measures, Choices: t.Choices, Holds: t.Holds}
		if t.Test.Samples > 0 {
			p.Accuracy, p.Test = t.Test.Accuracy, t.Test.Accuracy
		}
		found.Points = append(found.Points, p)
	}
	return e.document.Put("search", found)
}
