// Package torch emits a network, or a space of networks, as a PyTorch program: the search over the space by gradient with the prices of a
// target, training and evaluation, by one process or by many under torchrun. The program needs PyTorch and nothing else, sotto included.
//
// Of the files, net.py is emitted: what the network computes, one line a value (forward.go, rows.go), and its weights (params.go). The
// others are the same for every network and stand in program/.
package torch

import (
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"text/template"

	"sotto/ir"
)

// program holds the files that are the same for every network.
//
//go:embed program
var program embed.FS

// The files of a program that are made for a network: the network, and what `sotto table` says of its space, which a search reads.
const (
	NetFile   = "net.py"
	TableFile = "table.json"
)

// File is a file of a program, by its name in the program's directory.
type File struct {
	Name string
	Text []byte
}

// Emit gives the program of a module of stage SPACE or NET. The network has one input and gives a vector, a number for each class. To search a
// space, the program reads TableFile beside its own files.
func Emit(m *ir.Module) ([]File, error) {
	if m.Stage != ir.Space && m.Stage != ir.Net {
		return nil, fmt.Errorf("a module of stage %s: accepted are stages %s and %s", m.Stage, ir.Space, ir.Net)
	}
	if len(m.Funcs) != 1 || len(m.Funcs[0].Params) != 1 {
		return nil, fmt.Errorf("a module of %d functions: accepted is one function of one input", len(m.Funcs))
	}
	net, err := emitNet(m.Funcs[0])
	if err != nil {
		return nil, err
	}
	fixed, err := Fixed()
	return append([]File{{NetFile, []byte(net)}}, fixed...), err
}

// Fixed gives the files that are the same for every network.
func Fixed() ([]File, error) {
	const dir = "program"
	entries, err := fs.ReadDir(program, dir)
	if err != nil {
		return nil, err
	}
	var files []File
	for _, e := range entries {
		text, err := program.ReadFile(dir + "/" + e.Name())
		if err != nil {
			return nil, err
		}
		files = append(files, File{e.Name(), text})
	}
	return files, nil
}

//go:embed net.py.tmpl
var netText string

// netForm is net.py, filled in with a netFile.
var netForm = template.Must(template.New(NetFile).Parse(netText))

// netFile is what net.py says of a network, as Python.
type netFile struct {
	Title, Name         string
	Shape, Mean, Std    string // of the input
	Crop, Classes       int
	Sites, Params, Keep []string
	Lines               []string // of forward
}

// emitNet writes net.py.
func emitNet(f *ir.Func) (string, error) {
	weights, err := weightsOf(f)
	if err != nil {
		return "", err
	}
	w := &writer{names: map[*ir.Value]string{}}
	if err := w.forward(f); err != nil {
		return "", err
	}
	x := f.Params[0]
	file := netFile{
		Title: comment(f.Name), Name: quote(f.Name), Classes: f.Result.Type.Len(),
		Shape: numbers(x.Type.Shape), Mean: numbers(x.Floats("mean")), Std: numbers(x.Floats("std")), Crop: x.Int("crop"),
		Sites: sitesOf(f), Params: weights.lines(), Keep: w.keeps, Lines: w.lines,
	}
	var b strings.Builder
	if err := netForm.Execute(&b, file); err != nil {
		ir.Bugf("%s: %v", NetFile, err)
	}
	return b.String(), nil
}

// sitesOf lists the choices of a space as entries of a list.
func sitesOf(f *ir.Func) (lines []string) {
	entries, order := map[string]string{}, []string{}
	of := map[string][][]taken{}
	var body func([]*ir.Value, []taken)
	body = func(values []*ir.Value, under []taken) {
		for _, v := range values {
			if !v.Is("choice") {
				continue
			}
			site, names := v.Str("site"), make([]string, len(v.Options))
			for i, o := range v.Options {
				names[i] = quote(o.Label)
				body(o.Body, append(slices.Clone(under), taken{site, o.Label}))
			}
			if entries[site] == "" {
				order = append(order, site)
			}
			entries[site] = quote(site) + ", [" + strings.Join(names, ", ") + "]"
			of[site] = append(of[site], under)
		}
	}
	body(f.Body, nil)
	for _, site := range order {
		lines = append(lines, "("+entries[site]+places(of[site])+")")
	}
	return lines
}
