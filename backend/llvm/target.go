package llvm

import "fmt"

// Target is a machine that kernels are specialised to.
type Target struct {
	Name      string // a level, which says what features there are: x86-64-v4
	Triple    string
	CPU       string   // what clang calls it after -march
	Features  []string // what the machine must have, as the loader names them
	Vector    int      // bytes of a vector register
	Registers int      // vector registers
}

// targets are the levels of the x86-64 psABI, best first: each is known to clang 14 and later and names its features once and for all,
// which "native" does not.
var targets = []Target{
	{"x86-64-v4", "x86_64-unknown-linux-gnu", "x86-64-v4", []string{"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl", "avx2", "bmi1", "bmi2", "fma"}, 64, 32},
	{"x86-64-v3", "x86_64-unknown-linux-gnu", "x86-64-v3", []string{"avx2", "bmi1", "bmi2", "fma"}, 32, 16},
	{"x86-64-v2", "x86_64-unknown-linux-gnu", "x86-64-v2", []string{"sse4.1", "sse4.2", "ssse3", "popcnt"}, 16, 16},
}

// TargetFor gives the best target of a machine with the features that has tells of.
func TargetFor(has func(feature string) bool) (Target, error) {
	for _, t := range targets {
		if t.runs(has) {
			return t, nil
		}
	}
	return Target{}, fmt.Errorf("no native kernels for this machine: accepted are x86-64 processors with at least the features %v", targets[len(targets)-1].Features)
}

// TargetNamed finds a target by its name.
func TargetNamed(name string) (Target, error) {
	for _, t := range targets {
		if t.Name == name {
			return t, nil
		}
	}
	return Target{}, fmt.Errorf("no target is called %q: accepted are %s, %s and %s", name, targets[0].Name, targets[1].Name, targets[2].Name)
}

// Flags are what tells clang of the target. The levels from x86-64-v3 on have LZCNT and MOVBE too, which the loader cannot ask the processor
// for: where LZCNT is hidden it runs as another instruction and gives another number, so neither is used.
func (t Target) Flags() []string { return []string{"-march=" + t.CPU, "-mno-lzcnt", "-mno-movbe"} }

func (t Target) runs(has func(string) bool) bool {
	for _, f := range t.Features {
		if !has(f) {
			return false
		}
	}
	return true
}
