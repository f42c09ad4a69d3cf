package target

import (
	"fmt"

	"sotto/ir/cost"
)

// MemoryError says that a board's memory has no room for what a party keeps there.
type MemoryError struct {
	Board string
	Party cost.Party
	Need  int64 // bytes, at least
	Have  int64
}

func (e *MemoryError) Error() string {
	const gib = 1 << 30
	return fmt.Sprintf("does not fit: the %s's memory needs %.3g GiB, a %s has %.3g", e.Party, float64(e.Need)/gib, e.Board, float64(e.Have)/gib)
}

// Holds demands that a party's bytes fit the memory, if it is known how much it holds. The error is a *MemoryError.
func (b Board) Holds(p cost.Party, bytes int64) error {
	const gib = 1 << 30
	if b.Memory.GiB == nil {
		return nil
	}
	if have := int64(b.Memory.GiB.Value * gib); bytes > have {
		return &MemoryError{b.Name, p, bytes, have}
	}
	return nil
}
