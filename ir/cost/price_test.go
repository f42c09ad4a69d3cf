package cost

import (
	"math"
	"strings"
	"testing"
)

func TestShippedTargetsAreWhole(t *testing.T) {
	names := TargetNames()
	if strings.Join(names, " ") != "lan loopback pasnet wan" {
		t.Errorf("shipped targets are %v", names)
	}
	for _, name := range names {
		if target, err := ShippedTarget(name); err != nil || target.Name != name {
			t.Errorf("target %s: %q, %v", name, target.Name, err)
		}
	}
	if _, err := ShippedTarget("lna"); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("an unknown target gives %v", err)
	}
}

func TestPricesAddUpAsDocumented(t *testing.T) {
	machine := MachinePrices{MAC32: Price{NS: 2}, MAC64: Price{NS: 3}, AES: Price{NS: 5}, Byte: Price{NS: 7}}
	target := Target{Link: LinkPrice{BitsPerSecond: 8e6, OneWayMS: 10}, Client: machine, Server: machine}
	traffic := Traffic{ClientSent: 1000, ServerSent: 3000, Rounds: 2}
	work := [2]Work{{MACs: 1e6}, {AES: 1e6}}
	for bits, want := range map[int]float64{
		32: 2*10 + 3 + 5 + 0.028, // the server's AES outweighs the client's MACs
		64: 2*10 + 3 + 5 + 0.028,
	} {
		if got := target.MS(traffic, work, bits); math.Abs(got-want) > 1e-9 {
			t.Errorf("%d bits: %v ms, want %v", bits, got, want)
		}
	}
	work[Server] = Work{}
	if got := target.MS(Traffic{}, work, 64); got != 3 {
		t.Errorf("a million MACs at 64 bits: %v ms, want 3", got)
	}
	if got := target.MS(Traffic{}, work, 32); got != 2 {
		t.Errorf("a million MACs at 32 bits: %v ms, want 2", got)
	}
}

func TestBadPriceListsAreRefused(t *testing.T) {
	good := `{"name":"x","source":"s","link":{"bits_per_second":1,"one_way_ms":0,"source":"s"},"client":M,"server":M}`
	machine := `{"ns_per_mac_32":P,"ns_per_mac_64":P,"ns_per_aes_block":P,"ns_per_ot":P,"ns_per_silent_ot":P,"ns_per_ot_pads":P,"ns_per_byte_processed":P}`
	build := func(price string) string {
		return strings.ReplaceAll(good, "M", strings.ReplaceAll(machine, "P", price))
	}
	if _, err := ParseTarget([]byte(build(`{"ns":1,"source":"s"}`))); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"no source":      build(`{"ns":1}`),
		"negative price": build(`{"ns":-1,"source":"s"}`),
		"unknown field":  strings.Replace(build(`{"ns":1,"source":"s"}`), `"name"`, `"nmae":1,"name"`, 1),
		"no bandwidth":   strings.Replace(build(`{"ns":1,"source":"s"}`), `"bits_per_second":1`, `"bits_per_second":0`, 1),
		"no JSON":        "price list",
	} {
		if _, err := ParseTarget([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestFasterSchemeWeighsBytesAgainstWork: the machines of the shipped targets spend longer on encrypting and moving seven bytes than on
// the hashes that save them, on any of the links; on one that takes ten times as many bytes a second, unencrypted, they garble by half-gates.
func TestFasterSchemeWeighsBytesAgainstWork(t *testing.T) {
	for _, name := range TargetNames() {
		target, err := ShippedTarget(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := target.FasterScheme(); got != ThreeHalves {
			t.Errorf("%s: %s, want %s", name, got, ThreeHalves)
		}
		target.Link.BitsPerSecond, target.Client.Byte.NS, target.Server.Byte.NS = 140e9, 0.01, 0.01
		if got := target.FasterScheme(); got != HalfGates {
			t.Errorf("%s, on a faster link: %s, want %s", name, got, HalfGates)
		}
	}
}

// TestOTsHaveAPrice: OTs take time at the dearer party, those of Ferret by another price, pads besides.
func TestOTsHaveAPrice(t *testing.T) {
	cheap := MachinePrices{OT: Price{NS: 1}, SilentOT: Price{NS: 2}, Pads: Price{NS: 3}}
	dear := MachinePrices{OT: Price{NS: 10}, SilentOT: Price{NS: 20}, Pads: Price{NS: 30}}
	target := Target{Client: cheap, Server: dear}
	const n = 1e6
	for ot, want := range map[OT]float64{SoftSpoken: 10 + 30, Ferret: 20 + 30} {
		l := NewLedger(ClientServer, FromDealer)
		l.Setup(Extensions{OT: ot, Pads: [2]int64{Client: n}})
		base := target.OTMS(l, SessionTag, Offline)
		if (base > 0) != (ot == Ferret) {
			t.Errorf("%v: set-up takes %v ms of OTs", ot, base)
		}
		l.For(7)
		l.RandomOT(Server, n)
		if got := target.OTMS(l, 7, Offline); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: %v ms, want %v", ot, got, want)
		}
		if got := target.allOTsMS(l); math.Abs(got-want-base) > 1e-9 {
			t.Errorf("%v: %v ms in all, want %v", ot, got, want+base)
		}
		if got := target.OTMS(l, 7, Online); got != 0 {
			t.Errorf("%v: %v ms online, want none", ot, got)
		}
	}
}

func TestParseSchemePolicy(t *testing.T) {
	target, err := ShippedTarget("wan")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]Scheme{"auto": ThreeHalves, "half-gates": HalfGates, "three-halves": ThreeHalves, "quarter-gates": ""} {
		if got, err := ParseSchemePolicy(text, target); got != want || (err != nil) != (want == "") {
			t.Errorf("%s gives %q, %v", text, got, err)
		}
	}
}
