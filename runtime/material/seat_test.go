package material_test

import (
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/material/materialtest"
	"sotto/runtime/program"
	"sotto/runtime/wire"
)

// manySeats are both parties' places with a dealer for one session.
func manySeats(t *testing.T, h *house) (seats [2]*material.Seat, conns [2]*wire.Conn) {
	t.Helper()
	id := newSession()
	for p := range seats {
		c, err := h.dial(cost.Party(p))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		seats[p], conns[p] = material.NewSeat(c, cost.Party(p), id), c
	}
	return seats, conns
}

// askBoth asks for a run at both seats.
func askBoth(t *testing.T, seats [2]*material.Seat, m *program.Manifest, r material.Request, w materialtest.Weights[uint32]) (s materialtest.Sources[uint32], dealt [2]*material.Dealt[uint32]) {
	t.Helper()
	for p := range seats {
		d, err := material.Ask(seats[p], m, r, w.Of(cost.Party(p)))
		if err != nil {
			t.Fatal(err)
		}
		s[p], dealt[p] = d, d
	}
	return s, dealt
}

// A session of many runs, of two programs by turns and asked for ahead, is dealt over one connection a party: each run has material of its own, as
// declared, and the dealer has one session to remember.
func TestManyRunsOfOneSession(t *testing.T) {
	t.Parallel()
	first, second := smallManifest(), materialtest.Manifest(cost.Outsourced, 32, materialtest.Mask(30), materialtest.Square(0, 30), materialtest.Linear(0, 4, 30))
	manifests, pairs := []*program.Manifest{first, second}, []program.Hash{testPair, {7}}
	log, lines := newLog()
	h, err := openHouseFor([]material.Deal{{Pair: pairs[0], Manifest: first}, {Pair: pairs[1], Manifest: second}}, material.Tuning{Log: log, Patience: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	seats, conns := manySeats(t, h)
	const runs = 5
	ask := func(run int) (materialtest.Sources[uint32], [2]*material.Dealt[uint32], materialtest.Weights[uint32]) {
		m := manifests[run%2]
		w := materialtest.RandomWeights[uint32](m)
		s, d := askBoth(t, seats, m, material.Request{Pair: pairs[run%2], More: run+1 < runs}, w)
		return s, d, w
	}
	next, dealt, w := ask(0)
	masks := map[uint32]bool{}
	for run := range runs {
		s, d, own := next, dealt, w
		if err := errors.Join(d[0].Await(), d[1].Await()); err != nil {
			t.Fatal(err)
		}
		if run == 2 {
			time.Sleep(2500 * time.Millisecond) // longer than the dealer's patience: a step may take long
		}
		if run+1 < runs {
			next, dealt, w = ask(run + 1)
		}
		m := manifests[run%2]
		if err := errors.Join(exchangeInMemory(s), materialtest.Related(m, own, s)); err != nil {
			t.Fatal(err)
		}
		mask := make([]uint32, m.Items[0].N)
		if err := s[0].Part(0, 0, mask); err != nil {
			t.Fatal(err)
		}
		for _, x := range mask {
			if masks[x] {
				t.Errorf("run %d has a mask of an earlier one", run)
			}
			masks[x] = true
		}
		want, _ := declared(m)
		want[cost.SessionTag] += 2 * cost.SeedBytes
		got := s[0].Received()
		for tag, n := range s[1].Received() {
			got[tag] += n
		}
		same(t, "dealt", got, want)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	lines.wait(t, 1, slog.LevelInfo, "session served")
	for _, c := range conns {
		if err := c.Send([]byte{0}); err == nil {
			t.Error("a connection is open after the last run")
		}
	}
}

// What ends a session of many runs ends it for both, at once, and the dealer goes on.
func TestSessionsOfManyRunsEnd(t *testing.T) {
	m := smallManifest()
	for _, c := range []struct {
		name string
		end  func(seats [2]*material.Seat, w materialtest.Weights[uint32]) error // by the server; the client waits
		want string
	}{
		{"gone", func(seats [2]*material.Seat, _ materialtest.Weights[uint32]) error { return seats[1].Close() }, "the server: gone after 1 run(s)"},
		{"another", func(seats [2]*material.Seat, w materialtest.Weights[uint32]) error {
			_, err := material.Ask(seats[1], m, material.Request{Pair: testPair}, w.Of(cost.Server))
			return err
		}, "the server: it asks for the last run, of"},
		{"unknown", func(seats [2]*material.Seat, w materialtest.Weights[uint32]) error {
			_, err := material.Ask(seats[1], m, material.Request{Pair: program.Hash{9}, More: true}, w.Of(cost.Server))
			return err
		}, "the server: it asks for a run of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t, m, material.Tuning{})
			seats, _ := manySeats(t, h)
			w := materialtest.RandomWeights[uint32](m)
			s, d := askBoth(t, seats, m, material.Request{Pair: testPair, More: true}, w)
			if err := errors.Join(d[0].Await(), d[1].Await(), exchangeInMemory(s), materialtest.Related(m, w, s)); err != nil {
				t.Fatal(err)
			}
			ahead, err := material.Ask(seats[0], m, material.Request{Pair: testPair, More: true}, w.Of(cost.Client))
			if err != nil {
				t.Fatal(err)
			}
			if err := c.end(seats, w); err != nil {
				t.Fatal(err)
			}
			wantError(t, ahead.Await(), c.want)
			if err := errors.Join(ahead.Close(), s.Close()); err != nil {
				t.Error(err)
			}
			other, err := sit(h, m, w)
			if err != nil {
				t.Fatalf("the next session: %v", err)
			}
			other.Close()
		})
	}
}

// A dealer of other programs refuses, to both: to try again would be of no use.
func TestADealerOfOthersRefuses(t *testing.T) {
	m := smallManifest()
	h := newHouse(t, m, material.Tuning{})
	id := newSession()
	errs := [2]error{}
	var both sync.WaitGroup
	for p := range errs {
		both.Go(func() {
			_, errs[p] = join(h, cost.Party(p), m, program.Hash{9}, id, materialtest.RandomWeights[uint32](m))
		})
	}
	both.Wait()
	for p, err := range errs {
		if !errors.Is(err, wire.ErrRefused) {
			t.Errorf("the %s is told %v, want a refusal", cost.Party(p), err)
		}
	}
	if _, err := sit(h, m, materialtest.RandomWeights[uint32](m)); err != nil {
		t.Errorf("a pair that it deals for: %v", err)
	}
}

// Between two runs a party may take as long as it likes, for it says that it is there; one that says nothing is given up, and its place with the dealer is free.
func TestSilenceBetweenRuns(t *testing.T) {
	t.Parallel()
	m := smallManifest()
	for _, c := range []struct {
		name    string
		silence time.Duration
		every   [2]time.Duration // a party says that it is there
		want    string
	}{
		{"both are there", 2 * time.Second, [2]time.Duration{20 * time.Millisecond, 20 * time.Millisecond}, ""},
		{"the server is not", 300 * time.Millisecond, [2]time.Duration{20 * time.Millisecond, time.Hour}, "the server: silent for 300ms after 1 run(s)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, m, material.Tuning{Sessions: 1, Silence: c.silence})
			seats, _ := manySeats(t, h)
			for p := range seats {
				seats[p].Every(c.every[p])
			}
			w := materialtest.RandomWeights[uint32](m)
			s, d := askBoth(t, seats, m, material.Request{Pair: testPair, More: true}, w)
			if err := errors.Join(d[0].Await(), d[1].Await(), exchangeInMemory(s), materialtest.Related(m, w, s)); err != nil {
				t.Fatal(err)
			}
			if c.want != "" {
				ahead, err := material.Ask(seats[0], m, material.Request{Pair: testPair}, w.Of(cost.Client))
				if err != nil {
					t.Fatal(err)
				}
				wantError(t, ahead.Await(), c.want)
				ahead.Close()
			} else {
				time.Sleep(c.silence * 3 / 2)
				last, ahead := askBoth(t, seats, m, material.Request{Pair: testPair}, w)
				if err := errors.Join(ahead[0].Await(), ahead[1].Await(), exchangeInMemory(last), materialtest.Related(m, w, last), last.Close()); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			h.settled(t, 0)
			next, err := sit(h, m, w)
			if err != nil {
				t.Fatalf("the next session: %v", err)
			}
			next.Close()
		})
	}
}
