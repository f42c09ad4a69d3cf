package conform

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/party"
	"sotto/runtime/store"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// stores opens both parties' stores for a network.
func (n *Net) stores(t testing.TB) (s [2]*store.Store) {
	t.Helper()
	for p := range s {
		b := store.Binding{Party: cost.Party(p).String(), Pair: n.Pair.Client.Pair.String(), Peer: "the other"}
		var err error
		if s[p], err = store.Open(filepath.Join(n.Dir, "store", b.Party), b); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s[p].Close() })
	}
	return s
}

// meeting runs both parties with more options, which set gives, and collects the values they hold.
func (n *Net) meeting(t testing.TB, taps map[string][]int64, set func(p cost.Party, o *party.Options)) (results [2]*party.Result, errs [2]error) {
	t.Helper()
	d, err := newDealer(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	defer d.stop()
	client, server := wiretest.SecurePair(t, wire.Options{})
	var mu sync.Mutex
	var wg sync.WaitGroup
	for p, conn := range []*wire.Conn{client, server} {
		wg.Go(func() {
			defer conn.Close()
			b, err := party.OpenBundle(n.bundle(cost.Party(p)))
			if err != nil {
				errs[p] = err
				return
			}
			o := party.Options{Bundle: b, Conn: conn, Source: n.Context.Source, Dealer: d.dial(cost.Party(p)), InsecureTap: func(name string, share []int64) error {
				mu.Lock()
				defer mu.Unlock()
				if taps[name] == nil {
					taps[name] = make([]int64, len(share))
				}
				for i, x := range share {
					taps[name][i] = ir.Wrap(taps[name][i]+x, b.Program.Ring)
				}
				return nil
			}}
			set(cost.Party(p), &o)
			results[p], errs[p] = party.Run(t.Context(), o)
		})
	}
	wg.Wait()
	return results, errs
}

// storedNets use every protocol that keeps something between the phases.
var storedNets = []string{"maxpool", "argmax", "x2act", "residual", "groups", "relu6"}

// TestStored makes material ahead, in stores, and runs online phases from them: values and wire are those of whole runs.
func TestStored(t *testing.T) {
	for i, name := range storedNets {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			for _, bits := range []int{32, 64} {
				if bits == 64 && name != "maxpool" && name != "x2act" {
					continue
				}
				t.Run(fmt.Sprintf("%s-%s-%d", name, d, bits), func(t *testing.T) {
					n := compileExample(t, name, "net small {\n input image: f32[3, 9, 10] from client\n "+opNets[name]+"\n}\n", d, bits)
					if i%2 == 0 {
						n.Context.Source = cost.FromHE
					}
					n.checkStored(t, image(7, 270))
				})
			}
		}
	}
}

// TestStoredProtocols does so for each protocol that compares, whose material differs.
func TestStoredProtocols(t *testing.T) {
	for _, how := range pass.Nonlinears()[1:] {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			t.Run(fmt.Sprintf("%s-%s", how, d), func(t *testing.T) {
				text := "net small {\n input image: f32[3, 9, 10] from client\n " + opNets["maxpool"] + "\n}\n"
				n := compileWith(t, "maxpool", text, d, 32, pass.Protocols{Nonlinear: how})
				n.checkStored(t, image(7, 270))
			})
		}
	}
}

// TestStoredSilentOTs: no state of Ferret is needed once its OTs are made.
func TestStoredSilentOTs(t *testing.T) {
	text := "net small {\n input image: f32[3, 9, 10] from client\n " + ferretNets["small"] + "\n}\n"
	n := compileIn(t, "small", text, &pass.Context{Deploy: cost.Outsourced, Ring: 32, Source: cost.FromDealer, OT: cost.AlwaysOT(cost.Ferret)})
	n.checkStored(t, image(7, 270))
}

// TestPrepareSeveral makes the material of several inferences in one session, by either source, and uses it.
func TestPrepareSeveral(t *testing.T) {
	const several = 3
	for _, source := range []cost.Source{cost.FromHE, cost.FromDealer} {
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			t.Run(fmt.Sprintf("%s-%s", source, d), func(t *testing.T) {
				n := compileExample(t, "x2act", "net small {\n input image: f32[3, 9, 10] from client\n "+opNets["x2act"]+"\n}\n", d, 32)
				n.Context.Source = source
				stores := n.stores(t)
				made, errs := n.meeting(t, map[string][]int64{}, func(p cost.Party, o *party.Options) {
					o.Modes, o.Store, o.Hold, o.InsecureTap = party.Prepare, stores[p], several, nil
				})
				if errs != [2]error{} {
					t.Fatal(errs)
				}
				n.checkSeveral(t, made, several)
				for i := range several {
					x := image(uint64(i), 270)
					inputs, p := n.inputs(x), &Played{Taps: map[string][]int64{}}
					p.Results, errs = n.meeting(t, p.Taps, func(p cost.Party, o *party.Options) {
						o.Modes, o.Store, o.Input = party.Stored, stores[p], inputs[p]
					})
					if err := errors.Join(errs[0], errs[1]); err != nil {
						t.Fatal(err)
					}
					if err := p.reconstruct(n); err != nil {
						t.Fatal(err)
					}
					checkOutput(t, n, x, p)
				}
			})
		}
	}
}

// checkSeveral demands that so many inferences were made, and with a dealer, who has nothing to gain from several at once, at
// so many times the cost of one.
func (n *Net) checkSeveral(t *testing.T, made [2]*party.Result, several int) {
	t.Helper()
	one := ir.Account(n.Secure, n.Secure.Funcs[0], n.Context.Source).Total(cost.Offline)
	want := cost.Traffic{}
	for range several {
		want.Add(one)
	}
	for p, res := range made {
		if res.Prepared.Made != several || res.Prepared.Held != several {
			t.Errorf("the %s prepared %+v", cost.Party(p), res.Prepared)
		}
		got := res.Stats.Offline.Traffic
		if n.Context.Source == cost.FromDealer && got != want {
			t.Errorf("preparing at the %s: wire counted %+v, declared %+v", cost.Party(p), got, want)
		}
		if got.ClientSent+got.ServerSent > want.ClientSent+want.ServerSent {
			t.Errorf("preparing at the %s: wire counted %+v, one at a time it would be %+v", cost.Party(p), got, want)
		}
	}
}

func (n *Net) checkStored(t *testing.T, x []float32) {
	t.Helper()
	stores := n.stores(t)
	// Shares that are known offline are tapped while material is made: one inference at a time, so that they can be told apart.
	for i := range 2 {
		taps := map[string][]int64{}
		made, errs := n.meeting(t, taps, func(p cost.Party, o *party.Options) { o.Modes, o.Store, o.Hold = party.Prepare, stores[p], 1 })
		if errs != [2]error{} {
			t.Fatal(errs)
		}
		n.checkPrepared(t, made)
		inputs := n.inputs(x)
		p := &Played{Taps: taps}
		if p.Results, errs = n.meeting(t, taps, func(p cost.Party, o *party.Options) {
			o.Modes, o.Store, o.Input = party.Stored, stores[p], inputs[p]
		}); errs != [2]error{} {
			t.Fatal(errs)
		}
		if err := p.reconstruct(n); err != nil {
			t.Fatal(err)
		}
		checkValues(t, n, x, p)
		checkOutput(t, n, x, p)
		n.checkOnline(t, p, uint64(i))
	}
	_, errs := n.meeting(t, map[string][]int64{}, func(p cost.Party, o *party.Options) {
		o.Modes, o.Store, o.Input = party.Stored, stores[p], n.inputs(x)[p]
	})
	for p, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "sotto prepare") {
			t.Errorf("%s without material: %v", cost.Party(p), err)
		}
	}
}

// checkPrepared demands that preparing cost what the offline phase is declared to.
func (n *Net) checkPrepared(t *testing.T, made [2]*party.Result) {
	t.Helper()
	want := ir.Account(n.Secure, n.Secure.Funcs[0], n.Context.Source).Total(cost.Offline)
	for p, res := range made {
		if got := res.Stats.Offline.Traffic; got != want {
			t.Errorf("preparing at the %s: wire counted %+v, declared %+v", cost.Party(p), got, want)
		}
		if got := *res.Prepared; got.Made != 1 || got.Held != 1 || got.Bytes == 0 || got.Disk != got.Bytes {
			t.Errorf("prepared at the %s: %+v", cost.Party(p), got)
		}
	}
}

// checkOnline demands that a session out of the store cost what the online phase is declared to, and nothing offline.
func (n *Net) checkOnline(t *testing.T, p *Played, number uint64) {
	t.Helper()
	l := ir.Account(n.Secure, n.Secure.Funcs[0], n.Context.Source)
	for side, res := range p.Results {
		if got, want := res.Stats.Online.Traffic, l.Total(cost.Online); got != want {
			t.Errorf("online at the %s: wire counted %+v, declared %+v", cost.Party(side), got, want)
		}
		sum := cost.Traffic{}
		for _, layer := range res.Stats.Layers {
			sum.Add(layer.Online.Traffic)
		}
		if sum != res.Stats.Online.Traffic || res.Stats.Offline.Traffic != (cost.Traffic{}) {
			t.Errorf("the %s: layers sum to %+v, offline %+v", cost.Party(side), sum, res.Stats.Offline.Traffic)
		}
		if s := res.Stats.Stored; s == nil || s.Inference != number || s.Bytes == 0 || s.Left != 0 {
			t.Errorf("the %s took %+v", cost.Party(side), s)
		}
	}
}
