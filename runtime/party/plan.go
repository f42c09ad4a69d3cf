package party

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"sotto/runtime/store"
	"sotto/runtime/wire"
)

// Plan is what both parties of a training must have alike beside the programs, item by item: all of it is public.
type Plan []PlanItem

// PlanItem is one thing that is agreed on, such as the seed of the batches' order.
type PlanItem struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Digest is that of the whole plan.
func (p Plan) Digest() string {
	text, err := json.Marshal(p)
	if err != nil {
		return "" // strings always have a form
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// accepts names what differs first.
func (p Plan) accepts(o Plan) error {
	for i := range max(len(p), len(o)) {
		var mine, theirs PlanItem
		if i < len(p) {
			mine = p[i]
		}
		if i < len(o) {
			theirs = o[i]
		}
		switch {
		case mine.Name != theirs.Name:
			return fmt.Errorf("the plans of the training differ: %q here, %.60q at the peer; use the same release on both sides", mine.Name, theirs.Name)
		case mine.Value != theirs.Value:
			from := whereApart(mine.Value, theirs.Value)
			return fmt.Errorf("the plans of the training differ in %s: %.60q here, %.60q at the peer; give both servers the same", mine.Name, mine.Value[from:], theirs.Value[from:])
		}
	}
	return nil
}

// whereApart is where to begin to read two values: a little before the first place where they differ.
func whereApart(a, b string) int {
	const before = 25
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return max(0, n-before)
}

// intent is what a party says behind its hello when it is to train: the plan, and which checkpoints it holds.
type intent struct {
	Plan Plan         `json:"plan"`
	Held []store.Mark `json:"held"`
}

// maxIntent bounds it, in bytes, and maxHeldMarks the checkpoints.
const (
	maxIntent    = 1 << 16
	maxHeldMarks = 16
)

// declare exchanges intents: lengths of 4 bytes, then JSON, both ways at once.
func declare(c *wire.Conn, mine intent) (theirs intent, err error) {
	text, err := json.Marshal(mine)
	if err != nil {
		return theirs, err
	}
	var head [4]byte
	if err := c.Exchange(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), head[:]); err != nil {
		return theirs, fmt.Errorf("handshake: %w", err)
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > maxIntent {
		return theirs, fmt.Errorf("handshake: %w: a plan of %d bytes, accepted are up to %d", wire.ErrProtocol, n, maxIntent)
	}
	got := make([]byte, n)
	if err := c.Exchange(text, got); err != nil {
		return theirs, fmt.Errorf("handshake: %w", err)
	}
	if err := json.Unmarshal(got, &theirs); err != nil || len(theirs.Held) > maxHeldMarks {
		return theirs, fmt.Errorf("handshake: %w: what the peer sent is no plan of a training", wire.ErrProtocol)
	}
	return theirs, nil
}

// errApart says that a training cannot go on, and would not begin anew without being told.
var errApart = errors.New("the parties hold no checkpoint of one session, and one of them has more than its first: " +
	"give both their directories of this run, or remove both to begin anew")

// common finds the checkpoint that a training goes on from: the greatest that both hold. The zero Mark is the beginning, which both have. A
// party that holds more than its first checkpoint had a peer that held one too: where that is gone, beginning anew is no accident's business.
func common(mine, theirs []store.Mark, every int) (store.Mark, error) {
	var best store.Mark
	held := map[store.Mark]bool{}
	for _, m := range theirs {
		held[m] = true
	}
	for _, m := range mine {
		if held[m] && m.Step >= best.Step {
			best = m
		}
	}
	if best == (store.Mark{}) {
		for _, list := range [][]store.Mark{mine, theirs} {
			for _, m := range list {
				if m.Step > uint64(every) {
					return best, errApart
				}
			}
		}
	}
	return best, nil
}
