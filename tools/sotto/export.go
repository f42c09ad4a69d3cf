package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sotto/backend/onnx"
	format "sotto/frontend/onnx"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/tools/sotto/weights"
)

type exportResult struct {
	head
	File    string `json:"file"`
	Net     string `json:"net"`
	Nodes   int    `json:"nodes"`
	Tensors int    `json:"tensors"`
	Bytes   int    `json:"bytes"`
}

func newExportCmd(a *app) *cobra.Command {
	var network networkFlags
	var from, out string
	c := &cobra.Command{
		Use: "export FILE --weights W --onnx OUT", Short: "write a network and its weights as an ONNX model", Args: cobra.ExactArgs(1),
		Long: "Export writes a network whose choices are decided as a model of standard operators, in float: x2act is a chain of Mul and Add, relu6 a\n" +
			"Clip. Other frameworks run it, and sotto import reads it back. What the client does to an image before the network is not part\n" +
			"of the model.",
		Example: "  sotto export examples/resnet18_cifar.sotto --set act=x2act --set pool=avgpool --weights w.safetensors --onnx net.onnx",
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return usagef("--onnx is missing: accepted is the file to write")
			}
			if from == "" {
				return usagef("--weights is missing: accepted are a safetensors file or random:SEED")
			}
			n, err := a.load(args[0], network)
			if err != nil {
				return err
			}
			r, err := a.exportONNX(n, from, out)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	network.add(c)
	c.Flags().StringVar(&from, "weights", "", "safetensors `file`, or random:SEED")
	c.Flags().StringVar(&out, "onnx", "", "the ONNX `file` to write")
	return c
}

func (a *app) exportONNX(n *network, from, out string) (*exportResult, error) {
	source, err := weights.Open(from, n.fn(), n.decisions)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	if err := weights.Check(source, n.fn()); err != nil {
		return nil, err
	}
	m := n.module.Clone()
	if n.relus.any() {
		return nil, fmt.Errorf("relus that are gone in part have no standard operator: accepted are networks without --gates and --prune")
	}
	if err := (&pass.Runner{}).Run(&pass.Context{Choices: n.decisions}, m, passes.AsWritten...); err != nil {
		return nil, err
	}
	model, err := onnx.Export(m.Funcs[0], "sotto", "", source.Weight)
	if err != nil {
		return nil, err
	}
	data := format.Encode(model)
	if err := replaceFile(out, string(data)); err != nil {
		return nil, err
	}
	return &exportResult{version1, out, n.fn().Name, len(model.Graph.Nodes), len(model.Graph.Initializers), len(data)}, nil
}

func (r *exportResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s: %s, %d nodes, %d tensors, %s\n", r.File, r.Net, r.Nodes, r.Tensors, size(int64(r.Bytes)))
}
