package cost

import "testing"

func TestComparisonCounts(t *testing.T) {
	for _, c := range []struct{ bits, digits, message, levels, ands int }{
		{1, 1, 1, 0, 0}, {4, 1, 15, 0, 0}, {5, 2, 15 + 2, 1, 1}, {8, 2, 15 + 30, 1, 1}, {12, 3, 15 + 60, 2, 2}, {20, 5, 15 + 120, 3, 5},
		{31, 8, 15 + 6*30 + 14, 3, 11}, {63, 16, 15 + 14*30 + 14, 4, 26},
	} {
		x := Comparison{c.bits}
		if x.Digits() != c.digits || x.MessagePlanes() != c.message || x.Levels() != c.levels || x.ANDs() != c.ands {
			t.Errorf("%d bits: %d digits, %d message planes, %d levels, %d ANDs, want %+v", c.bits, x.Digits(), x.MessagePlanes(), x.Levels(), x.ANDs(), c)
		}
	}
}

// TestComparisonTree adds up the levels.
func TestComparisonTree(t *testing.T) {
	for bits := 1; bits < 64; bits++ {
		c := Comparison{bits}
		ands, triples := 0, 0
		for level := range c.Levels() {
			if c.Nodes(level) < 2 || c.Nodes(level+1) != (c.Nodes(level)+1)/2 {
				t.Errorf("%d bits: %d nodes, then %d", bits, c.Nodes(level), c.Nodes(level+1))
			}
			ands += 2*c.Joins(level) - 1
			triples += c.Joins(level)
		}
		if ands != c.ANDs() || triples != c.Triples() || c.Nodes(0) != c.Digits() || c.Nodes(c.Levels()) != 1 {
			t.Errorf("%d bits: levels have %d ANDs with %d triples and end with %d nodes, want %d, %d and 1", bits, ands, triples, c.Nodes(c.Levels()), c.ANDs(), c.Triples())
		}
	}
}
