package table_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"sotto/frontend"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/passes/table"
)

// space reads an example.
func space(t testing.TB, name string) *ir.Module {
	t.Helper()
	text, err := os.ReadFile("../../examples/" + name + ".sotto")
	if err != nil {
		t.Fatal(err)
	}
	return elaborated(t, name, string(text))
}

func elaborated(t testing.TB, name, text string) *ir.Module {
	t.Helper()
	s, err := frontend.Load(name, []byte(text), frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s.Module
}

func target(t testing.TB, name string) cost.Target {
	t.Helper()
	p, err := cost.ShippedTarget(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// arguments are those of a table and of the compilations that it is held against.
type arguments struct {
	Deploy      cost.Deployment
	Source      cost.Source
	OT          cost.OT
	Elementwise cost.Elementwise
	Protocols   pass.Protocols
}

func (o arguments) context() *pass.Context {
	return &pass.Context{Deploy: o.Deploy, Source: o.Source, Protocols: o.Protocols, OT: cost.AlwaysOT(o.OT), Elementwise: cost.AlwaysElementwise(o.Elementwise)}
}

func build(m *ir.Module, p cost.Target, o arguments) (*cost.Table, table.Learnt, error) {
	return passes.PriceTable(o.context(), m, p, o.OT, o.Elementwise)
}

// compiled is what the pipeline says of a network.
func compiled(t *testing.T, m *ir.Module, p cost.Target, o arguments, sites []cost.TableSite, options []int) cost.Priced {
	t.Helper()
	c := o.context()
	for i, s := range sites {
		c.Choices = append(c.Choices, pass.Decision{Site: s.Path, Option: s.Options[options[i]]})
	}
	m = m.Clone()
	run := func(list []*pass.Pass) {
		if err := (&pass.Runner{}).Run(c, m, list...); err != nil {
			t.Fatal(err)
		}
	}
	run(passes.ToNet)
	relus := frontend.Summarise(m.Funcs[0]).ReLUs
	run(passes.ToRing)
	run(passes.ToSecure)
	l := ir.Account(m, m.Funcs[0], o.Source)
	e := cost.Estimate(l, p)
	out := cost.Priced{ReLUs: relus, Offline: e.Offline.Traffic, Online: e.Online.Traffic, OfflineMS: e.Offline.MS, OnlineMS: e.Online.MS}
	for _, d := range l.Dealt {
		out.Dealt += d.Bytes
	}
	return out
}

// timeError is how far a table's times may be from the pipeline's.
const timeError = 0.01

// compare holds a table against the pipeline on random networks.
func compare(t *testing.T, m *ir.Module, p cost.Target, o arguments, n int) {
	t.Helper()
	tab, learnt, err := build(m, p, o)
	if err != nil {
		t.Fatal(err)
	}
	q, r, worst := tab.NewQuery(), rand.New(rand.NewPCG(7, 7)), 0.0
	for range n {
		options, density := make([]int, len(tab.Sites)), r.Float64()
		for i, s := range tab.Sites {
			if r.Float64() < density {
				options[i] = r.IntN(len(s.Options))
			}
		}
		got, err := q.Price(options)
		if err != nil {
			t.Fatal(err)
		}
		want := compiled(t, m, p, o, tab.Sites, options)
		for _, ms := range [][2]float64{{got.OfflineMS, want.OfflineMS}, {got.OnlineMS, want.OnlineMS}} {
			worst = max(worst, math.Abs(ms[0]-ms[1])/ms[1])
		}
		got.OfflineMS, got.OnlineMS, want.OfflineMS, want.OnlineMS = 0, 0, 0, 0
		if got != want {
			t.Fatalf("options %v: table %+v, pipeline %+v", options, got, want)
		}
	}
	if worst > timeError {
		t.Errorf("times are %.3g of the pipeline's off", worst)
	}
	t.Logf("%d networks alike, times within %.2g; %+v", n, worst, learnt)
}

// networks is how many of a space are compiled; all of them where there is time.
func networks(few, all int) int {
	if os.Getenv("TABLE_ALL") != "" {
		return all
	}
	return few
}

const all = 200 // networks of a space

// TestTablesEqualThePipeline: bytes, rounds and ReLUs are those of the pipeline, times within 1 %. TABLE_ALL=1 has 200 networks of the large
// spaces too.
func TestTablesEqualThePipeline(t *testing.T) {
	simd := arguments{Deploy: cost.ClientServer, Source: cost.FromHE, Elementwise: cost.BySIMD}
	for _, c := range []struct {
		space, target string
		options       arguments
		n             int
	}{
		{"resnet18_cifar", "lan", arguments{Deploy: cost.ClientServer, Source: cost.FromHE}, all},
		{"resnet18_cifar", "wan", arguments{Deploy: cost.ClientServer, Source: cost.FromHE, OT: cost.Ferret}, all},
		{"resnet18_cifar", "pasnet", arguments{Deploy: cost.Outsourced, Source: cost.FromDealer}, all},
		{"resnet18_cifar", "lan", arguments{Deploy: cost.Outsourced, Source: cost.FromHE}, all},
		{"resnet18", "lan", simd, networks(5, all)},
		{"resnet50", "lan", simd, networks(3, all)},
		{"mobilenetv2", "lan", simd, networks(3, all)},
	} {
		t.Run(fmt.Sprintf("%s-%s-%s-%s-%s", c.space, c.target, c.options.Deploy, c.options.Source, c.options.OT), func(t *testing.T) {
			if testing.Short() && c.space != "resnet18_cifar" {
				t.Skip("compiles networks of 224 x 224 pixels for half a minute")
			}
			compare(t, space(t, c.space), target(t, c.target), c.options, c.n)
		})
	}
}

// TestTablesOfOtherProtocols: what compares and how gates are garbled are arguments of a table.
func TestTablesOfOtherProtocols(t *testing.T) {
	for _, p := range []pass.Protocols{
		{Nonlinear: pass.OTSign}, {Nonlinear: pass.GarbledWhole, Garbling: cost.ThreeHalves}, {Truncation: pass.ExactTruncation},
		{Sites: map[string]pass.Nonlinear{"layer1.0.act#1.relu": pass.OTSign}},
	} {
		o := arguments{Deploy: cost.ClientServer, Source: cost.FromHE, Protocols: p}
		compare(t, space(t, "resnet18_cifar"), target(t, "lan"), o, networks(4, 40))
	}
	dealt := arguments{Deploy: cost.ClientServer, Source: cost.FromDealer, Protocols: pass.Protocols{Nonlinear: pass.DealtWhole}}
	compare(t, space(t, "resnet18_cifar"), target(t, "lan"), dealt, networks(4, 40))
}

// nestedSpace has a site within an option, one option that is nothing, three options, and a choice that two places share.
const nestedSpace = `
choice act(x) = relu(x) | x2act(x) | x
choice body(x) = act(conv(x, 4, kernel = 3, pad = 1)) | x
choice pool(x) = maxpool(x, 2) | avgpool(x, 2)
net nested {
  input image: f32[3, 8, 8] from client
  x = conv(image, 4, kernel = 3, pad = 1) |> act |> body |> pool
  x = x + body(x)
  output y = act(x) |> flatten |> linear(10) to client
}
`

// scalesSpace has networks with several numbers of fraction bits: a second convolution leaves the ring less room.
const scalesSpace = `
choice k(x) = relu(x) | conv(x, 4, kernel = 1) as q
net scales {
  input image: f32[4, 8, 8] from client
  x = image |> k |> k
  output z = maxpool(x, 8) |> flatten |> softmax to client
}
`

func TestTablesOfSmallSpaces(t *testing.T) {
	o := arguments{Deploy: cost.ClientServer, Source: cost.FromHE}
	compare(t, elaborated(t, "nested", nestedSpace), target(t, "lan"), o, 40)
	compare(t, elaborated(t, "scales", scalesSpace), target(t, "lan"), o, 8)
}

// An op of this space follows on any of many: each of seven choices may leave its own out.
const tangledSpace = `
choice k(x) = relu(x) | relu6(x) | x2act(x) | x
choice w(x) = k(conv(x, 4, kernel = 3, pad = 1)) | k(conv(x, 4, kernel = 5, pad = 2)) | x
net tangled {
  input image: f32[4, 8, 8] from client
  x = image |> w |> w |> w
  y = x |> k
  output z = (x + y) |> k |> maxpool(2) |> flatten |> linear(5) to client
}
`

func TestTablesThatAreTooLarge(t *testing.T) {
	_, _, err := build(elaborated(t, "tangled", tangledSpace), target(t, "lan"), arguments{Deploy: cost.ClientServer, Source: cost.FromHE})
	if err == nil || !strings.Contains(err.Error(), "accepted are 4096 combinations") {
		t.Errorf("%v, want an error that says what is accepted", err)
	}
}

// TestTablesOfOtherExtensions: a table built for one extension and one way of products prices as one built for others does.
func TestTablesOfOtherExtensions(t *testing.T) {
	m, p := elaborated(t, "nested", nestedSpace), target(t, "wan")
	for _, deploy := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		had, _, err := build(m, p, arguments{Deploy: deploy, Source: cost.FromHE})
		if err != nil {
			t.Fatal(err)
		}
		built, _, err := build(m, p, arguments{Deploy: deploy, Source: cost.FromHE, OT: cost.Ferret, Elementwise: cost.BySIMD})
		if err != nil {
			t.Fatal(err)
		}
		a, b, c, r := had.With(cost.Ferret, cost.BySIMD).NewQuery(), built.NewQuery(), had.NewQuery(), rand.New(rand.NewPCG(3, 3))
		differ := false
		for range 20 {
			options := make([]int, len(had.Sites))
			for i, s := range had.Sites {
				options[i] = r.IntN(len(s.Options))
			}
			of := func(q *cost.Query) cost.Priced {
				x, err := q.Price(options)
				if err != nil {
					t.Fatal(err)
				}
				return x
			}
			if got, want := of(a), of(b); got != want {
				t.Fatalf("options %v: %+v, built for them %+v", options, got, want)
			}
			differ = differ || of(a) != of(c)
		}
		if !differ {
			t.Error("no network costs another price by another extension and way of products")
		}
	}
}

func BenchmarkQuery(b *testing.B) {
	simd := arguments{Deploy: cost.ClientServer, Source: cost.FromHE, Elementwise: cost.BySIMD}
	for _, c := range []struct {
		space, target string
		options       arguments
	}{
		{"resnet18_cifar", "lan", simd},
		{"resnet50", "lan", simd},
		{"resnet50", "loopback", arguments{Deploy: cost.ClientServer, Source: cost.FromHE}},
		{"resnet50", "pasnet", arguments{Deploy: cost.Outsourced, Source: cost.FromDealer}},
	} {
		b.Run(c.space+"-"+c.target, func(b *testing.B) {
			tab, _, err := build(space(b, c.space), target(b, c.target), c.options)
			if err != nil {
				b.Fatal(err)
			}
			q := tab.NewQuery()
			for name, options := range corners(tab) {
				b.Run(name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if _, err := q.Price(options); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}

// corners are networks of a space of two options: all of the first, all of the second, and a random one.
func corners(t *cost.Table) map[string][]int {
	random, r := make([]int, len(t.Sites)), rand.New(rand.NewPCG(1, 1))
	for i := range random {
		random[i] = r.IntN(2)
	}
	return map[string][]int{"relu": make([]int, len(random)), "x2act": slices.Repeat([]int{1}, len(random)), "random": random}
}

func BenchmarkBuild(b *testing.B) {
	for _, name := range []string{"resnet18_cifar", "resnet50"} {
		m, p := space(b, name), target(b, "lan")
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := build(m, p, arguments{Deploy: cost.ClientServer, Source: cost.FromHE, Elementwise: cost.BySIMD}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
