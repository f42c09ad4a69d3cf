package onnx

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"sotto/frontend/syntax"
)

// instance is one use of a module: its layers, what they read from outside, and what is read of them.
type instance struct {
	path    string
	members []*layer
	inputs  []*layer
	out     *layer
	body    []syntax.Stmt
	use     *layer // what stands in its place
}

// blocksOf makes a block of modules that are the same but for numbers, the outermost ones that are, and gives the layers with their uses in place.
// Lists of modules are none: what a list holds may repeat.
func blocksOf(layers []*layer, out *layer, net string) (blocks []*syntax.Block, rest []*layer) {
	modules := modulesOf(layers)
	taken := map[string]bool{}
	depth := func(path string) int { return strings.Count(path, ".") }
	paths := slices.SortedFunc(maps.Keys(modules), func(a, b string) int {
		return cmp.Or(cmp.Compare(depth(a), depth(b)), cmp.Compare(modules[a][0], modules[b][0]), cmp.Compare(a, b))
	})
	of := map[*layer]*instance{} // by the layer that is its result
	inside := map[*layer]bool{}
	names := map[string]bool{net: true}
	for start := 0; start < len(paths); {
		end := start
		var order []string
		groups := map[string][]*instance{}
		for ; end < len(paths) && depth(paths[end]) == depth(paths[start]); end++ {
			if inOne(taken, paths[end]) {
				continue
			}
			if inst := newInstance(layers, modules[paths[end]], paths[end], out); inst != nil {
				key := signature(inst.body)
				if groups[key] == nil {
					order = append(order, key)
				}
				groups[key] = append(groups[key], inst)
			}
		}
		for _, key := range order {
			if group := groups[key]; len(group) > 1 {
				blocks = append(blocks, blockOf(group, names))
				for _, inst := range group {
					taken[inst.path], of[inst.out] = true, inst
					for _, l := range inst.members {
						inside[l] = true
					}
				}
			}
		}
		start = end
	}
	made := map[*layer]*layer{}
	for _, l := range layers {
		inst := of[l]
		if inst == nil && inside[l] {
			continue
		}
		m := *l
		if inst != nil {
			m = layer{op: inst.use.op, in: inst.inputs, args: inst.use.args, path: inst.path, shape: l.shape, block: true}
		}
		m.in = slices.Clone(m.in)
		for i, x := range m.in {
			m.in[i] = made[x]
		}
		made[l] = &m
		rest = append(rest, &m)
	}
	return blocks, rest
}

// inOne reports whether a path lies in one of those.
func inOne(taken map[string]bool, path string) bool {
	for p := path; p != ""; p = p[:max(strings.LastIndexByte(p, '.'), 0)] {
		if taken[p] {
			return true
		}
	}
	return false
}

// modulesOf gives the places of the layers of every module that may become a block. A layer of which the graph does not say where it belongs is
// where its latest operand is.
func modulesOf(layers []*layer) map[string][]int {
	modules, children := map[string][]int{}, map[string]map[string]bool{}
	at := map[*layer]string{}
	for i, l := range layers {
		path := l.module
		if !l.known && (isOperator(l) || l.op == "concat" || strings.HasPrefix(l.op, "relu")) {
			for _, x := range l.in {
				if p := at[x]; strings.HasPrefix(p, path) {
					path = p
				}
			}
		}
		at[l] = path
		if len(l.weights) > 0 {
			at[l] = path[:max(strings.LastIndexByte(path, '.'), 0)]
		}
		for p, child := path, ""; p != ""; {
			if child != "" || len(l.weights) == 0 {
				modules[p] = append(modules[p], i)
				if children[p] == nil {
					children[p] = map[string]bool{}
				}
				children[p][child] = true
			}
			cut := strings.LastIndexByte(p, '.')
			child, p = p[cut+1:], p[:max(cut, 0)]
		}
	}
	for p, names := range children {
		isList := true
		for name := range names {
			isList = isList && strings.Trim(name, "0123456789") == "" && name != ""
		}
		if isList {
			delete(modules, p)
		}
	}
	return modules
}

// The smallest module that is worth a block, and the most tensors that one reads.
const (
	leastMembers = 3
	mostInputs   = 2
)

// newInstance looks at the layers of a module: nil where they are no block, as several are read from outside.
func newInstance(layers []*layer, places []int, path string, out *layer) *instance {
	inst := &instance{path: path}
	for _, i := range places {
		inst.members = append(inst.members, layers[i])
	}
	if !inst.look(layers, out) {
		return nil
	}
	// What joins the inputs may as well stand before the block.
	for len(inst.inputs) > 1 && len(inst.members) > 1 && len(inst.members[0].weights) == 0 {
		inst.members = inst.members[1:]
		if !inst.look(layers, out) {
			return nil
		}
	}
	if len(inst.members) < leastMembers || len(inst.inputs) > mostInputs {
		return nil
	}
	w := newWriter(inst.members, inst.out, path+".")
	for i, x := range inst.inputs {
		w.names[x] = variables[i]
	}
	stmts, result := w.write()
	inst.body = append(stmts, &syntax.Return{Value: result})
	return inst
}

// look finds what goes in and out, and reports whether the layers stand together: one result, and no way out and in again.
func (inst *instance) look(layers []*layer, out *layer) bool {
	member, after := map[*layer]bool{}, map[*layer]bool{}
	for _, l := range inst.members {
		if member[l] = true; l.path != "" && !strings.HasPrefix(l.path, inst.path+".") || l.op == inputOp {
			return false
		}
	}
	inst.inputs, inst.out = nil, nil
	result := func(l *layer) bool {
		ok := inst.out == nil || inst.out == l
		inst.out = l
		return ok
	}
	for _, l := range layers {
		for _, x := range l.in {
			switch {
			case member[l] && member[x]:
			case member[l] && after[x]:
				return false
			case member[l] && !slices.Contains(inst.inputs, x):
				inst.inputs = append(inst.inputs, x)
			case !member[l] && member[x]:
				if after[l] = true; !result(x) {
					return false
				}
			case !member[l] && after[x]:
				after[l] = true
			}
		}
	}
	if member[out] && !result(out) {
		return false
	}
	return inst.out != nil && len(inst.inputs) > 0
}

// blockOf makes the block of instances, and of the result of each what its call says: the name of the block and its arguments.
func blockOf(group []*instance, names map[string]bool) *syntax.Block {
	first := group[0]
	bodies := make([][]syntax.Stmt, len(group))
	for i, inst := range group {
		bodies[i] = inst.body
	}
	vars := unify(bodies)
	slices.SortStableFunc(vars, func(v, w *variable) int { return channelsFirst(v) - channelsFirst(w) })
	b := &syntax.Block{Name: ident(blockName(first, names)), Body: syntax.Body{Stmts: first.body}}
	for i := range first.inputs {
		b.Params = append(b.Params, syntax.Param{Name: ident(variables[i])})
	}
	for _, v := range vars {
		b.Params = append(b.Params, syntax.Param{Name: ident(v.name)})
	}
	for i, inst := range group {
		use := &layer{op: b.Name.Name}
		positional := 0 // channels come first, and need no name
		for k, v := range vars {
			a := arg{name: v.name, ints: []int{v.values[i]}}
			if k == positional && v.role == channelRole {
				a.name = ""
				positional++
			}
			use.args = append(use.args, a)
		}
		inst.use = use
	}
	tidy(b.Body.Stmts)
	return b
}

func channelsFirst(v *variable) int {
	if v.role == channelRole {
		return 0
	}
	return 1
}

// blockName is that of the module's class, or else says what the block is: residual, or the module's place without its numbers.
func blockName(inst *instance, names map[string]bool) string {
	name := "block"
	last := inst.path[strings.LastIndexByte(inst.path, '.')+1:]
	switch stem := strings.TrimRight(strings.TrimRightFunc(inst.path, func(r rune) bool { return !unicode.IsLetter(r) }), "."); {
	case inst.out.class != "":
		name = snake(inst.out.class)
	case slices.ContainsFunc(inst.members, isDepthwise):
		name = "inverted"
		if slices.ContainsFunc(inst.members, isOperator) {
			name = "inverted_residual"
		}
	case slices.ContainsFunc(inst.members, isOperator):
		name = "residual"
	case strings.Trim(last, "0123456789") != "":
		name = strings.TrimRight(last, "0123456789_")
	case stem != "":
		name = stem[strings.LastIndexByte(stem, '.')+1:]
	}
	if !identifierRule.MatchString(name) || slices.Contains(reserved, name) || slices.Contains(functions, name) {
		name = "block_" + strings.Map(func(r rune) rune {
			if r == '_' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
				return r
			}
			return -1
		}, name)
	}
	if slices.ContainsFunc(inst.members, func(l *layer) bool { return strings.Contains(l.path, ".downsample") }) {
		name += "_down"
	}
	unique := name
	for n := 2; names[unique]; n++ {
		unique = fmt.Sprintf("%s%d", name, n)
	}
	names[unique] = true
	return unique
}

// isDepthwise: each channel is convolved alone.
func isDepthwise(l *layer) bool {
	return slices.ContainsFunc(l.args, func(a arg) bool { return a.name == "groups" && slices.Equal(a.ints, l.shape[:1]) })
}

// functions of the language, which a block does not take the names of.
var functions = strings.Fields("conv linear batchnorm relu relu6 x2act maxpool avgpool concat pad slice upsample dropout flatten argmax softmax channels height width len maybe")

// snake is a class's name as the language writes names.
func snake(class string) string {
	class = class[strings.LastIndexByte(class, '.')+1:]
	var b strings.Builder
	for i, r := range class {
		if unicode.IsUpper(r) && i > 0 && i+1 < len(class) && unicode.IsLower(rune(class[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
