package golden

import (
	"math/rand/v2"
	"slices"
	"strings"

	"sotto/ir"
)

// OpNets gives, by op, a small network of every op that the user's networks are made of: so an op is tested by having an example.
func OpNets() map[string]*Drawn {
	nets := map[string]*Drawn{}
	for _, o := range ir.Ops() {
		if o.Stages&ir.Space != 0 && len(o.Operands) > 0 {
			nets[o.Name] = opNet(o)
		}
	}
	return nets
}

// ends are the ops that only the client's result may come of.
var ends = []string{"nn.argmax", "nn.softmax"}

// opNet makes a network of an op's example: the op reads the input, whose mask is drawn, and layers read what it gives, as they would behind
// any movement of that mask; and it reads products, and a comparison what it gives.
func opNet(o *ir.Op) *Drawn {
	example := exampleOf(o)
	x := &ir.Value{Name: "image", Op: ir.Input, Type: example.Args[0].Type.Of(ir.Clear)}
	n := opNetwork{example, ir.NewBuilder(&ir.Func{Name: "net", Params: []*ir.Value{x}})}
	product := n.layer("scale", "nn.scale", nil, x, n.weight("scale.factor", x.Type.Shape[0]))
	f := n.b.Func
	if slices.Contains(ends, o.Name) {
		f.Result = n.op("op#1", product)
	} else {
		of := n.head("fc#1", n.op("op#1", x))
		compared := n.layer("relu", "nn.relu", nil, n.op("op#2", product))
		f.Result = n.layer("add", "nn.add", nil, of, n.head("fc#2", compared))
	}
	d := &Drawn{Space: &ir.Module{Stage: ir.Space, Funcs: []*ir.Func{f}}, Weights: PublicWeights{Seed: 1}}
	rng := rand.New(rand.NewPCG(1, 2)) // public: an input of tests
	for range x.Type.Len() {
		d.Input = append(d.Input, rng.Float32())
	}
	if err := ir.Check(d.Space); err != nil {
		ir.Bugf("the network of the example of %s does not verify: %v", o.Name, err)
	}
	return d
}

// exampleOf gives the value of an op's example.
func exampleOf(o *ir.Op) *ir.Value {
	last := o.Example[strings.LastIndexByte(o.Example, '\n')+1:]
	name, typ, _ := strings.Cut(last, " = ")
	typ = typ[strings.LastIndex(typ, " : ")+len(" : "):]
	m, err := ir.Parse(o.Name, "module space\nfunc @example() -> "+typ+" {\n"+o.Example+"\nreturn "+name+"\n}\n")
	if err != nil {
		ir.Bugf("the example of %s does not parse: %v", o.Name, err)
	}
	return m.Funcs[0].Result
}

// opNetwork is a network in the making.
type opNetwork struct {
	example *ir.Value
	b       *ir.Builder
}

func (n *opNetwork) layer(path, op string, attrs ir.Attrs, args ...*ir.Value) *ir.Value {
	b := *n.b
	b.Path = path
	return b.Must(op, attrs, args...)
}

func (n *opNetwork) weight(path string, shape ...int) *ir.Value {
	w, err := n.b.Param(path, shape...)
	if err != nil {
		ir.Bugf("%s: %v", path, err)
	}
	return w
}

// op applies the op to x, which stands for all its activations, with weights of its own and the attributes of the example.
func (n *opNetwork) op(path string, x *ir.Value) *ir.Value {
	v, args := n.example, make([]*ir.Value, len(n.example.Args))
	for i, a := range v.Args {
		if args[i] = x; v.Op.Weights > 0 && i >= v.Op.Weights {
			args[i] = n.weight(path+"."+v.Op.Operands[i].Name, a.Type.Shape...)
		}
	}
	return n.layer(path, v.Op.Name, v.Declared(), args...)
}

// head is a fully connected layer.
func (n *opNetwork) head(path string, x *ir.Value) *ir.Value {
	flat := n.layer(path+".flat", "nn.reshape", ir.Attrs{"shape": []int{x.Type.Len()}}, x)
	return n.layer(path, "nn.linear", nil, flat, n.weight(path+".weight", 3, x.Type.Len()))
}
