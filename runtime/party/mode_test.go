package party

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/runtime/store"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// holding makes a store that holds material of the given numbers, ascending.
func holding(t *testing.T, numbers ...uint64) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Binding{Party: "client"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	for _, n := range numbers {
		given, err := s.Give(n)
		if err != nil || given != n {
			t.Fatal(given, err)
		}
		w, err := s.Make(n)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func holds(t *testing.T, s *store.Store) holdings {
	t.Helper()
	h, err := holdingsOf(s, 0)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// crossed runs f at both ends of a connection.
func crossed(t *testing.T, f func(side int, c *wire.Conn) error) (errs [2]error) {
	t.Helper()
	a, b := wiretest.Pair(t, wire.Options{Timeout: 5 * time.Second})
	done := make(chan struct{})
	go func() {
		defer close(done)
		errs[1] = f(1, b)
	}()
	errs[0] = f(0, a)
	<-done
	return errs
}

// TestAgree: the first number that both hold, whatever either has lost.
func TestAgree(t *testing.T) {
	for _, c := range []struct {
		held [2][]uint64
		want uint64 // store.None: they ran out
	}{
		{[2][]uint64{{0, 1}, {0, 1}}, 0},
		{[2][]uint64{{4, 5}, {0, 1, 2, 3, 4, 5}}, 4},
		{[2][]uint64{{1, 3, 5, 7}, {2, 4, 6, 7}}, 7},
		{[2][]uint64{{1, 3}, {2, 4}}, store.None},
		{[2][]uint64{{}, {2, 4}}, store.None},
		{[2][]uint64{{}, {}}, store.None},
	} {
		stores := [2]*store.Store{holding(t, c.held[0]...), holding(t, c.held[1]...)}
		first := [2]uint64{holds(t, stores[0]).first, holds(t, stores[1]).first}
		var got [2]uint64
		errs := crossed(t, func(side int, conn *wire.Conn) (err error) {
			got[side], err = agree(conn, stores[side], first[side], first[1-side])
			return err
		})
		for side := range got {
			if c.want == store.None && !errors.Is(errs[side], errRanOut) || c.want != store.None && (errs[side] != nil || got[side] != c.want) {
				t.Errorf("%v: party %d begins at %d (%v), want %d", c.held, side, got[side], errs[side], c.want)
			}
		}
	}
}

// TestAgreeEnds: a peer that goes back is refused, it could go on for ever.
func TestAgreeEnds(t *testing.T) {
	s := holding(t, 3, 4)
	errs := crossed(t, func(side int, conn *wire.Conn) error {
		if side == 0 {
			_, err := agree(conn, s, 3, 1)
			return err
		}
		return conn.Exchange(make([]byte, 8), make([]byte, 8))
	})
	if !errors.Is(errs[0], wire.ErrProtocol) {
		t.Errorf("a peer that offers 0 where 3 was due: %v", errs[0])
	}
}

// TestReconcile: what one party alone holds is dropped.
func TestReconcile(t *testing.T) {
	stores := [2]*store.Store{holding(t, 1, 2, 4, 9), holding(t, 0, 2, 3, 9)}
	have := [2]holdings{holds(t, stores[0]), holds(t, stores[1])}
	errs := crossed(t, func(side int, conn *wire.Conn) error {
		n, err := reconcile(conn, stores[side], have[1-side])
		if err == nil && n != 2 {
			err = fmt.Errorf("%d are left", n)
		}
		return err
	})
	for side, s := range stores {
		if st, err := s.Status(); errs[side] != nil || err != nil || !slices.Equal(st.Held, []uint64{2, 9}) {
			t.Errorf("party %d: holds %v, %v", side, st.Held, errs[side])
		}
	}
}

// TestReconcileRefuses a peer that says it holds what cannot be.
func TestReconcileRefuses(t *testing.T) {
	s := holding(t, 1)
	for _, h := range []holdings{{held: 5, next: 4}, {held: 1 << 40, next: 1 << 41}} {
		if _, err := reconcile(nil, s, h); !errors.Is(err, wire.ErrProtocol) {
			t.Errorf("%+v: %v", h, err)
		}
	}
}

// TestMeet: fresh stores make an ID, one that is fresh takes that of one that holds nothing, and others must have the same.
func TestMeet(t *testing.T) {
	a, b := store.ID{1}, store.ID{2}
	session := [16]byte{9}
	for _, c := range []struct{ mine, theirs, want store.ID }{
		{store.ID{}, store.ID{}, session}, {store.ID{}, a, a}, {a, store.ID{}, a}, {a, a, a}, {a, b, store.ID{}},
	} {
		s := holding(t)
		if c.mine != (store.ID{}) {
			if err := s.Meet(c.mine); err != nil {
				t.Fatal(err)
			}
		}
		err := meet(s, holdings{id: c.mine}, holdings{id: c.theirs}, session)
		if c.want == (store.ID{}) {
			if err == nil || !strings.Contains(err.Error(), "not of one pair") {
				t.Errorf("%v and %v: %v", c.mine, c.theirs, err)
			}
			continue
		}
		if got := holds(t, s).id; err != nil || got != c.want {
			t.Errorf("%v and %v: %v, %v, want %v", c.mine, c.theirs, got, err, c.want)
		}
	}
}

// TestMeetKeepsMaterial: a new store, named by mistake, is refused by one that holds material, at both ends; one that lost
// all of the same batch is not.
func TestMeetKeepsMaterial(t *testing.T) {
	full, empty := holding(t, 0, 1, 2), holding(t)
	if err := full.Meet(store.ID{1}); err != nil {
		t.Fatal(err)
	}
	mine, theirs := holds(t, full), holds(t, empty)
	for _, err := range []error{meet(full, mine, theirs, [16]byte{9}), meet(empty, theirs, mine, [16]byte{9})} {
		if err == nil || !strings.Contains(err.Error(), "holds 3 unused") || !strings.Contains(err.Error(), "is new and empty") {
			t.Errorf("a full store and a new one: %v", err)
		}
	}
	if after := holds(t, empty).id; after != (store.ID{}) || holds(t, full) != mine {
		t.Errorf("after the refusal the new store has ID %v, the full one %v", after, holds(t, full))
	}
	if err := meet(full, mine, holdings{id: mine.id}, [16]byte{9}); err != nil {
		t.Errorf("a store that lost all of the same batch: %v", err)
	}
}
