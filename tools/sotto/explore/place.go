package explore

import (
	"cmp"
	"slices"
)

// The layered layout of a graph (Sugiyama, Tagawa, Toda, IEEE SMC 1981): ranks by the longest path from an input, edges over several ranks
// in pieces through points of their own, the order within a rank by the barycentre of neighbours. Ranks are rows from top to bottom.

// Sizes in pixels.
const (
	nodeWidth  = 232
	nodeHeight = 40
	viaWidth   = 28 // of an edge that passes a rank
	columnGap  = 24
	rowGap     = 22
	margin     = 16
)

// sweeps up and down the ranks; the order rarely changes after a few.
const sweeps = 8

// spot is a node's place in a rank, or a point where an edge passes it.
type spot struct {
	node     int // -1: a point of an edge
	rank     int
	order    float64
	x        int
	up, down []*spot
}

func (s *spot) width() int {
	if s.node < 0 {
		return viaWidth
	}
	return nodeWidth
}

// place lays the graph out. Edges go from lower to higher numbers of nodes.
func (g *Graph) place() {
	ranks, chains := g.ranks()
	for i := range sweeps {
		if i%2 == 0 {
			for _, r := range ranks[min(1, len(ranks)):] {
				sortBy(r, func(s *spot) []*spot { return s.up })
			}
		} else {
			for _, r := range slices.Backward(ranks[:max(0, len(ranks)-1)]) {
				sortBy(r, func(s *spot) []*spot { return s.down })
			}
		}
	}
	for _, r := range ranks {
		x := margin
		for _, s := range r {
			s.x = x
			x += s.width() + columnGap
		}
		g.Width = max(g.Width, x-columnGap+margin)
	}
	straighten(ranks)
	for _, r := range ranks {
		for _, s := range r {
			if s.node >= 0 {
				n := g.Nodes[s.node]
				n.X, n.Y, n.W, n.H = s.x, top(s.rank), nodeWidth, nodeHeight
			}
			g.Width = max(g.Width, s.x+s.width()+margin)
		}
	}
	for i, e := range g.Edges {
		e.Points = points(chains[i])
	}
	g.Height = top(len(ranks)) - rowGap + margin
}

func top(rank int) int { return margin + rank*(nodeHeight+rowGap) }

// ranks makes the spots, by rank, and gives the chain of spots of each edge.
func (g *Graph) ranks() (ranks [][]*spot, chains [][]*spot) {
	nodes := make([]*spot, len(g.Nodes))
	for i := range nodes {
		nodes[i] = &spot{node: i}
	}
	into := make([][]int, len(nodes))
	for _, e := range g.Edges {
		into[e.To] = append(into[e.To], e.From)
	}
	put := func(s *spot) {
		for len(ranks) <= s.rank {
			ranks = append(ranks, nil)
		}
		s.order = float64(len(ranks[s.rank]))
		ranks[s.rank] = append(ranks[s.rank], s)
	}
	for i, s := range nodes {
		for _, from := range into[i] {
			s.rank = max(s.rank, nodes[from].rank+1)
		}
		put(s)
	}
	for _, e := range g.Edges {
		chain := []*spot{nodes[e.From]}
		for r := nodes[e.From].rank + 1; r < nodes[e.To].rank; r++ {
			s := &spot{node: -1, rank: r}
			put(s)
			chain = append(chain, s)
		}
		chain = append(chain, nodes[e.To])
		for i, s := range chain[1:] {
			chain[i].down, s.up = append(chain[i].down, s), append(s.up, chain[i])
		}
		chains = append(chains, chain)
	}
	return ranks, chains
}

// sortBy orders a rank by the mean place of neighbours; what has none stays.
func sortBy(rank []*spot, neighbours func(*spot) []*spot) {
	for _, s := range rank {
		if all := neighbours(s); len(all) > 0 {
			sum := 0.0
			for _, n := range all {
				sum += n.order
			}
			s.order = sum / float64(len(all))
		}
	}
	slices.SortStableFunc(rank, func(a, b *spot) int { return cmp.Compare(a.order, b.order) })
	for i, s := range rank {
		s.order = float64(i)
	}
}

// straighten moves spots to the right, as far as their neighbours in the rank allow, so that chains of edges stand in one column.
func straighten(ranks [][]*spot) {
	for range sweeps {
		for _, r := range ranks {
			limit := 1 << 30
			for _, s := range slices.Backward(r) {
				want := s.x
				for _, n := range s.alone() {
					want = max(want, n.x+n.width()/2-s.width()/2)
				}
				s.x = max(s.x, min(want, limit-s.width()-columnGap))
				limit = s.x
			}
		}
	}
}

// alone are the neighbours that are tied to nothing else on that side, as s is to nothing but them.
func (s *spot) alone() (out []*spot) {
	if len(s.up) == 1 && len(s.up[0].down) == 1 {
		out = append(out, s.up[0])
	}
	if len(s.down) == 1 && len(s.down[0].up) == 1 {
		out = append(out, s.down[0])
	}
	return out
}

// points of an edge: out of the bottom of its first node, by the middle of each rank that it passes, into the top of its last.
func points(chain []*spot) [][2]int {
	var out [][2]int
	for i, s := range chain {
		x := s.x + s.width()/2
		if i > 0 {
			out = append(out, [2]int{x, top(s.rank)})
		}
		if i < len(chain)-1 {
			out = append(out, [2]int{x, top(s.rank) + nodeHeight})
		}
	}
	return out
}
