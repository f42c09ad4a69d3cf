package conform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/tensorfile"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
)

// Session is one inference of a compiled pair on this machine.
type Session struct {
	Bundles  [2]*party.Bundle
	Source   cost.Source
	Inputs   [2]party.Input
	Progress func(p cost.Party, phase cost.Phase, at vm.Progress) // may be nil
}

// Record runs a session between two parties in this process, over loopback, and shows each party's recorder what its online phase starts
// from and computes. There is no TLS between the parties: nothing in the session is a secret.
func Record(ctx context.Context, s Session, recorders [2]vm.Recorder) error {
	_, err := s.play(ctx, func(p cost.Party, o *party.Options) {
		o.InsecureRecord = recorders[p]
		if s.Progress != nil {
			o.Progress = func(phase cost.Phase, at vm.Progress) { s.Progress(p, phase, at) }
		}
	})
	return err
}

// Infer runs a session as Record does and gives what each party has at its end.
func Infer(ctx context.Context, s Session) ([2]*party.Result, error) {
	return s.play(ctx, func(cost.Party, *party.Options) {})
}

// Tapped is Infer that also gives every value, by its RING name: the sum of the parties' shares.
func Tapped(ctx context.Context, s Session) (results [2]*party.Result, values map[string][]int64, err error) {
	var sums sums
	results, err = s.play(ctx, func(_ cost.Party, o *party.Options) { o.InsecureTap = sums.tap(o.Bundle.Program.Ring) })
	return results, sums.of, err
}

// sums adds both parties' shares of every value up.
type sums struct {
	mu sync.Mutex
	of map[string][]int64
}

// tap gives what takes in a party's shares, modulo 2^bits.
func (s *sums) tap(bits int) func(name string, share []int64) error {
	return func(name string, share []int64) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.of == nil {
			s.of = map[string][]int64{}
		}
		sum := s.of[name]
		if sum == nil {
			sum = make([]int64, len(share))
			s.of[name] = sum
		}
		for i, x := range share {
			sum[i] = ir.Wrap(sum[i]+x, bits)
		}
		return nil
	}
}

// play runs both parties of a session in this process; with adds to a party's options.
func (s Session) play(ctx context.Context, with func(cost.Party, *party.Options)) (results [2]*party.Result, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var dials [2]func(context.Context) (*wire.Conn, error)
	if s.Source == cost.FromDealer {
		dir, err := os.MkdirTemp("", "sotto-record-")
		if err != nil {
			return results, err
		}
		defer os.RemoveAll(dir)
		d, err := newDealerIn(ctx, dir, material.Deal{Pair: s.Bundles[0].Program.Pair, Manifest: s.Bundles[0].Manifest})
		if err != nil {
			return results, err
		}
		defer d.stop()
		dials = [2]func(context.Context) (*wire.Conn, error){d.dial(cost.Client), d.dial(cost.Server)}
	}
	conns, err := loopback()
	if err != nil {
		return results, err
	}
	var wg sync.WaitGroup
	var errs [2]error
	for p := range conns {
		wg.Go(func() {
			defer conns[p].Close()
			o := party.Options{Bundle: s.Bundles[p], Conn: conns[p], Source: s.Source, Dealer: dials[p], Input: s.Inputs[p]}
			with(cost.Party(p), &o)
			results[p], errs[p] = party.Run(ctx, o)
		})
	}
	wg.Wait()
	return results, errors.Join(errs[:]...)
}

// OpenBundles opens those of a compiled pair's directory.
func OpenBundles(dir string) (b [2]*party.Bundle, err error) {
	for p := range b {
		if b[p], err = party.OpenBundle(filepath.Join(dir, cost.Party(p).String())); err != nil {
			return b, err
		}
	}
	return b, nil
}

// loopback gives the two ends of a connection of this process with itself.
func loopback() (conns [2]*wire.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return conns, err
	}
	defer l.Close()
	var ends [2]net.Conn
	if ends[0], err = net.Dial("tcp", l.Addr().String()); err != nil {
		return conns, err
	}
	if ends[1], err = l.Accept(); err != nil {
		ends[0].Close()
		return conns, err
	}
	for p, e := range ends {
		conns[p], err = wire.New(e, wire.Options{})
		if err != nil {
			return conns, err
		}
	}
	return conns, nil
}

// Weights reads the weights that a bundle's program lists, in its order, as the words of its ring in little-endian bytes.
func Weights(b *party.Bundle) ([][]byte, error) {
	if len(b.Program.Weights) == 0 {
		return nil, nil
	}
	f, err := tensorfile.Open(filepath.Join(b.Dir, party.WeightsFile))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := make([][]byte, len(b.Program.Weights))
	for i, w := range b.Program.Weights {
		if out[i], err = words(f, b.Program.Ring, w); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func words(f *tensorfile.File, bits int, w program.Weight) ([]byte, error) {
	read := wordsOf[uint64]
	if bits == 32 {
		read = wordsOf[uint32]
	}
	b, err := read(f, w.Name)
	if err == nil && len(b) != w.Len*bits/8 {
		err = fmt.Errorf("weight %s has %d bytes, the program's has %d elements of %d bits", w.Name, len(b), w.Len, bits)
	}
	return b, err
}

func wordsOf[W ring.Word](f *tensorfile.File, name string) ([]byte, error) {
	x, _, err := tensorfile.Words[W](f, name)
	return ring.Bytes(x), err
}
