package onnx

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"sotto/frontend/syntax"
	"sotto/runtime/tensorfile"
)

// network writes what the graph computes as a net: blocks for the modules that repeat (blocks.go), statements, loops over those that repeat (loops.go).
func (im *importer) network(name string, out *layer) (*Network, error) {
	input := im.layers[0]
	used := alive(im.layers, out)
	n := &Network{Net: name, Producer: strings.TrimSpace(im.model.Producer + " " + im.model.Version), Layers: len(used) - 1}
	if !slices.Contains(used, input) {
		return nil, fmt.Errorf("the output does not depend on the input")
	}
	for _, l := range used {
		for _, w := range l.weights {
			n.Weights = append(n.Weights, tensorfile.New(l.path+"."+w.suffix, w.shape, w.data))
			if !strings.HasPrefix(w.suffix, "running_") {
				n.Params += int64(len(w.data))
			}
		}
	}
	n.Warnings = im.warnings(used)
	file := &syntax.File{Name: name}
	blocks, rest := blocksOf(used, out, name)
	for _, b := range blocks {
		file.Decls = append(file.Decls, b)
	}
	file.Decls = append(file.Decls, im.net(name, rest, rest[len(rest)-1]))
	text := fmt.Sprintf("# Imported from ONNX, as %s wrote it.\n", orElse(plain(n.Producer), "its exporter")) + syntax.Format(file)
	var err error
	if n.File, err = syntax.Parse(name+".sotto", []byte(text)); err != nil {
		return nil, fmt.Errorf("the network is too large for a .sotto file: %w", err)
	}
	n.Source = syntax.Format(n.File)
	return n, nil
}

// plain is text that can stand in a comment.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, clip(text))
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// warnings say what a user may miss.
func (im *importer) warnings(used []*layer) (list []string) {
	folded := 0
	for i, l := range used {
		if l.op == "conv" && strings.HasPrefix(l.from, "onnx::") && len(l.weights) == 2 && !slices.ContainsFunc(used[i+1:], func(m *layer) bool { return m.op == "batchnorm" && m.in[0] == l }) {
			folded++
		}
	}
	if folded > 0 {
		list = append(list, fmt.Sprintf("the exporter folded batch normalisations into %d convolutions: their weights differ from those in the framework, and training should go on from an export with them"+
			" (torch.onnx.export: training=torch.onnx.TrainingMode.PRESERVE, after net.eval())", folded))
	}
	if len(im.layers[0].shape) == 3 {
		list = append(list, "a model does not say what was done to images before it: add resize, crop, mean and std behind the input, as training had them")
	}
	return list
}

// alive gives the layers that out needs, in their order.
func alive(layers []*layer, out *layer) (used []*layer) {
	needed := map[*layer]bool{out: true}
	for _, l := range slices.Backward(layers) {
		if needed[l] {
			used = append(used, l)
			for _, x := range l.in {
				needed[x] = true
			}
		}
	}
	slices.Reverse(used)
	return used
}

// net writes the net itself.
func (im *importer) net(name string, layers []*layer, out *layer) *syntax.Net {
	input := layers[0]
	w := newWriter(layers[1:], out, "")
	inputName := identifier(input.name, "image")
	if len(input.shape) == 1 && inputName == "image" {
		inputName = "features"
	}
	w.names[input] = inputName
	stmts, result := w.write()
	if im.softmax {
		result = &syntax.Pipe{X: result, Stage: &syntax.Call{Fn: ident("softmax")}}
	}
	dims := make([]syntax.Expr, len(input.shape))
	for i, d := range input.shape {
		dims[i] = integer(d)
	}
	first := &syntax.Input{Name: ident(inputName), Type: syntax.Type{Elem: ident("f32"), Dims: dims}, From: ident("client")}
	body := append([]syntax.Stmt{first}, roll(stmts)...)
	body = append(body, &syntax.Output{Name: ident(im.outputName(w.names)), Value: result, To: ident("client")})
	d := &syntax.Net{Name: ident(name), Body: syntax.Body{Stmts: body}}
	tidy(body)
	return d
}

// outputName is the graph's name of its output, if it is one that a person gave.
func (im *importer) outputName(taken map[*layer]string) string {
	name := identifier(im.model.Graph.Outputs[0].Name, "logits")
	for _, other := range taken {
		if other == name {
			return "logits"
		}
	}
	return name
}

var identifierRule = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// reserved are words of the language and names that this writer gives.
var reserved = strings.Fields("and as block choice else false for from if input in let net not or output return search shared to target true " +
	strings.Join(variables, " ") + " c d n i k m stride kernel pad groups dilation first end p client")

// longest is what a name that a person gives has.
const longest = 40

// identifier is a name of the graph where the language can have it, other where not, as for numbers and what exporters make up.
func identifier(name, other string) string {
	if !identifierRule.MatchString(name) || slices.Contains(reserved, name) || slices.Contains(functions, name) || len(name) > longest {
		return other
	}
	return name
}

// variables are the names of tensors, in the order in which they are taken.
var variables = []string{"x", "y", "z", "u", "v", "w"}

// writer writes layers as statements.
type writer struct {
	layers []*layer
	out    *layer
	within string // the module around, whose name the labels do not repeat
	names  map[*layer]string
	uses   map[*layer][]*layer
}

func newWriter(layers []*layer, out *layer, within string) *writer {
	w := &writer{layers, out, within, map[*layer]string{}, map[*layer][]*layer{}}
	for _, l := range layers {
		for _, x := range l.in {
			w.uses[x] = append(w.uses[x], l)
		}
	}
	return w
}

// chain is a statement: its layers feed each other.
type chain []*layer

func (c chain) last() *layer { return c[len(c)-1] }

// write gives the statements and, apart, the last expression.
func (w *writer) write() (stmts []syntax.Stmt, result syntax.Expr) {
	chains := w.chains()
	for i, c := range chains {
		value := w.chain(c)
		if i == len(chains)-1 {
			return stmts, value
		}
		w.names[c.last()] = w.free(chains[i+1:])
		stmts = append(stmts, &syntax.Assign{Name: ident(w.names[c.last()]), Value: value})
	}
	return stmts, name(w.names[w.out])
}

// chains cuts the layers into statements: a new one begins at a value with several uses, at a layer with several operands, and at a convolution,
// linear layer that follows another, and around a block.
func (w *writer) chains() (chains []chain) {
	done := map[*layer]bool{}
	for _, l := range w.layers {
		if done[l] {
			continue
		}
		c := chain{l}
		heavy := isHeavy(l)
		for {
			uses := w.uses[c.last()]
			if c.last() == w.out || len(uses) != 1 || len(uses[0].in) != 1 || isOperator(uses[0]) || heavy && begins(uses[0]) || l.block || uses[0].block {
				break
			}
			c = append(c, uses[0])
			heavy = heavy || isHeavy(uses[0])
		}
		for _, l := range c {
			done[l] = true
		}
		chains = append(chains, c)
	}
	return chains
}

// begins reports whether a layer begins a statement: one that has many weights, or the mean of the whole image.
func begins(l *layer) bool { return isHeavy(l) || l.op == "avgpool" && len(l.args) == 0 }

func isHeavy(l *layer) bool    { return l.op == "conv" || l.op == "linear" || l.block }
func isOperator(l *layer) bool { return l.op == "+" || l.op == "-" }

// free gives the first variable that no later statement reads in its present meaning.
func (w *writer) free(later []chain) string {
	live := map[string]bool{}
	made := map[*layer]bool{}
	for _, c := range later {
		for _, l := range c {
			for _, x := range l.in {
				if !made[x] {
					live[w.names[x]] = true
				}
			}
			made[l] = true
		}
	}
	for i := 0; ; i++ {
		candidate := fmt.Sprintf("t%d", i)
		if i < len(variables) {
			candidate = variables[i]
		}
		if !live[candidate] {
			return candidate
		}
	}
}

// chain writes the layers of a statement: the first around its operands, the others behind |>.
func (w *writer) chain(c chain) syntax.Expr {
	var x syntax.Expr
	operands := make([]syntax.Expr, len(c[0].in))
	for i, in := range c[0].in {
		operands[i] = name(w.names[in])
	}
	rest := c[1:]
	switch {
	case isOperator(c[0]) && len(operands) == 1:
		x = &syntax.Unary{Op: syntax.Op(c[0].op), X: operands[0]}
	case isOperator(c[0]):
		x = &syntax.Binary{Op: syntax.Op(c[0].op), X: operands[0], Y: operands[1]}
	default:
		x = w.call(c, 0, operands)
	}
	if isOperator(c[0]) && len(rest) > 0 { // relu(x + y)
		x = w.call(c, 1, []syntax.Expr{x})
		rest = rest[1:]
	}
	for i := range rest {
		x = &syntax.Pipe{X: x, Stage: w.call(c, len(c)-len(rest)+i, nil)}
	}
	return x
}

// call writes layer i of a statement.
func (w *writer) call(c chain, i int, operands []syntax.Expr) *syntax.Call {
	l := c[i]
	out := &syntax.Call{Fn: ident(l.op)}
	for _, x := range operands {
		out.Args = append(out.Args, syntax.Arg{Value: x})
	}
	args := l.args
	if l.op == "conv" || l.op == "linear" {
		// A convolution before a batch normalisation has none unless it says so.
		has, usual := len(l.weights) == 2, l.op == "linear" || i+1 == len(c) || c[i+1].op != "batchnorm"
		if has != usual {
			args = append(slices.Clone(args), arg{name: "bias", text: strconv.FormatBool(has)})
		}
	}
	for _, a := range args {
		out.Args = append(out.Args, a.syntax())
	}
	if l.path != "" {
		out.Label = label(strings.TrimPrefix(l.path, w.within), w.within == "")
	}
	return out
}

func (a arg) syntax() syntax.Arg {
	var out syntax.Arg
	if a.name != "" {
		n := ident(a.name)
		out.Name = &n
	}
	switch {
	case a.text == "true" || a.text == "false":
		out.Value = &syntax.Bool{Value: a.text == "true"}
	case a.text != "":
		out.Value = &syntax.Number{Text: a.text}
	case len(a.ints) == 1:
		out.Value = integer(a.ints[0])
	default:
		list := &syntax.List{}
		for _, n := range a.ints {
			list.Elems = append(list.Elems, integer(n))
		}
		out.Value = list
	}
	return out
}

var digits = regexp.MustCompile(`[0-9]+`)

// label is the name of a layer. Its numbers stand apart where loops may give them.
func label(path string, apart bool) *syntax.Str {
	s := &syntax.Str{}
	if !apart {
		s.Parts = []syntax.StrPart{{Text: path}}
		return s
	}
	at := 0
	for _, m := range digits.FindAllStringIndex(path, -1) {
		n, err := strconv.Atoi(path[m[0]:m[1]])
		if err != nil || strconv.Itoa(n) != path[m[0]:m[1]] {
			continue
		}
		if m[0] > at {
			s.Parts = append(s.Parts, syntax.StrPart{Text: path[at:m[0]]})
		}
		s.Parts = append(s.Parts, syntax.StrPart{X: integer(n)})
		at = m[1]
	}
	if at < len(path) {
		s.Parts = append(s.Parts, syntax.StrPart{Text: path[at:]})
	}
	return s
}

func ident(name string) syntax.Ident { return syntax.Ident{Name: name} }
func name(text string) *syntax.Name  { return &syntax.Name{Name: text} }
func integer(n int) *syntax.Number   { return &syntax.Number{Text: strconv.Itoa(n)} }
func intOf(x syntax.Expr) (n int, ok bool) {
	if number, is := x.(*syntax.Number); is {
		n, err := strconv.Atoi(number.Text)
		return n, err == nil
	}
	return 0, false
}
