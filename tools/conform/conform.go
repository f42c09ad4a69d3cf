// Package conform compiles networks and runs them between two real parties, and a real dealer where it is the source, in one
// process over TLS, and compares what came out with the clear evaluators and what was sent with what was declared.
package conform

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"sotto/backend/twopc"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes"
	errorbound "sotto/passes/errors"
	"sotto/passes/pass"
	"sotto/passes/ranges"
	"sotto/runtime/material"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/runtime/tensorfile"
	"sotto/runtime/wire"
)

// Net is a compiled network with every stage kept.
type Net struct {
	Context *pass.Context
	Net     *ir.Module
	Ring    *ir.Module
	Secure  *ir.Module
	Pair    *twopc.Pair
	Dir     string // bundles, in client/ and server/
}

// asIfLarge has small networks, which tests run, put away and cut to pieces what only large ones have to.
var asIfLarge = twopc.Tuning{SlotBytes: 1, Compared: 64}

// Compile takes a SPACE or NET module to bundles in dir.
func Compile(c *pass.Context, space *ir.Module, dir string) (*Net, error) {
	n := &Net{Context: c, Dir: dir, Net: space.Clone()}
	var r pass.Runner
	if n.Net.Stage == ir.Space {
		if err := r.Run(c, n.Net, passes.ToNet...); err != nil {
			return nil, err
		}
	}
	n.Ring = n.Net.Clone()
	if err := r.Run(c, n.Ring, passes.ToRing...); err != nil {
		return nil, err
	}
	var err error
	if c.Report.ErrorBound, err = errorbound.Measure(n.Net.Funcs[0], n.Ring.Funcs[0], ranges.WeightsOf(c), c.Calibration, c.FloatOutputs); err != nil {
		return nil, err
	}
	n.Secure = n.Ring.Clone()
	if err := r.Run(c, n.Secure, passes.ToSecure...); err != nil {
		return nil, err
	}
	if n.Pair, err = twopc.EmitTuned(n.Secure, n.Secure.Funcs[0], asIfLarge); err != nil {
		return nil, err
	}
	return n, n.write()
}

func (n *Net) write() error {
	shares := [2]map[string][]int64{{}, {}}
	err := twopc.Bake(n.Secure.Funcs[0], ranges.WeightsOf(n.Context), func(name string, t *ir.Tensor) error {
		shares[cost.Server][name] = t.I
		if n.Context.Deploy == cost.Outsourced {
			parts := split(t)
			shares[cost.Client][name], shares[cost.Server][name] = parts[0], parts[1]
		}
		return nil
	})
	if err != nil {
		return err
	}
	for p, prog := range []*program.Program{n.Pair.Client, n.Pair.Server} {
		dir := n.bundle(cost.Party(p))
		if err := errors.Join(os.MkdirAll(dir, 0o777), program.Write(filepath.Join(dir, party.ProgramFile), prog),
			program.Write(filepath.Join(dir, party.ManifestFile), n.Pair.Manifest)); err != nil {
			return err
		}
		if len(prog.Weights) > 0 {
			if err := writeWeights(filepath.Join(dir, party.WeightsFile), prog, shares[p]); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeWeights(path string, p *program.Program, from map[string][]int64) error {
	var tensors []tensorfile.Tensor
	for _, w := range p.Weights {
		x := from[w.Name]
		if p.Ring == 64 {
			tensors = append(tensors, tensorfile.New(w.Name, []int{len(x)}, x))
			continue
		}
		narrow := make([]int32, len(x))
		for i, e := range x {
			narrow[i] = int32(e)
		}
		tensors = append(tensors, tensorfile.New(w.Name, []int{len(x)}, narrow))
	}
	return tensorfile.Write(path, tensors, party.Sharing{}.Metadata(), tensorfile.Secret)
}

func randomShare(n, bits int) []int64 {
	buf := make([]byte, 8*n)
	rand.Read(buf)
	out := make([]int64, n)
	for i := range out {
		out[i] = ir.Wrap(int64(binary.LittleEndian.Uint64(buf[8*i:])), bits)
	}
	return out
}

func (n *Net) bundle(p cost.Party) string { return filepath.Join(n.Dir, p.String()) }

// Played is what a private run gave.
type Played struct {
	Results [2]*party.Result
	// Taps are the reconstructed values by RING name.
	Taps map[string][]int64
	// Output is the reconstructed result as ring elements' real values.
	Output []float64
}

func (n *Net) inputs(x []float32) [2]party.Input {
	if n.Context.Deploy == cost.ClientServer {
		return [2]party.Input{{Clear: x}, {}}
	}
	shares := split(ir.Quantize(n.Secure.Funcs[0].Params[0].Type, x))
	return [2]party.Input{{Share: shares[0]}, {Share: shares[1]}}
}

// split makes two shares of a tensor.
func split(x *ir.Tensor) [2][]int64 {
	mask := randomShare(len(x.I), x.Type.Elem.Bits)
	rest := make([]int64, len(mask))
	for i := range rest {
		rest[i] = ir.Wrap(x.I[i]-mask[i], x.Type.Elem.Bits)
	}
	return [2][]int64{mask, rest}
}

// Play runs the network on one input between two parties over the given connection, with a dealer if the context names it as
// the source.
func (n *Net) Play(x []float32, conns [2]*wire.Conn) (*Played, error) {
	return n.playWith(n.inputs(x), conns)
}

func (n *Net) playWith(inputs [2]party.Input, conns [2]*wire.Conn) (*Played, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var dials [2]func(context.Context) (*wire.Conn, error)
	if n.Context.Source == cost.FromDealer {
		dealer, err := newDealer(ctx, n)
		if err != nil {
			return nil, err
		}
		defer dealer.stop()
		dials = [2]func(context.Context) (*wire.Conn, error){dealer.dial(cost.Client), dealer.dial(cost.Server)}
	}
	out := &Played{}
	var taps sums
	var wg sync.WaitGroup
	var errs [2]error
	for p := range conns {
		wg.Go(func() {
			defer conns[p].Close()
			b, err := party.OpenBundle(n.bundle(cost.Party(p)))
			if err != nil {
				errs[p] = err
				return
			}
			out.Results[p], errs[p] = party.Run(ctx, party.Options{Bundle: b, Conn: conns[p], Source: n.Context.Source, Dealer: dials[p], Input: inputs[p], InsecureTap: taps.tap(b.Program.Ring)})
		})
	}
	wg.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	out.Taps = taps.of
	return out, out.reconstruct(n)
}

func (p *Played) reconstruct(n *Net) error {
	if n.Context.Deploy == cost.ClientServer {
		p.Output = p.Results[cost.Client].Clear
		return nil
	}
	a, b := p.Results[0].Share, p.Results[1].Share
	if len(a) != len(b) {
		return fmt.Errorf("output shares of %d and %d elements", len(a), len(b))
	}
	t := &ir.Tensor{Type: n.Secure.Funcs[0].Result.Type, I: make([]int64, len(a))}
	for i := range a {
		t.I[i] = ir.Wrap(a[i]+b[i], t.Type.Elem.Bits)
	}
	p.Output = t.Real()
	return nil
}

// dealer is a dealer with its listener.
type dealer struct {
	addr string
	stop func()
	keys map[wire.Role]wire.Identity
}

func newDealer(ctx context.Context, n *Net) (*dealer, error) {
	return newDealerIn(ctx, n.Dir, material.Deal{Pair: n.Pair.Client.Pair, Manifest: n.Pair.Manifest})
}

// newDealerIn starts a dealer for some pairs of programs, with keys in a directory below dir.
func newDealerIn(ctx context.Context, dir string, deals ...material.Deal) (*dealer, error) {
	d := &dealer{keys: map[wire.Role]wire.Identity{}}
	dir, err := os.MkdirTemp(dir, "keys")
	if err != nil {
		return nil, err
	}
	for _, role := range wire.Roles() {
		if d.keys[role], err = wire.WriteIdentity(dir, role); err != nil {
			return nil, err
		}
	}
	pins := material.Pins{}
	pins.Client = append(pins.Client, d.keys[wire.Client].Certificate())
	pins.Server = append(pins.Server, d.keys[wire.Server].Certificate())
	l, err := material.Listen("127.0.0.1:0", d.keys[wire.Dealer], pins, wire.Options{})
	if err != nil {
		return nil, err
	}
	d.addr = l.Addr().String()
	serve, err := material.NewDealer(deals, material.Tuning{})
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	go func() { defer close(done); serve.Serve(ctx, l) }()
	d.stop = func() { cancel(); l.Close(); <-done }
	return d, nil
}

func (d *dealer) dial(p cost.Party) func(context.Context) (*wire.Conn, error) {
	role := map[cost.Party]wire.Role{cost.Client: wire.Client, cost.Server: wire.Server}[p]
	return func(ctx context.Context) (*wire.Conn, error) {
		config, err := wire.TLSConfig(d.keys[role], wire.Dealer, d.keys[wire.Dealer].Certificate())
		if err != nil {
			return nil, err
		}
		return wire.Dial(ctx, d.addr, config, wire.Options{})
	}
}
