package twopc

import (
	"cmp"
	"path/filepath"
	"strings"

	"sotto/ir"
	"sotto/runtime/program"
)

// LayerOps gives, by path, the user's op that a layer of a SECURE function came from: what its result is said to be part of, else by the first
// row of the op table that says so, else by its last op that computes one of the user's by itself, else by its last local one.
func LayerOps(f *ir.Func) map[string]string {
	has, local, last := map[string]map[string]bool{}, map[string]string{}, map[string]string{}
	for _, v := range f.Body {
		path, name := v.Layer(), strings.TrimPrefix(v.Op.Name, "ring.")
		if has[path] == nil {
			has[path] = map[string]bool{}
		}
		has[path][v.Op.Name] = true
		if v.Is("param") && strings.HasSuffix(v.Path, ".running_var") {
			has[path]["batchnorm"] = true
		}
		if _, users := ir.Lookup("nn." + name); users && (local[path] == "" || name != "reshape") { // reshapes come with others
			local[path] = name
		}
		if v.Op.Local || last[path] == "" { // a truncation comes with others
			last[path] = name
		}
	}
	out, parts := map[string]string{}, f.Parts()
	for path, ops := range has {
		out[path] = cmp.Or(parts[path], named(ops), local[path], input(ops), last[path])
	}
	return out
}

// named is what the op table calls a layer with some ops.
func named(ops map[string]bool) string {
	for _, r := range rows {
		if ops[r.op] && r.user != "" {
			return r.user
		}
	}
	return ""
}

// input is the name of a layer that has nothing but a mask.
func input(ops map[string]bool) string {
	if ops["mask"] || ops["open"] {
		return "input"
	}
	return ""
}

func (e *emitter) layers() []program.Layer {
	ops := LayerOps(e.f)
	out := make([]program.Layer, len(e.f.Body))
	for i, v := range e.f.Body {
		out[i] = program.Layer{Path: v.Layer(), Op: ops[v.Layer()], File: filepath.Base(v.Pos.File), Line: v.Pos.Line, Col: v.Pos.Col, Protocol: v.Op.Name}
	}
	return out
}
