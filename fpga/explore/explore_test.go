package explore_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sotto/backend/twopc"
	"sotto/fpga/explore"
	"sotto/fpga/lower"
	"sotto/fpga/networks"
	"sotto/fpga/target"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// question is a network's online phase on two of a board, on the link of the PASNet paper.
func question(t testing.TB, pair *twopc.Pair, name string) explore.Question {
	t.Helper()
	return explore.Question{Client: pair.Client, Server: pair.Server, Phases: lower.Only(cost.Online), Board: networks.Board(t, name), Link: networks.PaperLink()}
}

// searched is the answer to a question, which fits and binds every layer by something.
func searched(t *testing.T, q explore.Question) *explore.Answer {
	t.Helper()
	a, err := explore.Search(q)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Best.Design.Fits(q.Board); err != nil {
		t.Error(err)
	}
	for _, l := range a.Estimate.Layers {
		if l.BusyMS[l.Binds] <= 0 && len(l.BusyMS) > 0 {
			t.Errorf("layer %s is bound by %q: %v", l.Path, l.Binds, l.BusyMS)
		}
	}
	return a
}

// TestPASNet: the networks of the paper on its boards and link: no slower than its model, on designs that fit, and better than the board's
// usual one.
func TestPASNet(t *testing.T) {
	for _, n := range networks.PASNet {
		if n.Large && !networks.Long() {
			continue
		}
		t.Run(n.Name, func(t *testing.T) {
			q := question(t, networks.Pair(t, n.Example, networks.Polynomial(n.Sites...)), "zcu104")
			q.Plans = 5
			a := searched(t, q)
			for r, ms := range a.Estimate.BusyMS {
				t.Logf("%s is busy %.1f ms", r, ms)
			}
			for _, c := range a.Plans {
				t.Logf("%.1f ms scheduled, %.1f estimated: array of %d x %d, %d lanes", c.ScheduledMS, c.EstimateMS, c.Design.Conv.TM, c.Design.Conv.TN, c.Design.Elementwise.Lanes)
			}
			have := q.Board.Plannable()
			t.Logf("%.1f ms scheduled, %.1f estimated, the paper %.1f; %d designs tried: %+v", a.Best.ScheduledMS, a.Best.EstimateMS, n.PaperMS, a.Tried, a.Best.Design)
			for _, r := range target.ResourceKinds() {
				t.Logf("%s: %d of %d that may be planned, %.0f %%", r, a.Best.Area.Of(r), have.Of(r), 100*float64(a.Best.Area.Of(r))/float64(have.Of(r)))
			}
			if a.Best.ScheduledMS > n.PaperMS {
				t.Errorf("%.1f ms, the paper has %.1f", a.Best.ScheduledMS, n.PaperMS)
			}
			if ratio := a.Best.ScheduledMS / a.Best.EstimateMS; ratio < 0.7 || ratio > 1.3 {
				t.Errorf("%.1f ms scheduled, %.1f estimated", a.Best.ScheduledMS, a.Best.EstimateMS)
			}
			better(t, q, a)
		})
	}
}

// better demands an estimate below that of the board's usual design, and a front that trades.
func better(t *testing.T, q explore.Question, a *explore.Answer) {
	t.Helper()
	w, err := explore.Of(q.Client, q.Server, q.Phases, q.Link)
	if err != nil {
		t.Fatal(err)
	}
	usual, err := target.ForBoard(q.Board, w.Ring)
	if err != nil {
		t.Fatal(err)
	}
	if ms, err := explore.NewEvaluator(w).MS(usual); err == nil && ms < a.Front[0].EstimateMS {
		t.Errorf("%.2f ms with the usual design, %.2f with the best", ms, a.Front[0].EstimateMS)
	}
	if len(a.Front) < 3 {
		t.Errorf("a front of %d designs", len(a.Front))
	}
	for i, c := range a.Front[1:] {
		if before := a.Front[i]; c.EstimateMS < before.EstimateMS || c.Fill >= before.Fill {
			t.Errorf("%.2f ms at %.2f of the board before %.2f ms at %.2f", before.EstimateMS, before.Fill, c.EstimateMS, c.Fill)
		}
	}
}

// TestNoNeighbourIsBetter: no design that differs in one knob or two, by half or by twice, fits and has a better estimate than the best.
func TestNoNeighbourIsBetter(t *testing.T) {
	for _, c := range []struct {
		name, board string
		context     *pass.Context
	}{
		{"resnet18_cifar", "zcu104", networks.Polynomial("act", "pool")}, {"resnet18_cifar", "pynq-z2", networks.Polynomial("act", "pool")},
		{"minionn", "zcu104", networks.Compared(pass.GarbledSign)},
		{"minionn", "kv260", networks.Compared(pass.OTSign)},
	} {
		q := question(t, networks.Pair(t, c.name, c.context), c.board)
		best := searched(t, q).Front[0]
		w, err := explore.Of(q.Client, q.Server, q.Phases, q.Link)
		if err != nil {
			t.Fatal(err)
		}
		e := explore.NewEvaluator(w)
		tried := 0
		for one := range neighbours(best.Design) {
			for two := range neighbours(one) {
				for _, d := range []target.Design{one, two} {
					if ms, err := e.MS(d); err == nil && ms < best.EstimateMS*(1-1e-9) && d.Fits(q.Board) == nil {
						t.Errorf("%s on %s: %+v takes %.4f ms, the best of the search, %+v, %.4f", c.name, c.board, d, ms, best.Design, best.EstimateMS)
					}
					tried++
				}
			}
		}
		t.Logf("%s on %s: %.3f ms, %d neighbours", c.name, c.board, best.EstimateMS, tried)
	}
}

// neighbours are the designs with one knob half or twice as large. The width of ports is the board's.
func neighbours(d target.Design) func(yield func(target.Design) bool) {
	return func(yield func(target.Design) bool) {
		for _, k := range d.Knobs() {
			for _, v := range []int{k.Value / 2, k.Value * 2} {
				if next, err := d.With(target.Setting{Knob: k.Knob, Value: v}); err == nil && v > 0 && k.Knob != "port_bytes" && !yield(next) {
					return
				}
			}
		}
	}
}

// TestNeverWorseThanTheUsualDesign: by the schedule too.
func TestNeverWorseThanTheUsualDesign(t *testing.T) {
	q := question(t, networks.Pair(t, "resnet18_cifar", networks.Polynomial("act", "pool")), "zcu104")
	q.Plans = 2
	a := searched(t, q)
	usual, err := target.ForBoard(q.Board, q.Client.Ring)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := lower.Lower(q.Client, q.Server, q.Phases, [2]target.Design{usual, usual}, q.Link)
	if err != nil {
		t.Fatal(err)
	}
	if ms := 1e3 * plan.Seconds(); ms < a.Best.ScheduledMS {
		t.Errorf("%.3f ms with the usual design, %.3f with the best", ms, a.Best.ScheduledMS)
	}
}

// TestLayersThatDoNotFit: each refusal names layer, knob and value, and a search with that value does better.
func TestLayersThatDoNotFit(t *testing.T) {
	polynomials := networks.Pair(t, "resnet18_cifar", networks.Polynomial("act", "pool"))
	garbled := networks.Pair(t, "minionn", networks.Compared(pass.GarbledSign))
	for _, c := range []struct {
		pair *twopc.Pair
		set  target.Setting
		want string
	}{
		{polynomials, target.Setting{Knob: "conv.input_words", Value: 128}, "does not fit: layer conv1"},
		{polynomials, target.Setting{Knob: "conv.weight_words", Value: 3000}, "does not fit: layer conv1"},
		{garbled, target.Setting{Knob: "evaluate.count", Value: 0}, "does not fit: layer pool1"},
	} {
		q := question(t, c.pair, "zcu104")
		q.Set = []target.Setting{c.set, {Knob: "conv.tm", Value: 32}, {Knob: "conv.tn", Value: 16}}
		_, err := explore.Search(q)
		var refusal *explore.FitError
		if !errors.As(err, &refusal) || !strings.HasPrefix(err.Error(), c.want) || refusal.Knob != c.set.Knob {
			t.Fatalf("%v: %v: %q is missing", c.set, err, c.want)
		}
		q.Set[0] = refusal.Setting()
		searched(t, q)
	}
}

// TestMemoryThatIsTooSmall: the party whose memory has no room is named, with what it needs and what there is.
func TestMemoryThatIsTooSmall(t *testing.T) {
	q := question(t, networks.Pair(t, "resnet18_cifar", networks.Polynomial("act", "pool")), "zcu104")
	small := *q.Board.Memory.GiB
	small.Value = 1. / 32
	q.Board.Memory.GiB = &small
	_, err := explore.Search(q)
	var refusal *target.MemoryError
	if !errors.As(err, &refusal) || refusal.Party != cost.Server || !strings.Contains(err.Error(), "a zcu104 has 0.0312") {
		t.Fatal(err)
	}
	small.Value = float64(refusal.Need) * 1.5 / (1 << 30)
	searched(t, q)
}

// TestDesignThatDoesNotFit: settings that fill the board are refused with others that fit.
func TestDesignThatDoesNotFit(t *testing.T) {
	q := question(t, networks.Pair(t, "resnet18_cifar", networks.Polynomial("act", "pool")), "kv260")
	q.Set = []target.Setting{{Knob: "conv.tm", Value: 64}, {Knob: "conv.tn", Value: 32}}
	_, err := explore.Search(q)
	var refusal *target.FitError
	if !errors.As(err, &refusal) || refusal.Kernel != target.KernelConv || len(refusal.Settings) == 0 {
		t.Fatal(err)
	}
	for _, s := range refusal.Settings { // in place of those that were set, or beside them
		if i := slices.IndexFunc(q.Set, func(o target.Setting) bool { return o.Knob == s.Knob }); i >= 0 {
			q.Set[i] = s
		} else {
			q.Set = append(q.Set, s)
		}
	}
	searched(t, q)
}

// TestPricesAreLikeSchedules: what a pair's price list estimates of a network's online phase is what its schedule takes, about.
func TestPricesAreLikeSchedules(t *testing.T) {
	for _, n := range []struct {
		name    string
		context *pass.Context
		long    bool
	}{
		{"resnet18", networks.Polynomial("act", "pool"), false}, {"resnet50", networks.Polynomial("act", "pool"), true}, {"mobilenetv2", networks.Polynomial("act"), true},
		{"minionn", networks.Compared(pass.GarbledSign), false},
		{"resnet18_cifar", &pass.Context{Protocols: pass.Protocols{Nonlinear: pass.GarbledSign}, Choices: []pass.Decision{{Site: "act", Option: "relu"}, {Site: "pool", Option: "maxpool"}}}, true},
	} {
		if n.long && !networks.Long() {
			continue
		}
		m := networks.Example(t, n.name)
		q := question(t, networks.Compiled(t, m, n.context, twopc.DefaultTuning()), "zcu104")
		q.Plans = 1
		scheduled := searched(t, q).Best.ScheduledMS
		prices, err := target.Prices(q.Board, q.Link)
		if err != nil {
			t.Fatal(err)
		}
		estimated := cost.Estimate(ir.Account(m, m.Funcs[0], cost.FromDealer), prices).Online.MS
		t.Logf("%s: %.1f ms estimated, %.1f scheduled", n.name, estimated, scheduled)
		const least, most = 0.75, 1.5 // lists add up the two directions of the link, which slabs use at once
		if ratio := estimated / scheduled; ratio < least || ratio > most {
			t.Errorf("%s: %.1f ms by the price list, %.1f scheduled", n.name, estimated, scheduled)
		}
	}
}
