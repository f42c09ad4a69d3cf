package conform

import (
	"fmt"
	"slices"

	"sotto/ir"
)

// Difference is a RING value whose private result is outside the interval its op states.
type Difference struct {
	Value     *ir.Value
	Index     int
	Got, Want int64
	Slack     int
	Count     int   // elements outside
	Units     int64 // greatest difference, inside or outside
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: %s = %s (%s): element %d is %d, the reference on the same arguments gives %d to %d (%d elements differ)",
		d.Value.Pos, d.Value, d.Value.Op.Name, d.Value.Path, d.Index, d.Got, d.Want, d.Want+int64(d.Slack), d.Count)
}

// Compare evaluates every RING value on its actual arguments, as reconstructed from the parties' shares, and lists those
// whose private result is outside the stated interval, in program order. Arguments that no protocol result stands for are
// taken from the reference; a relu or maxpool then has their interval too. weight gives the weights, x is the clear input; maxUnits is the greatest difference met
// anywhere, in units of the last place. A relu whose sign may be taken without low bits may let through what that allows. A quadratic that took in a truncation may be that of floor or of floor + 1.
func Compare(f *ir.Func, weight func(*ir.Value) (*ir.Tensor, error), x []float32, taps map[string][]int64) (diffs []Difference, maxUnits int64, err error) {
	return CompareEach(f, weight, x, taps, func(Difference, *ir.Tensor) {})
}

// CompareEach is Compare that hands every value on as it goes: what the parties hold, with how that differs from the reference, or the
// reference where they hold nothing.
func CompareEach(f *ir.Func, weight func(*ir.Value) (*ir.Tensor, error), x []float32, taps map[string][]int64, visit func(Difference, *ir.Tensor)) (diffs []Difference, maxUnits int64, err error) {
	return compareOn(f, weight, ir.Env{f.Params[0]: ir.Quantize(f.Params[0].Type, x)}, taps, visit)
}

// compareOn is CompareEach of a function with its inputs in env.
func compareOn(f *ir.Func, weight func(*ir.Value) (*ir.Tensor, error), env ir.Env, taps map[string][]int64, visit func(Difference, *ir.Tensor)) (diffs []Difference, maxUnits int64, err error) {
	left, slack, raised := f.Uses(), map[*ir.Value]int{}, ir.Env{}
	for _, v := range f.Body {
		want, err := reference(v, env, weight)
		if err != nil {
			return nil, 0, fmt.Errorf("%s (%s): %w", v, v.Path, err)
		}
		if up, err := raise(v, want, env, raised, taps); err != nil {
			return nil, 0, fmt.Errorf("%s (%s): %w", v, v.Path, err)
		} else if up != nil {
			raised[v] = up
		}
		env[v], slack[v] = want, v.Op.Slack+passedOn(v, slack, taps)
		d := Difference{Value: v, Slack: slack[v]}
		if got := taps[v.Name]; got != nil && !v.Op.Constant {
			if len(got) != len(want.I) {
				return nil, 0, fmt.Errorf("%s (%s): the parties hold %d elements, the network has %d", v, v.Path, len(got), len(want.I))
			}
			d = differ(v, got, nearer(got, nearer(got, want.I, raised[v]), passing(v, want, env)), slack[v])
			env[v] = &ir.Tensor{Type: v.Type, I: got}
			maxUnits = max(maxUnits, d.Units)
			if d.Count > 0 {
				diffs = append(diffs, d)
			}
		}
		visit(d, env[v])
		for _, a := range v.Args {
			if left[a]--; left[a] == 0 {
				delete(env, a)
				delete(raised, a)
			}
		}
	}
	return diffs, maxUnits, nil
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

// passedOn is the slack of an operand that a protocol computed together with v: of truncations that a relu or maxpool took in.
// Those pass a difference on as it is, or drop it.
func passedOn(v *ir.Value, slack map[*ir.Value]int, taps map[string][]int64) int {
	if !v.Is("ring.relu") && !v.Is("ring.maxpool") || taps[v.Args[0].Name] != nil {
		return 0
	}
	return slack[v.Args[0]]
}

// raise is what a value is if every truncation that a quadratic took in gave one unit more: nil of a value that depends on none.
func raise(v *ir.Value, want *ir.Tensor, env, raised ir.Env, taps map[string][]int64) (*ir.Tensor, error) {
	if v.Is("ring.trunc") && taps[v.Name] == nil {
		up := &ir.Tensor{Type: v.Type, I: slices.Clone(want.I)}
		for i := range up.I {
			up.I[i]++
		}
		return up, nil
	}
	if !v.Is("ring.quadratic") || !slices.ContainsFunc(v.Args, func(a *ir.Value) bool { return raised[a] != nil && taps[a.Name] == nil }) {
		return nil, nil
	}
	args := make([]*ir.Tensor, len(v.Args))
	for i, a := range v.Args {
		if args[i] = raised[a]; args[i] == nil || taps[a.Name] != nil {
			args[i] = env[a]
		}
	}
	return ir.EvalOne(v, args)
}

// passing is what a relu gives that lets everything through which it may: nil if that is what it should.
func passing(v *ir.Value, want *ir.Tensor, env ir.Env) *ir.Tensor {
	if !v.Is("ring.relu") || v.Int("drop") == 0 {
		return nil
	}
	out := &ir.Tensor{Type: v.Type, I: slices.Clone(want.I)}
	for i, x := range env[v.Args[0]].I {
		if v.Passes(x) {
			out.I[i] = x
		}
	}
	return out
}

// nearer is the reference, element by element another one where that is what came out.
func nearer(got, want []int64, other *ir.Tensor) []int64 {
	if other == nil {
		return want
	}
	out := slices.Clone(want)
	for i, o := range other.I {
		if got[i] == o {
			out[i] = o
		}
	}
	return out
}

func differ(v *ir.Value, got, want []int64, slack int) Difference {
	d := Difference{Value: v, Slack: slack}
	for i := range want {
		off := got[i] - want[i]
		d.Units = max(d.Units, off, -off)
		if off < 0 || off > int64(slack) {
			if d.Count == 0 {
				d.Index, d.Got, d.Want = i, got[i], want[i]
			}
			d.Count++
		}
	}
	return d
}
