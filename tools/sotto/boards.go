package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/runtime/wire"
)

// pairSuffix says that there are two of a board, one a party.
const pairSuffix = "x2"

// pairOf resolves the name of two boards, zcu104x2, or of two on a link, zcu104x2@1gbps,0.1ms; ok is false where it is something else.
// Without a link it is the board's own first port.
func pairOf(name string) (t cost.Target, ok bool, err error) {
	pair, link, linked := strings.Cut(name, "@")
	board, ok := strings.CutSuffix(pair, pairSuffix)
	if !ok {
		return t, false, nil
	}
	b, err := target.Shipped(board)
	if err != nil {
		return t, linked, fmt.Errorf("--target %s: %w", name, err)
	}
	if t, err = target.Prices(b, b.OwnLink()); err != nil || !linked {
		return t, true, err
	}
	l, err := wire.ParseLink(link)
	if err != nil {
		return t, true, fmt.Errorf("--target %s: %w", name, err)
	}
	if !l.Shaped() {
		return t, true, usagef("--target %s: link %s has no bandwidth of its own: accepted are %s, the boards' own port, and a link that is shaped, such as %s@lan or %s@1gbps,0.1ms", name, link, pair, pair, pair)
	}
	t = onLink(t, l)
	t.Name = name
	return t, true, nil
}

// isBoard tells a board's file from a price list's.
func isBoard(text string) bool {
	var head struct {
		Part json.RawMessage `json:"part"`
	}
	return json.Unmarshal([]byte(text), &head) == nil && head.Part != nil
}

// ofFile names a file in each line of an error about it.
func ofFile(path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %s", path, strings.ReplaceAll(err.Error(), "\n", "\n"+path+": "))
}

// pairOfFile is two of the board that a file describes.
func pairOfFile(text string) (cost.Target, error) {
	b, err := target.Parse([]byte(text))
	if err != nil {
		return cost.Target{}, err
	}
	return target.Prices(b, b.OwnLink())
}

// pairNames lists two of each shipped board.
func pairNames() []string {
	var names []string
	for _, n := range target.Names() {
		names = append(names, n+pairSuffix)
	}
	return names
}

// targetNames lists what --target takes by name: price lists, and pairs of boards.
func targetNames() []string { return append(cost.TargetNames(), pairNames()...) }
