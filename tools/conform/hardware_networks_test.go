package conform

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"sotto/fpga/lower"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// TestHardwareRunsNetworks: whole networks whose comparisons are garbled, garbled whole, or by OTs, online on both boards: the emitted
// accelerator makes every result of theirs, bit for bit. Comparisons go in pieces of 64, as those of large networks do in larger ones: so
// hundreds of messages cross. SOTTO_LONG=1 runs networks of CIFAR-10 too.
func TestHardwareRunsNetworks(t *testing.T) {
	if _, err := exec.LookPath("g++"); err != nil {
		t.Skip("no g++: the emitted accelerator is not simulated")
	}
	if testing.Short() {
		t.Skip("long")
	}
	for _, c := range []struct {
		net  string
		of   pass.Nonlinear
		long bool
	}{
		{"minionn", pass.GarbledSign, false}, {"minionn", pass.OTSign, false}, {"minionn", pass.GarbledWhole, true},
		{"cnet1_cifar10", pass.GarbledSign, true}, {"cnet1_cifar10", pass.OTSign, true}, {"cnet1_cifar10", pass.GarbledWhole, true},
	} {
		t.Run(c.net+" "+string(c.of), func(t *testing.T) {
			if c.long && os.Getenv("SOTTO_LONG") == "" {
				t.Skip("SOTTO_LONG=1 runs it")
			}
			n := compileIn(t, c.net, "", &pass.Context{Deploy: cost.ClientServer, Ring: 32, Source: cost.FromDealer,
				Protocols: pass.Protocols{Nonlinear: c.of, Garbling: cost.HalfGates}})
			plan, dir := n.emit(t, lower.Only(cost.Online), "zcu104", image(7, n.Net.Funcs[0].Params[0].Type.Len()))
			out, err := exec.Command("make", "-C", dir, "csim").CombinedOutput()
			at := strings.Index(string(out), "equal: ")
			if err != nil || at < 0 {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Log(strings.SplitN(string(out)[at:], "\n", 2)[0])
			modelledCycles(t, plan, string(out))
		})
	}
}
