package main

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheKnobThatIsToldMakesItFit: where a design does not fit, or lacks what a layer needs, the command runs with the knobs that the error
// names.
func TestTheKnobThatIsToldMakesItFit(t *testing.T) {
	again := regexp.MustCompile(`run again with (--knob .*)`)
	for name, knobs := range map[string]string{
		"an array that is too large": "--nonlinear gc --target zcu104x2 --knob conv.tm=200",
		"no kernel for comparisons":  "--nonlinear ot --target kv260x2 --knob compare.lanes=0",
		"a weight buffer too small":  "--nonlinear gc --target zcu104x2 --knob conv.weight_words=512 --knob conv.tm=8 --knob conv.tn=8",
		"too few labels":             "--nonlinear gc-whole --target u250x2 --knob evaluate.slots=2 --knob garble.slots=2",
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"fpga", "../../examples/minionn.sotto", "--estimate", "--quiet", "-o", filepath.Join(t.TempDir(), "hw")}, strings.Fields(knobs)...)
			const most = 4 // errors name one resource or layer at a time
			for refused := range most {
				var out, errs bytes.Buffer
				if run(args, nil, &out, &errs) == 0 {
					if refused == 0 {
						t.Fatal("it fits at once")
					}
					return
				}
				told := again.FindStringSubmatch(errs.String())
				if told == nil || !strings.HasPrefix(errs.String(), "does not fit: ") {
					t.Fatalf("%s", errs.String())
				}
				args = append(args, strings.Fields(told[1])...)
			}
			t.Errorf("it does not fit with %v", args)
		})
	}
}
