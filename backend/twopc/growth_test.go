package twopc_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sotto/backend/twopc"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/program"
)

// chain gives the text of a network of n equal blocks, most of what networks consist of in each: a choice of activation, a
// normalised convolution, and an addition that skips it.
func chain(n int) string {
	var b strings.Builder
	b.WriteString("module space\nfunc @net(%image: f32[2,4,4]) -> f32[2,4,4] {\n")
	x := "%image"
	for i := range n {
		fmt.Fprintf(&b, `  %%w%[1]d = param @block%[1]d.conv.weight : S f32[2,2,3,3]
  %%g%[1]d = param @block%[1]d.bn.gamma : S f32[2]
  %%h%[1]d = param @block%[1]d.bn.beta : S f32[2]
  %%m%[1]d = param @block%[1]d.bn.mean : S f32[2]
  %%v%[1]d = param @block%[1]d.bn.var : S f32[2]
  %%a%[1]d = param @block%[1]d.act.a : S f32[1]
  %%c%[1]d = choice {site="block%[1]d.act", choice="act"} : f32[2,4,4] {
  option relu:
    %%r%[1]d = nn.relu %[2]s : f32[2,4,4]  @0:0:0/block%[1]d.relu
    yield %%r%[1]d
  option x2act:
    %%p%[1]d = nn.x2act %[2]s, %%a%[1]d, %%a%[1]d, %%a%[1]d : f32[2,4,4]  @0:0:0/block%[1]d.act
    yield %%p%[1]d
  }
  %%y%[1]d = nn.conv2d %%c%[1]d, %%w%[1]d {pad=[1,1]} : f32[2,4,4]  @0:0:0/block%[1]d.conv
  %%z%[1]d = nn.batchnorm %%y%[1]d, %%g%[1]d, %%h%[1]d, %%m%[1]d, %%v%[1]d : f32[2,4,4]  @0:0:0/block%[1]d.bn
  %%s%[1]d = nn.add %%z%[1]d, %[2]s : f32[2,4,4]  @0:0:0/block%[1]d.add
`, i, x)
		x = fmt.Sprintf("%%s%d", i)
	}
	fmt.Fprintf(&b, "  return %s\n}\n", x)
	return b.String()
}

// counts is how much there is of what a compilation makes, by pass.
type counts map[string]int

func compileChain(t testing.TB, n int, act string, d cost.Deployment) counts {
	m, err := ir.Parse("chain.ir", chain(n))
	if err != nil {
		t.Fatal(err)
	}
	out := counts{}
	step := 0
	r := pass.Runner{After: func(p *pass.Pass, m *ir.Module, _ time.Duration) {
		out[fmt.Sprintf("values after %02d-%s", step, p.Name)] = len(m.Funcs[0].Body)
		step++
	}}
	if err := r.Run(&pass.Context{Deploy: d, Choices: []pass.Decision{{Site: "act", Option: act}}}, m, every...); err != nil {
		t.Fatal(err)
	}
	pair, err := twopc.Emit(m, m.Funcs[0])
	if err != nil {
		t.Fatal(err)
	}
	out["manifest items"] = len(pair.Manifest.Items)
	for _, p := range []*program.Program{pair.Client, pair.Server} {
		out[p.Party.String()+" weights"] = len(p.Weights)
		out[p.Party.String()+" imports"] = len(p.Imports)
		for _, l := range append(p.Offline, p.Online...) {
			out[p.Party.String()+" instructions"] += len(l.Send) + len(l.Recv) + len(l.Compute)
		}
	}
	return out
}

func everyChain(run func(act string, d cost.Deployment)) {
	for _, act := range []string{"relu", "x2act"} {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			run(act, d)
		}
	}
}

// Every block adds the same values, instructions and material, however deep the network is.
func TestWhatIsCompiledGrowsWithTheNetwork(t *testing.T) {
	everyChain(func(act string, d cost.Deployment) {
		t.Run(act+"-"+string(d), func(t *testing.T) { testGrowth(t, 5, act, d) })
	})
}

func TestADeepNetworkGrowsNoFaster(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles 5000 blocks")
	}
	testGrowth(t, 50, "relu", cost.Outsourced)
}

// testGrowth compiles n, 10n and 100n blocks.
func testGrowth(t *testing.T, n int, act string, d cost.Deployment) {
	few, some, many := compileChain(t, n, act, d), compileChain(t, 10*n, act, d), compileChain(t, 100*n, act, d)
	for name := range many {
		if many[name]-some[name] != 10*(some[name]-few[name]) {
			t.Errorf("%s: %d for %d blocks, %d for %d, %d for %d", name, few[name], n, some[name], 10*n, many[name], 100*n)
		}
	}
}

// Ten times the blocks take about ten times the memory, all passes and the back end together. The tolerance is for maps,
// which double.
func TestCompilingAllocatesInProportion(t *testing.T) {
	everyChain(func(act string, d cost.Deployment) {
		t.Run(act+"-"+string(d), func(t *testing.T) {
			at := func(n int) float64 { return testing.AllocsPerRun(1, func() { compileChain(t, n, act, d) }) }
			if few, many := at(30), at(300); many > 12*few {
				t.Errorf("%.0f allocations for 30 blocks, %.0f for 300", few, many)
			}
		})
	})
}

// BenchmarkCompile gives the time a block takes: it should not depend on the depth.
func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{50, 500, 5000} {
		everyChain(func(act string, d cost.Deployment) {
			b.Run(fmt.Sprintf("%s-%s-%d", act, d, n), func(b *testing.B) {
				for b.Loop() {
					compileChain(b, n, act, d)
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "us/block")
			})
		})
	}
}
