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

// emitNet writes net.py.
func emitNet(f *ir.Func) (string, error) {
	sites := sitesOf(f)
	weights, err := weightsOf(f)
	if err != nil {
		return "", err
	}
	w := &writer{weights: weights, names: map[*ir.Value]string{}}
	if err := w.forward(f); err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\"\"\"%s: what it computes, a line for each value, with the place in the source that it is from.\n\nEmitted by `sotto torch`.\n\"\"\"\n", comment(f.Name))
	b.WriteString("import torch\nimport torch.nn.functional as F\n\nimport layers\n\n")
	fmt.Fprintf(&b, "NAME = %s\n", quote(f.Name))
	b.WriteString(inputOf(f))
	fmt.Fprintf(&b, "CLASSES = %d\n", f.Result.Type.Len())
	b.WriteString(block("\n# Choices and their options, and the options of others that a choice is of, if it is of some alone.\nSITES = [", sites, "]"))
	b.WriteString(block("\n# Weights: path, shape, initial values, and the options that it is of, if it is of some alone: [[[site, option], ...], ...].\nPARAMS = [", weights.lines(), "]"))
	b.WriteString(block("\n# Elements that rectifiers leave some out of: ends of ranges.\nKEEP = [", w.keeps, "]"))
	b.WriteString("\n\nclass Net(layers.Network):\n    def __init__(self, decision=None):\n        super().__init__(PARAMS, SITES, decision)\n\n")
	b.WriteString("    def forward(self, x, mixing=None):\n        p, w = self.weight, self.mixing(mixing)\n")
	for _, line := range w.lines {
		b.WriteString("        " + line + "\n")
	}
	return b.String(), nil
}

// block writes lines between brackets, each with a comma; nothing between them where there are none.
func block(open string, lines []string, end string) string {
	if len(lines) == 0 {
		return open + end + "\n"
	}
	return open + "\n    " + strings.Join(lines, ",\n    ") + ",\n" + end + "\n"
}

// inputOf writes what a sample is, and what the client does with its pixels.
func inputOf(f *ir.Func) string {
	x := f.Params[0]
	return fmt.Sprintf("INPUT = {\"shape\": %s, \"mean\": %s, \"std\": %s, \"crop\": %d}\n", list(x.Type.Shape), list(x.Floats("mean")), list(x.Floats("std")), x.Int("crop"))
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
