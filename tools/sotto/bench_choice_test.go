package main

import (
	"slices"
	"testing"
)

// A list of links is split at commas, which links in numbers have too.
func TestLinksAreJoined(t *testing.T) {
	got := joinedLinks([]string{"lan", "300mbps", "5ms", "wan", "1gbps", "0.5ms", "300mbps,20ms"})
	if want := []string{"lan", "300mbps,5ms", "wan", "1gbps,0.5ms", "300mbps,20ms"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
