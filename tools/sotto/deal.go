package main

import (
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sotto/runtime/material"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/runtime/wire"
)

func newDealCmd(a *app) *cobra.Command {
	var f peerFlags
	var listen string
	c := &cobra.Command{
		Use: "deal BUNDLE --listen ADDR", Short: "run the dealer: it makes the offline material and learns nothing", Args: cobra.ExactArgs(1),
		Long: "Deal serves both parties of every session with correlated randomness. It knows the shapes of the network, and neither weights\n" +
			"nor inputs; it must not collude with either party. BUNDLE is the dealer's folder of what compile wrote.",
		Example: "  sotto deal out/dealer --listen :7767",
		RunE: func(_ *cobra.Command, args []string) error {
			return a.deal(args[0], listen, &f)
		},
	}
	f.add(c)
	c.Flags().StringVar(&listen, "listen", "", "`address` to listen on, host:port; port 0 takes a free one")
	c.MarkFlagRequired("listen")
	c.Flags().StringVar(&f.link, "link", "loopback", "shape what it sends: loopback (not at all), lan, wan, pasnet, or BANDWIDTH,DELAY such as 300mbps,5ms")
	return c
}

func (a *app) deal(dir, listen string, f *peerFlags) error {
	d, err := readDeal(dir)
	if err != nil {
		return err
	}
	if err := a.dealOut([]material.Deal{d}, listen, f); err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return nil
}

// dealOut serves some deals until it is interrupted.
func (a *app) dealOut(deals []material.Deal, listen string, f *peerFlags) error {
	id, err := f.identity(wire.Dealer)
	if err != nil {
		return err
	}
	var pins material.Pins
	for role, pin := range map[wire.Role]*[]*x509.Certificate{wire.Client: &pins.Client, wire.Server: &pins.Server} {
		cert, err := f.certificate(wire.Dealer, role)
		if err != nil {
			return err
		}
		*pin = append(*pin, cert)
	}
	log := slog.New(slog.NewTextHandler(a.err, nil))
	if a.quiet {
		log = slog.New(slog.DiscardHandler)
	}
	dealer, err := material.NewDealer(deals, material.Tuning{Log: log, Patience: f.timeout / 2})
	if err != nil {
		return err
	}
	o, err := f.options()
	if err != nil {
		return err
	}
	l, err := material.Listen(listen, id, pins, o)
	if err != nil {
		return err
	}
	defer l.Close()
	a.listening(l.Addr())
	ctx, stop := interruptible()
	defer stop()
	return dealer.Serve(ctx, l)
}

// readDeal reads the dealer's folder.
func readDeal(dir string) (material.Deal, error) {
	text, err := os.ReadFile(filepath.Join(dir, dealFile))
	if err != nil {
		return material.Deal{}, fmt.Errorf("%s holds no %s: accepted is the dealer's folder in what `sotto compile -o` wrote, such as DIR/%s", dir, dealFile, dealerDir)
	}
	var d deal
	m := material.Deal{Manifest: new(program.Manifest)}
	if err := json.Unmarshal(text, &d); err != nil {
		return m, fmt.Errorf("%s: %w", filepath.Join(dir, dealFile), err)
	}
	hash, err := hex.DecodeString(d.Pair)
	if err != nil || len(hash) != len(m.Pair) {
		return m, fmt.Errorf("%s: the hash of the programs is damaged: compile again", filepath.Join(dir, dealFile))
	}
	copy(m.Pair[:], hash)
	if now, err := newDeal(dir, m.Pair, d.Net); err != nil {
		return m, err
	} else if now.Manifest != d.Manifest {
		return m, fmt.Errorf("%s is not the manifest that %s describes, or is damaged: compile again", filepath.Join(dir, party.ManifestFile), dealFile)
	}
	return m, program.Read(filepath.Join(dir, party.ManifestFile), m.Manifest)
}
