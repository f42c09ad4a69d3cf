package conform

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// recordedPair is a pair of connections in clear, and what goes over each.
func recordedPair(t testing.TB, o wire.Options) (conns [2]*wire.Conn, sent [2]*recorder) {
	a, b := wiretest.Sockets(t)
	sent = [2]*recorder{{Conn: a}, {Conn: b}}
	for p, r := range sent {
		var err error
		if conns[p], err = wire.New(r, o); err != nil {
			t.Fatal(err)
		}
	}
	return conns, sent
}

// TestNothingIsSentTwice: of a training that is cut three times and goes on each time from a checkpoint, no block that either party sends is one that
// was sent before. A mask, an OT or a key that served twice would show, as the values under them are the same where steps are made again.
func TestNothingIsSentTwice(t *testing.T) {
	all := []struct {
		nonlinear pass.Nonlinear
		ot        cost.OT
		source    cost.Source
	}{{pass.DealtSign, cost.SoftSpoken, cost.FromDealer}, {pass.OTSign, cost.IKNP, cost.FromDealer}, {pass.GarbledSign, cost.Ferret, cost.FromDealer},
		{pass.OTSign, cost.SoftSpoken, cost.FromHE}, {pass.GarbledSign, cost.Ferret, cost.FromHE}}
	if os.Getenv("SOTTO_LONG") == "" {
		all = all[:1]
	}
	for _, c := range all {
		t.Run(fmt.Sprintf("%s-%s-%s", c.nonlinear, c.ot, c.source), func(t *testing.T) {
			how := schoolingContext(&pass.Training{Batch: 4, Optimiser: pass.SGD{Momentum: 0.9}, Softmax: pass.Taylor})
			how.Protocols, how.OT, how.Source = pass.Protocols{Nonlinear: c.nonlinear}, cost.AlwaysOT(c.ot), c.source
			s := schoolingOf(t, 2, make([]int, 9), compileStep(t, small, how))
			var sent []*recorder
			s.pair = func(t testing.TB, o wire.Options) (a, b *wire.Conn) {
				conns, recorders := recordedPair(t, o)
				sent = append(sent, recorders[:]...)
				return conns[0], conns[1]
			}
			for _, cut := range []struct{ party, step int }{{0, 3}, {1, 4}, {0, 5}} {
				if _, err := s.session(t, func(p, step int, c *wire.Conn) error {
					if p == cut.party && step == cut.step {
						return c.Close()
					}
					return nil
				}); err == nil {
					t.Fatalf("a session that party %d cuts in step %d ends well", cut.party, cut.step)
				}
			}
			if _, err := s.session(t, nil); err != nil {
				t.Fatal(err)
			}
			seen := map[[16]byte]string{}
			for i, r := range sent {
				for k, m := range messages(r.raw) {
					if bytes.HasPrefix(m, []byte("sottorun")) || bytes.HasPrefix(m, []byte("{")) { // handshakes, which are public
						continue
					}
					for at := 0; at+16 <= len(m); at += 16 {
						here, block := fmt.Sprintf("session %d, party %d, message %d, byte %d", i/2, i%2, k, at), [16]byte(m[at:])
						if was, ok := seen[block]; ok {
							t.Fatalf("%x is sent twice: %s; %s", block, was, here)
						}
						seen[block] = here
					}
				}
			}
			if least := 1000; len(seen) < least {
				t.Errorf("%d blocks, want %d at least: what was recorded is no training", len(seen), least)
			}
		})
	}
}
