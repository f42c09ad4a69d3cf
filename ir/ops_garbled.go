package ir

import (
	"fmt"

	"sotto/ir/circuit"
	"sotto/ir/cost"
)

// Garbled ops. All take an M value: the client's share is known offline, so its labels travel by OT and the tables are made
// before there is an input; online the server's labels move, one message from server to client, and nothing else.
//
// Whole ops are garbled by the server too, who enters the mask of the result, and evaluated by the client, who decodes: the
// result is A with the server's part known offline. Where it has to be M, a mask op follows: the client sends its part less
// a mask of its own, l bits, and the server adds. That is two rounds after the server has its share, and 16 bytes a wire plus l
// bits an element. With the roles swapped the server would evaluate and hold the result at once; but its share is known
// online alone, so it would send a correction of each label's OT first, 1 bit a wire, and the labels come then: two rounds and the
// same bytes. The client that garbles would do 8 AES an AND where evaluating is 4, and the outsourced deployment, which needs
// no M, would gain nothing. So the roles stay.

var (
	attrWidth  = Attr{"width", IntAttr, 0, "bits that hold every value of x; 0 stands for the ring's"}
	attrScheme = Attr{"scheme", StringAttr, string(cost.HalfGates), "how AND gates are garbled: half-gates or three-halves"}
	attrInside = Attr{"bits", IntAttr, 0, "how many low bits a truncation inside the circuit drops first, rounding down"}
)

func init() {
	define(Op{
		Name: "gc.drelu", Stages: Secure,
		Doc: "1 where x >= 0, by the sign-only garbled circuit: the carry of bits drop to width-2, width-1-drop ANDs; the top bits stay outside." +
			" The server garbles; colour and permute bits are the sharing of the result. Drop is as in ot.drelu.",
		Example:  "%x = param @x : M i32q12[8]\n%1 = gc.drelu %x : B u1[8]",
		Operands: []Operand{opX}, Attrs: []Attr{attrWidth, attrScheme, attrDrop},
		Infer: func(v *Value) (Type, error) {
			if _, err := inferGarbled(v); err != nil {
				return Type{}, err
			}
			return signType(v)
		},
		Eval: evalSign, Cost: garbledCost,
	})
	define(Op{
		Name: "gc.relu", Stages: Secure,
		Doc: "max(floor(x / 2^bits), 0), all inside the circuit with a fresh sharing of the result: (width-1) + (width-1-bits) + (l-1) ANDs," +
			" 3(l-1) at the ring's width. The server's part is a mask it draws offline.",
		Example:  "%x = param @x : M i32q24[8]\n%1 = gc.relu %x {bits=12} : A i32q12[8]",
		Operands: []Operand{opX}, Attrs: []Attr{attrWidth, attrScheme, attrInside},
		Infer: inferWhole,
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return mapRing(v, a[0], func(x int64) int64 { return max(x>>v.Int("bits"), 0) }), nil
		},
		Cost: garbledCost,
	})
	define(Op{
		Name: "gc.clip", Stages: Secure,
		Doc: "min(max(floor(x / 2^bits), 0), most), all inside the circuit: with z zeros at the end of most and k = width-1-bits," +
			" (width-1) + (k-1-z) + 1 + k + (l-1) ANDs.",
		Example:  "%x = param @x : M i32q24[8]\n%1 = gc.clip %x {bits=12, most=24576} : A i32q12[8]",
		Operands: []Operand{opX}, Attrs: []Attr{attrWidth, attrScheme, attrInside, {"most", IntAttr, nil, "the greatest result, as a ring element"}},
		Infer: func(v *Value) (Type, error) {
			t, err := inferWhole(v)
			if most, kept := v.Int("most"), SignWidth(v)-v.Int("bits"); err == nil && (most < 1 || most>>(kept-1) > 0) {
				err = fmt.Errorf("clips at %d numbers of %d bits: accepted are positive ones of fewer bits", most, kept)
			}
			return t, err
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			most := int64(v.Int("most"))
			return mapRing(v, a[0], func(x int64) int64 { return min(max(x>>v.Int("bits"), 0), most) }), nil
		},
		Cost: garbledCost,
	})
	define(Op{
		Name: "gc.maxpool", Stages: Secure,
		Doc: "The greatest floor(x / 2^bits) of every of elements that follow each other, all inside the circuit:" +
			" of(width-1) + (of-1)2(width-bits) + (l-1) ANDs. No bound on differences is needed.",
		Example:  "%x = param @x : M i32q12[8]\n%1 = gc.maxpool %x {of=4} : A i32q12[2]",
		Operands: []Operand{{"x", "windows one after the other, each of elements"}},
		Attrs:    []Attr{attrWidth, attrScheme, attrInside, {"of", IntAttr, nil, "elements of a window"}},
		Infer: func(v *Value) (Type, error) {
			t, err := inferWhole(v)
			if err != nil {
				return Type{}, err
			}
			n, of := v.Args[0].Type.Len(), v.Int("of")
			if of < 1 || of > circuit.MaxCandidates || n%of != 0 {
				return Type{}, fmt.Errorf("%d elements in windows of %d: accepted are whole windows of at most %d", n, of, circuit.MaxCandidates)
			}
			return t.With(n / of), nil
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			out, of := NewTensor(v.Type), v.Int("of")
			for i := range out.I {
				window := a[0].I[i*of : (i+1)*of]
				out.I[i] = window[argmax(window)] >> v.Int("bits")
			}
			return out, nil
		},
		Cost: garbledCost,
	})
	define(Op{
		Name: "gc.argmax", Stages: Secure,
		Doc: "Index of the greatest element, the first of equals, all inside the circuit: with n elements of w bits" +
			" n(w-1) + (2n-3)w + s(n) + (l-1) ANDs, s(n) those that choose indices.",
		Example:  "%x = param @x : M i32q12[8]\n%1 = gc.argmax %x : A i32q0[1]",
		Operands: []Operand{{"x", "[N], N at least 2"}}, Attrs: []Attr{attrWidth, attrScheme},
		Infer: func(v *Value) (Type, error) {
			t, err := inferGarbled(v)
			if err != nil {
				return Type{}, err
			}
			if n := t.Len(); n < 2 || n > circuit.MaxCandidates {
				return Type{}, fmt.Errorf("argmax of %d elements: accepted are 2 to %d", n, circuit.MaxCandidates)
			}
			return t.With(1).Frac(0).Of(Arithmetic), wantVector(v, 0)
		},
		Eval: func(v *Value, a []*Tensor) (*Tensor, error) {
			return &Tensor{Type: v.Type, I: []int64{int64(argmax(a[0].I))}}, nil
		},
		Cost: garbledCost,
	})
}

// SignWidth is the number of bits a garbled op looks at.
func SignWidth(v *Value) int {
	if w := v.Int("width"); w > 0 {
		return w
	}
	return v.Args[0].Type.Elem.Bits
}

// inferGarbled demands a masked argument and a width that its ring has.
func inferGarbled(v *Value) (Type, error) {
	t, err := additiveTo(Arithmetic)(v)
	if err != nil {
		return Type{}, err
	}
	if v.Args[0].Type.Share != Masked {
		return Type{}, fmt.Errorf("%s is %s: mask it first, so that labels and tables can be made offline", v.Args[0], v.Args[0].Type)
	}
	if w := v.Int("width"); w < 0 || w == 1 || w > t.Elem.Bits {
		return Type{}, fmt.Errorf("width %d: accepted are 2 to %d, or 0", w, t.Elem.Bits)
	}
	_, err = cost.ParseScheme(v.Str("scheme"))
	return t, err
}

// inferWhole types the result of a circuit that truncates first.
func inferWhole(v *Value) (Type, error) {
	t, err := inferGarbled(v)
	if err != nil {
		return Type{}, err
	}
	if bits, most := v.Int("bits"), min(t.Elem.Frac, SignWidth(v)-2); bits < 0 || bits > most {
		return Type{}, fmt.Errorf("drops %d bits: accepted are 0 to %d", bits, most)
	}
	t.Elem.Frac -= v.Int("bits")
	return t, nil
}

// Garbling is what a garbled op garbles: instances of a named circuit (ir/circuit, task.go).
type Garbling struct {
	Scheme    cost.Scheme
	Circuit   string
	Params    []int
	Instances int64
	Wires     int64 // input wires of an instance whose labels travel, of each party
	ANDs      int64
	Ring      int // bits of the results, if they are in the ring
}

// GarblingOf gives what v garbles, if it does.
func GarblingOf(v *Value) (Garbling, bool) {
	if v.Op.Name == "gc.drelu" {
		w, d := SignWidth(v), v.Int("drop")
		ands := cost.SignANDs(w, d)
		return Garbling{cost.Scheme(v.Str("scheme")), circuit.CarryTask, []int{w, d}, int64(v.Type.Len()), ands, ands, 0}, true
	}
	f, whole := wholeFormat(v)
	if !whole {
		return Garbling{}, false
	}
	n := v.Args[0].Type.Len()
	g := Garbling{Scheme: cost.Scheme(v.Str("scheme")), Params: []int{f.Ring, f.Width, f.Drop}, Instances: int64(v.Type.Len()), Ring: f.Ring}
	g.Wires = int64(n) * int64(f.Width) / g.Instances
	switch v.Op.Name {
	case "gc.relu":
		g.Circuit, g.ANDs = circuit.ReLUTask, cost.ReLUANDs(f)
	case "gc.clip":
		g.Circuit, g.ANDs = circuit.ClipTask, cost.ClipANDs(f, uint64(v.Int("most")))
		g.Params = append(g.Params, v.Int("most"))
	case "gc.maxpool":
		g.Circuit, g.ANDs = circuit.MaxPoolTask, cost.MaxPoolANDs(v.Int("of"), f)
		g.Params = append(g.Params, v.Int("of"))
	case "gc.argmax":
		g.Circuit, g.ANDs = circuit.ArgmaxTask, cost.ArgmaxANDs(n, f)
		g.Params = append(g.Params, n)
	}
	return g, true
}

// wholeFormat gives the numbers of a whole op.
func wholeFormat(v *Value) (cost.Format, bool) {
	switch v.Op.Name {
	case "gc.relu", "gc.clip", "gc.maxpool":
		return cost.Format{Ring: v.Type.Elem.Bits, Width: SignWidth(v), Drop: v.Int("bits")}, true
	case "gc.argmax":
		return cost.Format{Ring: v.Type.Elem.Bits, Width: SignWidth(v)}, true
	}
	return cost.Format{}, false
}

// Parts splits the instances into batches, each garbled under a key and Delta of its own.
func (g Garbling) Parts() []int64 { return cost.GarbledParts(g.Instances, g.ANDs) }

// garbledCost is label OTs by the client, tables with the permute bits of results in the ring, and the server's labels.
func garbledCost(l *cost.Ledger, v *Value, in []cost.Ready) cost.Ready {
	g, _ := GarblingOf(v)
	ready := in[0]
	for _, part := range g.Parts() {
		zero := l.LabelOT(cost.Server, part*g.Wires, in[0][cost.Client])
		tables := l.Send(cost.Server, g.Scheme.TableBytes(g.ANDs, part)+cost.BitBytes(part, g.Ring), zero)
		labels := l.Send(cost.Server, cost.LabelBytes(g.Wires, part), in[0][cost.Server])
		l.Stream(cost.Server, cost.Server, tables, cost.Garble, g.Scheme.GarbleAES()*g.ANDs*part)
		l.Stream(cost.Server, cost.Server, labels, cost.SendLabels, g.Wires*part)
		own := cost.LabelBytes(g.Wires, part) // the client's labels, at both, and the tables wait for their use
		l.KeepStream(cost.Client, own+g.Scheme.TableBytes(g.ANDs, part))
		l.KeepStream(cost.Server, own)
		l.Stream(cost.Client, cost.Client, zero, cost.Allocate, own)
		l.Stream(cost.Client, cost.Server, zero, cost.Allocate, own)
		l.Stream(cost.Server, cost.Server, tables, cost.Spill, own)
		l.Stream(cost.Server, cost.Client, tables, cost.Allocate, g.Scheme.TableBytes(g.ANDs, part))
		l.Stream(cost.Server, cost.Client, labels, cost.Spill, own)
		l.Stream(cost.Server, cost.Client, labels, cost.Evaluate, g.Scheme.EvaluateAES()*g.ANDs*part)
		ready = ready.Max(cost.Ready{max(tables, labels), tables}) // permute bits come with the garbling
	}
	if g.Ring > 0 {
		ready[cost.Server] = cost.Start // its part is a mask
	}
	return ready
}
