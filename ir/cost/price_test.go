package cost

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestShippedTargetsAreWhole(t *testing.T) {
	names := TargetNames()
	if strings.Join(names, " ") != "lan loopback pasnet wan" {
		t.Errorf("shipped targets are %v", names)
	}
	for _, name := range names {
		target, err := ShippedTarget(name)
		if err != nil || target.Name != name {
			t.Errorf("target %s: %q, %v", name, target.Name, err)
		}
		if target.Shared != (name == "loopback") {
			t.Errorf("target %s: parties on one machine: %v", name, target.Shared)
		}
	}
	if _, err := ShippedTarget("lna"); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("an unknown target gives %v", err)
	}
}

// flat is a target on which every kernel takes a nanosecond a unit on one core and half of it on two, a call nothing, and the line a
// nanosecond a byte.
func flat() Target {
	m := Machine{Cores: 2, ProcessBytes: Quantity{Value: 1, Source: "test"}}
	for k := range m.Prices {
		m.Prices[k] = Price{NS: 1, AllNS: 0.5, Source: "test"}
	}
	return Target{Sotto: TargetVersion, Name: "flat", Source: "test", Machines: map[string]Machine{"m": m}, Client: "m", Server: "m",
		Link: Link{Quantity{Value: 1e9, Source: "test"}, Quantity{Value: 0, Source: "test"}}}
}

func text(t *testing.T, target Target) string {
	t.Helper()
	b, err := json.Marshal(target)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPriceListsReadAsWritten(t *testing.T) {
	target := flat()
	got, err := ParseTarget([]byte(text(t, target)))
	if err != nil {
		t.Fatal(err)
	}
	if text(t, got) != text(t, target) {
		t.Errorf("read %s, wrote %s", text(t, got), text(t, target))
	}
}

func TestBadPriceListsAreRefused(t *testing.T) {
	good := text(t, flat())
	change := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	half, m := flat(), flat().Machines["m"]
	m.BusyWatts, m.IdleWatts = &Quantity{Value: 2, Source: "test"}, &Quantity{Value: 1, Source: "test"}
	half.Machines["n"], half.Server = m, "n"
	for text, want := range map[string]string{
		change(`"ns":1,"all_ns":0.5,"spread":0,"source":"test"`, `"ns":1,"spread":0`): "where it is from",
		change(`"ns":1`, `"ns":-1`):                                                                                  "positive",
		change(`"all_ns":0.5`, `"all_ns":2`):                                                                         "at most as many",
		change(`"conv32":`, `"conv33":`):                                                                             "conv33",
		change(`"conv32":{"ns":1,"all_ns":0.5,"spread":0,"source":"test"},`, ``):                                     "no price of conv32",
		change(`"name":`, `"nmae":`):                                                                                 "nmae",
		change(`"bytes_per_second":{"value":1000000000`, `"bytes_per_second":{"value":0`):                            "bytes_per_second",
		change(`"bytes_per_second":{"value":1000000000`, `"bytes_per_second":{"value":5e-324`):                       "bytes_per_second",
		change(`"ns":1`, `"ns":1e300`):                                                                               "up to 1e+15",
		change(`"client":"m"`, `"client":"n"`):                                                                       `"n"`,
		change(`"cores":2`, `"cores":0`):                                                                             "cores",
		change(`"sotto":1`, `"sotto":2`):                                                                             "format 2",
		`{"name":"x","source":"s","link":{},"client":{"ns_per_mac_32":{"ns":1}},"server":{}}`:                        "sotto calibrate",
		change(`"cores":2`, `"cores":2,"busy_watts":{"value":1,"source":"t"},"idle_watts":{"value":2,"source":"t"}`): "at least as many busy",
		text(t, half):                      "both or none",
		`price list`:                       "not a price list",
		`[1]`:                              `not a price list: all of it: a value of JSON's kind "array"`,
		change(`"cores":2`, `"cores":"2"`): `cores: a value of JSON's kind "string"`,
	} {
		if _, err := ParseTarget([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s...: %v, want an error with %q", text, err, want)
		}
	}
}

// TestCoresThatAreFree: a kernel that two cores do twice as fast takes the time between where it has a core and a half.
func TestCoresThatAreFree(t *testing.T) {
	p := Price{NS: 12, AllNS: 6}
	for free, want := range map[float64]float64{0.5: 24, 1: 12, 1.5: 8, 2: 6, 4: 6} {
		if got := (nanoseconds{p.NS, p.all(), p.busy(2)}).on(free, 2); got != want {
			t.Errorf("%v cores free: %v ns, want %v", free, got, want)
		}
	}
}
