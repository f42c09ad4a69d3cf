package bench

import (
	"errors"

	"sotto/ir/circuit"
	"sotto/ir/cost"
	"sotto/runtime/garble"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// The circuits are those of sign-only ReLUs in a ring of 32 bits: 31 ANDs.
const signANDs = 31

var garbledPrimitives = []*Primitive{
	{Name: "gc.garble", Doc: "n ANDs of sign-only circuits garbled on one core, nothing sent", N: 2048 * signANDs * chunk, Solo: true, Prepare: garbleAlone,
		Limit: func(l *Limits) Bound {
			return Bound{l.AES / cost.GarbleAES, "AES blocks of a core"}
		}},
	{Name: "gc.eval", Doc: "n ANDs of sign-only circuits evaluated from memory on one core", N: 2048 * signANDs * chunk, Solo: true, Prepare: evaluateAlone,
		Limit: func(l *Limits) Bound {
			return Bound{l.AES / cost.EvaluateAES, "AES blocks of a core"}
		}},
	{Name: "gc.and", Doc: "n ANDs of sign-only circuits garbled by one process, sent, received and evaluated by the other, a core each; labels are not timed",
		N: 1024 * signANDs * chunk, OneCore: true, Prepare: garbledAcross, Limit: func(l *Limits) Bound {
			return acrossLimit(l, Bound{l.Loopback, "bytes over loopback"})
		}},
	{Name: "gc.and-tls", Doc: "the same over mutual TLS 1.3, as sessions are", TLS: true,
		N: 1024 * signANDs * chunk, OneCore: true, Prepare: garbledAcross, Limit: func(l *Limits) Bound {
			return acrossLimit(l, Bound{l.TLS, "bytes over TLS over loopback"})
		}},
}

// acrossLimit is that of ANDs between two processes whose connection moves so many bytes a second.
func acrossLimit(l *Limits, bytes Bound) Bound {
	bytes.PerSecond /= float64(cost.HalfGatesBytes(1, 1))
	return lower(Bound{cores * l.AES / (cost.GarbleAES + cost.EvaluateAES), "AES blocks on both cores"}, bytes)
}

// cores is what the development machine has, and both parties share.
const cores = 2

// chunk instances are garbled at a time, by one core: half a megabyte of tables, which stays in its caches.
const chunk = 512

// labelSpan instances' labels are made before the clock starts; later instances use them again, which costs the same.
const labelSpan = 1 << 15

type circuitBench struct {
	circuit   *circuit.Circuit
	instances int
	hash      *prg.Hash
	delta     prg.Block
	seed      prg.Seed
}

// newCircuitBench takes n ANDs up to whole chunks.
func newCircuitBench(n int64) (*circuitBench, error) {
	c, err := circuit.Carry(signANDs)
	if err != nil {
		return nil, err
	}
	instances := (int(n) + signANDs*chunk - 1) / (signANDs * chunk) * chunk
	key, delta := prg.NewSeed(), prg.NewSeed()
	b := &circuitBench{c, instances, prg.NewHash(prg.LoadBlock(key[:])), prg.LoadBlock(delta[:]), prg.NewSeed()}
	b.delta.Lo |= 1
	return b, nil
}

func (b *circuitBench) garbler() (*garble.Garbler, error) {
	return garble.NewGarbler(cost.HalfGates, b.circuit, b.hash, b.delta, b.seed, prg.Garbling.First())
}

// each calls f for chunks; at is the place of a chunk's labels.
func (b *circuitBench) each(f func(first, at int) error) error {
	for first := 0; first < b.instances; first += chunk {
		if err := f(first%labelSpan, first%labelSpan); err != nil {
			return err
		}
	}
	return nil
}

func garbleAlone(_ *Session, n int64) (func() error, error) {
	b, err := newCircuitBench(n)
	if err != nil {
		return nil, err
	}
	g, err := b.garbler()
	if err != nil {
		return nil, err
	}
	zero, tables, permute := make([]prg.Block, chunk*signANDs), make([]prg.Block, 2*chunk*signANDs), make([]uint64, chunk/64)
	return func() error {
		return b.each(func(first, _ int) error { return g.Garble(first, chunk, zero, nil, tables, permute) })
	}, nil
}

func evaluateAlone(_ *Session, n int64) (func() error, error) {
	b, err := newCircuitBench(n)
	if err != nil {
		return nil, err
	}
	e, err := garble.NewEvaluator(cost.HalfGates, b.circuit, b.hash, prg.Garbling.First())
	if err != nil {
		return nil, err
	}
	own, theirs := make([]prg.Block, chunk*signANDs), make([]prg.Block, chunk*signANDs)
	tables, colour := make([]prg.Block, 2*chunk*signANDs), make([]uint64, chunk/64)
	return func() error {
		return b.each(func(first, _ int) error { return e.Evaluate(first, chunk, own, theirs, tables, colour) })
	}, nil
}

var errWrong = errors.New("an evaluated output is wrong")

// inFlight chunks may be garbled and not yet sent, or received and not yet evaluated.
const inFlight = 8

// garbledAcross: the server garbles. All values are zero: the carry of 0 + 0 is 0, which the client checks against the
// permute bits once the clock has stopped counting for the server.
func garbledAcross(s *Session, n int64) (func() error, error) {
	b, err := newCircuitBench(n)
	if err != nil {
		return nil, err
	}
	if s.Party == cost.Server {
		return b.garbleAcross(s)
	}
	return b.evaluateAcross(s)
}

func (b *circuitBench) garbleAcross(s *Session) (func() error, error) {
	g, err := b.garbler()
	if err != nil {
		return nil, err
	}
	zero := make([]prg.Block, labelSpan*signANDs)
	prg.NewStream(prg.NewSeed()).Blocks(zero)
	labels := make([]prg.Block, labelSpan*signANDs)
	if err := g.Labels(0, labelSpan, make([]uint64, ring.BitWords(labelSpan*signANDs)), labels); err != nil {
		return nil, err
	}
	key := prg.NewSeed()
	b.hash = prg.NewHash(prg.LoadBlock(key[:]))
	if g, err = b.garbler(); err != nil {
		return nil, err
	}
	if err := errors.Join(s.Conn.Send(key[:]), s.Conn.Send(prg.Bytes(zero)), s.Conn.Send(prg.Bytes(labels))); err != nil {
		return nil, err
	}
	return func() error {
		permute := make([]uint64, b.instances/64)
		full, free := make(chan []prg.Block, inFlight), make(chan []prg.Block, inFlight)
		for range inFlight {
			free <- make([]prg.Block, 2*chunk*signANDs)
		}
		failed := make(chan error, 1)
		go func() {
			defer close(full)
			done := 0
			failed <- b.each(func(first, at int) error {
				tables := <-free
				err := g.Garble(first, chunk, zero[at*signANDs:][:chunk*signANDs], nil, tables, permute[done/64:][:chunk/64])
				done += chunk
				full <- tables
				return err
			})
		}()
		s.Conn.Begin()
		var sent error
		for tables := range full {
			if sent == nil {
				_, sent = s.Conn.Write(prg.Bytes(tables))
			}
			free <- tables
		}
		if err := errors.Join(<-failed, sent, s.Conn.End()); err != nil {
			return err
		}
		return s.Conn.Send(ring.Bytes(permute))
	}, nil
}

func (b *circuitBench) evaluateAcross(s *Session) (func() error, error) {
	var key prg.Seed
	own, theirs := make([]byte, prg.BlockBytes*labelSpan*signANDs), make([]byte, prg.BlockBytes*labelSpan*signANDs)
	if err := errors.Join(s.Conn.ReadFull(key[:]), s.Conn.ReadFull(own), s.Conn.ReadFull(theirs)); err != nil {
		return nil, err
	}
	zero, labels := make([]prg.Block, labelSpan*signANDs), make([]prg.Block, labelSpan*signANDs)
	prg.Load(zero, own)
	prg.Load(labels, theirs)
	e, err := garble.NewEvaluator(cost.HalfGates, b.circuit, prg.NewHash(prg.LoadBlock(key[:])), prg.Garbling.First())
	if err != nil {
		return nil, err
	}
	return func() error {
		colour := make([]uint64, b.instances/64)
		full, free := make(chan []prg.Block, inFlight), make(chan []prg.Block, inFlight)
		for range inFlight {
			free <- make([]prg.Block, 2*chunk*signANDs)
		}
		failed := make(chan error, 1)
		go func() {
			defer close(full)
			failed <- b.each(func(int, int) error {
				buf := <-free
				err := s.Conn.ReadFull(prg.Bytes(buf))
				full <- buf
				return err
			})
		}()
		done := 0
		var bad error
		for tables := range full {
			if bad == nil {
				at := done % labelSpan
				bad = e.Evaluate(at, chunk, zero[at*signANDs:][:chunk*signANDs], labels[at*signANDs:][:chunk*signANDs], tables, colour[done/64:][:chunk/64])
			}
			free <- tables
			done += chunk
		}
		if err := errors.Join(<-failed, bad); err != nil {
			return err
		}
		permute := make([]uint64, len(colour))
		if err := s.Conn.ReadFull(ring.Bytes(permute)); err != nil {
			return err
		}
		for i := range permute {
			if permute[i] != colour[i] { // decoded: permute ^ colour = carry of 0 + 0
				return errWrong
			}
		}
		return nil
	}, nil
}
