package twopc

import (
	"path/filepath"
	"slices"
	"strings"

	"sotto/ir"
	"sotto/runtime/program"
)

// named says which of the user's ops a SECURE op stands for, in falling order of how much that says: a layer is called by
// the first of these that it has. The names are those of `sotto check`, that is of the NET ops without their prefix.
var named = []struct{ secure, user string }{
	{"ring.iota", "argmax"},
	{"tour.start", "maxpool"},
	{"gc.argmax", "argmax"},
	{"gc.maxpool", "maxpool"},
	{"gc.clip", "relu6"},
	{"gc.relu", "relu"},
	{"beaver.square", "x2act"},
	{"beaver.quadratic", "x2act"},
	{"ot.quadratic", "x2act"},
	{"gc.drelu", "relu"},
	{"fss.drelu", "relu"},
	{"ot.drelu", "relu"},
	{"fss.relu", "relu"},
	{"batchnorm", "batchnorm"},
	{"ring.conv2d", "conv2d"},
	{"ring.linear", "linear"},
	{"ring.sumpool", "avgpool"},
	{"ring.add", "add"},
	{"ring.concat", "concat"},
	{"ring.slice", "slice"},
	{"ring.pad", "pad"},
	{"ring.reshape", "reshape"},
	{"mask", "input"}, // of a layer that has nothing else
	{"open", "input"},
}

// LayerOps gives, by path, the user's op that a layer of a SECURE function came from. A layer of nothing but local
// arithmetic is called by its last op.
func LayerOps(f *ir.Func) map[string]string {
	has := map[string]map[string]int{}
	out := map[string]string{}
	for _, v := range f.Body {
		path := v.Layer()
		if has[path] == nil {
			has[path] = map[string]int{}
		}
		has[path][v.Op.Name]++
		if v.Is("param") && strings.HasSuffix(v.Path, ".running_var") {
			has[path]["batchnorm"]++ // one that no convolution took in is a convolution by itself
		}
		if !v.Op.Constant || out[path] == "" {
			out[path] = strings.TrimPrefix(v.Op.Name, "ring.")
		}
	}
	for path, ops := range has {
		i := slices.IndexFunc(named, func(n struct{ secure, user string }) bool { return ops[n.secure] > 0 })
		if i >= 0 {
			out[path] = named[i].user
		}
		if out[path] == "relu" && ops["ring.sub"] > 0 { // relu6 is the difference of two
			out[path] = "relu6"
		}
	}
	return out
}

func (e *emitter) layers() []program.Layer {
	ops := LayerOps(e.f)
	out := make([]program.Layer, len(e.f.Body))
	for i, v := range e.f.Body {
		out[i] = program.Layer{Path: v.Layer(), Op: ops[v.Layer()], File: filepath.Base(v.Pos.File), Line: v.Pos.Line, Col: v.Pos.Col}
	}
	return out
}
