package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sotto/passes/choose"
)

// estimatedTo is what `sotto estimate` says of an example on a target, and of both phases together.
func estimatedTo(t *testing.T, example, target string, flags ...string) (r netEstimate, ms float64) {
	t.Helper()
	args := append([]string{"estimate", filepath.Join("../../examples", example+".sotto"), "--target", target, "--json"}, flags...)
	if err := json.Unmarshal([]byte(mustSotto(t, args...)), &r); err != nil {
		t.Fatal(err)
	}
	return r, r.Offline.MS + r.Online.MS
}

// spacesOfPolynomials are the examples that leave relu or x2act open, with what decides their other choices.
var spacesOfPolynomials = []struct{ example, set string }{
	{"glyphs_small_space", "--set pool=avgpool"},
	{"glyphs_space", "--set width=8 --set pool=maxpool"},
	{"glyphs_three_space", "--set pool=avgpool"},
	{"resnet18_cifar", "--set pool=maxpool"},
	{"vgg16_cifar", "--set pool=avgpool"},
	{"mobilenetv2_cifar", ""},
	{"resnet34_cifar", "--set pool=avgpool"},
	{"resnet50_cifar", "--set pool=maxpool"},
	{"vgg16", "--set pool=maxpool"},
	{"mobilenetv2", ""},
	{"resnet18", "--set pool=avgpool"},
	{"resnet34", "--set pool=maxpool"},
	{"resnet50", "--set pool=avgpool"},
}

// TestPolynomialsAreAllowedForSpeed holds what --allow polynomial picks against the network of relus and the one of polynomials: its estimate is never above
// theirs. SOTTO_LONG=1 does so on all example spaces.
func TestPolynomialsAreAllowedForSpeed(t *testing.T) {
	spaces, targets := spacesOfPolynomials[:1], []string{"wan", "zcu104x2"}
	if os.Getenv("SOTTO_LONG") != "" {
		spaces, targets = spacesOfPolynomials, []string{"loopback", "lan", "wan", "pasnet", "zcu104x2"}
	}
	for _, s := range spaces {
		for _, target := range targets {
			for _, deploy := range []string{"client-server", "outsourced"} {
				flags := append(strings.Fields(s.set), "--deploy", deploy)
				set := func(option string) float64 {
					_, ms := estimatedTo(t, s.example, target, append([]string{"--set", "act=" + option}, flags...)...)
					return ms
				}
				relus, x2acts := set("relu"), set("x2act")
				r, ms := estimatedTo(t, s.example, target, append([]string{"--allow", "polynomial"}, flags...)...)
				polynomials := 0
				for _, x := range r.Picked {
					if x.Polynomial {
						polynomials++
					}
				}
				t.Logf("%-18s %-8s %-13s relu %8.5g ms, x2act %8.5g ms, picked %8.5g ms: %d of %d polynomials", s.example, target, deploy, relus, x2acts, ms, polynomials, len(r.Picked))
				if ms > min(relus, x2acts) {
					t.Errorf("%s on %s, %s: picked %.6g ms, with relus %.6g ms, with polynomials %.6g ms", s.example, target, deploy, ms, relus, x2acts)
				}
			}
		}
	}
}

// TestFlipsOfPolynomialsAreReal picks on either side of flips that are named: the pick changes there, to what was said, and by the estimates of both
// networks on both sides.
func TestFlipsOfPolynomialsAreReal(t *testing.T) {
	const bps, ms, side = 100e6, 20.0, 1.001
	flags := strings.Fields("--set pool=avgpool")
	link := func(bps, ms float64) string { return fmt.Sprintf("%.12gkbps,%.12gms", bps/1e3, ms) }
	type pick struct {
		options map[string]string
		ms      float64
	}
	seen := map[string]pick{}
	at := func(link string) pick {
		if _, ok := seen[link]; !ok {
			r, ms := estimatedTo(t, "glyphs_small_space", link, append([]string{"--allow", "polynomial"}, flags...)...)
			x := pick{map[string]string{}, ms}
			for _, p := range r.Picked {
				x.options[p.Path] = p.Chosen
			}
			seen[link] = x
		}
		return seen[link]
	}
	with := func(options map[string]string, link string) float64 {
		set := slices.Clone(flags)
		for _, path := range slices.Sorted(maps.Keys(options)) {
			set = append(set, "--set", path+"="+options[path])
		}
		_, ms := estimatedTo(t, "glyphs_small_space", link, set...)
		return ms
	}
	r, _ := estimatedTo(t, "glyphs_small_space", link(bps, ms), append([]string{"--allow", "polynomial", "--explain"}, flags...)...)
	flips := 0
	for _, x := range r.Picked {
		for _, f := range x.Flips {
			nearer, further := f.At/side, f.At*side
			if f.Below {
				nearer, further = further, nearer
			}
			on := func(x float64) string {
				if f.Axis == choose.Delay {
					return link(bps, x)
				}
				return link(x, ms)
			}
			near, far := at(on(nearer)), at(on(further))
			if near.options[x.Path] != x.Chosen || far.options[x.Path] != f.To {
				t.Errorf("%s flips from %s to %s at %s %g; it is %s before and %s behind", x.Path, x.Chosen, f.To, f.Axis, f.At, near.options[x.Path], far.options[x.Path])
			}
			if other := with(far.options, on(nearer)); other < near.ms {
				t.Errorf("%s: before %s %g the picks behind it take %.7g ms, the picks %.7g ms", x.Path, f.Axis, f.At, other, near.ms)
			}
			if other := with(near.options, on(further)); other < far.ms {
				t.Errorf("%s: behind %s %g the picks before it take %.7g ms, the picks %.7g ms", x.Path, f.Axis, f.At, other, far.ms)
			}
			flips++
		}
	}
	if flips == 0 {
		t.Error("no flip is named")
	}
}
