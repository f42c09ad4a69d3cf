package protocols_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/clean"
	"sotto/passes/pass"
	"sotto/passes/protocols"
)

// batch is how many elements two layers are compared with: a tenth of it fills whole words and blocks.
const batch = 640 << 10

// comparison compiles a ReLU on ten elements, or on one, of ten and gives what its comparison and multiplexer send and compute.
func comparison(t *testing.T, of string, way pass.Nonlinear, d cost.Deployment) (sent map[string]int64, work map[string]int64) {
	t.Helper()
	m, err := ir.Parse("t.ir", "module ring\nfunc @f(%x: i32q12["+fmt.Sprint(batch)+"]) -> i32q12["+fmt.Sprint(batch)+"] {\n"+of+"}\n")
	if err != nil {
		t.Fatal(err)
	}
	c := &pass.Context{Deploy: d, Source: cost.FromDealer, Protocols: pass.Protocols{Nonlinear: way}}
	if err := (&pass.Runner{}).Run(c, m, protocols.Protocols, clean.CSE, clean.DCE); err != nil {
		t.Fatal(err)
	}
	f := m.Funcs[0]
	l := ir.Account(m, f, cost.FromDealer)
	compares := func(tag int) bool {
		return tag >= 0 && tag < len(f.Body) && (strings.HasSuffix(f.Body[tag].Op.Name, "relu") || f.Body[tag].Is("ot.mux"))
	}
	sent, work = map[string]int64{}, map[string]int64{}
	for _, msg := range l.Messages {
		if compares(msg.Tag) {
			sent[fmt.Sprint(msg.From, msg.Sent.Phase())] += msg.Bytes
		}
	}
	for _, w := range l.Work {
		if compares(w.Tag) {
			work[fmt.Sprint(w.Party, w.Kernel)] += w.Units
		}
	}
	return sent, work
}

// TestATenthOfTheReLUsCostsATenth: of ten times fewer ReLUs comparisons and multiplexers send ten times fewer bytes, each way and in each
// phase, and do as much less of everything: AES blocks, OTs, keys.
func TestATenthOfTheReLUsCostsATenth(t *testing.T) {
	all := "%1 = ring.relu %x : i32q12[" + fmt.Sprint(batch) + "]\nreturn %1\n"
	mask := fmt.Sprintf("{keep=[0,%d,%d,%d]}", batch/20, batch/2, batch/2+batch/20)
	some := fmt.Sprintf("%%1 = ring.gather %%x %s : i32q12[%d]\n%%2 = ring.relu %%1 : i32q12[%[2]d]\n%%3 = ring.scatter %%x, %%2 %[1]s : i32q12[%[3]d]\nreturn %%3\n",
		mask, batch/10, batch)
	for _, way := range pass.Nonlinears() {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			sent, work := comparison(t, all, way, d)
			fewer, less := comparison(t, some, way, d)
			for what, counts := range map[string][2]map[string]int64{"bytes": {sent, fewer}, "work": {work, less}} {
				tenth := map[string]int64{}
				for k, n := range counts[1] {
					tenth[k] = 10 * n
				}
				if len(tenth) == 0 || !maps.Equal(counts[0], tenth) {
					t.Errorf("%s, %s: %s of all %v, of a tenth %v", way, d, what, counts[0], counts[1])
				}
			}
		}
	}
}
