package clean

import (
	"sotto/ir"
	"sotto/passes/pass"
)

// CSE merges values that compute the same: one opening then serves every layer that reads a tensor.
var CSE = &pass.Pass{
	Name:  "cse",
	Doc:   "merges values that apply one op to the same arguments; a tensor that several layers read is opened once; dropouts stay apart (exact)",
	Needs: ir.Net | ir.RingStage | ir.Secure | ir.Train,
	Run: func(_ *pass.Context, m *ir.Module) error {
		for _, f := range m.Funcs {
			mergeEqual(f)
		}
		return nil
	},
}

func mergeEqual(f *ir.Func) {
	same := map[*ir.Value]*ir.Value{}
	seen := make(map[string]*ir.Value, len(f.Body))
	kept := make([]*ir.Value, 0, len(f.Body))
	var key []byte
	for _, v := range f.Body {
		for i, a := range v.Args {
			if first := same[a]; first != nil {
				v.Args[i] = first
			}
		}
		if v.Op.Random {
			kept = append(kept, v)
			continue
		}
		key = signature(key[:0], v)
		if first := seen[string(key)]; first != nil {
			same[v] = first
			continue
		}
		seen[string(key)] = v
		kept = append(kept, v)
	}
	f.Body = kept
	if first := same[f.Result]; first != nil {
		f.Result = first
	}
}

// signature is equal for values that compute the same. Facts are part of it: values that differ in them stay apart.
func signature(key []byte, v *ir.Value) []byte {
	key = v.AppendKey(key)
	if v.Op.State {
		key = append(append(key, " @"...), v.Path...)
	}
	for _, a := range v.Args {
		key = append(append(key, " %"...), a.Name...)
	}
	return key
}
