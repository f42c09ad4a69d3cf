package pasnet_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sotto/fpga/pasnet"
	"sotto/frontend"
	"sotto/frontend/syntax"
	"sotto/ir"
	"sotto/passes"
	"sotto/passes/pass"
)

// figures are the paper's, as printed.
type figures struct {
	Networks []struct {
		Name     string
		Choices  map[string]string
		MS, MB   string
		PerKWSec string `json:"per_kw_s"`
	}
	First struct {
		Network, Prefix string
		Share           string     `json:"relu_share_percent"`
		OverX2act       [2]float64 `json:"relu_over_x2act"`
	} `json:"first_bottleneck"`
}

func read(t *testing.T) (f figures) {
	t.Helper()
	text, err := os.ReadFile("testdata/figures.json")
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// network elaborates an example with its choices made.
func network(t *testing.T, name string, options map[string]string) *ir.Func {
	t.Helper()
	path := filepath.Join("..", "..", "examples", name+".sotto")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := syntax.Parse(path, text)
	if err != nil {
		t.Fatal(err)
	}
	space, err := frontend.Elaborate(file, frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	context := new(pass.Context)
	for site, option := range options {
		context.Choices = append(context.Choices, pass.Decision{Site: site, Option: option})
	}
	if err := new(pass.Runner).Run(context, space.Module, passes.AsWritten...); err != nil {
		t.Fatal(err)
	}
	return space.Module.Funcs[0]
}

func estimate(t *testing.T, f *ir.Func) pasnet.Estimate {
	t.Helper()
	target, ok, err := pasnet.ShippedTarget("zcu104x2-pasnet")
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	e, err := pasnet.Of(f, target)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestPaper holds the model to the figures of the paper, to the last printed digit.
func TestPaper(t *testing.T) {
	for _, want := range read(t).Networks {
		e := estimate(t, network(t, want.Name, want.Choices))
		printed(t, want.Name+" ms", e.Total.MS(), want.MS)
		printed(t, want.Name+" MB", float64(e.Total.Bytes())/1e6, want.MB)
		if want.PerKWSec != "" {
			printed(t, want.Name+" per kW and second", e.PerKWSecond, want.PerKWSec)
		}
	}
}

// printed demands that x has the digits of want.
func printed(t *testing.T, what string, x float64, want string) {
	t.Helper()
	_, decimals, _ := strings.Cut(want, ".")
	if got := strconv.FormatFloat(x, 'f', len(decimals), 64); got != want {
		t.Errorf("%s: %s, the paper's is %s", what, got, want)
	}
}

// TestFirstBottleneck holds single layers to the paper's shares.
func TestFirstBottleneck(t *testing.T) {
	want := read(t).First
	exact := estimate(t, network(t, want.Network, map[string]string{"act": "relu", "pool": "maxpool"}))
	cheap := estimate(t, network(t, want.Network, map[string]string{"act": "x2act", "pool": "avgpool"}))
	var all, relus float64
	for i, l := range exact.Layers {
		if !strings.HasPrefix(l.Value.Path, want.Prefix) {
			continue
		}
		all += l.MS()
		if l.Value.Is("nn.relu") {
			relus += l.MS()
			if ratio := l.MS() / cheap.Layers[i].MS(); ratio < want.OverX2act[0] || ratio >= want.OverX2act[1]+0.5 {
				t.Errorf("%s: a relu takes %.1f x2acts, the paper has %v", l.Value.Path, ratio, want.OverX2act)
			}
		}
	}
	printed(t, "share of relus", 100*relus/all, want.Share)
}

func TestNoFormula(t *testing.T) {
	m, err := ir.Parse("x.ir", "module net\nfunc @n(%x: C f32[4] {mean=[0.0], std=[1.0]}) -> f32[1] {\n  %1 = nn.argmax %x : f32[1]\n  return %1\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pasnet.Of(m.Funcs[0], pasnet.Target{}); err == nil || !strings.Contains(err.Error(), "nn.argmax") {
		t.Errorf("%v", err)
	}
}

func TestBadTargets(t *testing.T) {
	for _, text := range []string{`{`, `{"model": "pasnet"}`, `{"model": "pasnet", "sotto": 1, "name": "x", "source": "y", "watt": 3}`} {
		if _, err := pasnet.ParseTarget([]byte(text)); err == nil {
			t.Errorf("%s is accepted", text)
		}
	}
}
