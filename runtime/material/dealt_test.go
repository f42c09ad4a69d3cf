package material_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/material/materialtest"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// keys are fresh identities of all roles, by role.
type keys [wire.Dealer + 1]wire.Identity

// newKeys is slow enough to be done once.
var newKeys = sync.OnceValues(func() (k keys, err error) {
	dir, err := os.MkdirTemp("", "keys")
	if err != nil {
		return k, err
	}
	for _, role := range wire.Roles() {
		id, writeErr := wire.WriteIdentity(dir, role)
		k[role], err = id, errors.Join(err, writeErr)
	}
	return k, errors.Join(err, os.RemoveAll(dir))
})

// house is a dealer that serves over TLS on loopback.
type house struct {
	keys   keys
	dealer *material.Dealer
	listen *material.Listener
	stop   context.CancelFunc
	served chan error
}

// testPair is the hash of the pair of programs that the tests' dealers deal for.
var testPair = program.Hash{1, 2, 3}

// openHouse starts a dealer; close ends it.
func openHouse(m *program.Manifest, tuning material.Tuning) (*house, error) {
	return openHouseFor([]material.Deal{{Pair: testPair, Manifest: m}}, tuning)
}

func openHouseFor(deals []material.Deal, tuning material.Tuning) (*house, error) {
	k, err := newKeys()
	if err != nil {
		return nil, err
	}
	d, err := material.NewDealer(deals, tuning)
	if err != nil {
		return nil, err
	}
	pins := material.Pins{Client: pin(k, wire.Client), Server: pin(k, wire.Server)}
	l, err := material.Listen("127.0.0.1:0", k[wire.Dealer], pins, wire.Options{})
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	h := &house{keys: k, dealer: d, listen: l, stop: stop, served: make(chan error, 1)}
	go func() { h.served <- d.Serve(ctx, l) }()
	return h, nil
}

func (h *house) close() error {
	h.stop()
	return errors.Join(<-h.served, h.listen.Close())
}

// newHouse is openHouse for a test, which closes it.
func newHouse(t *testing.T, m *program.Manifest, tuning material.Tuning) *house {
	t.Helper()
	h, err := openHouse(m, tuning)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// dial connects a party.
func (h *house) dial(p cost.Party) (*wire.Conn, error) {
	config, err := h.config(p)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return wire.Dial(ctx, h.listen.Addr().String(), config, wire.Options{Timeout: 20 * time.Second})
}

func (h *house) config(p cost.Party) (*tls.Config, error) {
	role := wire.Client
	if p == cost.Server {
		role = wire.Server
	}
	return wire.TLSConfig(h.keys[role], wire.Dealer, h.keys[wire.Dealer].Certificate())
}

// newSession draws a session id, as the parties' handshake does.
func newSession() material.Session { return material.Session(prg.NewSeed()) }

// join connects a party and waits for its seed.
func join[W ring.Word](h *house, p cost.Party, m *program.Manifest, pair program.Hash, id material.Session,
	w materialtest.Weights[W]) (*material.Dealt[W], error) {
	c, err := h.dial(p)
	if err != nil {
		return nil, err
	}
	return material.NewDealt(c, p, m, pair, id, w.Of(p))
}

// sit connects both parties for one session.
func sit[W ring.Word](h *house, m *program.Manifest, w materialtest.Weights[W]) (s materialtest.Sources[W], err error) {
	id := newSession()
	var errs [2]error
	var group sync.WaitGroup
	for p := range s {
		group.Go(func() {
			var d *material.Dealt[W]
			if d, errs[p] = join(h, cost.Party(p), m, testPair, id, w); errs[p] == nil {
				s[p] = d
			}
		})
	}
	group.Wait()
	return s, errors.Join(errs[0], errs[1])
}

// dealt is the maker of sources for the conformance suite: a dealer of its own for each session.
func dealt[W ring.Word](t *testing.T, m *program.Manifest, w materialtest.Weights[W]) materialtest.Sources[W] {
	t.Helper()
	s, err := sit(newHouse(t, m, material.Tuning{}), m, w)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDealtConforms(t *testing.T) { materialtest.Conformance(t, dealt[uint32], dealt[uint64]) }

func TestDealtBilinearConforms(t *testing.T) {
	materialtest.BilinearConformance(t, dealt[uint32], dealt[uint64])
}

func TestDealtKeysConform(t *testing.T) { materialtest.KeyConformance(t, dealt[uint32], dealt[uint64]) }

// declared gives, by layer, what the dealer sends the server and what a party that opens weights sends its peer: the
// formulas of ir's linear ops, squares and products.
func declared(m *program.Manifest) (dealt, opened map[int]int64) {
	dealt, opened = map[int]int64{}, map[int]int64{}
	for _, it := range m.Items {
		switch it.Kind {
		case program.Product:
			opened[it.Tag] += cost.BitBytes(int64(it.WLen), m.Ring)
			dealt[it.Tag] += cost.BitBytes(int64(it.N), m.Ring)
		case program.Cross, program.Square, program.Bilinear:
			dealt[it.Tag] += cost.BitBytes(int64(it.N), m.Ring)
		}
	}
	return dealt, opened
}

func TestBytesAreThoseDeclared(t *testing.T) {
	for _, deploy := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		for _, c := range materialtest.Cases(deploy, 32) {
			t.Run(fmt.Sprint(deploy, " ", c.Name, " 32"), func(t *testing.T) { checkBytes[uint32](t, c.Manifest) })
		}
		for _, c := range materialtest.Cases(deploy, 64) {
			t.Run(fmt.Sprint(deploy, " ", c.Name, " 64"), func(t *testing.T) { checkBytes[uint64](t, c.Manifest) })
		}
	}
}

func TestBilinearBytesAreThoseDeclared(t *testing.T) {
	for _, c := range materialtest.BilinearCases(64) {
		t.Run(c.Name, func(t *testing.T) { checkBytes[uint64](t, c.Manifest) })
	}
}

func checkBytes[W ring.Word](t *testing.T, m *program.Manifest) {
	w := materialtest.RandomWeights[W](m)
	s := dealt(t, m, w)
	defer s.Close()
	client, server := wiretest.Pair(t, wire.Options{})
	if err := materialtest.Exchange(s, client, server); err != nil {
		t.Fatal(err)
	}
	if err := materialtest.Related(m, w, s); err != nil { // waits for the corrections
		t.Fatal(err)
	}
	dealt, opened := declared(m)
	seed := map[int]int64{cost.SessionTag: 16}
	same(t, "the client got from the dealer", s[cost.Client].Received(), seed)
	dealt[cost.SessionTag] = 16
	same(t, "the server got from the dealer", s[cost.Server].Received(), dealt)
	same(t, "the server opened", sent(server), opened)
	if m.Deploy == cost.ClientServer {
		opened = nil
	}
	same(t, "the client opened", sent(client), opened)
	if client.Rounds(0) > 1 || server.Rounds(0) > 1 {
		t.Errorf("openings took %d and %d rounds, want one", client.Rounds(0), server.Rounds(0))
	}
}

func sent(c *wire.Conn) map[int]int64 {
	out := map[int]int64{}
	for k, n := range c.Counts() {
		if n.PayloadSent > 0 {
			out[k.Tag] = n.PayloadSent
		}
	}
	return out
}

func same(t *testing.T, what string, got, want map[int]int64) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) { // maps print sorted
		t.Errorf("%s %v bytes by layer, declared are %v", what, got, want)
	}
}

// anyManifest draws a manifest of a few small items.
func anyManifest(t *rapid.T, bits int) *program.Manifest {
	deploy := rapid.SampledFrom([]cost.Deployment{cost.ClientServer, cost.Outsourced}).Draw(t, "deploy")
	items := []program.Item{materialtest.Mask(rapid.IntRange(1, 40).Draw(t, "mask"))}
	masks := []int{0}
	for range rapid.IntRange(0, 8).Draw(t, "items") {
		it := anyItem(t, deploy, items, masks)
		if it.Kind == program.Mask || it.Kind == program.Moved {
			masks = append(masks, len(items))
		}
		items = append(items, it)
	}
	return materialtest.Manifest(deploy, bits, items...)
}

func anyItem(t *rapid.T, deploy cost.Deployment, items []program.Item, masks []int) program.Item {
	a, b := rapid.SampledFrom(masks).Draw(t, "a"), rapid.SampledFrom(masks).Draw(t, "b")
	n := items[a].N
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return materialtest.Mask(rapid.IntRange(1, 40).Draw(t, "mask"))
	case 1:
		return materialtest.Moved(program.Concat, n+items[b].N, nil, a, b)
	case 2:
		return materialtest.Moved(program.Pad, (n+3)*2, []int{1, 1, n, 0, 1, 1, 2}, a)
	case 3:
		return materialtest.Linear(a, rapid.IntRange(1, 9).Draw(t, "outputs"), n)
	case 4:
		kernel := rapid.IntRange(1, min(n, 3)).Draw(t, "kernel")
		return materialtest.Conv(a, 1, 1, n, 2, kernel, rapid.IntRange(1, 2).Draw(t, "stride"), kernel-1, 1, 1)
	}
	switch {
	case deploy == cost.ClientServer:
		return materialtest.Cross(a, n)
	case items[b].N == n:
		return materialtest.Bilinear(program.Mul, n, nil, a, b)
	}
	return materialtest.Square(a, n)
}

func TestAnyManifest(t *testing.T) {
	t.Run("32", func(t *testing.T) { rapid.Check(t, checkAny[uint32]) })
	t.Run("64", func(t *testing.T) { rapid.Check(t, checkAny[uint64]) })
}

func checkAny[W ring.Word](t *rapid.T) {
	m := anyManifest(t, ring.Width[W]())
	w := materialtest.RandomWeights[W](m)
	if err := playThrough(m, w); err != nil {
		t.Fatal(err)
	}
}

// playThrough runs a session with a dealer of its own and checks what comes out.
func playThrough[W ring.Word](m *program.Manifest, w materialtest.Weights[W]) (err error) {
	h, err := openHouse(m, material.Tuning{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	s, err := sit(h, m, w)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := exchangeInMemory(s); err != nil {
		return err
	}
	return materialtest.Related(m, w, s)
}

// exchangeInMemory hands one party's openings to the other after the fact: nothing asks for both to run at once.
func exchangeInMemory[W ring.Word](s materialtest.Sources[W]) error {
	for p := range s {
		var pieces [][]byte
		var tags []int
		err := s[p].Openings(func(tag int, b []byte) error {
			pieces, tags = append(pieces, append([]byte(nil), b...)), append(tags, tag)
			return nil
		})
		if err != nil {
			return err
		}
		err = s[1-p].Absorb(func(tag int, b []byte) error {
			if len(pieces) == 0 || tag != tags[0] || len(b) != len(pieces[0]) {
				return fmt.Errorf("%d bytes for layer %d wanted, %d pieces left, of layers %v", len(b), tag, len(pieces), tags)
			}
			copy(b, pieces[0])
			pieces, tags = pieces[1:], tags[1:]
			return nil
		})
		if err != nil || len(pieces) > 0 {
			return fmt.Errorf("%d pieces left, %w", len(pieces), err)
		}
	}
	return nil
}

// TestManySessions deals to several pairs at a time, all of which come out right.
func TestManySessions(t *testing.T) {
	m := materialtest.Manifest(cost.ClientServer, 32, materialtest.Mask(300), materialtest.Linear(0, 20, 300), materialtest.Cross(0, 300))
	log, lines := newLog()
	h := newHouse(t, m, material.Tuning{Log: log})
	const sessions = 12
	var group sync.WaitGroup
	for range sessions {
		group.Go(func() {
			w := materialtest.RandomWeights[uint32](m)
			s, err := sit(h, m, w)
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := errors.Join(exchangeInMemory(s), materialtest.Related(m, w, s)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	lines.wait(t, sessions, slog.LevelInfo, "session served")
}

func TestSourceRefusals(t *testing.T) {
	m := materialtest.Manifest(cost.ClientServer, 32, materialtest.Mask(3), materialtest.Linear(0, 2, 3))
	none := func(string) ([]uint32, error) { return nil, nil }
	for _, c := range []struct {
		name    string
		party   cost.Party
		m       *program.Manifest
		weights material.Weights[uint32]
		want    string
	}{
		{"dealer", cost.Dealer, m, none, "accepted are client and server"},
		{"other ring", cost.Client, materialtest.Manifest(cost.ClientServer, 64), none, "ring of 64 bits, words have 32"},
		{"no ring", cost.Client, materialtest.Manifest(cost.ClientServer, 16), none, "accepted are 32 and 64"},
		{"no weights", cost.Server, m, nil, "no weights to open"},
		{"square of the client's mask", cost.Client, materialtest.Manifest(cost.ClientServer, 32, materialtest.Mask(3), materialtest.Square(0, 3)),
			none, "item 1 (square of layer 1): no such item in the client-server deployment"},
		{"cross of a shared mask", cost.Client, materialtest.Manifest(cost.Outsourced, 32, materialtest.Mask(3), materialtest.Cross(0, 3)),
			none, "no such item in the outsourced deployment"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, _ := wiretest.Pair(t, wire.Options{})
			_, err := material.NewDealt(a, c.party, c.m, testPair, newSession(), c.weights)
			wantError(t, err, c.want)
		})
	}
}

// TestWrongWeights: a weight that is missing or has another length is named.
func TestWrongWeights(t *testing.T) {
	m := materialtest.Manifest(cost.Outsourced, 32, materialtest.Mask(3), materialtest.Linear(0, 2, 3))
	for _, c := range []struct {
		name string
		w    materialtest.Weights[uint32]
		want string
	}{
		{"missing", materialtest.Weights[uint32]{}, `item 1 (product of layer 1): weight "layer1.weight": the server has no such weight`},
		{"longer", materialtest.Weights[uint32]{1: {"layer1.weight": make([]uint32, 7)}}, `weight "layer1.weight" has 7 elements, the manifest says 6`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := dealt(t, m, c.w)
			defer s.Close()
			wantError(t, s[cost.Server].Openings(func(int, []byte) error { return nil }), c.want)
			wantError(t, s[cost.Server].Absorb(func(int, []byte) error { return nil }), c.want)
			wantError(t, s[cost.Server].Part(1, 0, make([]uint32, 2)), "not absorbed yet")
		})
	}
}

// TestPeerFails: errors of the callbacks come back with the item, from the first, a middle or the last product.
func TestPeerFails(t *testing.T) {
	m := materialtest.Manifest(cost.Outsourced, 32, materialtest.Mask(3), materialtest.Linear(0, 2, 3), materialtest.Linear(0, 1, 3), materialtest.Linear(0, 4, 3))
	cut := errors.New("cut")
	for failing := 1; failing <= 3; failing++ {
		s := dealt(t, m, materialtest.RandomWeights[uint32](m))
		at := func(tag int, _ []byte) error {
			if tag == failing {
				return cut
			}
			return nil
		}
		for what, err := range map[string]error{"sending": s[0].Openings(at), "receiving": s[0].Absorb(at)} {
			wantError(t, err, fmt.Sprintf("item %d (product of layer %d): %s the masked weights: cut", failing, failing, what))
			if !errors.Is(err, cut) {
				t.Errorf("%v does not wrap the cause", err)
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
