package main

import (
	"strings"

	"sotto/runtime/wire"
)

// linkList is a flag of links: with commas, or several times. Given once, it takes the place of its default.
type linkList struct {
	names []string
	given bool
}

// Set adds the links of a list.
func (l *linkList) Set(text string) error {
	links, err := wire.ParseLinks(text)
	if err != nil {
		return err
	}
	if !l.given {
		l.names, l.given = nil, true
	}
	for _, link := range links {
		l.names = append(l.names, link.Name)
	}
	return nil
}

func (l *linkList) String() string { return strings.Join(l.names, ",") }

// Type names the flag's value in help.
func (l *linkList) Type() string { return "links" }
