package cost

import (
	"fmt"
	"slices"
	"strings"
)

// Packing is how linear layers are packed for the encryption where the parties make products with weights alone: a packing of fewer bytes
// takes more work. Both must know it: the manifest says it. Each is a price of a byte beside that of work, by which HEPlanFor chooses for
// every layer.
type Packing uint8

const (
	// Balanced is for a link of some gigabits a second.
	Balanced Packing = iota
	// Compact is for a slow link.
	Compact
	// Light is for parties of one machine.
	Light
)

// packings by value: names, and nanoseconds a byte, those of links of 3 Gbps, 100 Mbps and 27 Gbps.
var packings = []struct {
	name   string
	byteNS float64
}{Balanced: {"balanced", 8. / 3}, Compact: {"compact", 80}, Light: {"light", 0.3}}

// Packings lists them.
func Packings() []Packing { return []Packing{Balanced, Compact, Light} }

func (p Packing) String() string {
	if p.Check() != nil {
		return fmt.Sprintf("packing(%d)", uint8(p))
	}
	return packings[p].name
}

// Check refuses what is no packing.
func (p Packing) Check() error {
	if int(p) >= len(packings) {
		return fmt.Errorf("layers packed by %d: accepted are 0 to %d", uint8(p), len(packings)-1)
	}
	return nil
}

// ParsePacking reads a name.
func ParsePacking(s string) (Packing, error) {
	var known []string
	for _, p := range packings {
		known = append(known, p.name)
	}
	if i := slices.Index(known, s); i >= 0 {
		return Packing(i), nil
	}
	return 0, fmt.Errorf("no packing of layers is called %q: accepted are %s", s, strings.Join(known, ", "))
}
