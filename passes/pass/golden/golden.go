// Package golden is what the tests of passes stand on: golden files (Run), and random small networks for properties
// (DrawNet). A golden file says what a module looks like before and after, in one txtar file a case.
//
//	What the case shows, in prose.
//	#passes: cse dce             in this order; default: the first pass that the test offers
//	#deploy: client-server outsourced
//	#ring: 32 64
//	#choose: act=none b.act#1=relu
//	#pools: last
//	#batch: 2                    how many samples training functions take, of a network trained by SGD with momentum
//	-- in.ir --                  the module, as a person writes it
//	-- weights --                PATH NUMBER...    repeated until the tensor is full; without the section there are no weights
//	-- inputs --                 NUMBER...         one calibration input a line, repeated likewise
//	-- out.ir --                 what the passes leave; of a SECURE module
//	-- cost --                   its traffic as well, so that a change in traffic is a visible diff
//	-- error --                  instead of both, what the user reads
//	-- notices --, -- report --  what the passes tell the user, where they do
//
// Deploy and ring may list several values: the case then runs once for each, and the name of a section it produces begins
// with the values, as in outsourced/out.ir.
//
// Every case also runs on shuffles of its module in which independent values stand in another order. What comes out must
// be the same module up to the order and the names of values.
//
// UPDATE=1 in the environment writes the sections that the passes produce; nothing else of the file changes.
package golden

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// shuffles is how many other orders of a case's values are tried.
const shuffles = 4

// Run tests every archive of a folder as a subtest. Cases name their passes among those offered.
func Run(t *testing.T, dir string, offered ...*pass.Pass) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files in %s (%v)", dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := parseCase(text, offered)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			c.test(t, file)
		})
	}
}

func (c *testCase) test(t *testing.T, file string) {
	var got []txtar.File
	for _, v := range c.variants() {
		r, err := c.run(v, 0)
		if err != nil {
			t.Fatalf("%s%v", v.prefix(), err)
		}
		got = append(got, r.sections(v.prefix())...)
		c.testShuffles(t, v, r)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, c.withOutputs(got), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	compare(t, file, c.outputs, got)
}

// compare demands the same sections in the same order with the same text.
func compare(t *testing.T, file string, want, got []txtar.File) {
	for _, g := range got {
		i := slices.IndexFunc(want, func(w txtar.File) bool { return w.Name == g.Name })
		if i < 0 {
			t.Errorf("%s has no section %s; UPDATE=1 writes it:\n%s", file, g.Name, g.Data)
		} else if w := want[i]; string(w.Data) != string(g.Data) {
			t.Errorf("%s: section %s differs; UPDATE=1 accepts what came out. In the file:\n%s\nCame out:\n%s", file, g.Name, w.Data, g.Data)
		}
	}
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g txtar.File) bool { return g.Name == w.Name }) {
			t.Errorf("%s: nothing produces section %s", file, w.Name)
		}
	}
}

// testShuffles runs the case on other orders of its values. Which of several errors comes first may depend on the order;
// that there is one must not.
func (c *testCase) testShuffles(t *testing.T, v variant, want *outcome) {
	for seed := uint64(1); seed <= shuffles; seed++ {
		got, err := c.run(v, seed)
		switch {
		case err != nil:
			t.Errorf("%sshuffle %d: %v", v.prefix(), seed, err)
		case (got.err == nil) != (want.err == nil):
			t.Errorf("%sshuffle %d: error %v, in the order of the file %v", v.prefix(), seed, got.err, want.err)
		case got.err == nil && !slices.Equal(Fingerprint(got.module), Fingerprint(want.module)):
			t.Errorf("%sshuffle %d gives another module:\n%s\nIn the order of the file:\n%s", v.prefix(), seed, got.module, want.module)
		}
	}
}

// outcome is what the passes made of a module.
type outcome struct {
	module  *ir.Module
	context *pass.Context
	err     error // for the user
}

// run applies the passes to the case's module, shuffled unless the seed is 0.
func (c *testCase) run(v variant, seed uint64) (*outcome, error) {
	m, err := ir.Parse("in.ir", c.input)
	if err != nil {
		return nil, err
	}
	if seed != 0 {
		Shuffle(m, seed)
		if err := ir.Check(m); err != nil {
			return nil, fmt.Errorf("the shuffled module: %w", err)
		}
	}
	ctx := &pass.Context{Choices: c.choices, Deploy: v.deploy, Ring: v.ring, Source: cost.FromDealer, Protocols: c.using, Pools: c.pools}
	if c.batch > 0 {
		ctx.Training = &pass.Training{Batch: c.batch, Optimiser: pass.SGD{Momentum: 0.9}}
	}
	if c.weights != nil {
		ctx.Weights = c.weights
		ctx.Calibration = c.calibration(m)
	}
	err = (&pass.Runner{}).Run(ctx, m, c.passes...)
	if bug := (ir.Bug{}); errors.As(err, &bug) {
		return nil, bug
	}
	return &outcome{m, ctx, err}, nil
}

func (o *outcome) sections(prefix string) []txtar.File {
	var out []txtar.File
	add := func(name, text string) {
		if text != "" {
			out = append(out, txtar.File{Name: prefix + name, Data: []byte(strings.TrimSuffix(text, "\n") + "\n")})
		}
	}
	if o.err != nil {
		add("error", o.err.Error())
	} else {
		add("out.ir", o.module.String())
		add("cost", Traffic(o.module))
	}
	add("notices", strings.Join(o.context.Notices, "\n"))
	if r := o.context.Report; r.Ring != 0 {
		add("report", fmt.Sprintf("ring %d, activations with %d fraction bits", r.Ring, r.Frac))
	}
	return out
}

// Traffic gives what the functions of a SECURE module put on the wire, a line a phase; nothing for other stages.
func Traffic(m *ir.Module) string {
	if m.Stage != ir.Secure {
		return ""
	}
	var b strings.Builder
	for _, f := range m.Funcs {
		l := ir.Account(m, f, cost.FromDealer)
		for _, phase := range []cost.Phase{cost.Offline, cost.Online} {
			t := l.Total(phase)
			fmt.Fprintf(&b, "@%s %-7s  client sends %d B, server sends %d B, %d rd\n", f.Name, phase, t.ClientSent, t.ServerSent, t.Rounds)
		}
	}
	return b.String()
}
