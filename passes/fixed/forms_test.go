package fixed

import (
	"testing"

	"sotto/ir"
)

// Every op that a NET may have has a form in fixed point.
func TestEveryOpHasAForm(t *testing.T) {
	for _, o := range ir.Ops() {
		if _, ok := forms[o.Name]; !ok && o.Stages&ir.Net != 0 && !o.Constant && ringForm(o) == nil {
			t.Errorf("%s has no ring op of its name, says none in its block (Ring), and has no row in forms.go", o.Name)
		}
	}
	for name := range forms {
		if o, ok := ir.Lookup(name); !ok || o.Stages&ir.Net == 0 {
			t.Errorf("forms.go has a row of %s, which no NET has", name)
		}
	}
}
