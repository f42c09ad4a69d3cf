package frontend

import (
	"sotto/ir"
	"sotto/ir/pos"
)

// Summary counts what a network holds, with the first option wherever a choice is open.
type Summary struct {
	ReLUs           int64 // elements that ops which are ReLUs are applied to
	X2acts          int64 // elements an x2act is applied to
	MaxpoolInputs   int64 // elements that enter max-pooling layers
	ActivationSites int   // layers that are an activation
	MACs            int64 // multiply-adds of convolutions and linear layers, without biases
	Params          int64 // trained weights: all but the running statistics of batch normalisations
	Layers          []Layer
}

// Layer is one layer of a Summary. Params counts the trained weights it reads.
type Layer struct {
	Path   string
	Op     string
	Shape  []int // of the result
	ReLUs  int64
	MACs   int64
	Params int64
	Pos    pos.Pos
}

// Summarise counts a function of stage SPACE or NET.
func Summarise(f *ir.Func) Summary {
	var s Summary
	seen := map[string]bool{}
	s.body(f.Body, seen)
	return s
}

// body counts a list of values; seen holds the weights that are counted already, which several layers may share.
func (s *Summary) body(body []*ir.Value, seen map[string]bool) {
	for _, v := range body {
		switch {
		case v.Is("param"):
		case v.Is("choice"):
			s.body(v.Options[0].Body, seen)
		default:
			s.layer(v, seen)
		}
	}
}

func (s *Summary) layer(v *ir.Value, seen map[string]bool) {
	l := Layer{Path: v.Path, Op: v.Op.Name, Shape: v.Type.Shape, Pos: v.Pos, MACs: macs(v)}
	n := int64(v.Type.Len())
	switch {
	case v.Op.ReLU:
		l.ReLUs = int64(v.Rectified())
		s.ActivationSites++
	case v.Is("nn.x2act"):
		s.X2acts += n
		s.ActivationSites++
	case v.Is("nn.maxpool"):
		s.MaxpoolInputs += int64(v.Args[0].Type.Len())
	}
	for i, a := range v.Args {
		running := v.Is("nn.batchnorm") && i >= 3
		if a.Is("param") && !running && !seen[a.Path] {
			seen[a.Path] = true
			l.Params += int64(a.Type.Len())
		}
	}
	s.ReLUs += l.ReLUs
	s.MACs += l.MACs
	s.Params += l.Params
	s.Layers = append(s.Layers, l)
}

// macs is one multiply-add for each weight that meets each element of the result.
func macs(v *ir.Value) int64 {
	if !v.Is("nn.conv2d") && !v.Is("nn.linear") {
		return 0
	}
	w := v.Args[1].Type
	return int64(v.Type.Len()) * int64(w.Len()/w.Shape[0])
}
