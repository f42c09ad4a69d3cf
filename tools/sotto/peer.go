package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
)

// peerFlags are what serve, infer and deal share.
type peerFlags struct {
	keys    string
	dealer  string
	offline string
	link    string
	timeout time.Duration
}

const defaultKeys = "keys"

func (f *peerFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.keys, "keys", defaultKeys, "`directory` with this party's key and the others' certificates (sotto keys)")
	c.Flags().DurationVar(&f.timeout, "timeout", wire.DefaultTimeout, "how long to wait for a peer that says nothing")
}

// addSession adds what only the two computing parties need.
func (f *peerFlags) addSession(c *cobra.Command) {
	f.add(c)
	c.Flags().StringVar(&f.dealer, "dealer", "", "`address` of a dealer (sotto deal) that makes the offline material")
	addOfflineFlag(c, &f.offline)
	c.Flags().StringVar(&f.link, "link", "loopback", "shape what this side sends: loopback (not at all), lan, wan, pasnet, or BANDWIDTH,DELAY such as 300mbps,5ms")
}

// addOfflineFlag adds --offline; without it the parties make the material alone, or the dealer that --dealer names.
func addOfflineFlag(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "offline", "", "who makes the offline material: he, the two parties alone (default), or dealer, a third party")
}

// offlineSource reads --offline.
func offlineSource(name string) (cost.Source, error) {
	if name == "" {
		return cost.FromHE, nil
	}
	s, err := cost.ParseSource(name)
	if err != nil {
		return "", usagef("--offline %s: accepted are %s, by the two parties alone, and %s", name, cost.FromHE, cost.FromDealer)
	}
	return s, nil
}

// source reads --offline and --dealer for a bundle whose material is still to be made, or comes from the store of that name.
func (f *peerFlags) source(b *party.Bundle, store string) (cost.Source, error) {
	s, err := f.named()
	if err != nil || store != "" {
		return s, err
	}
	return s, canMake(s, b)
}

func (f *peerFlags) named() (cost.Source, error) {
	name := f.offline
	if name == "" && f.dealer != "" {
		name = string(cost.FromDealer)
	}
	s, err := offlineSource(name)
	switch {
	case err != nil:
		return "", err
	case s == cost.FromDealer && f.dealer == "":
		return "", usagef("the offline material comes from a dealer: name its address by --dealer (start one with `sotto deal`)")
	case s == cost.FromHE && f.dealer != "":
		return "", usagef("--dealer %s: with --offline he the two parties make the material alone; accepted is one of the two", f.dealer)
	}
	return s, nil
}

// canMake refuses bundles whose material a source cannot make.
func canMake(s cost.Source, b *party.Bundle) error {
	if s == cost.FromHE && b.Manifest.HasKeys() {
		return errors.New("the program compares by keys that a dealer makes (fss.drelu): accepted is --offline dealer, or a program compiled with another --nonlinear")
	}
	return nil
}

func (f *peerFlags) options() (wire.Options, error) {
	link, err := wire.ParseLink(f.link)
	if err != nil {
		return wire.Options{}, usageError{err}
	}
	if f.timeout <= 0 {
		return wire.Options{}, usagef("--timeout %s: accepted are positive durations such as 60s", f.timeout)
	}
	return wire.Options{Timeout: f.timeout, Link: link}, nil
}

// dir is where a role's key and the others' certificates are: --keys itself, or its folder for the role, as sotto keys
// makes them.
func (f *peerFlags) dir(role wire.Role) (string, error) {
	for _, dir := range []string{f.keys, filepath.Join(f.keys, role.String())} {
		if exists(wire.KeyPath(dir, role)) {
			return dir, nil
		}
	}
	return "", fmt.Errorf("%s holds no key of the %s: make it with `sotto keys --role %s -o %s`, or name its directory by --keys", f.keys, role, role, f.keys)
}

// certificate is a peer's, as this party has it.
func (f *peerFlags) certificate(own, peer wire.Role) (*x509.Certificate, error) {
	dir, err := f.dir(own)
	if err != nil {
		return nil, err
	}
	return peerCertificate(dir, peer)
}

// peerCertificate reads another's certificate from a directory.
func peerCertificate(dir string, peer wire.Role) (*x509.Certificate, error) {
	path := wire.CertPath(dir, peer)
	if !exists(path) {
		return nil, fmt.Errorf("%s is missing: it is the certificate that the %s makes by `sotto keys --role %s` and hands out; put it there", path, peer, peer)
	}
	return wire.LoadCertificate(path, peer)
}

// identity loads a party's own key.
func (f *peerFlags) identity(role wire.Role) (wire.Identity, error) {
	dir, err := f.dir(role)
	if err != nil {
		return wire.Identity{}, err
	}
	return wire.LoadIdentity(dir, role)
}

// tls is the configuration of one role towards another, whose certificate is pinned.
func (f *peerFlags) tls(own, peer wire.Role) (*tls.Config, error) {
	id, err := f.identity(own)
	if err != nil {
		return nil, err
	}
	cert, err := f.certificate(own, peer)
	if err == nil && f.dealer != "" { // now, and not when the peer waits in a session
		_, err = f.certificate(own, wire.Dealer)
	}
	if err != nil {
		return nil, err
	}
	return wire.TLSConfig(id, peer, cert)
}

// dialPatience is the longest time to wait for somebody to listen at the other end.
const dialPatience = 30 * time.Second

// dial connects to a peer; while nobody listens there it tries again, for --timeout or dialPatience.
func (f *peerFlags) dial(ctx context.Context, addr string, config *tls.Config, o wire.Options) (*wire.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, min(o.Timeout, dialPatience))
	defer cancel()
	return wire.Dial(ctx, addr, config, o)
}

// dialDealer gives the way to the dealer. The dealer's link is not the one between the parties and is not shaped.
func (f *peerFlags) dialDealer(own wire.Role) func(context.Context) (*wire.Conn, error) {
	return func(ctx context.Context) (*wire.Conn, error) {
		config, err := f.tls(own, wire.Dealer)
		if err != nil {
			return nil, err
		}
		return f.dial(ctx, f.dealer, config, wire.Options{Timeout: f.timeout})
	}
}

func roleOf(p cost.Party) wire.Role {
	return map[cost.Party]wire.Role{cost.Client: wire.Client, cost.Server: wire.Server, cost.Dealer: wire.Dealer}[p]
}

// openBundle opens a party's bundle; want says which half a command takes.
func openBundle(dir string, want cost.Party) (*party.Bundle, error) {
	b, err := party.OpenBundle(dir)
	if err != nil {
		if _, e := os.Stat(filepath.Join(dir, want.String(), party.ProgramFile)); e == nil {
			return nil, fmt.Errorf("%w: did you mean %s?", err, filepath.Join(dir, want.String()))
		}
		return nil, err
	}
	if b.Program.Party != want {
		return nil, fmt.Errorf("%s is the %s's bundle, accepted is the %s's", dir, b.Program.Party, want)
	}
	return b, nil
}

// openParty is openBundle for a party that is about to run: its weights must be there too.
func openParty(dir string, want cost.Party) (*party.Bundle, error) {
	b, err := openBundle(dir, want)
	if err != nil {
		return nil, err
	}
	return b, b.CheckWeights()
}

// interruptible gives a context that ends with an interrupt or termination.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// sessionOptions are what serve and infer hand to a session.
func (a *app) sessionOptions(b *party.Bundle, source cost.Source, f *peerFlags, taps *tapFile) party.Options {
	o := party.Options{Bundle: b, Source: source, Dealer: f.dialDealer(roleOf(b.Program.Party)), Progress: func(phase cost.Phase, p vm.Progress) {
		if a.progress.due() {
			a.progress.step("%s phase: %d %%, layer %s", phase, 100*p.Done/p.Of, p.Layer)
		}
	}, Making: func(p vm.Progress) {
		a.progress.step("%s material: layer %d of %d, %s", cost.Offline, p.Done, p.Of, p.Layer)
	}}
	if taps != nil {
		o.InsecureTap = taps.add
	}
	settleCollector()
	return o
}
