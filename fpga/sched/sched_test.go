package sched

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// problems draws problems that pass Check: up to so many ops.
func problems(most int) *rapid.Generator[*Problem] {
	return rapid.Custom(func(t *rapid.T) *Problem {
		small := func(lo, hi int, what string) int { return rapid.IntRange(lo, hi).Draw(t, what) }
		p := new(Problem)
		for range small(1, 3, "resources") {
			p.Resources = append(p.Resources, Resource{"engine", small(1, 2, "units")})
		}
		for range small(0, 2, "pools") {
			p.Pools = append(p.Pools, Pool{"buffers", small(1, 4, "slots")})
		}
		for i := range small(1, most, "ops") {
			o := Op{Name: "op", Resource: small(0, len(p.Resources)-1, "resource"), Cycles: int64(small(0, 9, "cycles"))}
			for j := range i {
				if small(0, 3, "after") == 0 {
					o.After = append(o.After, Dep{j, int64(small(0, 3, "lag"))})
				}
			}
			p.Ops = append(p.Ops, o)
		}
		if len(p.Pools) > 0 {
			for range small(0, most, "leases") {
				from := small(0, len(p.Ops)-1, "from")
				l := Lease{Pool: small(0, len(p.Pools)-1, "pool"), Slots: 1, From: from}
				for range small(0, 2, "readers") {
					l.Until = append(l.Until, small(from, len(p.Ops)-1, "until"))
				}
				p.Leases = append(p.Leases, l)
			}
		}
		var need *NeedError
		for err := p.Check(); errors.As(err, &need); err = p.Check() {
			i := slices.IndexFunc(p.Pools, func(b Pool) bool { return b.Slots < need.Need && b.Slots == need.Slots })
			p.Pools[i].Slots = need.Need
		}
		return p
	})
}

// TestListIsSound holds the list scheduler to Verify and to the bounds.
func TestListIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := problems(40).Draw(t, "problem")
		if err := p.Check(); err != nil {
			t.Fatal(err)
		}
		s := List(p)
		if err := p.Verify(s); err != nil {
			t.Fatal(err)
		}
		if l, least := p.Latency(s), p.Bounds().Least(); l < least {
			t.Fatalf("latency %d is below a bound of %d", l, least)
		}
	})
}

// TestExactIsBest compares with every start that whole cycles allow, on problems small enough for that.
func TestExactIsBest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := problems(4).Draw(t, "problem")
		for i := range p.Ops {
			p.Ops[i].Cycles %= 3
			for d := range p.Ops[i].After {
				p.Ops[i].After[d].Lag %= 2
			}
		}
		s, err := Exact(p, 0)
		if err == nil {
			err = p.Verify(s)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, want := p.Latency(s), exhaustive(p, p.Latency(List(p))); got != want {
			t.Fatalf("latency %d, the best is %d", got, want)
		}
	})
}

// exhaustive tries all starts below a latency, one op after the other.
func exhaustive(p *Problem, best int64) int64 {
	s := Schedule{make([]int64, len(p.Ops))}
	var try func(i int)
	try = func(i int) {
		if i == len(p.Ops) {
			if p.Verify(s) == nil {
				best = min(best, p.Latency(s))
			}
			return
		}
		early := int64(0)
		for _, d := range p.Ops[i].After {
			early = max(early, s.Start[d.Op]+p.Ops[d.Op].Cycles+d.Lag)
		}
		for s.Start[i] = early; s.Start[i]+p.Ops[i].Cycles < best || s.Start[i] == early; s.Start[i]++ {
			try(i + 1)
		}
	}
	try(0)
	return best
}

// TestListIsNearExact measures how far the list scheduler is from the best on small problems; what it asserts is the order.
func TestListIsNearExact(t *testing.T) {
	worst, sum, n := 1.0, 0.0, 0
	for seed := range uint64(200) {
		p := random(rand.New(rand.NewPCG(seed, 1)), 9)
		s, err := Exact(p, 0)
		if err != nil {
			t.Fatal(err)
		}
		best, list := p.Latency(s), p.Latency(List(p))
		if best > list {
			t.Fatalf("seed %d: exact %d, list %d", seed, best, list)
		}
		ratio := float64(list) / float64(max(best, 1))
		worst, sum, n = max(worst, ratio), sum+ratio, n+1
	}
	t.Logf("list over exact: mean %.3f, worst %.3f of %d", sum/float64(n), worst, n)
}

// random is a problem of a pipeline's kind: loads, work and stores of tiles through two buffers each, a chain of layers.
func random(r *rand.Rand, ops int) *Problem {
	p := &Problem{Resources: []Resource{{"memory", 1}, {"array", 1}}, Pools: []Pool{{"tiles", 2}}}
	for i := 0; i < ops; i += 3 {
		load, work, store := len(p.Ops), len(p.Ops)+1, len(p.Ops)+2
		p.Ops = append(p.Ops, Op{Name: "load", Resource: 0, Cycles: 1 + r.Int64N(9)}, Op{Name: "work", Resource: 1, Cycles: 1 + r.Int64N(9), After: []Dep{{Op: load}}},
			Op{Name: "store", Resource: 0, Cycles: 1 + r.Int64N(9), After: []Dep{{Op: work}}})
		p.Leases = append(p.Leases, Lease{0, 1, load, []int{store}})
	}
	return p
}

// TestPipelineOverlaps checks by hand: three tiles of load 2, work 4, store 2 through two buffers.
func TestPipelineOverlaps(t *testing.T) {
	p := &Problem{Resources: []Resource{{"load", 1}, {"array", 1}, {"store", 1}}, Pools: []Pool{{"tiles", 2}}}
	for i := range 3 {
		p.Ops = append(p.Ops, Op{"load", 0, 2, nil}, Op{"work", 1, 4, []Dep{{Op: 3 * i}}}, Op{"store", 2, 2, []Dep{{Op: 3*i + 1}}})
		p.Leases = append(p.Leases, Lease{0, 1, 3 * i, []int{3*i + 1}})
	}
	const fill, rest, drain = 2, 3 * 4, 2
	for name, s := range map[string]Schedule{"list": List(p), "exact": must(Exact(p, 0))} {
		if err := p.Verify(s); err != nil {
			t.Error(name, err)
		}
		if l := p.Latency(s); l != fill+rest+drain {
			t.Errorf("%s: %d cycles, by hand %d", name, l, fill+rest+drain)
		}
	}
}

func must(s Schedule, err error) Schedule {
	if err != nil {
		panic(err)
	}
	return s
}

// TestVerifyRefuses breaks a schedule in each way that there is.
func TestVerifyRefuses(t *testing.T) {
	p := &Problem{Resources: []Resource{{"array", 1}, {"link", 2}}, Pools: []Pool{{"tiles", 1}},
		Ops:    []Op{{"a", 0, 3, nil}, {"b", 0, 3, nil}, {"c", 1, 1, []Dep{{0, 2}}}},
		Leases: []Lease{{0, 1, 0, []int{2}}, {0, 1, 1, nil}}}
	good := Schedule{[]int64{0, 6, 5}}
	if err := p.Verify(good); err != nil {
		t.Fatal(err)
	}
	for want, starts := range map[string][]int64{
		"2 starts for 3":             {0, 6},
		"starts at -1":               {-1, 6, 5},
		"lets it at 5":               {0, 6, 4},
		"units of array":             {0, 2, 5},
		"2 of 1 slots of tiles":      {0, 4, 5},
		"op 2 (c) starts at 9223372": {0, 6, 1<<63 - 1},
	} {
		if err := p.Verify(Schedule{starts}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", starts, err, want)
		}
	}
}

// TestCheckRefuses holds messages to what they must name.
func TestCheckRefuses(t *testing.T) {
	one := []Resource{{"array", 1}}
	for want, p := range map[string]Problem{
		"resource 0 (array) has 0 units":    {Resources: []Resource{{"array", 0}}},
		"pool 0 (tiles) has 0 slots":        {Pools: []Pool{{"tiles", 0}}},
		"resource 1 of 1":                   {Resources: one, Ops: []Op{{"a", 1, 1, nil}}},
		"-1 cycles":                         {Resources: one, Ops: []Op{{"a", 0, -1, nil}}},
		"comes after op 0":                  {Resources: one, Ops: []Op{{"a", 0, 1, []Dep{{0, 0}}}}},
		"accepted are 0 and more, and 1152": {Resources: one, Ops: []Op{{"a", 0, MaxCycles, nil}, {"b", 0, 1, nil}}},
		"until op 0 of 2":                   {Resources: one, Pools: []Pool{{"tiles", 1}}, Ops: []Op{{"a", 0, 1, nil}, {"b", 0, 1, nil}}, Leases: []Lease{{0, 1, 1, []int{0}}}},
		"pool tiles has 1 slots, op b needs 2": {Resources: one, Pools: []Pool{{"tiles", 1}}, Ops: []Op{{"a", 0, 1, nil}, {"b", 0, 1, nil}},
			Leases: []Lease{{0, 1, 0, []int{1}}, {0, 1, 1, nil}}},
	} {
		if err := p.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestBudget ends a search early, with a schedule.
func TestBudget(t *testing.T) {
	p := random(rand.New(rand.NewPCG(3, 1)), 12)
	s, err := Exact(p, 1)
	if !errors.Is(err, ErrBudget) || p.Verify(s) != nil {
		t.Error(s, err)
	}
}

// BenchmarkList schedules a hundred thousand ops.
func BenchmarkList(b *testing.B) {
	p := random(rand.New(rand.NewPCG(1, 1)), 99_999)
	for b.Loop() {
		List(p)
	}
}
