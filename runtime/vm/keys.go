package vm

import (
	"errors"
	"fmt"

	"sotto/runtime/prg"
)

// Keys are a party's comparison keys, by manifest item, from when the dealer sends them to when they are used: put away in
// order, read once in the same order. Putting and reading may not overlap.
type Keys struct {
	items map[int]*spool
}

// NewKeys has no keys yet.
func NewKeys() *Keys { return &Keys{items: map[int]*spool{}} }

// Put puts away the next blocks of an item's keys.
func (k *Keys) Put(item int, blocks []prg.Block) error {
	s := k.items[item]
	s, err := ready(&s)
	if err != nil {
		return err
	}
	k.items[item] = s
	return s.write(blocks)
}

var errNoKeys = errors.New("no comparison keys")

// Read fills blocks with the next of an item's keys, which are then gone.
func (k *Keys) Read(item int, blocks []prg.Block) error {
	if k == nil || k.items[item] == nil {
		return fmt.Errorf("item %d: %w", item, errNoKeys)
	}
	return k.items[item].read(blocks)
}

// Close drops what is left.
func (k *Keys) Close() {
	for _, s := range k.items {
		s.close()
	}
	clear(k.items)
}
