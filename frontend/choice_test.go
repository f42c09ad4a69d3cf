package frontend

import (
	"slices"
	"testing"

	"sotto/ir"
)

// TestUsesNameTheirChoice: a use's label is its path and says nothing of the choice, so the IR carries the choice's name.
func TestUsesNameTheirChoice(t *testing.T) {
	s := load(t, `choice act(x) = relu(x) | x
shared choice pool(x) = maxpool(x, 2) | avgpool(x, 2)

block stage(x) {
  return act(pool(x))
}

net n {
  input v: f32[2,8,8] from client
  output o = stage(stage(act(v) as first)) to client
}
`, Options{})
	var got []string
	s.Func.Walk(func(v *ir.Value) {
		if v.Is("choice") {
			got = append(got, v.Str("choice")+" at "+v.Str("site"))
		}
	})
	want := []string{"act at first", "pool at pool", "act at stage#1.act#1", "pool at pool", "act at stage#2.act#1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
