package explore

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/frontend"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/choices"
	"sotto/passes/pass"
)

// compiled takes an example the whole way and shows every form to see.
func compiled(t *testing.T, name string, see func(name string, m *ir.Module)) *ir.Module {
	t.Helper()
	text, err := os.ReadFile("../../../examples/" + name + ".sotto")
	if err != nil {
		t.Fatal(err)
	}
	space, err := frontend.Load(name+".sotto", text, frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := &pass.Context{Deploy: cost.ClientServer, Source: cost.FromHE}
	for _, s := range choices.Sites(space.Func) {
		c.Choices = append(c.Choices, pass.Decision{Site: s.Path, Option: s.Options[0]})
	}
	see("load", space.Module)
	r := pass.Runner{After: func(p *pass.Pass, m *ir.Module, _ time.Duration) { see(p.Name, m) }}
	if err := r.Run(c, space.Module, slices.Concat(passes.ToNet, passes.ToRing, passes.ToSecure)...); err != nil {
		t.Fatal(err)
	}
	return space.Module
}

// TestLinesSayWhatTheyDefine: the lines are the module without positions, and each value stands on its own line.
func TestLinesSayWhatTheyDefine(t *testing.T) {
	compiled(t, "resnet18_cifar", func(name string, m *ir.Module) {
		var text strings.Builder
		defined := 0
		for i, l := range Lines(m, nil) {
			text.WriteString(l.Text + "\n")
			defined += len(l.Defs)
			for _, v := range l.Defs {
				if !strings.Contains(l.Text, "%"+v+" = ") && !strings.Contains(l.Text, "%"+v+": ") {
					t.Errorf("%s: line %d does not define %%%s: %s", name, i, v, l.Text)
				}
			}
			if len(l.Defs) > 0 && (l.At == 0 || l.File == "") {
				t.Errorf("%s: line %d has no place in the source: %s", name, i, l.Text)
			}
		}
		all := 0
		m.Funcs[0].Walk(func(*ir.Value) { all++ })
		if defined != all {
			t.Errorf("%s: %d values are defined, want %d", name, defined, all)
		}
		if back, err := ir.Parse(name, text.String()); err != nil || back.String() != text.String() {
			t.Errorf("%s: the lines do not parse back: %v", name, err)
		}
	})
}

// TestGraphIsLaidOut: boxes lie apart and in the picture, and edges go down from one to the other.
func TestGraphIsLaidOut(t *testing.T) {
	for _, name := range []string{"minionn", "resnet18_cifar", "mobilenetv2", "cnet1_cifar10"} {
		stages := map[ir.Stage]bool{}
		compiled(t, name, func(_ string, m *ir.Module) {
			if stages[m.Stage] {
				return
			}
			stages[m.Stage] = true
			g := NewGraph(m.Stage, m.Funcs[0], nil)
			if len(g.Nodes) < 5 || len(g.Edges) < len(g.Nodes)-1 {
				t.Fatalf("%s, %s: %d nodes, %d edges", name, m.Stage, len(g.Nodes), len(g.Edges))
			}
			for i, n := range g.Nodes {
				if n.X < 0 || n.Y < 0 || n.X+n.W > g.Width || n.Y+n.H > g.Height {
					t.Errorf("%s, %s: %s is outside", name, m.Stage, n.Path)
				}
				for _, o := range g.Nodes[:i] {
					if n.X < o.X+o.W && o.X < n.X+n.W && n.Y < o.Y+o.H && o.Y < n.Y+n.H {
						t.Errorf("%s, %s: %s lies on %s", name, m.Stage, n.Path, o.Path)
					}
				}
			}
			for _, e := range g.Edges {
				from, to := g.Nodes[e.From], g.Nodes[e.To]
				first, last := e.Points[0], e.Points[len(e.Points)-1]
				if first != [2]int{from.X + from.W/2, from.Y + from.H} || last != [2]int{to.X + to.W/2, to.Y} || !slices.IsSortedFunc(e.Points, func(a, b [2]int) int { return a[1] - b[1] }) {
					t.Errorf("%s, %s: the edge from %s to %s goes by %v", name, m.Stage, from.Path, to.Path, e.Points)
				}
			}
		})
		if len(stages) != 4 {
			t.Errorf("%s went through %v", name, stages)
		}
	}
}

// TestTimelineIsTheEstimates: lanes do not overlap, waiting fills the rest, and both phases are as long as the estimate says.
func TestTimelineIsTheEstimates(t *testing.T) {
	m := compiled(t, "minionn", func(string, *ir.Module) {})
	target, err := cost.ShippedTarget("lan")
	if err != nil {
		t.Fatal(err)
	}
	x := cost.Estimate(ir.Account(m, m.Funcs[0], cost.FromHE), target)
	line := Estimated(m, m.Funcs[0], cost.FromHE, target)
	for i, want := range []float64{x.Offline.MS, x.Online.MS} {
		c := line.Charts[i]
		if c.MS < want*0.999 {
			t.Errorf("%s is %v ms long, the estimate is %v ms", c.Name, c.MS, want)
		}
		var covered [2]float64
		var sent int64
		for k, b := range c.Spans {
			if b[barTo] < b[barFrom] || b[barTo] > c.MS+1e-6 {
				t.Fatalf("%s: span %v", c.Name, b)
			}
			if k > 0 && c.Spans[k-1][barLane] == b[barLane] && c.Spans[k-1][barTo] > b[barFrom]+1e-6 {
				t.Errorf("%s: %v and %v overlap", c.Name, c.Spans[k-1], b)
			}
			if lane := int(b[barLane]); lane < len(parties) && lane%kinds == waits {
				covered[lane/kinds] += b[barTo] - b[barFrom]
			}
			sent += int64(b[barBytes])
		}
		if covered[0] <= 0 || covered[0] >= c.MS || covered[1] <= 0 || covered[1] >= c.MS {
			t.Errorf("%s: of %v ms the parties wait %v", c.Name, c.MS, covered)
		}
		traffic := []cost.Traffic{x.Offline.Traffic, x.Online.Traffic}[i]
		if total := traffic.ClientSent + traffic.ServerSent; sent < total*999/1000 || sent > total+int64(len(c.Spans)) {
			t.Errorf("%s: spans send %d bytes, the program %d", c.Name, sent, total) // what takes no time has no span
		}
	}
}

// TestSchedulesOfStrangers: what is no schedule is refused, whatever numbers are in it.
func TestSchedulesOfStrangers(t *testing.T) {
	const head = `{"sotto":1,"clock_mhz":200,"cycles":10,"resources":[{"name":"client conv"}],"layers":["conv1"],"op_fields":["resource","start","cycles","party","command","stage","bytes"],`
	for text, want := range map[string]string{
		`{}`:                                                      "no schedule of version 1",
		head + `"ops":[[0,0,5,0,0,0]]}`:                           "operation 0",
		head + `"ops":[[1,0,5,0,0,0,0]]}`:                         "operation 0",
		head + `"ops":[[-1,0,5,0,0,0,0]]}`:                        "operation 0",
		head + `"ops":[[1e300,0,5,0,0,0,0]]}`:                     "operation 0",
		head + `"ops":[[0,0,5,0,1e300,0,0]]}`:                     "",
		head + `"ops":[[0,0,5,7,-3,0,0]],"client":[{"layer":9}]}`: "",
		head + `"ops":[[0,0,5,0,0,0,0]],"client":[{"layer":-1,"operation":"x"}]}`:  "",
		strings.Replace(head, "stage", "phase", 1) + `"ops":[[0,0,5,0,0,0,0]]}`:    "op_fields",
		head + `"ops":[[0,0,2,0,0,0,3],[0,2,2,0,0,0,4]],"client":[{"layer":0}]}`:   "",
		head + `"ops":[[0,0,2,0,0,0,3],[0,8,2,0,0,0,4]],"client":[{"layer":0}] } `: "",
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"config.json": `{"kind":"fpga"}`, "report.json": `{}`, "schedule.json": text} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		h, err := ReadHardware(dir)
		if want != "" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", text, err, want)
			}
			continue
		}
		if err != nil || len(h.Chart.Spans) == 0 || h.Chart.Lanes[0] != (Lane{"client", "conv", "compute"}) {
			t.Errorf("%s: %+v, %v", text, h.Chart, err)
		}
	}
}
