package cost

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Target is a price list: what a quantity costs in time on one pair of machines and the link between them. Prices are
// per party, because the parties do different work for one quantity: the server garbles, the client evaluates.
type Target struct {
	Name   string        `json:"name"`
	Source string        `json:"source"` // where the whole list comes from
	Link   LinkPrice     `json:"link"`
	Client MachinePrices `json:"client"`
	Server MachinePrices `json:"server"`
}

// LinkPrice describes the connection. Each direction has the whole bandwidth.
type LinkPrice struct {
	BitsPerSecond float64 `json:"bits_per_second"`
	OneWayMS      float64 `json:"one_way_ms"`
	Source        string  `json:"source"`
}

// MachinePrices are one party's, in nanoseconds on all the cores it has.
type MachinePrices struct {
	MAC32    Price `json:"ns_per_mac_32"` // ring multiply-add
	MAC64    Price `json:"ns_per_mac_64"`
	AES      Price `json:"ns_per_aes_block"`      // of garbling (server), of evaluation (client), with all that belongs to a gate
	OT       Price `json:"ns_per_ot"`             // a correlated OT of SoftSpoken
	SilentOT Price `json:"ns_per_silent_ot"`      // of Ferret
	Pads     Price `json:"ns_per_ot_pads"`        // to hash both ends of a correlated OT into pads
	Byte     Price `json:"ns_per_byte_processed"` // sent or received, above the link: framing, encryption
}

// Price is one number and how it was measured.
type Price struct {
	NS     float64 `json:"ns"`
	Source string  `json:"source"`
}

//go:embed targets/*.json
var shipped embed.FS

// TargetNames lists the shipped targets.
func TargetNames() []string {
	entries, err := shipped.ReadDir("targets")
	if err != nil {
		return nil // embedded: the directory is there
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".json"))
	}
	return names
}

// ShippedTarget gives the shipped price list of that name.
func ShippedTarget(name string) (Target, error) {
	if !slices.Contains(TargetNames(), name) {
		return Target{}, fmt.Errorf("no target is called %q: accepted are %s, or a price list's file", name, strings.Join(TargetNames(), ", "))
	}
	text, err := shipped.ReadFile("targets/" + name + ".json")
	if err != nil {
		return Target{}, err
	}
	return ParseTarget(text)
}

// ParseTarget reads a price list in JSON. Every number needs a source; unknown fields are an error.
func ParseTarget(text []byte) (Target, error) {
	var t Target
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&t); err != nil {
		return t, fmt.Errorf("not a price list: %w", err)
	}
	return t, t.check()
}

func (t Target) check() error {
	errs := []error{t.Link.check()}
	if t.Name == "" || t.Source == "" {
		errs = append(errs, errors.New("a price list needs a name and a source"))
	}
	for party, m := range map[string]MachinePrices{"client": t.Client, "server": t.Server} {
		for name, p := range map[string]Price{"ns_per_mac_32": m.MAC32, "ns_per_mac_64": m.MAC64, "ns_per_aes_block": m.AES,
			"ns_per_ot": m.OT, "ns_per_silent_ot": m.SilentOT, "ns_per_ot_pads": m.Pads, "ns_per_byte_processed": m.Byte} {
			if !(p.NS > 0) || p.Source == "" {
				errs = append(errs, fmt.Errorf("%s.%s is %v with source %q: accepted are a positive number of ns and where it is from", party, name, p.NS, p.Source))
			}
		}
	}
	return errors.Join(errs...)
}

func (l LinkPrice) check() error {
	if !(l.BitsPerSecond > 0) || !(l.OneWayMS >= 0) || l.Source == "" {
		return fmt.Errorf("link of %v bits per second, %v ms one way, source %q: accepted are a positive bandwidth, a delay of 0 or more and a source",
			l.BitsPerSecond, l.OneWayMS, l.Source)
	}
	return nil
}

func (t Target) prices(p Party) MachinePrices {
	if p == Client {
		return t.Client
	}
	return t.Server
}

// MS estimates the milliseconds that one op, or a phase, takes in a ring of so many bits:
//
//	rounds * one-way + (bytes of the busier direction) * 8 / bandwidth + (work of the busier party)
//
// with work = MACs * price + AES * price + (bytes sent and received) * price; OTs come on top of it (OTMS). It takes the directions and the parties to
// work side by side, and communication and computation not to.
func (t Target) MS(traffic Traffic, work [2]Work, bits int) float64 {
	busiest := max(traffic.ClientSent, traffic.ServerSent)
	both := float64(traffic.ClientSent + traffic.ServerSent)
	var ns float64
	for p, w := range work {
		m := t.prices(Party(p))
		mac := m.MAC32
		if bits > 32 {
			mac = m.MAC64
		}
		ns = max(ns, float64(w.MACs)*mac.NS+float64(w.AES)*m.AES.NS+both*m.Byte.NS)
	}
	return float64(traffic.Rounds)*t.Link.OneWayMS + float64(busiest)*8/t.Link.BitsPerSecond*1e3 + ns/1e6
}
