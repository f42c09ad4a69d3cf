package explore

import (
	"fmt"
	"strings"

	"sotto/ir"
)

// Graph is the user's layers and what flows between them, laid out.
type Graph struct {
	Sotto  int     `json:"sotto"`
	Stage  string  `json:"stage"`
	Nodes  []*Node `json:"nodes"`
	Edges  []*Edge `json:"edges"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
}

// Node is a layer: all values with its path but weights and what is computed of weights alone.
type Node struct {
	Path  string `json:"path"`
	Op    string `json:"op"`
	Shape string `json:"shape"` // of its result
	File  string `json:"file,omitempty"`
	Line  int    `json:"line,omitempty"`
	X     int    `json:"x"`
	Y     int    `json:"y"`
	W     int    `json:"w"`
	H     int    `json:"h"`
}

// Edge says that a layer reads another's result.
type Edge struct {
	From   int      `json:"from"`
	To     int      `json:"to"`
	Points [][2]int `json:"points"` // of a line from one to the other
}

// NewGraph groups the values of a function by layer. ops names the op of a layer, as the user wrote it; a layer that is not there has the
// name of its last value's op.
func NewGraph(stage ir.Stage, f *ir.Func, ops map[string]string) *Graph {
	g := &Graph{Sotto: Version, Stage: stage.String()}
	index, of, edges := map[string]int{}, map[*ir.Value]int{}, map[[2]int]bool{}
	add := func(v *ir.Value) {
		path := v.Layer()
		if path == "" {
			path = v.Name
		}
		i, ok := index[path]
		if !ok {
			i = len(g.Nodes)
			index[path] = i
			g.Nodes = append(g.Nodes, &Node{Path: path, File: v.Pos.File, Line: v.Pos.Line})
		}
		of[v] = i
		g.Nodes[i].Shape = strings.Trim(fmt.Sprint(v.Type.Shape), "[]")
		g.Nodes[i].Op = ops[path]
		if g.Nodes[i].Op == "" {
			_, g.Nodes[i].Op, _ = strings.Cut(v.Op.Name, ".")
			if g.Nodes[i].Op == "" {
				g.Nodes[i].Op = v.Op.Name
			}
		}
		for _, a := range arguments(v) {
			// A layer that stands before what it reads has a part that came later: that edge would go up.
			if from, ok := of[a]; ok && from < i && !edges[[2]int{from, i}] {
				edges[[2]int{from, i}] = true
				g.Edges = append(g.Edges, &Edge{From: from, To: i})
			}
		}
	}
	for _, v := range f.Params {
		add(v)
	}
	for _, v := range f.Body {
		if flows(v, of) {
			add(v)
		}
	}
	g.place()
	return g
}

// flows tells values that depend on an input from weights.
func flows(v *ir.Value, of map[*ir.Value]int) bool {
	for _, a := range arguments(v) {
		if _, ok := of[a]; ok {
			return true
		}
	}
	return false
}

// arguments are those of an op; of a choice, what its options read.
func arguments(v *ir.Value) []*ir.Value {
	args := v.Args
	var inside func([]*ir.Value)
	inside = func(body []*ir.Value) {
		for _, w := range body {
			args = append(args, w.Args...)
			for _, o := range w.Options {
				inside(o.Body)
			}
		}
	}
	for _, o := range v.Options {
		inside(o.Body)
	}
	return args
}
