package twopc

import (
	"testing"

	"sotto/ir"
)

// Every op that a SECURE function may have is emitted.
func TestEveryOpHasARow(t *testing.T) {
	for _, o := range ir.Ops() {
		if o.Stages&ir.Secure != 0 && !o.Constant && rowOf(o).emit == nil {
			t.Errorf("%s has no row in rows.go", o.Name)
		}
	}
	for i, r := range rows {
		if o, ok := ir.Lookup(r.op); r.emit != nil && (!ok || o.Stages&ir.Secure == 0) {
			t.Errorf("row %d is of %s, which no SECURE function has", i, r.op)
		}
	}
}
