package target

import (
	"fmt"
	"slices"
	"strings"
)

// Check refuses a setting that no design can have, whatever its other knobs.
func (s Setting) Check() error {
	i := slices.IndexFunc(knobs, func(k knob) bool { return k.name == s.Knob })
	if i < 0 {
		return fmt.Errorf("no knob is called %q: accepted are %s", s.Knob, strings.Join(knobNames(), ", "))
	}
	return knobs[i].check(s.Value)
}
