package onnx

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// pathRule is what the language accepts as the name of a layer.
var pathRule = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// isPath reports whether the language accepts a name for a layer. A long one is nobody's.
func isPath(name string) bool { return len(name) <= 200 && pathRule.MatchString(name) }

// pathOf finds the name that a layer had in the framework: by its weights (`layer1.0.conv1.weight`), which exporters keep where they do not fold
// anything into them, or else by its node.
func (c *call) pathOf(weights []string) string {
	for _, name := range weights {
		for _, suffix := range []string{".weight", ".bias", ".running_mean", ".a"} {
			if path, ok := strings.CutSuffix(name, suffix); ok && isPath(path) {
				return path
			}
		}
	}
	path, _ := moduleOf(c.n)
	return path
}

// scopes and classes are what torch.onnx's dynamo exporter says of a node: the modules around it, outermost first, and at last the operation.
const (
	scopes  = "pkg.torch.onnx.name_scopes"
	classes = "pkg.torch.onnx.class_hierarchy"
)

var quoted = regexp.MustCompile(`'([^']*)'`)

// moduleOf finds the module that a node belongs to: from what the exporter says of it, or from its name, which is a path of modules as in
// /layer1/layer1.0/conv1/Conv.
func moduleOf(n *Node) (path string, known bool) {
	if text, ok := n.Meta[scopes]; ok {
		if names := quoted.FindAllStringSubmatch(text, -1); len(names) > 1 {
			path = names[len(names)-2][1]
			return path, path == "" || isPath(path)
		}
	}
	if !strings.HasPrefix(n.Name, "/") {
		return "", false
	}
	segments := strings.Split(n.Name[1:], "/")
	var whole []string
	for i, s := range segments[:len(segments)-1] {
		// The elements of a list of modules repeat the list's name: features, features.1.
		if i > 0 && strings.HasPrefix(s, segments[i-1]+".") {
			whole = whole[:len(whole)-1]
		}
		whole = append(whole, s)
	}
	path = strings.Join(whole, ".")
	return path, path == "" || isPath(path)
}

// classOf gives the class of the innermost module with layers of its own around a node: of the class hierarchy the last but two, as the last are
// the layer's class and the operation.
func classOf(n *Node) string {
	names := quoted.FindAllStringSubmatch(n.Meta[classes], -1)
	if len(names) < 3 {
		return ""
	}
	return names[len(names)-3][1]
}

// defaultNames are those of layers for which the graph has none.
var defaultNames = map[string]string{"conv": "conv", "linear": "fc", "batchnorm": "bn", "x2act": "act"}

// unique gives a path that no other layer has.
func (im *importer) unique(path, op string) string {
	if path == "" || !isPath(path) {
		if im.counts == nil {
			im.counts = map[string]int{}
		}
		im.counts[op]++
		path = fmt.Sprintf("%s%d", defaultNames[op], im.counts[op])
	}
	for n := 2; im.paths[path]; n++ {
		if next := fmt.Sprintf("%s_%d", path, n); !im.paths[next] {
			path = next
		}
	}
	im.paths[path] = true
	return path
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9_]+`)

// NetName makes a name that a net can have of the name of a file.
func NetName(path string) string {
	stem := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	name := strings.Trim(strings.ToLower(notInName.ReplaceAllString(stem, "_")), "_")
	if !IsNetName(name) {
		name = "net_" + name
	}
	return name
}

// IsNetName reports whether a net can be called so.
func IsNetName(name string) bool {
	return identifierRule.MatchString(name) && !slices.Contains(reserved, name) && !slices.Contains(functions, name)
}
