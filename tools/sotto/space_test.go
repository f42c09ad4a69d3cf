package main

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sotto/frontend"
	"sotto/ir/pos"
	"sotto/passes/search"
	"sotto/tools/sotto/goals"
)

const tinySpace = `choice act(x)  = relu(x) | x2act(x)
choice pool(x) = maxpool(x, 2) | avgpool(x, 2)
net tiny {
  input image: f32[1, 8, 8] from client
  x = conv(image, 4, kernel = 3, pad = 1) |> batchnorm |> act |> pool
  x = conv(x, 8, kernel = 3, pad = 1) |> batchnorm |> act
  output logits = avgpool(x) |> flatten |> linear(3) to client
}
target pair = fpga("zcu104") x 2 link(8 Gbps, 100 us one way)
`

const tinyMacro = `net tiny {
  input image: f32[1, 8, 8] from client
  let kernels[3] in {3, 5}
  let take[3][3] in {0, 1}
  let width in {2, 4}
  xs = [conv(image, width, kernel = 3, pad = 1)]
  for l in 0..3 {
    y = relu(xs[-1]) |> conv(width, kernel = kernels[l], pad = kernels[l] / 2)
    y = concat([xs[j] for j in 0..l if take[l][j] == 1] + [y]) |> conv(width, kernel = 1)
    xs = xs + [y]
  }
  output logits = xs[-1] |> avgpool |> flatten |> linear(3) to client
}
`

func loaded(t *testing.T, text string) (*app, *network) {
	t.Helper()
	a := &app{out: io.Discard, err: io.Discard, sources: pos.Source{}}
	path := filepath.Join(t.TempDir(), "tiny.sotto")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := a.load(path, networkFlags{})
	if err != nil {
		t.Fatal(err)
	}
	return a, n
}

// Of every network of a small space the figures are those that estimate gives it, and counts those of check.
func TestSpacePricesAreThoseOfTheNetworks(t *testing.T) {
	a, n := loaded(t, tinySpace)
	goal := &goals.Goal{Objective: []goals.Term{{Figure: goals.Figure{Measure: "latency", Target: "lan"}, Weight: 0.1}, {Figure: goals.Figure{Measure: "params"}, Weight: 1}},
		Limits: []goals.Limit{{Figure: goals.Figure{Measure: "relus"}, Most: 300}, {Figure: goals.Figure{Measure: "traffic", Target: "lan"}, Most: 1e9}, {Figure: goals.Figure{Measure: "lut", Target: "pair"}, Most: 1e9}}}
	flags := lowerFlags{deploy: "client-server", minimize: "total", offline: "he", nonlinear: []string{"gc"}, trunc: []string{"cot"}, pools: "first", packing: []string{"balanced"}, products: "gilboa", ot: "softspoken", garbling: "half-gates"}
	p, err := a.newSpacePrices(n, flags, figuresOf(goal))
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.space(goal)
	if err != nil {
		t.Fatal(err)
	}
	var luts []float64
	for bits := range 8 {
		options := []int{bits & 1, bits >> 1 & 1, bits >> 2}
		got, err := s.Price(options)
		if err != nil {
			t.Fatal(err)
		}
		one := *n
		one.decisions = p.decisions(options)
		prices, err := a.target("lan", n)
		if err != nil {
			t.Fatal(err)
		}
		want, err := a.estimated(&one, flags, prices)
		if err != nil {
			t.Fatal(err)
		}
		if ms := got["latency(lan)"]; math.Abs(ms-want.Online.MS) > 0.01*want.Online.MS {
			t.Errorf("%v: %v ms, estimated are %v", options, ms, want.Online.MS)
		}
		if bytes := got["traffic(lan)"]; bytes != float64(want.Online.Bytes+want.Offline.Bytes) {
			t.Errorf("%v: %v bytes, estimated are %v", options, bytes, want.Online.Bytes+want.Offline.Bytes)
		}
		net, err := p.network(options)
		if err != nil {
			t.Fatal(err)
		}
		if c := frontend.Summarise(net); got["relus"] != float64(c.ReLUs) || got["params"] != float64(c.Params) {
			t.Errorf("%v: %v ReLUs and %v parameters, counted are %d and %d", options, got["relus"], got["params"], c.ReLUs, c.Params)
		}
		luts = append(luts, got["lut(pair)"])
	}
	if luts[7] >= luts[0] || luts[0] != luts[1] {
		t.Errorf("LUTs by options: %v; only the network without comparisons has less", luts)
	}
}

// A macro space decides kernels by layer and skips from earlier layers alone; what it names is what a decision file takes.
func TestMacroSpace(t *testing.T) {
	a, n := loaded(t, tinyMacro)
	m, err := newMacroSpace(n)
	if err != nil {
		t.Fatal(err)
	}
	op := func(layer int) search.Decision {
		return search.Decision{Options: 2, Group: "kernels", Layer: layer, From: search.Op}
	}
	skip := func(layer, from int) search.Decision {
		return search.Decision{Options: 2, Group: "take", Layer: layer, From: from}
	}
	if want := []search.Decision{op(0), op(1), skip(1, 0), op(2), skip(2, 0), skip(2, 1)}; !slices.Equal(m.decisions, want) {
		t.Errorf("decisions %v, want %v", m.decisions, want)
	}
	options := []int{1, 0, 1, 1, 0, 1}
	net, err := m.network(options)
	if err != nil {
		t.Fatal(err)
	}
	var sets []string
	for _, d := range named(net) {
		sets = append(sets, d.Site+"="+d.Option)
	}
	if want := []string{"kernels=5,3,5", "take=0,0,0,1,0,0,0,1,0"}; !slices.Equal(sets, want) {
		t.Errorf("chosen %v, want %v", sets, want)
	}
	path := filepath.Join(t.TempDir(), "macro.sotto")
	if err := os.WriteFile(path, []byte(tinyMacro), 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := a.load(path, networkFlags{set: sets})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.ReplaceAll(again.module.String(), path, ""), strings.ReplaceAll(net.module.String(), n.module.Files[0], ""); got != want {
		t.Errorf("the decisions give another network:\n%s\nwant\n%s", got, want)
	}
}
