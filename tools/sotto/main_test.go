package main

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/tensorfile"
	"sotto/runtime/wire"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sotto": main})
}

// TestScripts runs testdata/script. $EXAMPLES is the folder of example networks. UPDATE=1 rewrites goldens.
func TestScripts(t *testing.T) {
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: os.Getenv("UPDATE") == "1", RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("EXAMPLES", examples)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"json": jsonCommand, "status": statusCommand, "digit": digitCommand, "tensors": tensorsCommand, "truncate": truncateCommand, "prices": pricesCommand, "same": sameCommand,
			"start": startCommand, "finish": finishCommand, "xml": xmlCommand, "traced": tracedCommand, "edit": editCommand,
		},
	})
}

// jsonCommand is `json FILE path.to.field WANT`: the field of the JSON object in FILE (stdout, stderr) prints as WANT.
func jsonCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: json FILE path want")
	}
	var v any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &v))
	for _, key := range strings.Split(args[1], ".") {
		v = child(v, key)
	}
	got := fmt.Sprint(v)
	if f, ok := v.(float64); ok {
		got = strconv.FormatFloat(f, 'f', -1, 64)
	}
	if (got == args[2]) == neg {
		ts.Fatalf("%s of %s is %s", args[1], args[0], got)
	}
}

// sameCommand is `same A B FIELD...`: the objects in two JSON files have the same values there.
func sameCommand(ts *testscript.TestScript, _ bool, args []string) {
	var a, b map[string]json.RawMessage
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &a))
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &b))
	for _, field := range args[2:] {
		if string(a[field]) != string(b[field]) {
			ts.Fatalf("%s: %s in %s, %s in %s", field, a[field], args[0], b[field], args[1])
		}
	}
}

func child(v any, key string) any {
	switch v := v.(type) {
	case map[string]any:
		if x, ok := v[key]; ok {
			return x
		}
	case []any:
		if key == "len" {
			return len(v)
		}
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(v) {
			return v[i]
		}
	}
	return "absent"
}

// statusCommand is `status N COMMAND...`: the command exits with N; its output is in stdout.txt and stderr.txt.
func statusCommand(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var code int
	err = ts.Exec(args[1], args[2:]...)
	var exit interface{ ExitCode() int }
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("exit status %d, want %d", code, want)
	}
}

// digitCommand is `digit FILE W H`: a PNG.
func digitCommand(ts *testscript.TestScript, _ bool, args []string) {
	w, err := strconv.Atoi(args[1])
	ts.Check(err)
	h, err := strconv.Atoi(args[2])
	ts.Check(err)
	m := image.NewGray(image.Rect(0, 0, w, h))
	for x := range w {
		for y := range h {
			m.Set(x, y, color.Gray{uint8(7*x + 3*y)})
		}
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Check(errors.Join(png.Encode(f, m), f.Close()))
}

// tensorsCommand is `tensors FILE name=2x3...`: a safetensors file of zeros.
func tensorsCommand(ts *testscript.TestScript, _ bool, args []string) {
	var list []tensorfile.Tensor
	for _, arg := range args[1:] {
		name, dims, _ := strings.Cut(arg, "=")
		var shape []int
		n := 1
		for d := range strings.SplitSeq(dims, "x") {
			k, err := strconv.Atoi(d)
			ts.Check(err)
			shape, n = append(shape, k), n*k
		}
		list = append(list, tensorfile.New(name, shape, make([]float32, n)))
	}
	ts.Check(tensorfile.Write(ts.MkAbs(args[0]), list, nil, tensorfile.Shared))
}

// pricesCommand is `prices FILE`: a price list of one slow machine and a slow link, named slow.
func pricesCommand(ts *testscript.TestScript, _ bool, args []string) {
	made := cost.Quantity{Value: 1, Source: "made up"}
	m := cost.Machine{Cores: 1, ProcessBytes: made}
	for k := range m.Prices {
		m.Prices[k] = cost.Price{NS: 100, Source: made.Source}
	}
	text, err := json.Marshal(cost.Target{Sotto: cost.TargetVersion, Name: "slow", Source: made.Source, Client: "slug", Server: "slug",
		Machines: map[string]cost.Machine{"slug": m}, Link: cost.Link{BytesPerSecond: cost.Quantity{Value: 1e5, Source: made.Source}, OneWayMS: made}})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o644))
}

// xmlCommand is `xml FILE`: the file is well-formed XML.
func xmlCommand(ts *testscript.TestScript, _ bool, args []string) {
	d := xml.NewDecoder(strings.NewReader(ts.ReadFile(args[0])))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else {
			ts.Check(err)
		}
	}
}

// truncateCommand is `truncate FILE N`: the file's first N bytes stay.
func truncateCommand(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), int64(n)))
}

// failing runs one command that fails in the given way and gives status and stderr.
func failing(t *testing.T, how func() error, args ...string) (int, string) {
	t.Helper()
	var errs strings.Builder
	a := &app{out: io.Discard, err: &errs}
	a.json = len(args) > 0
	status := func() (status int) {
		defer func() {
			if r := recover(); r != nil {
				status = a.fail(asInternal(r, []byte("the stack\n")))
			}
		}()
		return a.fail(how())
	}()
	return status, errs.String()
}

func TestErrorsHaveTheirStatus(t *testing.T) {
	t.Setenv("SOTTO_DEBUG", "")
	for name, c := range map[string]struct {
		how    func() error
		status int
		text   string
	}{
		"user":       {func() error { return errors.New("no such file") }, 1, "no such file\n"},
		"usage":      {func() error { return usagef("--x") }, 2, "sotto: --x\n"},
		"peer":       {func() error { return fmt.Errorf("layer conv1: %w", wire.ErrTimeout) }, 3, "layer conv1: peer too slow\n"},
		"bug":        {func() error { return fmt.Errorf("x: %w", ir.Bug{Msg: "pass fold: broken"}) }, 4, "pass fold: broken"},
		"panicked":   {func() error { panic("index out of range") }, 4, "index out of range"},
		"bug panics": {func() error { ir.Bugf("pass %s", "dce"); return nil }, 4, "pass dce"},
	} {
		status, text := failing(t, c.how)
		if status != c.status || !strings.Contains(text, c.text) {
			t.Errorf("%s: status %d, %q", name, status, text)
		}
		if c.status == 4 && (!strings.Contains(text, "please report") || strings.Contains(text, "the stack")) {
			t.Errorf("%s: %q", name, text)
		}
		status, text = failing(t, c.how, "--json")
		var object struct {
			Sotto int
			Error errorJSON
		}
		if err := json.Unmarshal([]byte(text), &object); err != nil || status != c.status || object.Sotto != 1 || object.Error.Message == "" || object.Error.Code == "" {
			t.Errorf("%s as JSON: status %d, %q, %v", name, status, text, err)
		}
	}
	t.Setenv("SOTTO_DEBUG", "1")
	if _, text := failing(t, func() error { panic("x") }); !strings.Contains(text, "the stack") {
		t.Errorf("SOTTO_DEBUG shows no stack: %q", text)
	}
}

func TestEveryCommandIsDocumented(t *testing.T) {
	root := newRootCmd(&app{out: io.Discard, err: io.Discard})
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if !c.Hidden && (c.Short == "" || c.Long == "" || !strings.Contains(c.Example, "sotto")) {
			t.Errorf("%s lacks a summary, a description or an example", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}
