package material_test

import (
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/material/materialtest"
	"sotto/runtime/program"
)

// TestBothPartiesGetTheKeysDeclared: the dealer sends either party the same bytes, by layer.
func TestBothPartiesGetTheKeysDeclared(t *testing.T) {
	for _, c := range materialtest.KeyCases(cost.Outsourced, 32) {
		w := materialtest.RandomWeights[uint32](c.Manifest)
		s := ready32(t, c.Manifest, w)
		for p := range s {
			want := map[int]int64{cost.SessionTag: cost.SeedBytes}
			for _, it := range c.Manifest.Items {
				if it.HasKeys() {
					want[it.Tag] += cost.ComparisonKeyBytes(int64(it.N), program.KeyWidth(it.Kind, it.Ints, 32))
				}
				if it.Kind == program.Rectify && cost.Party(p) == cost.Server {
					want[it.Tag] += cost.SelectionBytes(int64(it.N), 32)
				}
				if n, ok := serverGets(c.Manifest)[it.Tag]; ok && cost.Party(p) == cost.Server {
					want[it.Tag] += n
				}
			}
			same(t, cost.Party(p).String()+" got from the dealer", s[p].Received(), want)
		}
	}
}

// serverGets is what the dealer sends the server alone.
func serverGets(m *program.Manifest) map[int]int64 {
	dealt, _ := declared(m)
	return dealt
}

// ready32 makes dealt sources and waits until everything is here.
func ready32(t *testing.T, m *program.Manifest, w materialtest.Weights[uint32]) materialtest.Sources[uint32] {
	t.Helper()
	s := dealt(t, m, w)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for p := range s {
		if _, err := s[p].(material.KeySource).Keys(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestPartyThatLeavesWhileKeysAreDealt: its partner is told, and neither it nor the dealer hangs.
func TestPartyThatLeavesWhileKeysAreDealt(t *testing.T) {
	m := materialtest.Manifest(cost.ClientServer, 32, materialtest.Compare(1<<19, 32)) // 200 MB, more than sockets hold
	for _, leaver := range []cost.Party{cost.Client, cost.Server} {
		h := newHouse(t, m, material.Tuning{})
		s, err := sit(h, m, materialtest.RandomWeights[uint32](m))
		if err != nil {
			t.Fatal(err)
		}
		if err := s[leaver].Close(); err != nil {
			t.Error(err)
		}
		failed := make(chan error, 1)
		go func() {
			_, err := s[leaver.Other()].(material.KeySource).Keys()
			failed <- err
		}()
		wantError(t, soon(t, "its partner", failed), "the "+leaver.String())
		if err := s[leaver.Other()].Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestKeysOfAClosedSource: nothing comes out of a source that is closed.
func TestKeysOfAClosedSource(t *testing.T) {
	m := materialtest.Manifest(cost.Outsourced, 64, materialtest.Compare(3, 20))
	s := dealt(t, m, materialtest.RandomWeights[uint64](m))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for p := range s {
		if _, err := s[p].(material.KeySource).Keys(); err == nil {
			t.Errorf("the %s still gives keys when closed", cost.Party(p))
		}
	}
}
