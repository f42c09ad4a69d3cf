package materialtest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/prg"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// Sources are the two ends of the material of one session, by party.
type Sources[W ring.Word] [2]material.Source[W]

// Close closes both.
func (s Sources[W]) Close() error { return errors.Join(s[0].Close(), s[1].Close()) }

// Weights are the weights of each party by name. Clear are the sums: all of it is the server's in client-server.
type Weights[W ring.Word] [2]map[string][]W

// Of gives a party's weights as a source asks for them.
func (w Weights[W]) Of(p cost.Party) material.Weights[W] {
	return func(name string) ([]W, error) {
		v, ok := w[p][name]
		if !ok {
			return nil, fmt.Errorf("the %s has no such weight", p)
		}
		return v, nil
	}
}

func (w Weights[W]) clear(name string) []W {
	sum := slices.Clone(w[cost.Server][name])
	if share, ok := w[cost.Client][name]; ok {
		ring.Add(sum, sum, share)
	}
	return sum
}

// RandomWeights draws the weights that a manifest names: fixed-point numbers of 16 bits where one party has them, and shares.
func RandomWeights[W ring.Word](m *program.Manifest) Weights[W] {
	const bits = 16
	w := Weights[W]{{}, {}}
	for _, it := range m.Items {
		if it.Kind != program.Product {
			continue
		}
		w[cost.Server][it.Weight] = random[W](it.WLen)
		if m.Deploy == cost.ClientServer {
			ring.Sar(w[cost.Server][it.Weight], w[cost.Server][it.Weight], uint(ring.Width[W]()-bits))
		}
		if m.Deploy == cost.Outsourced {
			w[cost.Client][it.Weight] = random[W](it.WLen)
		}
	}
	return w
}

func random[W ring.Word](n int) []W {
	v := make([]W, n)
	prg.Draw(v)
	return v
}

// Maker sets up both sources of a fresh session; the suite closes them.
type Maker[W ring.Word] func(t *testing.T, m *program.Manifest, w Weights[W]) Sources[W]

// Conformance is what every source passes, in both rings.
func Conformance(t *testing.T, make32 Maker[uint32], make64 Maker[uint64]) {
	t.Run("32", func(t *testing.T) { conformance(t, make32) })
	t.Run("64", func(t *testing.T) { conformance(t, make64) })
}

func conformance[W ring.Word](t *testing.T, make Maker[W]) {
	for _, deploy := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		t.Run(string(deploy), func(t *testing.T) {
			for _, c := range Cases(deploy, ring.Width[W]()) {
				t.Run(c.Name, func(t *testing.T) { conformRelations(t, c.Manifest, make) })
			}
			t.Run("requests", func(t *testing.T) { conformRequests(t, deploy, make) })
			t.Run("once", func(t *testing.T) { conformOnce(t, everything(deploy, ring.Width[W]()), make) })
			t.Run("fresh", func(t *testing.T) { conformFresh(t, everything(deploy, ring.Width[W]()), make) })
		})
	}
}

// BilinearConformance is what every source of products of masks passes, in both rings.
func BilinearConformance(t *testing.T, make32 Maker[uint32], make64 Maker[uint64]) {
	t.Run("32", func(t *testing.T) { conformBilinear(t, make32) })
	t.Run("64", func(t *testing.T) { conformBilinear(t, make64) })
}

func conformBilinear[W ring.Word](t *testing.T, make Maker[W]) {
	for _, c := range BilinearCases(ring.Width[W]()) {
		t.Run(c.Name, func(t *testing.T) { conformRelations(t, c.Manifest, make) })
	}
	m := Manifest(cost.Outsourced, ring.Width[W](), Mask(6), Mask(6), Bilinear(program.Mul, 6, nil, 0, 1))
	t.Run("once", func(t *testing.T) { conformOnce(t, m, make) })
	t.Run("fresh", func(t *testing.T) { conformFresh(t, m, make) })
}

// conformRelations: the parts are related as the manifest says.
func conformRelations[W ring.Word](t *testing.T, m *program.Manifest, make Maker[W]) {
	w := RandomWeights[W](m)
	s := ready(t, m, w, make)
	if err := Related(m, w, s); err != nil {
		t.Error(err)
	}
	if err := Related(m, w, s); err != nil {
		t.Errorf("asked a second time: %v", err)
	}
}

// ready makes sources and lets them exchange their openings.
func ready[W ring.Word](t *testing.T, m *program.Manifest, w Weights[W], make Maker[W]) Sources[W] {
	t.Helper()
	s := make(t, m, w)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	client, server := wiretest.Pair(t, wire.Options{})
	if err := Exchange(s, client, server); err != nil {
		t.Fatal(err)
	}
	return s
}

// Exchange runs the messages of both parties over a connection, tagged by layer.
func Exchange[W ring.Word](s Sources[W], client, server *wire.Conn) error {
	conns := [2]*wire.Conn{client, server}
	client.Begin()
	server.Begin()
	err := together(conns, func(p int) error { return receive(s[p], conns[p]) }, func(p int) error { return send(s[p], conns[p]) })
	if err != nil {
		return err
	}
	return together(conns, func(p int) error { return complete(cost.Party(p), s[p], conns[p]) })
}

// together has both parties do everything at once; whoever fails ends the connection.
func together(conns [2]*wire.Conn, steps ...func(p int) error) error {
	results := make(chan error, len(conns)*len(steps))
	for p, c := range conns {
		for _, f := range steps {
			go func() {
				err := f(p)
				if err != nil {
					c.Abort("failed")
				}
				results <- err
			}()
		}
	}
	var err error
	for range cap(results) {
		err = errors.Join(err, <-results)
	}
	return err
}

func send[W ring.Word](s material.Source[W], c *wire.Conn) error {
	w := func(tag int, p []byte) error {
		c.SetSendTag(int(cost.Offline), tag)
		_, err := c.Write(p)
		return err
	}
	if err := errors.Join(s.Openings(w), c.End()); err != nil {
		return err
	}
	c.BeginAfter(1)
	return errors.Join(s.Replies(w), c.End())
}

func receive[W ring.Word](s material.Source[W], c *wire.Conn) error {
	if err := s.Absorb(reader(c)); err != nil {
		return err
	}
	return s.Finish(reader(c))
}

// complete moves what is deferred, from the client to the server.
func complete[W ring.Word](p cost.Party, s material.Source[W], c *wire.Conn) error {
	move := c.ReadFull
	if p == cost.Client {
		move = func(p []byte) error {
			_, err := c.Write(p)
			return err
		}
		c.Begin()
	}
	for _, item := range s.Deferred() {
		c.SetSendTag(int(cost.Offline), item)
		c.SetRecvTag(int(cost.Offline), item)
		if err := s.Complete(item, move); err != nil {
			return err
		}
	}
	if p == cost.Client {
		return c.End()
	}
	return nil
}

func reader(c *wire.Conn) func(int, []byte) error {
	return func(tag int, p []byte) error {
		c.SetRecvTag(int(cost.Offline), tag)
		return c.ReadFull(p)
	}
}

// Related reconstructs every item from both parties' parts and holds it against its relation.
func Related[W ring.Word](m *program.Manifest, w Weights[W], s Sources[W]) error {
	r := reconstruction[W]{m, w, s, make([][]W, len(m.Items))}
	for i, it := range m.Items {
		if err := r.item(i); err != nil {
			return fmt.Errorf("item %d (%s): %w", i, it.Kind, err)
		}
	}
	return nil
}

type reconstruction[W ring.Word] struct {
	m       *program.Manifest
	weights Weights[W]
	sources Sources[W]
	masks   [][]W // in the clear, by item
}

func (r *reconstruction[W]) item(i int) error {
	it := r.m.Items[i]
	want := make([]W, it.N)
	var in [][]W
	for _, a := range it.Args {
		in = append(in, r.masks[a])
	}
	var err error
	switch it.Kind {
	case program.Mask:
		r.masks[i], err = r.mask(i)
		return err
	case program.Moved:
		r.masks[i] = want
		return vm.Move(it.Op, it.Ints, want, in...)
	case program.Product:
		err = vm.Product(it.Op, it.Ints, want, in[0], r.weights.clear(it.Weight))
	case program.Cross:
		err = r.sources[cost.Server].Part(i, 1, want)
		ring.Mul(want, want, in[0])
	case program.Square:
		ring.Mul(want, in[0], in[0])
	case program.Bilinear:
		err = vm.Bilinear(it.Op, it.Ints, want, in[0], in[1])
	case program.Compare, program.Rectify: // see Compared
		_, err := r.open(i)
		return err
	}
	if err != nil {
		return err
	}
	return r.sum(i, want)
}

func (r *reconstruction[W]) mask(i int) ([]W, error) {
	if r.m.Deploy == cost.Outsourced {
		return r.open(i)
	}
	v := make([]W, r.m.Items[i].N)
	return v, r.sources[cost.Client].Part(i, 0, v)
}

// open adds both parties' part 0.
func (r *reconstruction[W]) open(i int) ([]W, error) {
	a, b := make([]W, r.m.Items[i].N), make([]W, r.m.Items[i].N)
	err := errors.Join(r.sources[cost.Client].Part(i, 0, a), r.sources[cost.Server].Part(i, 0, b))
	ring.Add(a, a, b)
	return a, err
}

func (r *reconstruction[W]) sum(i int, want []W) error {
	got, err := r.open(i)
	if err != nil {
		return err
	}
	for j := range want {
		if got[j] != want[j] {
			return fmt.Errorf("element %d of the shares' sum is %#x, want %#x", j, got[j], want[j])
		}
	}
	return nil
}

// everything is a small manifest with an item of each kind: mask, movement, product, elementwise.
func everything(deploy cost.Deployment, bits int) *program.Manifest {
	last := Cross(0, 6)
	if deploy == cost.Outsourced {
		last = Square(0, 6)
	}
	return Manifest(deploy, bits, Mask(6), Moved(program.Copy, 6, nil, 0), Linear(1, 4, 6), last)
}

// conformRequests: parts that a party does not have are refused, and so are wrong lengths.
func conformRequests[W ring.Word](t *testing.T, deploy cost.Deployment, make Maker[W]) {
	m := everything(deploy, ring.Width[W]())
	s := ready(t, m, RandomWeights[W](m), make)
	for _, r := range []struct {
		name    string
		party   cost.Party
		item    int
		part    int
		n       int
		allowed bool
	}{
		{"the client's mask", cost.Client, 0, 0, 6, true},
		{"the server's mask", cost.Server, 0, 0, 6, deploy == cost.Outsourced},
		{"a movement", cost.Client, 1, 0, 6, false},
		{"too short", cost.Client, 2, 0, 3, false},
		{"too long", cost.Server, 2, 0, 5, false},
		{"second part of a product", cost.Server, 2, 1, 4, false},
		{"the client's b", cost.Client, 3, 1, 6, false},
		{"the server's b", cost.Server, 3, 1, 6, deploy == cost.ClientServer},
		{"third part", cost.Server, 3, 2, 6, false},
		{"negative part", cost.Server, 3, -1, 6, false},
		{"item beyond", cost.Client, 4, 0, 6, false},
		{"item before", cost.Client, -1, 0, 6, false},
	} {
		err := s[r.party].Part(r.item, r.part, random[W](r.n))
		if (err == nil) != r.allowed {
			t.Errorf("%s: error %v, allowed %v", r.name, err, r.allowed)
		}
	}
}

// conformOnce: material is opened once, and nothing comes out of a source that is closed.
func conformOnce[W ring.Word](t *testing.T, m *program.Manifest, make Maker[W]) {
	s := ready(t, m, RandomWeights[W](m), make)
	for p := range s {
		nothing := func(int, []byte) error { return nil }
		if s[p].Openings(nothing) == nil || s[p].Absorb(nothing) == nil {
			t.Errorf("the %s opens twice", cost.Party(p))
		}
		if err := errors.Join(s[p].Close(), s[p].Close()); err != nil {
			t.Errorf("the %s closes: %v", cost.Party(p), err)
		}
		if last := len(m.Items) - 1; s[p].Part(last, 0, random[W](m.Items[last].N)) == nil {
			t.Errorf("the %s still gives parts when closed", cost.Party(p))
		}
	}
}

// conformFresh: no two sessions have a part in common, and no part is constant.
func conformFresh[W ring.Word](t *testing.T, m *program.Manifest, make Maker[W]) {
	w := RandomWeights[W](m)
	seen := map[W]string{}
	for session := range 2 {
		s := ready(t, m, w, make)
		for p := range s {
			for item, it := range m.Items {
				v := random[W](it.N)
				if it.Kind == program.Moved || (it.Kind == program.Mask && m.Deploy == cost.ClientServer && p == int(cost.Server)) {
					continue
				}
				if err := s[p].Part(item, 0, v); err != nil {
					t.Fatal(err)
				}
				name := fmt.Sprintf("item %d of the %s in session %d", item, cost.Party(p), session)
				unseen(t, seen, v, name)
			}
		}
	}
}

// unseen demands values that no part had before. Sessions, parties and parts have 2*2*16 = 64 words, 2016 pairs: two of 32
// random bits are equal in one run of two million.
func unseen[W ring.Word](t *testing.T, seen map[W]string, v []W, name string) {
	t.Helper()
	for _, x := range v {
		if before, ok := seen[x]; ok {
			t.Errorf("%s has %#x, and so has %s", name, x, before)
		}
		seen[x] = name
	}
}
