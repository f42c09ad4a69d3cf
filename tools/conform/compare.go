package conform

import (
	"fmt"

	"sotto/ir"
	"sotto/passes/ranges"
)

// Difference is a RING value whose private result is outside the interval its op states.
type Difference struct {
	Value     *ir.Value
	Index     int
	Got, Want int64
	Slack     int
	Count     int // elements outside
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: %s = %s (%s): element %d is %d, the reference on the same arguments gives %d to %d (%d elements differ)",
		d.Value.Pos, d.Value, d.Value.Op.Name, d.Value.Path, d.Index, d.Got, d.Want, d.Want+int64(d.Slack), d.Count)
}

// Compare evaluates every RING value on its actual arguments, as reconstructed from the parties' shares, and lists those
// whose private result is outside the stated interval, in program order. Arguments that no protocol result stands for are
// taken from the reference. x is the clear input.
func Compare(n *Net, x []float32, taps map[string][]int64) ([]Difference, error) {
	f := n.Ring.Funcs[0]
	env := ir.Env{}
	weight := ranges.WeightsOf(n.Context)
	var out []Difference
	for _, p := range f.Params {
		env[p] = ir.Quantize(p.Type, x)
	}
	for _, v := range f.Body {
		want, err := reference(v, env, weight)
		if err != nil {
			return nil, fmt.Errorf("%s (%s): %w", v, v.Path, err)
		}
		got := taps[v.Name]
		if got == nil || v.Op.Constant {
			env[v] = want
			continue
		}
		env[v] = &ir.Tensor{Type: v.Type, I: got}
		if d, ok := differ(v, got, want.I); ok {
			out = append(out, d)
		}
	}
	return out, nil
}

func reference(v *ir.Value, env ir.Env, weight func(*ir.Value) (*ir.Tensor, error)) (*ir.Tensor, error) {
	if v.Is("param") {
		return weight(v)
	}
	args := make([]*ir.Tensor, len(v.Args))
	for i, a := range v.Args {
		if args[i] = env[a]; args[i] == nil {
			return nil, fmt.Errorf("no value for %s", a)
		}
	}
	return ir.EvalOne(v, args)
}

func differ(v *ir.Value, got, want []int64) (Difference, bool) {
	d := Difference{Value: v, Slack: v.Op.Slack}
	for i := range want {
		if off := got[i] - want[i]; off < 0 || off > int64(v.Op.Slack) {
			if d.Count == 0 {
				d.Index, d.Got, d.Want = i, got[i], want[i]
			}
			d.Count++
		}
	}
	return d, d.Count > 0
}
