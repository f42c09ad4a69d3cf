package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"testing"
	"time"
)

// searchedSpace has two decisions, and takes milliseconds a step.
const searchedSpace = `choice act(x) = relu(x) | x2act(x)
net searched {
  input image: f32[1, 16, 16] from client { mean = [0.5], std = [0.5] }
  x = conv(image, 2, kernel = 5, stride = 3) |> act as act1
  output y = conv(x, 3, kernel = 3) |> act as act2 |> flatten |> linear(3) to client
}
`

// searchedBy are the flags that all three processes of a search are given, and the search in the clear.
var searchedBy = []string{"--batch", "8", "--epochs", "4", "--rate", "0.1", "--weight", "3"}

// clearSearch is a search in fixed point that nobody shares: its decision and weights.
func clearSearch(t *testing.T, flags ...string) (map[string]string, map[string][]float32) {
	t.Helper()
	s, p := sharedSearch(t, searchedSpace, flags...)
	weight := s.f.weights[0]
	e, err := s.fixed(weight, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := s.f.settings.gradient(s.steps(), weight)
	for n := range g.Turns() {
		step, u := e.Step, g.Turn(n)
		if u.Logits {
			step = e.StepLogits
		}
		if _, err := step(u.Batch, u.Rate); err != nil {
			t.Fatal(err)
		}
	}
	var options []int64
	numbers, err := e.Decide()
	for _, n := range numbers {
		options = append(options, int64(n))
	}
	decision, unnamed := namedOptions(p.sites, options)
	if err != nil || unnamed != nil {
		t.Fatal(err, unnamed)
	}
	w := e.State()
	maps.DeleteFunc(w, func(path string, _ []float32) bool { return !s.isWeight(path) })
	return decision, w
}

// kept waits until a server has a checkpoint.
func (p *privatePlace) kept(name string) {
	p.t.Helper()
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(time.Millisecond) {
		if all, err := filepath.Glob(p.path(p.tag+name+"/checkpoints/") + "/*.checkpoint"); len(all) > 0 || err != nil {
			return
		}
	}
	p.t.Fatal("no checkpoint is written")
}

// Two servers search, either of which is killed, and come to the decision and the weights that the same search in the clear comes to.
func TestKilledSearch(t *testing.T) {
	want, weights := clearSearch(t, append([]string{"--data", "glyphs:80"}, searchedBy...)...)
	p := newPrivatePlaceFor(t, searchedSpace, []int{80}, append([]string{"search"}, searchedBy...)...)
	p.tag = "whole-"
	if took := p.tookAsTold(p.both()); took.Steps != 17 || took.Sites != 2 {
		t.Errorf("%d steps and %d decisions", took.Steps, took.Sites)
	}
	p.decides(want, weights)
	for n := range *trainingKills {
		p.tag = fmt.Sprintf("killed%d-", n)
		victim := []string{"client", "server"}[n%2]
		p.killed(victim, func() { p.kept(victim) })
		p.decides(want, weights)
	}
}

// decides demands what both servers have come to.
func (p *privatePlace) decides(want map[string]string, weights map[string][]float32) {
	p.t.Helper()
	file := p.path(p.tag + "decision.json")
	near(p.t, p.combined("--decision", file), weights)
	var got struct{ Choices map[string]string }
	if err := readJSON(file, &got); err != nil || !maps.Equal(got.Choices, want) || len(want) != 2 {
		p.t.Errorf("decided for %v, in the clear for %v: %v", got, want, err)
	}
}

// Two servers that no dealer helps decide as the same search in the clear does.
func TestPrivateSearchWithoutADealer(t *testing.T) {
	by := []string{"--batch", "4", "--epochs", "1", "--rate", "0.1", "--weight", "3"}
	want, weights := clearSearch(t, append([]string{"--data", "glyphs:20"}, by...)...)
	p := newAlonePlaceFor(t, searchedSpace, []int{20}, append([]string{"search"}, by...)...)
	if took := p.tookAsTold(p.both()); took.Sites != 2 {
		t.Errorf("%d decisions", took.Sites)
	}
	p.decides(want, weights)
}
