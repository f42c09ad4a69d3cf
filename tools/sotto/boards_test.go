package main

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"sotto/fpga/target"
	"sotto/frontend"
	"sotto/ir/cost"
	"sotto/passes"
	"sotto/passes/pass"
)

// TestPairsOfBoards: every board, on its own port and on another link, and names of none.
func TestPairsOfBoards(t *testing.T) {
	for _, name := range pairNames() {
		own, ok, err := pairOf(name)
		if err != nil || !ok || own.Name != name {
			t.Errorf("%s: %v, %v, %v", name, own.Name, ok, err)
		}
		linked, ok, err := pairOf(name + "@8gbps,0.1ms")
		if err != nil || !ok || linked.Link.BytesPerSecond.Value != 1e9 || linked.Link.OneWayMS.Value != 0.1 || linked.Name != name+"@8gbps,0.1ms" {
			t.Errorf("%s on a link: %+v, %v, %v", name, linked.Link, ok, err)
		}
	}
	for name, want := range map[string]string{"zcu104x2@fast": "fast", "zcu104x2@loopback": "link loopback has no bandwidth of its own", "zcu105x2@lan": "no board is called"} {
		if _, ok, err := pairOf(name); !ok || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	if _, ok, _ := pairOf("lan"); ok {
		t.Error("lan is two boards")
	}
}

// TestBoardFile: a board of one's own is a target.
func TestBoardFile(t *testing.T) {
	text, err := os.ReadFile("../../fpga/target/boards/kv260.json")
	if err != nil {
		t.Fatal(err)
	}
	own := strings.Replace(string(text), `"name": "kv260"`, `"name": "mine"`, 1)
	if list, err := pairOfFile(own); err != nil || list.Name != "minex2" || !isBoard(own) {
		t.Errorf("%v: %v", list.Name, err)
	}
}

// onBoards is the table of a space's networks at two ZCU104.
func onBoards(t testing.TB, space string) *cost.Table {
	t.Helper()
	text, err := os.ReadFile("../../examples/" + space + ".sotto")
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := frontend.Load(space, text, frontend.Options{})
	if err != nil {
		t.Fatal(err)
	}
	board, err := target.Shipped("zcu104")
	if err != nil {
		t.Fatal(err)
	}
	prices, err := target.Prices(board, board.OwnLink())
	if err != nil {
		t.Fatal(err)
	}
	context := &pass.Context{Deploy: cost.ClientServer, Source: cost.FromDealer, OT: cost.AlwaysOT(cost.SoftSpoken), Elementwise: cost.AlwaysElementwise(cost.ByGilboa)}
	table, _, err := passes.PriceTable(context, loaded.Module, prices, cost.SoftSpoken, cost.ByGilboa)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// random picks an option of every site.
func random(table *cost.Table, r *rand.Rand, options []int) {
	for i, s := range table.Sites {
		options[i] = r.IntN(len(s.Options))
	}
}

// TestCandidatesOnBoardsAreFast: a search asks for tens of thousands: below a millisecond each, and no memory.
func TestCandidatesOnBoardsAreFast(t *testing.T) {
	space := "resnet18_cifar"
	if os.Getenv("SOTTO_LONG") != "" {
		space = "resnet50" // whose table takes minutes
	}
	table := onBoards(t, space)
	query, options, r := table.NewQuery(), make([]int, len(table.Sites)), rand.New(rand.NewPCG(1, 1))
	price := func() {
		random(table, r, options)
		if p, err := query.Price(options); err != nil || p.OnlineMS <= 0 {
			t.Fatalf("%+v: %v", p, err)
		}
	}
	const warm, runs = 50, 20
	for range warm {
		price()
	}
	if n := testing.AllocsPerRun(runs, price); n != 0 {
		t.Errorf("%v allocations a candidate", n)
	}
	best := time.Hour
	for range runs {
		start := time.Now()
		price()
		best = min(best, time.Since(start))
	}
	if best > time.Millisecond {
		t.Errorf("the fastest of %d candidates took %v", runs, best)
	}
	t.Logf("%d sites, the fastest candidate %v", len(table.Sites), best)
}

func BenchmarkCandidateOnBoards(b *testing.B) {
	table := onBoards(b, "resnet50")
	query, options, r := table.NewQuery(), make([]int, len(table.Sites)), rand.New(rand.NewPCG(1, 1))
	b.ReportAllocs()
	for b.Loop() {
		random(table, r, options)
		if _, err := query.Price(options); err != nil {
			b.Fatal(err)
		}
	}
}
