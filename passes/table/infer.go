package table

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// infer finds the rule of every op, and networks that show what no probe has shown yet.
func (b *builder) infer() (missing [][]int, err error) {
	b.rules = make([]rule, len(b.number))
	sets := map[string][]int{} // by how the forms of an op part the probes
	var all [][]int
	for op := range b.rules {
		parts, key := b.parts(op)
		sites, ok := sets[key]
		if !ok {
			if sites, err = b.explain(parts); err != nil {
				return nil, err
			}
			sets[key] = sites
			all = append(all, sites)
		}
		b.rules[op] = b.rule(op, sites)
	}
	return b.cover(all), nil
}

// parts numbers the forms of an op by probe, in order of their appearance. key is the same for the same numbers.
func (b *builder) parts(op int) (parts []int, key string) {
	number, bytes := map[int32]int{}, []byte{}
	for i := range b.probes {
		f := b.probes[i].form(op)
		n, ok := number[f]
		if !ok {
			n = len(number)
			number[f] = n
		}
		parts = append(parts, n)
		bytes = binary.AppendUvarint(bytes, uint64(n))
	}
	return parts, string(bytes)
}

// mostCombinations bounds what one op may depend on.
const mostCombinations = 1 << 12

// explain finds a small set of sites whose options say in which part a probe is: the site that tells the most comes first, until all is
// told; then those go that the others make needless.
func (b *builder) explain(parts []int) ([]int, error) {
	var sites []int
	groups := make([]int, len(parts))
	for !explains(groups, parts) {
		best, told := -1, -1
		for s := range b.sites {
			if n := agreements(b.split(groups, s), parts); !slices.Contains(sites, s) && n > told {
				best, told = s, n
			}
		}
		if best < 0 {
			return nil, fmt.Errorf("one network was compiled to two programs")
		}
		sites, groups = append(sites, best), b.split(groups, best)
	}
	for i := 0; i < len(sites); {
		if without := slices.Delete(slices.Clone(sites), i, i+1); explains(b.groups(without), parts) {
			sites = without
			continue
		}
		i++
	}
	slices.Sort(sites)
	combinations := 1
	for _, s := range sites {
		if combinations *= len(b.sites[s].Options); combinations > mostCombinations {
			return nil, fmt.Errorf("what an op costs depends on the options of %d sites together, such as %s: accepted are %d combinations, which are all compiled; fewer choices within choices, or fewer that leave their op out, make fewer", len(sites), b.sites[s].Path, mostCombinations)
		}
	}
	return sites, nil
}

// groups numbers the probes by the options that they have at sites.
func (b *builder) groups(sites []int) []int {
	groups := make([]int, len(b.probes))
	for i, p := range b.probes {
		groups[i] = b.combination(sites, p.options)
	}
	return groups
}

// split refines groups by the option at one more site, and numbers them from 0.
func (b *builder) split(groups []int, site int) []int {
	number, out := map[[2]int]int{}, make([]int, len(groups))
	for i, g := range groups {
		key := [2]int{g, b.probes[i].options[site]}
		n, ok := number[key]
		if !ok {
			n = len(number)
			number[key] = n
		}
		out[i] = n
	}
	return out
}

// explains tells whether all of a group are in one part.
func explains(groups, parts []int) bool {
	part := map[int]int{}
	for i, g := range groups {
		p, ok := part[g]
		if ok && p != parts[i] {
			return false
		}
		part[g] = parts[i]
	}
	return true
}

// agreements counts the probes that are in the part where most of their group are.
func agreements(groups, parts []int) (sum int) {
	counts, most := map[[2]int]int{}, map[int]int{}
	for i, g := range groups {
		counts[[2]int{g, parts[i]}]++
		most[g] = max(most[g], counts[[2]int{g, parts[i]}])
	}
	for _, n := range most {
		sum += n
	}
	return sum
}

// rule reads the forms of an op off the probes.
func (b *builder) rule(op int, sites []int) rule {
	n := 1
	for _, s := range sites {
		n *= len(b.sites[s].Options)
	}
	r := rule{sites, slices.Repeat([]int32{unseen}, n)}
	for i := range b.probes {
		r.forms[b.combination(sites, b.probes[i].options)] = b.probes[i].form(op)
	}
	return r
}

// cover gives networks that have the combinations of options that no probe has, many in each.
func (b *builder) cover(sets [][]int) (networks [][]int) {
	var fixed [][]bool
	for _, sites := range sets {
		for _, options := range b.absentCombinations(sites) {
			k := slices.IndexFunc(fixed, func(f []bool) bool { return !slices.ContainsFunc(sites, func(s int) bool { return f[s] }) })
			if k < 0 {
				k = len(fixed)
				fixed, networks = append(fixed, make([]bool, len(b.sites))), append(networks, b.draw(1)[0])
			}
			for i, s := range sites {
				fixed[k][s], networks[k][s] = true, options[i]
			}
		}
	}
	return networks
}

// absentCombinations lists the options of sites that no probe has together.
func (b *builder) absentCombinations(sites []int) (out [][]int) {
	n := 1
	for _, s := range sites {
		n *= len(b.sites[s].Options)
	}
	seen := make([]bool, n)
	for _, g := range b.groups(sites) {
		seen[g] = true
	}
	for c := range n {
		if seen[c] {
			continue
		}
		options, rest := make([]int, len(sites)), c
		for i, s := range slices.Backward(sites) {
			options[i], rest = rest%len(b.sites[s].Options), rest/len(b.sites[s].Options)
		}
		out = append(out, options)
	}
	return out
}
