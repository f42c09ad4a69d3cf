package pass

import (
	"fmt"
	"slices"
)

// Pools says which comes first of a ReLU and the max-pooling that alone reads it.
type Pools string

const (
	// PoolsFirst pools before: fewer ReLUs, and a round or more besides.
	PoolsFirst Pools = "first"
	// PoolsLast rectifies before, whatever is written.
	PoolsLast Pools = "last"
	// PoolsAsWritten leaves the order: where rounds are all that counts.
	PoolsAsWritten Pools = "written"
)

// ParsePools reads an order; an empty one is the default, the first.
func ParsePools(s string) (Pools, error) {
	all := []Pools{PoolsFirst, PoolsLast, PoolsAsWritten}
	switch {
	case s == "":
		return all[0], nil
	case !slices.Contains(all, Pools(s)):
		return "", fmt.Errorf("no order of pools and relus is called %q: accepted are %v", s, all)
	}
	return Pools(s), nil
}
