package onnx

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// made is a model of two convolutions, a pool and a linear layer, written by hand in the form of torch.onnx's dynamo exporter: nodes called
// node_conv2d, modules in the metadata, weights under their own names that are inputs of the graph too, constants as nodes, a function, and the
// linear layer as a product by transposed weights.
func made() *Model {
	ints := func(name string, list ...int64) *Attr { return &Attr{Name: name, Type: IntsAttr, Ints: list} }
	in := func(module string) map[string]string {
		return map[string]string{scopes: "['', '" + module + "', 'op']", classes: "['Net', 'torch.nn.modules.conv.Conv2d', 'aten.op']"}
	}
	ramp := func(name string, dims ...int) *Tensor {
		data := make([]float32, size(dims))
		for i := range data {
			data[i] = float32(i%7)/8 - 0.25
		}
		return NewTensor(name, dims, data)
	}
	conv := func(name, x, path, y string, k int64) *Node {
		return &Node{Name: name, Op: "Conv", Inputs: []string{x, path + ".weight", path + ".bias"}, Outputs: []string{y}, Meta: in(path),
			Attrs: []*Attr{ints("kernel_shape", k, k), ints("strides", 1, 1), ints("pads", 1, 1, 1, 1), ints("dilations", 1, 1),
				{Name: "group", Type: IntAttr, I: 1}, {Name: "auto_pad", Type: StringAttr, S: "NOTSET"}}}
	}
	axes := &Tensor{Type: Int64, Dims: []int64{2}, Int64s: []int64{-1, -2}}
	shape := &Tensor{Type: Int64, Dims: []int64{2}, Int64s: []int64{1, 6}}
	g := &Graph{Name: "main_graph", Nodes: []*Node{
		conv("node_conv2d", "x", "stem.0", "conv2d", 3),
		{Name: "node_relu", Op: "aten_relu", Domain: "pkg.onnxscript.torch_lib", Inputs: []string{"conv2d"}, Outputs: []string{"relu"}},
		conv("node_conv2d_1", "relu", "stem.1", "conv2d_1", 3),
		{Name: "node_mp", Op: "MaxPool", Inputs: []string{"conv2d_1"}, Outputs: []string{"mp"}, Attrs: []*Attr{ints("kernel_shape", 2, 2), ints("strides", 2, 2)}},
		{Name: "node_axes", Op: "Constant", Outputs: []string{"axes"}, Attrs: []*Attr{{Name: "value", Type: TensorAttr, T: axes}}},
		{Name: "node_mean", Op: "ReduceMean", Inputs: []string{"mp", "axes"}, Outputs: []string{"mean"}, Attrs: []*Attr{{Name: "keepdims", Type: IntAttr, I: 1}}},
		{Name: "node_shape", Op: "Constant", Outputs: []string{"shape"}, Attrs: []*Attr{{Name: "value", Type: TensorAttr, T: shape}}},
		{Name: "node_view", Op: "Reshape", Inputs: []string{"mean", "shape"}, Outputs: []string{"view"}, Attrs: []*Attr{{Name: "allowzero", Type: IntAttr, I: 1}}},
		{Name: "node_t", Op: "Transpose", Inputs: []string{"fc.weight"}, Outputs: []string{"val_0"}, Attrs: []*Attr{ints("perm", 1, 0)}},
		{Name: "node_mm", Op: "MatMul", Inputs: []string{"view", "val_0"}, Outputs: []string{"val_1"}, Meta: in("fc")},
		{Name: "node_add", Op: "Add", Inputs: []string{"val_1", "fc.bias"}, Outputs: []string{"linear"}, Meta: in("fc")},
	}}
	g.Initializers = []*Tensor{ramp("stem.0.weight", 4, 2, 3, 3), ramp("stem.0.bias", 4), ramp("stem.1.weight", 6, 4, 3, 3), ramp("stem.1.bias", 6),
		ramp("fc.weight", 3, 6), ramp("fc.bias", 3)}
	g.Inputs = []*Value{{Name: "x", Type: Float32, Dims: []int64{1, 2, 6, 6}}}
	for _, t := range g.Initializers {
		g.Inputs = append(g.Inputs, &Value{Name: t.Name, Type: Float32, Dims: t.Dims})
	}
	g.Outputs = []*Value{{Name: "linear", Type: Float32, Dims: []int64{1, 3}}}
	relu := &Function{Name: "aten_relu", Domain: "pkg.onnxscript.torch_lib", Inputs: []string{"self"}, Outputs: []string{"result"},
		Nodes: []*Node{{Name: "n0", Op: "Relu", Inputs: []string{"self"}, Outputs: []string{"result"}}}}
	return &Model{IRVersion: 10, Producer: "pytorch", Version: "2.6.0", Opsets: []Opset{{"", 18}, {"pkg.onnxscript.torch_lib", 1}}, Graph: g, Functions: []*Function{relu}}
}

const madeText = `# Imported from ONNX, as pytorch 2.6.0 wrote it.
net model {
  input image: f32[2, 6, 6] from client
  x = conv(image, 4, kernel = 3, pad = 1) as "stem.0" |> relu
  x = conv(x, 6, kernel = 3, pad = 1) as "stem.1" |> maxpool(2)
  output logits = avgpool(x) |> flatten |> linear(3) as fc to client
}
`

func read(m *Model) (*Network, error) { return load("model.onnx", "model", Encode(m), &folder{}) }

func TestDynamoForm(t *testing.T) {
	n, err := read(made())
	if err != nil {
		t.Fatal(err)
	}
	if n.Source != madeText {
		t.Errorf("%s\nwant\n%s", n.Source, madeText)
	}
	if len(n.Weights) != 6 || n.Params != 4*18+4+6*36+6+18+3 {
		t.Errorf("%d weights, %d parameters", len(n.Weights), n.Params)
	}
	x := make([]float32, 2*6*6)
	for i := range x {
		x[i] = float32(i%5) / 4
	}
	if got := evaluate(t, n, x); len(got) != 3 || got[0] == got[1] {
		t.Errorf("the output is %v", got)
	}
}

// node finds a node of made by name.
func node(m *Model, name string) *Node {
	i := slices.IndexFunc(m.Graph.Nodes, func(n *Node) bool { return n.Name == name })
	return m.Graph.Nodes[i]
}

func set(n *Node, a *Attr) {
	n.Attrs = append(slices.DeleteFunc(n.Attrs, func(b *Attr) bool { return b.Name == a.Name }), a)
}

// What the language cannot say, or a row does not read, is an error that names node, attribute and reason.
func TestNothingIsMisread(t *testing.T) {
	ints := func(name string, list ...int64) *Attr { return &Attr{Name: name, Type: IntsAttr, Ints: list} }
	number := func(name string, x int64) *Attr { return &Attr{Name: name, Type: IntAttr, I: x} }
	attr := func(at string, a *Attr) func(*Model) { return func(m *Model) { set(node(m, at), a) } }
	op := func(at, op string) func(*Model) { return func(m *Model) { node(m, at).Op = op } }
	for want, change := range map[string]func(*Model){
		"node node_conv2d (Conv): spam = 1: the attribute is not understood":                attr("node_conv2d", number("spam", 1)),
		"node node_conv2d (Conv): group = 3: weights of shape":                              attr("node_conv2d", number("group", 3)),
		"node node_conv2d (Conv): auto_pad = \"EVEN\": accepted are NOTSET":                 attr("node_conv2d", &Attr{Name: "auto_pad", Type: StringAttr, S: "EVEN"}),
		"node node_conv2d (Conv): kernel_shape = [5 5]: the weights have a kernel of [3 3]": attr("node_conv2d", ints("kernel_shape", 5, 5)),
		"node node_conv2d (Conv): strides = [1 1 1]: accepted are 2 integers":               attr("node_conv2d", ints("strides", 1, 1, 1)),
		"node node_conv2d (Conv): strides = [0 1]: accepted are integers from 1":            attr("node_conv2d", ints("strides", 0, 1)),
		"node node_conv2d (Conv): pads = [-1 0 0 0]: accepted are integers from 0":          attr("node_conv2d", ints("pads", -1, 0, 0, 0)),
		"node node_conv2d (Conv): strides = 2: it has type 2":                               attr("node_conv2d", number("strides", 2)),
		"node node_mp (MaxPool): ceil_mode = 1: windows go beyond one side": func(m *Model) {
			set(node(m, "node_mp"), number("ceil_mode", 1))
			set(node(m, "node_mp"), ints("kernel_shape", 3, 3))
		},
		"node node_mp (MaxPool): storage_order = 1: accepted is 0":                   attr("node_mp", number("storage_order", 1)),
		"node node_mp (MaxPool): dilations = [2 2]: pools of the language have none": attr("node_mp", ints("dilations", 2, 2)),
		"node node_mp (MaxPool): it gives the places":                                func(m *Model) { node(m, "node_mp").Outputs = []string{"mp", "at"} },
		"node node_mp (AveragePool): count_include_pad = default: the language counts zeros": func(m *Model) {
			node(m, "node_mp").Op = "AveragePool"
			set(node(m, "node_mp"), ints("pads", 1, 1, 1, 1))
		},
		"node node_mp (LpPool): the operator is not supported":                   op("node_mp", "LpPool"),
		"node n0 (Sigmoid): the operator is not supported":                       func(m *Model) { m.Functions[0].Nodes[0].Op = "Sigmoid" },
		"train the network with one of them":                                     func(m *Model) { m.Functions[0].Nodes[0].Op = "HardSwish" },
		"node node_mean (ReduceMean): axes = default: accepted is the mean over": func(m *Model) { node(m, "node_axes").Attrs[0].T.Int64s = []int64{1, 2} },
		"node node_view (Reshape): shape [1 7]":                                  func(m *Model) { node(m, "node_shape").Attrs[0].T.Int64s = []int64{1, 7} },
		"node node_t (Transpose): perm = [1 1]":                                  attr("node_t", ints("perm", 1, 1)),
		"node node_add (Add): operands have shapes":                              func(m *Model) { node(m, "node_add").Inputs = []string{"val_1", "view"} },
		"node node_add (Add): input missing is made by no node before it":        func(m *Model) { node(m, "node_add").Inputs[1] = "missing" },
		"node node_add (Mul): it multiplies two tensors": func(m *Model) {
			node(m, "node_add").Op = "Mul"
			node(m, "node_add").Inputs[1] = "val_1b"
			m.Graph.Nodes = slices.Insert(m.Graph.Nodes, 10, &Node{Op: "Relu", Inputs: []string{"val_1"}, Outputs: []string{"val_1b"}})
		},
		"opset 8: accepted are 9 to":                                            func(m *Model) { m.Opsets[0].Version = 8 },
		"the graph has 2 outputs":                                               func(m *Model) { m.Graph.Outputs = append(m.Graph.Outputs, &Value{Name: "mean"}) },
		"the graph has 2 inputs without an initializer":                         func(m *Model) { m.Graph.Initializers = m.Graph.Initializers[:5] },
		"input x has shape [1 2 -1 6]":                                          func(m *Model) { m.Graph.Inputs[0].Dims[2] = -1 },
		"tensor stem.0.weight has 72 elements, its shape [4 2 3 4] asks for 96": func(m *Model) { m.Graph.Initializers[0].Dims[3] = 4 },
		"holds NaN":               func(m *Model) { copy(m.Graph.Initializers[1].Raw, "\xff\xff\xff\xff") },
		"has elements of type 10": func(m *Model) { m.Graph.Initializers[0].Type = Float16 },
		"call each other more than 16 deep": func(m *Model) {
			m.Functions[0].Nodes[0].Op, m.Functions[0].Nodes[0].Domain = "aten_relu", m.Functions[0].Domain
		},
		"is stored in \"../secret\": accepted are files in the model's folder": outside("../secret"),
		"is stored in \"/etc/passwd\": accepted":                               outside("/etc/passwd"),
	} {
		m := made()
		change(m)
		if _, err := read(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func outside(location string) func(*Model) {
	return func(m *Model) {
		t := m.Graph.Initializers[0]
		t.Raw, t.Outside, t.External = nil, true, map[string]string{"location": location}
	}
}

// All that is not supported is listed at once, but not what follows from it.
func TestAllProblemsAreListed(t *testing.T) {
	m := made()
	m.Functions[0].Nodes[0].Op = "Sigmoid"
	node(m, "node_t").Attrs = []*Attr{{Name: "perm", Type: IntsAttr, Ints: []int64{0, 0}}}
	node(m, "node_axes").Attrs[0].T.Int64s = []int64{1, 9}
	_, err := read(m)
	if err == nil || strings.Count(err.Error(), "node ") != 2 || strings.Contains(err.Error(), "node_conv2d_1") {
		t.Errorf("%v", err)
	}
}

// Tensors in other files are read from the model's folder, through no link out of it.
func TestExternalData(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "model")
	m := made()
	var data []byte
	for _, x := range m.Graph.Initializers {
		if len(data) > 0 { // the first begins at 0 without saying so
			x.External = map[string]string{"offset": strconv.Itoa(len(data)), "length": strconv.Itoa(len(x.Raw))}
		} else {
			x.External = map[string]string{}
		}
		x.External["location"], x.Outside = "weights.data", true
		data, x.Raw = append(data, x.Raw...), nil
	}
	save := func(path string, data []byte) {
		t.Helper()
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "model.onnx")
	save(path, Encode(m))
	save(filepath.Join(dir, "weights.data"), data)
	n, err := Load(path, "model")
	if err != nil {
		t.Fatal(err)
	}
	same, err := read(made())
	if err != nil || n.Source != same.Source || n.Params != same.Params {
		t.Errorf("%v: %s", err, n.Source)
	}
	save(filepath.Join(dir, "weights.data"), data[:100])
	if _, err := Load(path, "model"); err == nil || !strings.Contains(err.Error(), "which is no file of as many") {
		t.Errorf("of a file that ends too soon: %v", err)
	}
	save(filepath.Join(root, "outside"), data)
	if err := os.Remove(filepath.Join(dir, "weights.data")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../outside", filepath.Join(dir, "weights.data")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path, "model"); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("through a link out of the folder: %v", err)
	}
}

// A model survives being written and read.
func TestEncodeDecode(t *testing.T) {
	data := Encode(made())
	m, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	if again := Encode(m); !slices.Equal(data, again) {
		t.Errorf("%d bytes became %d", len(data), len(again))
	}
	for n := range data {
		if _, err := Decode(data[:n]); err == nil && n > 0 && len(m.Graph.Nodes) == 0 {
			t.Errorf("%d of %d bytes are a model", n, len(data))
		}
	}
}

func FuzzImport(f *testing.F) {
	f.Add(Encode(made()))
	m := made()
	m.Graph.Nodes[1].Domain, m.Graph.Nodes[1].Op = "", "Clip"
	m.Graph.Nodes[1].Attrs = []*Attr{{Name: "min", Type: FloatAttr}, {Name: "max", Type: FloatAttr, F: 6}}
	f.Add(Encode(m))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = load("model.onnx", "model", data, &folder{})
	})
}
