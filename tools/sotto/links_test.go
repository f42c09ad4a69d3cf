package main

import (
	"slices"
	"testing"
)

// Links in numbers have commas of their own, in a list with commas, alone, and where the flag comes twice.
func TestLinkListsKeepLinksInNumbersWhole(t *testing.T) {
	for _, c := range []struct{ given, want []string }{
		{nil, []string{"loopback"}},
		{[]string{"300mbps,5ms"}, []string{"300mbps,5ms"}},
		{[]string{"lan,300mbps,5ms,wan,1gbps,0.5ms"}, []string{"lan", "300mbps,5ms", "wan", "1gbps,0.5ms"}},
		{[]string{"300mbps,20ms,10kbps,2s", "pasnet"}, []string{"300mbps,20ms", "10kbps,2s", "pasnet"}},
	} {
		l := linkList{names: []string{"loopback"}}
		for _, text := range c.given {
			if err := l.Set(text); err != nil {
				t.Error(err)
			}
		}
		if !slices.Equal(l.names, c.want) {
			t.Errorf("%q is %q, want %q", c.given, l.names, c.want)
		}
	}
	for _, wrong := range []string{"", "dsl", "lan,", "300mbps", "5ms", "lan,300mbps,wan", "300mbps,5ms,5ms"} {
		if err := new(linkList).Set(wrong); err == nil {
			t.Errorf("%q is accepted", wrong)
		}
	}
}
