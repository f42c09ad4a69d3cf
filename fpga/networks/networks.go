// Package networks has the examples, compiled, and boards and links to run them on, for the tests of the back end.
package networks

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sotto/backend/twopc"
	"sotto/fpga/target"
	"sotto/frontend"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
)

// PASNet lists the networks of the paper that its latency is published of, on two ZCU104 over PaperLink.
var PASNet = []struct {
	Name, Example string
	Sites         []string // that are polynomial
	PaperMS       float64
	Large         bool // seconds: with SOTTO_LONG=1
}{{"A", "resnet18", []string{"act", "pool"}, 63.3, false}, {"B", "resnet50", []string{"act", "pool"}, 227.6, true}, {"D", "mobilenetv2", []string{"act"}, 180.9, true}}

// Long tells whether tests of large networks run.
func Long() bool { return os.Getenv("SOTTO_LONG") != "" }

// Example reads a network of the examples.
func Example(t testing.TB, name string) *ir.Module {
	t.Helper()
	path := filepath.Join("..", "..", "examples", name+".sotto")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	space, err := frontend.Load(path, text, frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return space.Module
}

// Polynomial is a context in which all choices of these names are polynomials, or averages: what is a pool, by name.
func Polynomial(sites ...string) *pass.Context {
	c := new(pass.Context)
	for _, s := range sites {
		c.Choices = append(c.Choices, pass.Decision{Site: s, Option: map[string]string{"act": "x2act", "pool": "avgpool"}[s]})
	}
	return c
}

// Compared is a context in which comparisons are by a protocol.
func Compared(by pass.Nonlinear) *pass.Context {
	return &pass.Context{Protocols: pass.Protocols{Nonlinear: by}}
}

// Secured brings a network without weights, whose ranges are then assumed, to stage SECURE: with a dealer, and SoftSpoken where the context
// names no extension; client-server where it names no deployment.
func Secured(t testing.TB, m *ir.Module, c *pass.Context) *ir.Module {
	t.Helper()
	c.Source = cost.FromDealer
	if c.OT == nil {
		c.OT = cost.AlwaysOT(cost.SoftSpoken)
	}
	if c.Deploy == "" {
		c.Deploy = cost.ClientServer
	}
	if err := new(pass.Runner).Run(c, m, slices.Concat(passes.ToNet, passes.ToRing, passes.ToSecure)...); err != nil {
		t.Fatal(err)
	}
	return m
}

// Pair are both parties' programs of an example.
func Pair(t testing.TB, name string, c *pass.Context) *twopc.Pair {
	t.Helper()
	return Compiled(t, Example(t, name), c, twopc.DefaultTuning())
}

// Compiled are both parties' programs of a network.
func Compiled(t testing.TB, m *ir.Module, c *pass.Context, tuning twopc.Tuning) *twopc.Pair {
	t.Helper()
	pair, err := twopc.EmitTuned(Secured(t, m, c), m.Funcs[0], tuning)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// PaperLink is the link of the PASNet paper.
func PaperLink() cost.Link { return Link(1, 0.1) }

// Link carries so many gigabytes a second each way, in so many milliseconds.
func Link(gbytes, ms float64) cost.Link {
	const source = "a test"
	return cost.Link{BytesPerSecond: cost.Quantity{Value: gbytes * 1e9, Source: source}, OneWayMS: cost.Quantity{Value: ms, Source: source}}
}

// Engines are what a board has for comparisons, with room for all labels: ForBoard leaves them out.
var Engines = []target.Setting{{Knob: "garble.count", Value: 1}, {Knob: "evaluate.count", Value: 1}, {Knob: "compare.lanes", Value: 1}, {Knob: "ot.aes", Value: 1},
	{Knob: "evaluate.slots", Value: 512}, {Knob: "garble.slots", Value: 512}}

// Board is a shipped board.
func Board(t testing.TB, name string) target.Board {
	t.Helper()
	b, err := target.Shipped(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Design is a board's usual design with some knobs turned.
func Design(t testing.TB, board string, ring int, settings ...target.Setting) target.Design {
	t.Helper()
	d, err := target.ForBoard(Board(t, board), ring)
	if err != nil {
		t.Fatal(err)
	}
	if d, err = d.With(settings...); err != nil {
		t.Fatal(err)
	}
	return d
}
