package material_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"log/slog"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/material/materialtest"
	"sotto/runtime/program"
	"sotto/runtime/wire"
)

func pin(k keys, role wire.Role) []*x509.Certificate {
	return []*x509.Certificate{k[role].Certificate()}
}

func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error %q, want one with %q", err, text)
	}
}

// lines collects a dealer's log.
type lines struct {
	mu      sync.Mutex
	records []slog.Record
	more    chan struct{}
}

func newLog() (*slog.Logger, *lines) {
	l := &lines{more: make(chan struct{}, 1024)}
	return slog.New(l), l
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }
func (l *lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *lines) WithGroup(string) slog.Handler            { return l }
func (l *lines) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records = append(l.records, r)
	l.more <- struct{}{}
	return nil
}

// wait demands n lines, each of the level and with the text.
func (l *lines) wait(t *testing.T, n int, level slog.Level, text string) {
	t.Helper()
	for range n {
		select {
		case <-l.more:
		case <-time.After(time.Minute):
			t.Fatalf("fewer than %d lines in the log", n)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.records) != n {
		t.Errorf("%d lines in the log, want %d", len(l.records), n)
	}
	for _, r := range l.records {
		if r.Level != level || !strings.Contains(r.Message, text) {
			t.Errorf("log line %v %q, want %v %q", r.Level, r.Message, level, text)
		}
	}
}

// smallManifest has corrections of a few bytes.
func smallManifest() *program.Manifest {
	return materialtest.Manifest(cost.ClientServer, 32, materialtest.Mask(3), materialtest.Linear(0, 2, 3), materialtest.Cross(0, 3))
}

// largeManifest has corrections of 64 MB, more than sockets hold.
func largeManifest() *program.Manifest {
	const n = 1 << 20
	items := []program.Item{materialtest.Mask(n)}
	for range 16 {
		items = append(items, materialtest.Cross(0, n))
	}
	return materialtest.Manifest(cost.ClientServer, 32, items...)
}

// arrive joins in the background.
func arrive(h *house, p cost.Party, m *program.Manifest, pair program.Hash, id material.Session) <-chan error {
	result := make(chan error, 1)
	go func() {
		s, err := join(h, p, m, pair, id, materialtest.RandomWeights[uint32](m))
		if err == nil {
			err = s.Close()
		}
		result <- err
	}()
	return result
}

// soon receives within a limit: nothing here may hang.
func soon(t *testing.T, what string, c <-chan error) error {
	t.Helper()
	select {
	case err := <-c:
		return err
	case <-time.After(time.Minute):
		t.Fatalf("%s hangs", what)
		return nil
	}
}

// settled waits until so many sessions wait or are served.
func (h *house) settled(t *testing.T, sessions int) {
	t.Helper()
	for begun := time.Now(); h.dealer.Sessions() != sessions; time.Sleep(time.Millisecond) {
		if time.Since(begun) > time.Minute {
			t.Fatalf("%d sessions wait or are served, want %d", h.dealer.Sessions(), sessions)
		}
	}
}

func TestWrongPairHash(t *testing.T) {
	m := smallManifest()
	other := program.Hash{9, 9}
	for _, wrong := range []cost.Party{cost.Client, cost.Server} {
		h := newHouse(t, m, material.Tuning{})
		id := newSession()
		right := arrive(h, wrong.Other(), m, testPair, id)
		h.settled(t, 1)
		want := "the " + wrong.String() + " runs the program " + other.Short() + ", this dealer deals for " + testPair.Short()
		wantError(t, soon(t, "the wrong one", arrive(h, wrong, m, other, id)), want)
		wantError(t, soon(t, "its partner", right), want)
		wantError(t, soon(t, "a late one", arrive(h, wrong.Other(), m, testPair, id)), want)
	}
}

func TestSamePartyTwice(t *testing.T) {
	m := smallManifest()
	h := newHouse(t, m, material.Tuning{})
	id := newSession()
	first := arrive(h, cost.Client, m, testPair, id)
	h.settled(t, 1)
	wantError(t, soon(t, "the second client", arrive(h, cost.Client, m, testPair, id)), "the client is here already")
	if err := soon(t, "the server", arrive(h, cost.Server, m, testPair, id)); err != nil {
		t.Errorf("the session fails: %v", err)
	}
	if err := soon(t, "the first client", first); err != nil {
		t.Errorf("the first client is thrown out: %v", err)
	}
}

func TestSessionIsDealtOnce(t *testing.T) {
	m := smallManifest()
	h := newHouse(t, m, material.Tuning{})
	id := newSession()
	client, server := arrive(h, cost.Client, m, testPair, id), arrive(h, cost.Server, m, testPair, id)
	if err := soon(t, "the client", client); err != nil {
		t.Fatal(err)
	}
	if err := soon(t, "the server", server); err != nil {
		t.Fatal(err)
	}
	for p := range 2 {
		wantError(t, soon(t, "the repeat", arrive(h, cost.Party(p), m, testPair, id)), "its material was dealt: start a new one")
	}
}

func TestPartnerDoesNotCome(t *testing.T) {
	t.Parallel()
	m := smallManifest()
	log, lines := newLog()
	h := newHouse(t, m, material.Tuning{Patience: 2 * time.Second, Log: log})
	id := newSession()
	const want = "the server did not come within 2s"
	wantError(t, soon(t, "the client", arrive(h, cost.Client, m, testPair, id)), want)
	wantError(t, soon(t, "the late server", arrive(h, cost.Server, m, testPair, id)), want)
	lines.wait(t, 2, slog.LevelWarn, "refused")
}

// TestPartnerLeaves: a party that goes while it waits is noticed, and the one that comes after it told at once.
func TestPartnerLeaves(t *testing.T) {
	m := smallManifest()
	h := newHouse(t, m, material.Tuning{})
	id := newSession()
	c, err := h.dial(cost.Server)
	if err != nil {
		t.Fatal(err)
	}
	joined := make(chan error, 1)
	go func() {
		_, err := material.NewDealt(c, cost.Server, m, testPair, id, materialtest.RandomWeights[uint32](m).Of(cost.Server))
		joined <- err
	}()
	h.settled(t, 1)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if soon(t, "the server", joined) == nil {
		t.Error("a closed connection serves")
	}
	h.settled(t, 0)
	wantError(t, soon(t, "the client", arrive(h, cost.Client, m, testPair, id)), "the server left")
}

// say connects a party that writes what it likes.
func say(t *testing.T, h *house, p cost.Party, message []byte) *wire.Conn {
	t.Helper()
	c, err := h.dial(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if len(message) > 0 {
		if err := c.Send(message); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// spoken is the version of the protocol.
const spoken = 3

// greeting is a hello as the protocol has it, and the request of a session of one run.
func greeting(version, party byte, id material.Session, pair program.Hash) []byte {
	return append(append(append([]byte{version, party}, id[:]...), 0), pair[:]...)
}

func TestBadHellos(t *testing.T) {
	t.Parallel()
	h := newHouse(t, smallManifest(), material.Tuning{Patience: 2 * time.Second})
	id := newSession()
	for _, c := range []struct {
		name    string
		message []byte
		want    string
	}{
		{"version", greeting(7, 0, id, testPair), "dealer protocol version 7, accepted is 3"},
		{"party", greeting(spoken, 2, id, testPair), "party 2, accepted are 0 (client) and 1 (server)"},
		{"role", greeting(spoken, 1, id, testPair), "a client says it is the server"},
		{"silence", nil, "no hello within 2s"},
		{"half", greeting(spoken, 0, id, testPair)[:20], "no hello within 2s"},
		{"more", append(greeting(spoken, 0, id, testPair), readyByte), "the client spoke before its turn"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := say(t, h, cost.Client, c.message).ReadFull(make([]byte, 1))
			wantError(t, err, "peer aborted: ")
			wantError(t, err, c.want)
		})
	}
}

// readyByte is the answer to a seed.
const readyByte = 'R'

// TestStalledParty: a party that does not answer its seed, or answers something else, fails the session of the other,
// which is told.
func TestStalledParty(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer []byte
		want   string
	}{
		{"silent", nil, "no answer to its seed within 3s"},
		{"garbled", []byte{'X'}, "answer 0x58 to the seed, want 0x52"},
	} {
		for _, bad := range []cost.Party{cost.Client, cost.Server} {
			t.Run(c.name+" "+bad.String(), func(t *testing.T) {
				t.Parallel()
				log, lines := newLog()
				m := smallManifest()
				h := newHouse(t, m, material.Tuning{Patience: 3 * time.Second, Log: log})
				id := newSession()
				stalled := say(t, h, bad, greeting(spoken, byte(bad), id, testPair))
				good, err := join(h, bad.Other(), m, testPair, id, materialtest.RandomWeights[uint32](m))
				if err != nil {
					t.Fatal(err)
				}
				if len(c.answer) > 0 {
					if err := stalled.Send(c.answer); err != nil {
						t.Fatal(err)
					}
				}
				lines.wait(t, 1, slog.LevelWarn, "session failed")
				told(t, good, m, "the "+bad.String()+": "+c.want)
				if err := good.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// told demands that a party learns from the dealer why its session failed. A server may have had all it needs before.
func told(t *testing.T, s *material.Dealt[uint32], m *program.Manifest, want string) {
	t.Helper()
	err := make(chan error, 1)
	go func() {
		var last error
		for deadline := time.Now().Add(time.Minute); last == nil && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			last = s.Part(len(m.Items)-1, 0, make([]uint32, m.Items[len(m.Items)-1].N))
		}
		err <- last
	}()
	wantError(t, soon(t, "the partner", err), want)
}

// TestWhoSaysTooMuch: a party that answers and asks again before its partner came is given up, and nothing goes on reading it.
func TestWhoSaysTooMuch(t *testing.T) {
	h := newHouse(t, smallManifest(), material.Tuning{})
	request := append([]byte{1}, testPair[:]...)
	hello := greeting(spoken, 0, newSession(), testPair)
	client := say(t, h, cost.Client, append(hello[:len(hello)-len(request)], request...))
	if err := client.Send(bytes.Repeat(append([]byte{readyByte}, request...), 3)); err != nil {
		t.Fatal(err)
	}
	wantError(t, client.ReadFull(make([]byte, 1)), "spoke before its turn")
	var stacks strings.Builder
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		stacks.Reset()
		if err := pprof.Lookup("goroutine").WriteTo(&stacks, 1); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(stacks.String(), "(*guest).listen") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("somebody still reads it")
		}
	}
}

// TestServerStopsReading: a server that takes no corrections is given up, and the client told.
func TestServerStopsReading(t *testing.T) {
	t.Parallel()
	m := largeManifest()
	h := newHouse(t, m, material.Tuning{Patience: 3 * time.Second})
	id := newSession()
	server := say(t, h, cost.Server, greeting(spoken, 1, id, testPair))
	client, err := join(h, cost.Client, m, testPair, id, materialtest.RandomWeights[uint32](m))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := server.ReadFull(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	if err := server.Send([]byte{readyByte}); err != nil {
		t.Fatal(err)
	}
	told(t, client, m, "the server: material: item ")
	told(t, client, m, "peer too slow")
}

// TestCutConnections: when one party's connection is cut in the middle of the corrections, the other learns of it.
func TestCutConnections(t *testing.T) {
	m := largeManifest()
	t.Run("server", func(t *testing.T) {
		h := newHouse(t, m, material.Tuning{})
		id := newSession()
		server := say(t, h, cost.Server, greeting(spoken, 1, id, testPair))
		client, err := join(h, cost.Client, m, testPair, id, materialtest.RandomWeights[uint32](m))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if err := server.ReadFull(make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		server.Close()
		told(t, client, m, "the server: ")
	})
	t.Run("client", func(t *testing.T) {
		h := newHouse(t, m, material.Tuning{})
		id := newSession()
		client := say(t, h, cost.Client, greeting(spoken, 0, id, testPair))
		h.settled(t, 1)
		joined := make(chan *material.Dealt[uint32], 1)
		go func() {
			s, err := join(h, cost.Server, m, testPair, id, materialtest.RandomWeights[uint32](m))
			if err != nil {
				t.Error(err)
			}
			joined <- s
		}()
		if err := client.ReadFull(make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
		server := <-joined
		if server == nil {
			t.FailNow()
		}
		defer server.Close()
		client.Close() // without an answer to the seed
		told(t, server, m, "the client: ")
	})
}

// TestDealerShutsDown: whoever waits is told.
func TestDealerShutsDown(t *testing.T) {
	m := smallManifest()
	h, err := openHouse(m, material.Tuning{})
	if err != nil {
		t.Fatal(err)
	}
	waiting := arrive(h, cost.Client, m, testPair, newSession())
	h.settled(t, 1)
	if err := h.close(); err != nil {
		t.Errorf("a dealer that is stopped reports %v", err)
	}
	wantError(t, soon(t, "the client", waiting), "the dealer is shutting down")
}

// TestDealerShutsDownWhileDealing: a server in the middle of its corrections is told, and so is its client.
func TestDealerShutsDownWhileDealing(t *testing.T) {
	m := largeManifest()
	h, err := openHouse(m, material.Tuning{})
	if err != nil {
		t.Fatal(err)
	}
	id := newSession()
	server := say(t, h, cost.Server, greeting(spoken, 1, id, testPair))
	client, err := join(h, cost.Client, m, testPair, id, materialtest.RandomWeights[uint32](m))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	closed := make(chan error, 1)
	go func() { closed <- h.close() }()
	told(t, client, m, "the dealer is shutting down")
	// The server reads on: what was sent before is whole, and the reason follows.
	err = nil
	for buf := make([]byte, 1<<16); err == nil; {
		err = server.ReadFull(buf)
	}
	wantError(t, err, "the dealer is shutting down")
	if err := soon(t, "the dealer", closed); err != nil {
		t.Error(err)
	}
}

func TestSessionLimit(t *testing.T) {
	m := smallManifest()
	h := newHouse(t, m, material.Tuning{Sessions: 1})
	id := newSession()
	first := arrive(h, cost.Client, m, testPair, id)
	h.settled(t, 1)
	wantError(t, soon(t, "one too many", arrive(h, cost.Client, m, testPair, newSession())), "the dealer has 1 sessions, which is its limit")
	if err := soon(t, "the server", arrive(h, cost.Server, m, testPair, id)); err != nil {
		t.Error(err)
	}
	if err := soon(t, "the client", first); err != nil {
		t.Error(err)
	}
}

// TestStrangers: a peer that is not pinned, or plays the dealer, does not get in.
func TestStrangers(t *testing.T) {
	h := newHouse(t, smallManifest(), material.Tuning{})
	for _, role := range []wire.Role{wire.Client, wire.Server, wire.Dealer} {
		stranger, err := wire.WriteIdentity(t.TempDir(), role)
		if err != nil {
			t.Fatal(err)
		}
		config, err := wire.TLSConfig(stranger, wire.Dealer, h.keys[wire.Dealer].Certificate())
		if err != nil {
			t.Fatal(err)
		}
		_, err = wire.Dial(t.Context(), h.listen.Addr().String(), config, wire.Options{})
		wantError(t, err, "peer refuses this side's certificate")
	}
}

func TestListenRefusals(t *testing.T) {
	k, err := newKeys()
	if err != nil {
		t.Fatal(err)
	}
	both := material.Pins{Client: pin(k, wire.Client), Server: pin(k, wire.Server)}
	for _, c := range []struct {
		own  wire.Role
		pins material.Pins
		want string
	}{
		{wire.Server, both, "the key is one of a server: want a dealer's"},
		{wire.Dealer, material.Pins{Client: both.Client}, "no certificate of the server is pinned"},
		{wire.Dealer, material.Pins{Server: both.Server}, "no certificate of the client is pinned"},
		{wire.Dealer, material.Pins{Client: both.Server, Server: both.Client}, "certificate is for the role server, want client"},
	} {
		_, err := material.Listen("127.0.0.1:0", k[c.own], c.pins, wire.Options{})
		wantError(t, err, c.want)
	}
}

func TestNewDealerRefusals(t *testing.T) {
	m := smallManifest()
	for _, c := range []struct {
		deals  []material.Deal
		tuning material.Tuning
		want   string
	}{
		{nil, material.Tuning{}, "no deal to serve"},
		{[]material.Deal{{Manifest: m}, {}}, material.Tuning{}, "a deal without a manifest"},
		{[]material.Deal{{Manifest: &program.Manifest{}}}, material.Tuning{}, "manifest version 0"},
		{[]material.Deal{{Manifest: m}}, material.Tuning{Patience: -1}, "none may be negative"},
		{[]material.Deal{{Manifest: m}}, material.Tuning{Silence: -1}, "none may be negative"},
		{[]material.Deal{{Manifest: m}}, material.Tuning{Sessions: -1}, "none may be negative"},
	} {
		_, err := material.NewDealer(c.deals, c.tuning)
		wantError(t, err, c.want)
	}
}

// TestDealFile: a deal survives being written as a bundle's file.
func TestDealFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deal.cbor")
	want := material.Deal{Pair: testPair, Manifest: smallManifest()}
	if err := program.Write(path, want); err != nil {
		t.Fatal(err)
	}
	var got material.Deal
	if err := program.Read(path, &got); err != nil {
		t.Fatal(err)
	}
	if got.Pair != want.Pair || len(got.Manifest.Items) != 3 || got.Manifest.Check() != nil {
		t.Errorf("read back %+v", got)
	}
}
