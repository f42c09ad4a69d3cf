package material_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/material"
	"sotto/runtime/material/materialtest"
	"sotto/runtime/program"
	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// twoLayers is a network of two products and an elementwise one.
func twoLayers(d cost.Deployment) *program.Manifest {
	last := materialtest.Cross(0, 3*8*8)
	if d == cost.Outsourced {
		last = materialtest.Square(0, 3*8*8)
	}
	return materialtest.Manifest(d, 32, materialtest.Mask(3*8*8), materialtest.Conv(0, 3, 8, 8, 4, 3, 1, 1, 1, 1), materialtest.Mask(40),
		materialtest.Linear(2, 5, 40), last)
}

// tampered is a source whose openings are changed on their way.
type tampered struct {
	material.Source[uint32]
	change func(tag int, p []byte) ([]byte, error)
}

func (s tampered) Openings(w func(int, []byte) error) error {
	return s.Source.Openings(func(tag int, p []byte) error {
		p, err := s.change(tag, p)
		if err != nil {
			return err
		}
		return w(tag, p)
	})
}

// exchangeTampered runs the messages with the client's openings changed, within a deadline, and gives what either side says.
func exchangeTampered(t *testing.T, m *program.Manifest, change func(tag int, p []byte) ([]byte, error)) error {
	t.Helper()
	w := materialtest.RandomWeights[uint32](m)
	s := makeHE(t, m, w)
	defer s.Close()
	honest := s[cost.Client]
	s[cost.Client] = tampered{honest, change}
	client, server := wiretest.Pair(t, wire.Options{Timeout: 20 * time.Second})
	done := make(chan error, 1)
	go func() { done <- materialtest.Exchange(s, client, server) }()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatal("the parties wait for each other")
		return nil
	}
}

// blames tells whether an error of either side is the item's: the other may be told while it works on another item.
func blames(err error, item int) bool {
	if both, ok := err.(interface{ Unwrap() []error }); ok {
		return slices.ContainsFunc(both.Unwrap(), func(err error) bool { return blames(err, item) })
	}
	var of *material.ItemError
	return errors.As(err, &of) && of.Tag == item
}

// TestHERefusesGarbage: numbers that are no residues end the session with an error of the layer they came for.
func TestHERefusesGarbage(t *testing.T) {
	garbage := func(m *program.Manifest, wants map[int]string) {
		for at, want := range wants {
			err := exchangeTampered(t, m, func(tag int, p []byte) ([]byte, error) {
				if tag != at || len(p) < 1000 { // seeds may be anything
					return p, nil
				}
				return bytes.Repeat([]byte{0xff}, len(p)), nil
			})
			if err == nil || !strings.Contains(err.Error(), want) || at >= 0 && !blames(err, at) {
				t.Errorf("%s: garbage at %d: %v", m.Deploy, at, err)
			}
		}
	}
	for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
		garbage(twoLayers(d), map[int]string{cost.SessionTag: "public key", 1: "item 1 (product of layer 1)", 3: "item 3 (product of layer 3)"})
		garbage(bySIMD(twoLayers(d)), map[int]string{4: "item 4 ("})
	}
}

// TestHEEndsWhenTheConnectionDoes: wherever the client stops, both sides have an error and neither waits.
func TestHEEndsWhenTheConnectionDoes(t *testing.T) {
	cut := errors.New("cut")
	for _, c := range []struct {
		m    *program.Manifest
		most int
	}{
		{twoLayers(cost.ClientServer), 600_000}, {twoLayers(cost.Outsourced), 600_000},
		{bySIMD(twoLayers(cost.ClientServer)), 2_000_000}, {bySIMD(twoLayers(cost.Outsourced)), 2_000_000},
	} {
		for range 12 {
			left := rand.IntN(c.most)
			err := exchangeTampered(t, c.m, func(_ int, p []byte) ([]byte, error) {
				if left -= len(p); left < 0 {
					return nil, cut
				}
				return p, nil
			})
			if (left < 0) != errors.Is(err, cut) {
				t.Errorf("%s, %v, %d bytes left: %v", c.m.Deploy, c.m.Elementwise, left, err)
			}
		}
	}
}

// TestHERefusesWeightsBeyondTheBound: the noise is computed for weights of a public bound.
func TestHERefusesWeightsBeyondTheBound(t *testing.T) {
	m := twoLayers(cost.ClientServer)
	w := materialtest.RandomWeights[uint32](m)
	w[cost.Server]["layer3.weight"][7] = 1 << 30
	s := makeHE(t, m, w)
	defer s.Close()
	client, server := wiretest.Pair(t, wire.Options{Timeout: 20 * time.Second})
	var item *material.ItemError
	if err := materialtest.Exchange(s, client, server); !errors.As(err, &item) || item.Tag != 3 {
		t.Errorf("a weight of 2^30: %v", err)
	}
}

// zeros answers every read.
func zeros(_ int, p []byte) error {
	clear(p)
	return nil
}

// TestHEKeyOutlastsEarlyReplies: replies that come before the uploads have gone do not end the key: what follows is encrypted.
func TestHEKeyOutlastsEarlyReplies(t *testing.T) {
	m := bySIMD(materialtest.Manifest(cost.ClientServer, 32, materialtest.Mask(40), materialtest.Linear(0, 5, 40), materialtest.Mask(30), materialtest.Linear(2, 3, 30),
		materialtest.Cross(0, 40)))
	both := newHE(t, m, materialtest.RandomWeights[uint32](m), 1)
	client, server := both[cost.Client].Inference(0), both[cost.Server].Inference(0)
	defer client.Close()
	defer server.Close()
	var sent bytes.Buffer
	early := false
	err := client.Openings(func(tag int, p []byte) error {
		if tag == 1 && !early {
			early = true
			if err := client.Finish(zeros); err != nil {
				return err
			}
		}
		_, err := sent.Write(p)
		return err
	})
	if err != nil || !early {
		t.Fatalf("uploads after early replies: %v", err)
	}
	err = server.Absorb(func(_ int, p []byte) error {
		_, err := io.ReadFull(&sent, p)
		return err
	})
	if err != nil || sent.Len() > 0 {
		t.Errorf("the uploads: %v, %d bytes are left", err, sent.Len())
	}
}

// TestHEAnswerWithoutAQuestion: an answer to base OTs before they are sent is an error.
func TestHEAnswerWithoutAQuestion(t *testing.T) {
	m := twoLayers(cost.ClientServer)
	both := newHE(t, m, materialtest.RandomWeights[uint32](m), 1)
	client := both[cost.Client].Inference(0)
	defer client.Close()
	if err := client.Finish(zeros); err == nil || !strings.Contains(err.Error(), "was not sent") {
		t.Errorf("an answer to nothing: %v", err)
	}
}

// TestHEMakes: comparison keys are a dealer's, and products of two masks are made for one inference at a time.
func TestHEMakes(t *testing.T) {
	matrix := []int{3, 5, 1, 1, 4, 1, 1, 1, 1, 0, 0, 1, 1, 1}
	for want, items := range map[string][]program.Item{
		"by keys that a dealer makes":  {{Kind: program.Compare, N: 4, Ints: []int{20}}},
		"2 inferences at once of prod": {materialtest.Mask(15), materialtest.Mask(20), materialtest.Bilinear(program.BatchConv, 12, matrix, 0, 1)},
	} {
		m := materialtest.Manifest(cost.Outsourced, 32, items...)
		if _, err := material.NewHE[uint32](cost.Client, m, material.Session{}, 2, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
