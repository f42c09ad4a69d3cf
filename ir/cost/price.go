package cost

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Target is a price list: what the kernels and the messages of a session cost in time on one pair of machines and the link between
// them. Every number says where it is from.
type Target struct {
	Sotto  int    `json:"sotto"` // version of the format
	Name   string `json:"name"`
	Source string `json:"source"` // where the whole list comes from
	Link   Link   `json:"link"`
	// Machines by name; Client and Server name the party's. A Dealer, if none is named, has the server's.
	Machines map[string]Machine `json:"machines"`
	Client   string             `json:"client"`
	Server   string             `json:"server"`
	Dealer   string             `json:"dealer,omitempty"`
	// Shared says that all parties run on one machine and share its cores; they name the same one then. Otherwise each has a machine
	// to itself, also where two are alike and have one name.
	Shared bool `json:"shared"`
}

// TargetVersion is the version of the format that ParseTarget reads.
const TargetVersion = 1

// Link is the connection. Each direction has the whole bandwidth.
type Link struct {
	BytesPerSecond Quantity `json:"bytes_per_second"`
	// OneWayMS is from the last byte's leaving to its arrival, and until a receiver is awake where a round trip is so long that its core sleeps. What a
	// message costs the parties beside that are kernels.
	OneWayMS Quantity `json:"one_way_ms"`
}

// Machine is one party's.
type Machine struct {
	// Board says which board of programmable logic it is; empty: a computer, as `sotto run` and the like run on.
	Board string `json:"board,omitempty"`
	Cores int    `json:"cores"`
	// ProcessBytes is the memory of a party before it has a program: the executable and its runtime.
	ProcessBytes Quantity `json:"process_bytes"`
	// BusyWatts and IdleWatts are what it draws with all cores at work, and with none: both parties' machines have them, or none and there is
	// no energy.
	BusyWatts *Quantity `json:"busy_watts,omitempty"`
	IdleWatts *Quantity `json:"idle_watts,omitempty"`
	// Prices of the kernels, by name: all of them.
	Prices Prices `json:"prices"`
}

// Quantity is a number, how far it may be off, and how it was found.
type Quantity struct {
	Value float64 `json:"value"`
	// Spread is how far it may be off, as a part of it: of what was measured half the distance of the runs' quartiles, or how far it is from
	// the fit of all loads if that is more; of what was assumed a guess. It is no interval of a stated confidence.
	Spread float64 `json:"spread"`
	Source string  `json:"source"`
}

// Price is what a kernel costs. A call of n units takes CallNS + n*NS on one core, and CallNS + n*AllNS where it has all the cores
// of the machine. On one core beside others that are busy a unit takes BusyNS, since cores share what computes and the way to memory.
type Price struct {
	NS     float64 `json:"ns"`
	AllNS  float64 `json:"all_ns,omitempty"`  // absent: as NS, the kernel runs on one core
	BusyNS float64 `json:"busy_ns,omitempty"` // absent: as NS if the kernel runs on one core, otherwise its part of what all do together
	CallNS float64 `json:"call_ns,omitempty"`
	// MeetNS is a call on a machine that both parties share, while the other is at work: whoever is woken may have to wait for the core that the
	// other is on, though another core idles. Absent: as CallNS.
	MeetNS float64 `json:"meet_ns,omitempty"`
	Spread float64 `json:"spread"` // as Quantity.Spread
	Source string  `json:"source"`
}

// all is AllNS with its default.
func (p Price) all() float64 {
	if p.AllNS == 0 {
		return p.NS
	}
	return p.AllNS
}

// busy is BusyNS with its default.
func (p Price) busy(cores int) float64 {
	switch {
	case p.BusyNS > 0:
		return p.BusyNS
	case p.AllNS == 0:
		return p.NS
	}
	return p.AllNS * float64(cores)
}

// meet is MeetNS with its default.
func (p Price) meet() float64 {
	if p.MeetNS == 0 {
		return p.CallNS
	}
	return p.MeetNS
}

// Prices are those of all kernels. In JSON they are an object with a kernel's name for a key.
type Prices [Kernels]Price

// MarshalJSON writes the prices in the order of the kernels.
func (p Prices) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for k, price := range p {
		text, err := json.Marshal(price)
		if err != nil {
			return nil, err
		}
		separator := ","
		if k == 0 {
			separator = "{"
		}
		fmt.Fprintf(&b, "%s%q:%s", separator, Kernel(k), text)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads prices; a kernel without one, and a price of no kernel, are errors.
func (p *Prices) UnmarshalJSON(text []byte) error {
	var named map[string]json.RawMessage
	if err := json.Unmarshal(text, &named); err != nil {
		return err
	}
	var errs []error
	for name, raw := range named {
		k, err := ParseKernel(name)
		if err == nil {
			err = strictly(raw, &p[k])
		}
		errs = append(errs, err)
	}
	for _, k := range AllKernels() {
		if _, ok := named[k.String()]; !ok {
			errs = append(errs, fmt.Errorf("no price of %s (ns a %s: %s)", k, k.Unit(), k.Doc()))
		}
	}
	return errors.Join(errs...)
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
	var head struct {
		Sotto  int             `json:"sotto"`
		Client json.RawMessage `json:"client"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return t, fmt.Errorf("not a price list: %w", PlainJSON(err))
	}
	if old := bytes.HasPrefix(bytes.TrimSpace(head.Client), []byte("{")); old || head.Sotto != TargetVersion {
		return t, fmt.Errorf("a price list of format %d: accepted is %d, which has a price for each kernel under machines.NAME.prices; sotto calibrate -o FILE measures one",
			head.Sotto, TargetVersion)
	}
	if err := strictly(text, &t); err != nil {
		return t, fmt.Errorf("not a price list: %w", err)
	}
	return t, t.check()
}

// PlainJSON says of a JSON value of another kind than accepted where it is; package json speaks of Go's types. Other errors stay as they are.
func PlainJSON(err error) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	return fmt.Errorf("%s: a value of JSON's kind %q, which is not accepted there (byte %d)", cmp.Or(wrong.Field, "all of it"), wrong.Value, wrong.Offset)
}

// strictly decodes one JSON value without unknown fields.
func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return PlainJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the price list")
	}
	return nil
}

// Bounds of the numbers in a price list, far beyond any machine and link: within them sums over the largest networks stay finite, which a
// simulation needs to come to an end.
const (
	slowest = 1    // bytes per second
	largest = 1e15 // of any number, in its unit
)

func (t Target) check() error {
	var errs []error
	if t.Name == "" || t.Source == "" {
		errs = append(errs, errors.New("a price list needs a name and a source"))
	}
	errs = append(errs, t.Link.Check())
	for _, role := range []struct{ party, name string }{{"client", t.Client}, {"server", t.Server}, {"dealer", t.dealer()}} {
		if _, ok := t.Machines[role.name]; !ok {
			errs = append(errs, fmt.Errorf("%s is on machine %q, which is not among the machines", role.party, role.name))
		}
		if t.Shared && role.name != t.Client {
			errs = append(errs, fmt.Errorf("%s is on machine %q, the client on %q: parties that share cores are on one", role.party, role.name, t.Client))
		}
	}
	for name, m := range t.Machines {
		errs = append(errs, m.check("machines."+name))
	}
	if (t.MachineOf(Client).BusyWatts == nil) != (t.MachineOf(Server).BusyWatts == nil) {
		errs = append(errs, fmt.Errorf("one of the client's machine %q and the server's %q has watts: accepted are both or none, since energy is that of both", t.Client, t.Server))
	}
	return errors.Join(errs...)
}

// Check reports what of a link lies outside the bounds within which a simulation ends.
func (l Link) Check() error {
	return errors.Join(l.BytesPerSecond.Check("link.bytes_per_second", slowest), l.OneWayMS.Check("link.one_way_ms", 0))
}

// dealer is the name of the dealer's machine.
func (t Target) dealer() string {
	if t.Dealer == "" {
		return t.Server
	}
	return t.Dealer
}

func (m Machine) check(at string) error {
	errs := []error{m.ProcessBytes.Check(at+".process_bytes", 0)}
	if m.Cores < 1 {
		errs = append(errs, fmt.Errorf("%s has %d cores: accepted are 1 and more", at, m.Cores))
	}
	for name, w := range map[string]*Quantity{".busy_watts": m.BusyWatts, ".idle_watts": m.IdleWatts} {
		if w != nil {
			errs = append(errs, w.Check(at+name, 0))
		}
	}
	if (m.BusyWatts == nil) != (m.IdleWatts == nil) {
		errs = append(errs, fmt.Errorf("%s has watts for one of busy and idle: accepted are both or none", at))
	} else if m.BusyWatts != nil && m.BusyWatts.Value < m.IdleWatts.Value {
		errs = append(errs, fmt.Errorf("%s has %v busy_watts and %v idle_watts: accepted are at least as many busy", at, m.BusyWatts.Value, m.IdleWatts.Value))
	}
	for k, p := range m.Prices {
		errs = append(errs, p.check(fmt.Sprintf("%s.prices.%s", at, Kernel(k))))
	}
	return errors.Join(errs...)
}

// Check demands a finite value of at least so much, a spread from 0 to below 1 and a source; at names the number in the error.
func (q Quantity) Check(at string, least float64) error {
	if !(q.Value >= least && q.Value <= largest) || !(q.Spread >= 0 && q.Spread < 1) || q.Source == "" {
		return fmt.Errorf("%s is %v, spread %v, source %q: accepted are %g to %g, a spread from 0 to below 1 and where it is from", at, q.Value, q.Spread, q.Source, least, float64(largest))
	}
	return nil
}

func (p Price) check(at string) error {
	positive := func(x float64) bool { return x > 0 && x <= largest }
	if !positive(p.NS) || !positive(p.all()) || p.all() > p.NS || !(p.BusyNS >= 0 && p.BusyNS <= largest) || !(p.CallNS >= 0 && p.CallNS <= largest) || !(p.MeetNS >= 0 && p.MeetNS <= largest) || !(p.Spread >= 0 && p.Spread < 1) || p.Source == "" {
		return fmt.Errorf("%s is %+v: accepted are a positive number of ns up to %g, at most as many with all cores, a call of 0 or more, a spread from 0 to below 1 and where it is from", at, p, float64(largest))
	}
	return nil
}

// MachineOf gives the machine of a party.
func (t Target) MachineOf(p Party) Machine {
	return t.Machines[[...]string{Client: t.Client, Server: t.Server, Dealer: t.dealer()}[p]]
}

// OnBoards tells whether a party's machine is a board.
func (t Target) OnBoards() bool {
	return t.MachineOf(Client).Board != "" || t.MachineOf(Server).Board != ""
}

// OnOneMachine is the target with all parties on the server's machine, which share its cores: what `sotto run` does.
func (t Target) OnOneMachine() Target {
	t.Client, t.Dealer, t.Shared = t.Server, "", true
	return t
}
