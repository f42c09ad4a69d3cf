package choices

import (
	"sotto/ir"
	"sotto/passes/pass"
)

// Relax turns every choice into the softmax-weighted sum of its options (DARTS): a NET whose logits are weights of the
// path SITE.logits, which a gradient search trains. Uses of a shared choice share their logits.
var Relax = &pass.Pass{
	Name:  "relax",
	Doc:   "turns every choice into the softmax-weighted sum of its options; the logits become weights SITE.logits (for gradient search)",
	Needs: ir.Space, Gives: ir.Net,
	Run: func(_ *pass.Context, m *ir.Module) error {
		for i, f := range m.Funcs {
			r := &relaxer{Rewriter: pass.NewRewriter(f), logits: map[string]*ir.Value{}}
			if err := r.body(f.Body); err != nil {
				return err
			}
			r.New.Result = r.To[f.Result]
			m.Funcs[i] = r.New
		}
		return nil
	},
}

type relaxer struct {
	*pass.Rewriter
	logits map[string]*ir.Value // by site
}

func (r *relaxer) body(values []*ir.Value) error {
	for _, v := range values {
		if !v.Is("choice") {
			r.To[v] = r.Copy(v)
			continue
		}
		if err := r.mix(v); err != nil {
			return err
		}
	}
	return nil
}

func (r *relaxer) mix(v *ir.Value) error {
	var options []*ir.Value
	for _, o := range v.Options {
		if err := r.body(o.Body); err != nil {
			return err
		}
		options = append(options, r.To[o.Result])
	}
	site := v.Str("site")
	if r.logits[site] == nil { // after those of sites in the options, as Sites has them
		l, err := r.B.AtPath(v.Pos, "").Param(site+".logits", len(v.Options))
		if err != nil {
			return err
		}
		r.logits[site] = l
	}
	args := append([]*ir.Value{r.logits[site]}, options...)
	r.To[v] = r.B.At(v).Must("nn.mix", nil, args...)
	return nil
}
