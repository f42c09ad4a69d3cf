package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sotto/frontend"
	"sotto/frontend/onnx"
	"sotto/ir"
	"sotto/runtime/tensorfile"
	"sotto/tools/sotto/weights"
)

type importResult struct {
	head
	File     string   `json:"file"`
	Weights  string   `json:"weights"`
	Net      string   `json:"net"`
	Producer string   `json:"producer"`
	Input    []int    `json:"input"`
	Output   []int    `json:"output"`
	Layers   int      `json:"layers"`
	Blocks   int      `json:"blocks"`
	Tensors  int      `json:"tensors"`
	Params   int64    `json:"params"` // trained ones: without running statistics
	Warnings []string `json:"warnings"`
}

func newImportCmd(a *app) *cobra.Command {
	var out, name string
	var force bool
	c := &cobra.Command{
		Use: "import MODEL.onnx -o DIR", Short: "write a trained ONNX model as .sotto source and weights", Args: cobra.ExactArgs(1),
		Long: "Import reads what torch.onnx.export writes of networks for images, by either of its exporters, and others that keep to the same\n" +
			"operators. It writes DIR/NAME.sotto, with blocks and loops for what repeats, and DIR/weights.safetensors, under the framework's names.\n" +
			"What the language cannot say is an error: every node of the kind is listed, with what to do about it. Tensors in other files are\n" +
			"read from the model's folder alone.",
		Example: "  sotto import resnet18.onnx -o net\n  sotto eval net/resnet18.sotto --weights net/weights.safetensors --input cat.png",
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return usagef("-o is missing: accepted is the directory to write into")
			}
			if name == "" {
				name = onnx.NetName(args[0])
			}
			if !onnx.IsNetName(name) {
				return usagef("--name %s: accepted are letters, digits and _, no digit first, and no word of the language", name)
			}
			r, err := a.importONNX(args[0], name, out, force)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "the `directory` to write into")
	c.Flags().StringVar(&name, "name", "", "the `name` of the net (default: the file's)")
	c.Flags().BoolVar(&force, "force", false, "replace files that are there")
	return c
}

const importedWeights = "weights.safetensors"

// importONNX writes the source and the weights of a model, once the source is known to compile with weights of those names and shapes.
func (a *app) importONNX(path, name, out string, force bool) (*importResult, error) {
	a.progress.step("reading %s", path)
	n, err := onnx.Load(path, name)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(out, name+".sotto")
	f, err := elaborated(n)
	if err != nil {
		return nil, err
	}
	r := &importResult{version1, file, filepath.Join(out, importedWeights), name, n.Producer, f.Params[0].Type.Shape, f.Result.Type.Shape,
		n.Layers, len(n.File.Decls) - 1, len(n.Weights), n.Params, append([]string{}, n.Warnings...)}
	if !force && (exists(r.File) || exists(r.Weights)) {
		return nil, fmt.Errorf("%s or %s is there: it stays as it is; name another directory, or pass --force", r.File, r.Weights)
	}
	a.progress.step("writing %s", out)
	if err := r.write(n, filepath.Base(path), out); err != nil {
		return nil, err
	}
	for _, w := range n.Warnings {
		a.notice("%s", w)
	}
	return r, nil
}

// write writes both files, or neither where none was.
func (r *importResult) write(n *onnx.Network, from, out string) error {
	there := exists(out)
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	had := exists(r.Weights)
	err := tensorfile.Write(r.Weights, n.Weights, map[string]string{"source": from}, tensorfile.Secret)
	if err == nil {
		err = replaceFile(r.File, n.Source)
	}
	if err != nil && !had {
		os.Remove(r.Weights) // if it is there
	}
	if err != nil && !there {
		os.Remove(out) // if it is empty
	}
	return err
}

// elaborated compiles imported source, whose layers must ask for the weights that were imported.
func elaborated(n *onnx.Network) (*ir.Func, error) {
	space, err := frontend.Load(n.Net+".sotto", []byte(n.Source), frontend.Options{})
	if err != nil {
		return nil, fmt.Errorf("the model has a layer that the language does not accept: %w\nin\n%s", err, n.Source)
	}
	if asked := len(weights.Params(space.Func)); asked != len(n.Weights) {
		return nil, internalError{error: fmt.Errorf("the imported source asks for %d weights, the model has %d", asked, len(n.Weights))}
	}
	return space.Func, nil
}

func (r *importResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s -> %s, %d layers", r.File, shapeText(r.Input), shapeText(r.Output), r.Layers)
	if r.Blocks > 0 {
		fmt.Fprintf(w, ", %d blocks", r.Blocks)
	}
	fmt.Fprintf(w, "\n%s: %d tensors, %s trained parameters\n", r.Weights, r.Tensors, count(r.Params))
}
