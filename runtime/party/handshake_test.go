package party

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/program"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// TestHandshakeRefuses pairs programs that must not run together: both sides find it, by themselves, and say the same.
func TestHandshakeRefuses(t *testing.T) {
	client := &program.Program{Party: cost.Client, Pair: program.Hash{1}}
	for name, c := range map[string]struct {
		server  *program.Program
		source  cost.Source
		offers  Mode
		sharing Sharing
		message string
	}{
		"same role":       {client, cost.FromDealer, Everything, Sharing{}, "both parties are the client"},
		"other programs":  {&program.Program{Party: cost.Server, Pair: program.Hash{2}}, cost.FromDealer, Everything, Sharing{}, "the programs differ"},
		"another source":  {&program.Program{Party: cost.Server, Pair: program.Hash{1}}, "elsewhere", Everything, Sharing{}, "different sources"},
		"other shares":    {&program.Program{Party: cost.Server, Pair: program.Hash{1}}, cost.FromDealer, Everything, Sharing{1}, "shares of different splittings"},
		"stored alone":    {&program.Program{Party: cost.Server, Pair: program.Hash{1}}, cost.FromDealer, Prepare | Stored, Sharing{}, "ready to prepare, use what was prepared: give both --store"},
		"the right match": {&program.Program{Party: cost.Server, Pair: program.Hash{1}}, cost.FromDealer, Everything | Stored, Sharing{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := wiretest.Pair(t, wire.Options{Timeout: 5 * time.Second})
			var ids [2][16]byte
			var theirs error
			done := make(chan struct{})
			go func() {
				defer close(done)
				g, err := shake(b, c.server.Party, hello{pair: c.server.Pair, source: sourceNumber(c.source), modes: c.offers, sharing: c.sharing})
				ids[1], theirs = g.id, err
			}()
			g, mine := shake(a, client.Party, hello{pair: client.Pair, source: sourceNumber(cost.FromDealer), modes: Everything})
			ids[0] = g.id
			<-done
			if c.message == "" {
				if mine != nil || theirs != nil || ids[0] != ids[1] {
					t.Errorf("%v, %v, sessions %x and %x", mine, theirs, ids[0], ids[1])
				}
				return
			}
			for _, err := range []error{mine, theirs} {
				if !errors.Is(err, wire.ErrHandshake) || !strings.Contains(err.Error(), c.message) {
					t.Errorf("error %v, want one of the handshake with %q", err, c.message)
				}
			}
		})
	}
}

// TestHandshakeWithStrangers speaks to a peer of another protocol and to one of another version.
func TestHandshakeWithStrangers(t *testing.T) {
	p := &program.Program{Party: cost.Client}
	good := hello{version: protocolVersion, role: byte(cost.Server), modes: Everything}
	newer := good
	newer.version++
	for message, said := range map[string][]byte{
		"does not speak sotto": make([]byte, helloBytes),
		"versions differ":      newer.encode(),
	} {
		a, b := wiretest.Pair(t, wire.Options{Timeout: 5 * time.Second})
		go b.Send(said)
		if _, err := shake(a, p.Party, hello{source: sourceNumber(cost.FromDealer), modes: Everything}); !errors.Is(err, wire.ErrHandshake) || !strings.Contains(err.Error(), message) {
			t.Errorf("error %v, want one with %q", err, message)
		}
	}
}
