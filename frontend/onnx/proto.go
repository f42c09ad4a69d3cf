package onnx

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Model is a ModelProto, as far as a network needs it. Names and numbers of fields are those of onnx.proto3; bytes of tensors are parts of the
// file's own.
type Model struct {
	IRVersion int64
	Producer  string
	Version   string // of the producer
	Opsets    []Opset
	Graph     *Graph
	Functions []*Function
}

// Opset is a set of operators and its version. The domain of ONNX itself is empty.
type Opset struct {
	Domain  string
	Version int64
}

// Graph is a GraphProto.
type Graph struct {
	Name            string
	Nodes           []*Node
	Initializers    []*Tensor
	Inputs, Outputs []*Value
}

// Function is a FunctionProto: an operator by nodes.
type Function struct {
	Name, Domain    string
	Inputs, Outputs []string
	Attrs           []string // that a call has to give
	Defaults        []*Attr
	Nodes           []*Node
}

// Node is a NodeProto.
type Node struct {
	Name, Op, Domain string
	Inputs, Outputs  []string
	Attrs            []*Attr
	Meta             map[string]string
}

// AttrType is the type of an attribute, by its number in the format.
type AttrType int32

// The types of attributes that operators of networks have.
const (
	FloatAttr  AttrType = 1
	IntAttr    AttrType = 2
	StringAttr AttrType = 3
	TensorAttr AttrType = 4
	FloatsAttr AttrType = 6
	IntsAttr   AttrType = 7
)

// Attr is an AttributeProto.
type Attr struct {
	Name   string
	Type   AttrType
	F      float32
	I      int64
	S      string
	T      *Tensor
	Floats []float32
	Ints   []int64
	Ref    string // in a function: the attribute of the call that it stands for
}

// DType is the type of a tensor's elements, by its number in the format.
type DType int32

// The types of elements that are read.
const (
	Float32 DType = 1
	Int32   DType = 6
	Int64   DType = 7
	Bool    DType = 9
	Float16 DType = 10
	Float64 DType = 11
	BFloat  DType = 16
)

// Tensor is a TensorProto. Its elements are in one of the fields, or in another file.
type Tensor struct {
	Name     string
	Dims     []int64
	Type     DType
	Raw      []byte
	Floats   []float32
	Doubles  []float64
	Int32s   []int64
	Int64s   []int64
	External map[string]string
	Outside  bool // data_location is EXTERNAL
}

// Value is a ValueInfoProto of a tensor: a dimension without a number is -1.
type Value struct {
	Name string
	Type DType
	Dims []int64
}

// Limits of what is read. A message nests at most as deep as the types above do, as subgraphs are not read.
const (
	maxFile     = 1<<31 - 1 // protobuf's own
	maxNodes    = 1 << 16
	maxTensors  = 1 << 16
	maxElements = 1 << 20 // of a repeated field in which elements are not packed
	maxDims     = 8
)

// Decode reads a model. It keeps parts of data.
func Decode(data []byte) (*Model, error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("a file of %d bytes: accepted are %d", len(data), maxFile)
	}
	m := &Model{}
	err := fields(data, func(f field) error {
		switch f.number {
		case 1:
			m.IRVersion = f.int()
		case 2:
			m.Producer = f.text()
		case 3:
			m.Version = f.text()
		case 7:
			m.Graph = &Graph{}
			return within("graph", decodeGraph(m.Graph, f.bytes))
		case 8:
			var o Opset
			m.Opsets = append(m.Opsets, o)
			return within("opset_import", decodeOpset(&m.Opsets[len(m.Opsets)-1], f.bytes))
		case 25:
			fn := &Function{}
			m.Functions = append(m.Functions, fn)
			return within("function", decodeFunction(fn, f.bytes))
		}
		return f.bounded(len(m.Opsets)+len(m.Functions), maxNodes)
	})
	if err != nil {
		return nil, fmt.Errorf("not an ONNX model: %w", err)
	}
	if m.Graph == nil || m.IRVersion == 0 {
		return nil, fmt.Errorf("not an ONNX model: it has no graph, or no version")
	}
	return m, nil
}

func decodeOpset(o *Opset, data []byte) error {
	return fields(data, func(f field) error {
		switch f.number {
		case 1:
			o.Domain = f.text()
		case 2:
			o.Version = f.int()
		}
		return nil
	})
}

func decodeGraph(g *Graph, data []byte) error {
	return fields(data, func(f field) error {
		switch f.number {
		case 1:
			n := &Node{}
			g.Nodes = append(g.Nodes, n)
			if err := decodeNode(n, f.bytes); err != nil {
				return fmt.Errorf("node %d: %w", len(g.Nodes)-1, err)
			}
			return f.bounded(len(g.Nodes), maxNodes)
		case 2:
			g.Name = f.text()
		case 5:
			t := &Tensor{}
			g.Initializers = append(g.Initializers, t)
			if err := decodeTensor(t, f.bytes); err != nil {
				return fmt.Errorf("initializer %d: %w", len(g.Initializers)-1, err)
			}
			return f.bounded(len(g.Initializers), maxTensors)
		case 11, 12:
			v := &Value{}
			list := &g.Inputs
			if f.number == 12 {
				list = &g.Outputs
			}
			*list = append(*list, v)
			if err := decodeValue(v, f.bytes); err != nil {
				return err
			}
			return f.bounded(len(*list), maxTensors)
		case 15:
			return fmt.Errorf("it has sparse initializers: accepted are dense ones")
		}
		return nil
	})
}

func decodeFunction(fn *Function, data []byte) error {
	return fields(data, func(f field) error {
		switch f.number {
		case 1:
			fn.Name = f.text()
		case 4:
			fn.Inputs = append(fn.Inputs, f.text())
		case 5:
			fn.Outputs = append(fn.Outputs, f.text())
		case 6:
			fn.Attrs = append(fn.Attrs, f.text())
		case 7:
			n := &Node{}
			fn.Nodes = append(fn.Nodes, n)
			if err := decodeNode(n, f.bytes); err != nil {
				return fmt.Errorf("node %d: %w", len(fn.Nodes)-1, err)
			}
		case 10:
			fn.Domain = f.text()
		case 11:
			a := &Attr{}
			fn.Defaults = append(fn.Defaults, a)
			return decodeAttr(a, f.bytes)
		}
		return f.bounded(max(len(fn.Inputs), len(fn.Outputs), len(fn.Attrs), len(fn.Nodes)), maxNodes)
	})
}

func decodeNode(n *Node, data []byte) error {
	return fields(data, func(f field) error {
		switch f.number {
		case 1:
			n.Inputs = append(n.Inputs, f.text())
		case 2:
			n.Outputs = append(n.Outputs, f.text())
		case 3:
			n.Name = f.text()
		case 4:
			n.Op = f.text()
		case 5:
			a := &Attr{}
			n.Attrs = append(n.Attrs, a)
			if err := decodeAttr(a, f.bytes); err != nil {
				return err
			}
		case 7:
			if n.Domain = f.text(); n.Domain == "ai.onnx" { // its other name
				n.Domain = ""
			}
		case 9:
			return entry(&n.Meta, f.bytes)
		}
		return f.bounded(max(len(n.Inputs), len(n.Outputs), len(n.Attrs), len(n.Meta)), maxNodes)
	})
}

func decodeAttr(a *Attr, data []byte) error {
	return fields(data, func(f field) error {
		var err error
		switch f.number {
		case 1:
			a.Name = f.text()
		case 2:
			a.F = math.Float32frombits(uint32(f.bits))
		case 3:
			a.I = f.int()
		case 4:
			a.S = f.text()
		case 5:
			a.T = &Tensor{}
			err = decodeTensor(a.T, f.bytes)
		case 7:
			a.Floats, err = repeated(a.Floats, f, protowire.Fixed32Type, asFloat32)
		case 8:
			a.Ints, err = repeated(a.Ints, f, protowire.VarintType, asInt64)
		case 20:
			a.Type = AttrType(f.int())
		case 21:
			a.Ref = f.text()
		}
		return within("attribute "+clip(a.Name), err)
	})
}

func decodeTensor(t *Tensor, data []byte) error {
	err := fields(data, func(f field) error {
		var err error
		switch f.number {
		case 1:
			if t.Dims, err = repeated(t.Dims, f, protowire.VarintType, asInt64); err == nil {
				err = f.bounded(len(t.Dims), maxDims)
			}
		case 2:
			t.Type = DType(f.int())
		case 3:
			err = fmt.Errorf("it is stored in segments: accepted are whole tensors")
		case 4:
			t.Floats, err = repeated(t.Floats, f, protowire.Fixed32Type, asFloat32)
		case 5:
			t.Int32s, err = repeated(t.Int32s, f, protowire.VarintType, asInt64)
		case 7:
			t.Int64s, err = repeated(t.Int64s, f, protowire.VarintType, asInt64)
		case 8:
			t.Name = f.text()
		case 9:
			t.Raw = f.bytes
		case 10:
			t.Doubles, err = repeated(t.Doubles, f, protowire.Fixed64Type, math.Float64frombits)
		case 13:
			err = entry(&t.External, f.bytes)
		case 14:
			t.Outside = f.int() == 1
		}
		return err
	})
	return within("tensor "+clip(t.Name), err)
}

// decodeValue reads a name and, of TypeProto.Tensor, elements and dimensions.
func decodeValue(v *Value, data []byte) error {
	return fields(data, func(f field) error {
		switch f.number {
		case 1:
			v.Name = f.text()
		case 2:
			return message(f.bytes, 1, func(b []byte) error { // tensor_type
				return fields(b, func(f field) error {
					switch f.number {
					case 1:
						v.Type = DType(f.int())
					case 2:
						return message(f.bytes, 1, v.addDim) // shape, its dims
					}
					return nil
				})
			})
		}
		return nil
	})
}

func (v *Value) addDim(data []byte) error {
	const unknown = -1
	v.Dims = append(v.Dims, unknown)
	if len(v.Dims) > maxDims {
		return fmt.Errorf("%s has more than %d dimensions", clip(v.Name), maxDims)
	}
	return fields(data, func(f field) error {
		if f.number == 1 {
			v.Dims[len(v.Dims)-1] = f.int()
		}
		return nil
	})
}

// message calls do with every field of a number in a message.
func message(data []byte, number protowire.Number, do func([]byte) error) error {
	return fields(data, func(f field) error {
		if f.number == number {
			return do(f.bytes)
		}
		return nil
	})
}

func entry(to *map[string]string, data []byte) error {
	var key, value string
	err := fields(data, func(f field) error {
		switch f.number {
		case 1:
			key = f.text()
		case 2:
			value = f.text()
		}
		return nil
	})
	if *to == nil {
		*to = map[string]string{}
	}
	(*to)[key] = value
	return err
}

// field is one field of a message: its bytes, or its bits.
type field struct {
	number protowire.Number
	kind   protowire.Type
	bytes  []byte
	bits   uint64
}

func (f field) int() int64   { return int64(f.bits) }
func (f field) text() string { return string(f.bytes) }

// bounded refuses more than limit of something.
func (f field) bounded(n, limit int) error {
	if n > limit {
		return fmt.Errorf("field %d: more than %d entries", f.number, limit)
	}
	return nil
}

// fields calls do with each field of a message.
func fields(data []byte, do func(field) error) error {
	for at := 0; at < len(data); {
		number, kind, n := protowire.ConsumeTag(data[at:])
		if n < 0 {
			return fmt.Errorf("byte %d: %w", at, protowire.ParseError(n))
		}
		at += n
		f := field{number: number, kind: kind}
		switch rest := data[at:]; kind {
		case protowire.VarintType:
			f.bits, n = protowire.ConsumeVarint(rest)
		case protowire.Fixed32Type:
			var bits uint32
			bits, n = protowire.ConsumeFixed32(rest)
			f.bits = uint64(bits)
		case protowire.Fixed64Type:
			f.bits, n = protowire.ConsumeFixed64(rest)
		case protowire.BytesType:
			f.bytes, n = protowire.ConsumeBytes(rest)
		default:
			return fmt.Errorf("byte %d: field %d has wire type %d, which ONNX does not use", at, number, kind)
		}
		if n < 0 {
			return fmt.Errorf("byte %d: field %d: %w", at, number, protowire.ParseError(n))
		}
		at += n
		if err := do(f); err != nil {
			return err
		}
	}
	return nil
}

// repeated appends the elements of a repeated field, packed or one.
func repeated[T any](to []T, f field, kind protowire.Type, from func(uint64) T) ([]T, error) {
	if f.kind != protowire.BytesType {
		return append(to, from(f.bits)), f.bounded(len(to), maxElements)
	}
	for data := f.bytes; len(data) > 0; {
		var bits uint64
		var n int
		switch kind {
		case protowire.VarintType:
			bits, n = protowire.ConsumeVarint(data)
		case protowire.Fixed64Type:
			bits, n = protowire.ConsumeFixed64(data)
		default:
			var b uint32
			b, n = protowire.ConsumeFixed32(data)
			bits = uint64(b)
		}
		if n < 0 {
			return to, fmt.Errorf("field %d: %w", f.number, protowire.ParseError(n))
		}
		to, data = append(to, from(bits)), data[n:]
	}
	return to, nil
}

func asFloat32(b uint64) float32 { return math.Float32frombits(uint32(b)) }
func asInt64(b uint64) int64     { return int64(b) }

func within(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// clip shortens a name from a file for an error.
func clip(name string) string {
	const most = 100
	if len(name) > most {
		return name[:most] + "..."
	}
	return name
}
