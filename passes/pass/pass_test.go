package pass_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/ir"
	"sotto/passes/pass"
)

func parse(t *testing.T) *ir.Module {
	t.Helper()
	m, err := ir.Parse("t.ir", "module net\nfunc @f(%x: f32[4]) -> f32[4] {\n%1 = nn.relu %x : f32[4]\n%2 = nn.negate %1 : f32[4]\nreturn %2\n}")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// tests of the runner need passes that do one thing each.
var (
	nothing = &pass.Pass{Name: "nothing", Needs: ir.Net, Run: func(*pass.Context, *ir.Module) error { return nil }}
	refuses = &pass.Pass{Name: "refuses", Needs: ir.Net, Run: func(*pass.Context, *ir.Module) error { return errors.New("net.sotto:3:1: too much") }}
	bug     = &pass.Pass{Name: "bug", Needs: ir.Net, Run: func(*pass.Context, *ir.Module) error { ir.Bugf("nobody thought of this"); return nil }}
	breaks  = &pass.Pass{Name: "breaks", Needs: ir.Net, Run: func(_ *pass.Context, m *ir.Module) error {
		m.Funcs[0].Body[0].Type = ir.Float(5)
		return nil
	}}
	raises = &pass.Pass{Name: "raises", Needs: ir.Net, Gives: ir.RingStage, Run: func(_ *pass.Context, m *ir.Module) error {
		return pass.Rewrite(m, func(r *pass.Rewriter, v *ir.Value) (*ir.Value, error) {
			r.New.Params[0].Type.Elem = ir.Ring(32, 8)
			return r.To[v.Args[0]], nil
		})
	}}
)

func TestRunnerTellsUserErrorsFromBugs(t *testing.T) {
	for _, c := range []struct {
		pass *pass.Pass
		want string
		bug  bool
	}{
		{refuses, "net.sotto:3:1: too much", false},
		{bug, "pass bug: nobody thought of this", true},
		{breaks, "pass breaks left a module that does not verify", true},
		{&pass.Pass{Name: "late", Needs: ir.Secure}, "pass late does not take a module in stage net", false},
	} {
		err := (&pass.Runner{}).Run(&pass.Context{}, parse(t), c.pass)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want it to say %q", c.pass.Name, err, c.want)
		}
		if isBug := errors.As(err, new(ir.Bug)); isBug != c.bug {
			t.Errorf("%s: error %v is a bug: %v, want %v", c.pass.Name, err, isBug, c.bug)
		}
	}
}

func TestRunnerMovesTheStage(t *testing.T) {
	m := parse(t)
	if err := (&pass.Runner{}).Run(&pass.Context{}, m, nothing, raises); err != nil {
		t.Fatal(err)
	}
	if m.Stage != ir.RingStage {
		t.Errorf("the module is in stage %s", m.Stage)
	}
}

func TestRunnerDumpsEveryStepAsALegalInput(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ir")
	var after []string
	r := pass.Runner{
		Dump:  dir,
		After: func(p *pass.Pass, _ *ir.Module, _ time.Duration) { after = append(after, p.Name) },
		Note:  func(*ir.Module) func(*ir.Value) string { return func(*ir.Value) string { return "a note" } },
	}
	m := parse(t)
	if err := r.Run(&pass.Context{}, m, nothing); err != nil {
		t.Fatal(err)
	}
	if err := r.Run(&pass.Context{}, m, breaks); err == nil {
		t.Fatal("a broken module passed")
	}
	if !slices.Equal(after, []string{"nothing"}) {
		t.Errorf("After saw %v", after)
	}
	for name, notes := range map[string]int{"00-load.ir": 2, "01-nothing.ir": 2, "02-breaks-broken.ir": 0} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		if n := strings.Count(string(text), "; a note"); n != notes {
			t.Errorf("%s has %d notes, want %d:\n%s", name, n, notes, text)
		}
		if _, err := ir.Parse(name, string(text)); (err == nil) != (notes > 0) {
			t.Errorf("%s: parsing gives %v", name, err)
		}
	}
}

func TestRewriteCopiesWhatItDoesNotRewrite(t *testing.T) {
	m := parse(t)
	err := pass.Rewrite(m, func(r *pass.Rewriter, v *ir.Value) (*ir.Value, error) {
		if v.Is("nn.relu") {
			return r.B.At(v).Must("nn.square", nil, r.Args(v)...), nil
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var ops []string
	for _, v := range m.Funcs[0].Body {
		ops = append(ops, v.Op.Name)
	}
	if !slices.Equal(ops, []string{"nn.square", "nn.negate"}) || m.Funcs[0].Body[1].Args[0] != m.Funcs[0].Body[0] {
		t.Errorf("rewritten to\n%s", m)
	}
	if err := ir.Check(m); err != nil {
		t.Error(err)
	}
}

// TestUnderNothing: where there is nothing to choose for, no empty list of names is accepted.
func TestUnderNothing(t *testing.T) {
	if _, err := pass.Under(nil, "nope"); err == nil || !strings.Contains(err.Error(), `no op here is called "nope": there is none to choose for`) {
		t.Error(err)
	}
}
