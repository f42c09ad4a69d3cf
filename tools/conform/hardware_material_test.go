package conform

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"sotto/fpga/lower"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// TestHardwareMakesMaterial: the offline phase on both boards, alone or with the online phase behind it in the same memories: OT extensions,
// label OTs and garbling make every result, label and table that the CPU runtime's session made, and what follows from them, bit for bit. Of
// the material the boards start from what hosts bring: leaves of base OTs, keys, what is drawn, and parts of products.
func TestHardwareMakesMaterial(t *testing.T) {
	if _, err := exec.LookPath("g++"); err != nil {
		t.Skip("no g++: the emitted accelerator is not simulated")
	}
	for _, c := range []struct {
		name, text, board string
		of                pass.Nonlinear
		phases            lower.Phases
		bits              int
		deploy            cost.Deployment
		source            cost.Source
		size              size
	}{
		{"garbled", mixedText, "zcu104", pass.GarbledSign, lower.Whole, 32, cost.ClientServer, cost.FromDealer, short},
		{"garbled, HE", mixedText, "zcu104", pass.GarbledSign, lower.Only(cost.Offline), 32, cost.ClientServer, cost.FromHE, long},
		{"garbled, outsourced", garbledText, "u250", pass.GarbledSign, lower.Whole, 32, cost.Outsourced, cost.FromDealer, long},
		{"garbled whole", garbledText, "zcu102", pass.GarbledWhole, lower.Whole, 64, cost.ClientServer, cost.FromDealer, whole},
		{"OT", mixedText, "zcu104", pass.OTSign, lower.Whole, 32, cost.ClientServer, cost.FromHE, whole},
		{"minionn", "", "zcu104", pass.OTSign, lower.Whole, 32, cost.ClientServer, cost.FromDealer, long},
		{"minionn", "", "zcu104", pass.GarbledSign, lower.Whole, 32, cost.ClientServer, cost.FromDealer, long},
		{"minionn", "", "zcu104", pass.GarbledWhole, lower.Whole, 32, cost.ClientServer, cost.FromDealer, long},
		{"cnet1_cifar10", "", "zcu104", pass.GarbledSign, lower.Only(cost.Offline), 32, cost.ClientServer, cost.FromDealer, long},
	} {
		t.Run(fmt.Sprintf("%s %s %s", c.name, c.of, c.phases), func(t *testing.T) {
			c.size.skip(t)
			n := compileIn(t, c.name, c.text, &pass.Context{Deploy: c.deploy, Ring: c.bits, Source: c.source,
				Protocols: pass.Protocols{Nonlinear: c.of, Garbling: cost.HalfGates}})
			plan, dir := n.emit(t, c.phases, c.board, image(7, n.Net.Funcs[0].Params[0].Type.Len()))
			out, err := exec.Command("make", "-C", dir, "csim-parallel", "CXXFLAGS=-std=c++14 -O1 -Wall -Wextra -Werror -Wno-unknown-pragmas -Wno-unused-label").CombinedOutput()
			if err != nil || strings.Count(string(out), "equal: ") != 2 {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
			modelledCycles(t, plan, string(out))
		})
	}
}

// size is how long a test takes: short ones always run, whole ones but with -short, long ones with SOTTO_LONG=1.
type size int

const (
	short size = iota
	whole
	long
)

func (s size) skip(t *testing.T) {
	t.Helper()
	if s == long && os.Getenv("SOTTO_LONG") == "" {
		t.Skip("SOTTO_LONG=1 runs it")
	}
	if s > short && testing.Short() {
		t.Skip("compiling kernels for another design takes long")
	}
}
