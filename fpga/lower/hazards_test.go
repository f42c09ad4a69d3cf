package lower

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sotto/backend/twopc"
	"sotto/fpga/networks"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/passes/pass/golden"
)

// access is what a command does to words of a space.
type access struct {
	unit   int
	writes bool
	span
	lo, hi int // addresses
}

// memoryPage is the words that share a list of accesses: no two of other pages meet.
const memoryPage = 1 << 12

// history is the accesses of a board, by space and page, in the order of its program.
type history map[[2]int][]access

// add adds a unit's accesses, and calls f for each pair with one before that touches the same words, if either writes.
func (h history) add(n int, u unit, values []Value, f func(before int, value Value)) {
	for k, list := range [][]span{u.reads, u.writes} {
		for _, s := range list {
			v := values[s.value]
			a := access{n, k == 1, s, int(v.Address) + s.lo, int(v.Address) + s.hi}
			if s.planar {
				a.lo, a.hi = int(v.Address), int(v.Address)+v.Words()
			}
			for page := a.lo / memoryPage; page*memoryPage < a.hi; page++ {
				at := [2]int{int(v.Space), page}
				for _, b := range h[at] {
					apart := a.hi <= b.lo || b.hi <= a.lo || a.value == b.value && !a.meets(b.span)
					if b.unit != n && (a.writes || b.writes) && !apart {
						f(b.unit, v)
					}
				}
				h[at] = append(h[at], a)
			}
		}
	}
}

// numbers gives each command its number in its kernel, from 1.
func numbers(list []Command) (numbers []uint32) {
	var of [Kernels]uint32
	for _, c := range list {
		of[c.Kernel]++
		numbers = append(numbers, of[c.Kernel])
	}
	return numbers
}

// surely gives, for each command, how many of each kernel's commands have surely ended when it begins: those that it waits for, those before
// them in their kernels, and all that these waited for.
func surely(list []Command) (known [][Kernels]uint32) {
	var behind [Kernels][][Kernels]uint32 // by kernel and number: what has ended when it has
	for _, c := range list {
		k := c.Wait
		for kernel, n := range c.Wait {
			if n > 0 {
				k = latest(k, behind[kernel][n-1])
			}
		}
		known = append(known, k)
		own := &behind[c.Kernel]
		if n := len(*own); n > 0 {
			k = latest(k, (*own)[n-1])
		}
		*own = append(*own, k)
	}
	return known
}

func latest(a, b [Kernels]uint32) [Kernels]uint32 {
	for i := range a {
		a[i] = max(a[i], b[i])
	}
	return a
}

// checkHazards demands of every command that it waits for all commands before it, in the order of the program, that write what it reads or
// touch what it writes: by where things lie, which knows nothing of how the waits were found.
func checkHazards(t rapid.TB, pair *twopc.Pair, designs [2]target.Design, link cost.Link) {
	t.Helper()
	checkPhases(t, pair, Only(cost.Offline), designs, link)
	checkPhases(t, pair, Only(cost.Online), designs, link)
}

// asOneList is a board's commands with what they wait for counted from the first one on: those of a phase begin when all before have ended.
func asOneList(b Board) []Command {
	list := slices.Clone(b.Commands)
	var before, counts [Kernels]uint32
	for n := range list {
		if slices.Contains(b.Parts, n) {
			before = counts
		}
		for k := range list[n].Wait {
			list[n].Wait[k] += before[k]
		}
		counts[list[n].Kernel]++
	}
	return list
}

func checkPhases(t rapid.TB, pair *twopc.Pair, phases Phases, designs [2]target.Design, link cost.Link) {
	t.Helper()
	units, cutters, err := cutAll(pair.Client, pair.Server, phases, designs)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := scheduled(units, cutters, phases, designs, link)
	if err != nil {
		t.Fatal(err)
	}
	checkMessages(t, units, plan)
	known := [2][][Kernels]uint32{surely(asOneList(plan.Boards[0])), surely(asOneList(plan.Boards[1]))}
	counts := [2][]uint32{numbers(plan.Boards[0].Commands), numbers(plan.Boards[1].Commands)}
	seen := [2]history{{}, {}}
	for n, u := range units {
		if u.joint {
			continue
		}
		seen[u.party].add(n, u, plan.Boards[u.party].Values, func(before int, v Value) {
			b := units[before]
			if known[u.party][u.number][b.Kernel] < counts[u.party][b.number] {
				t.Fatalf("%s: command %d (%s) touches %+v and does not wait for command %d (%s)", u.party, u.number, u.Operation, v.Origin, b.number, b.Operation)
			}
		})
	}
}

// checkMessages demands that a board receives what the other sends, message by message.
func checkMessages(t rapid.TB, units []unit, plan *Plan) {
	t.Helper()
	var sent, received [2][]int // units of Sends, by who sends
	of := [2][]int{make([]int, len(plan.Boards[0].Commands)), make([]int, len(plan.Boards[1].Commands))}
	for n, u := range units {
		if !u.joint {
			of[u.party][u.number] = n
		}
	}
	for p := range of {
		for _, n := range of[p] {
			if u := units[n]; u.Kernel == Send {
				sent[p] = append(sent[p], n)
			} else if u.Kernel == Recv {
				received[1-p] = append(received[1-p], u.meets)
			}
		}
	}
	for p := range sent {
		if !slices.Equal(sent[p], received[p]) {
			t.Fatalf("messages of %s are received in another order than they are sent", cost.Party(p))
		}
	}
}

func TestCommandsWaitForWhatTheyTouch(t *testing.T) {
	for _, c := range []struct {
		example string
		*pass.Context
	}{
		{"resnet18_cifar", networks.Polynomial("act", "pool")},
		{"minionn", networks.Compared("gc")},
		{"minionn", networks.Compared("ot")},
		{"minionn", &pass.Context{Protocols: pass.Protocols{Nonlinear: "ot"}, Deploy: cost.Outsourced}},
	} {
		pair := networks.Compiled(t, networks.Example(t, c.example), c.Context, asIfLarge)
		for _, ms := range []float64{0.01, 0.05, 0.1, 5} {
			link := networks.PaperLink()
			link.OneWayMS.Value = ms
			checkHazards(t, pair, boards(t, "zcu104", pair.Client.Ring, networks.Engines...), link)
		}
	}
}

func TestDrawnCommandsWaitForWhatTheyTouch(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		d := golden.DrawNet(r, "nn.argmax", "nn.softmax")
		c := d.Context()
		c.Deploy = rapid.SampledFrom([]cost.Deployment{cost.ClientServer, cost.Outsourced}).Draw(r, "deployment")
		c.Ring = rapid.SampledFrom([]int{32, 64}).Draw(r, "ring")
		c.Protocols.Nonlinear = pass.Nonlinear(rapid.SampledFrom([]string{"gc", "gc-whole", "ot"}).Draw(r, "nonlinear"))
		pair := networks.Compiled(t, d.Space, c, asIfLarge)
		settings := append([]target.Setting{{Knob: "chunk", Value: 64 * rapid.SampledFrom([]int{1, 4}).Draw(r, "blocks")}}, networks.Engines...)
		designs := boards(t, "zcu104", pair.Client.Ring, settings...)
		checkHazards(r, pair, designs, networks.PaperLink())
		checkPhases(r, pair, Whole, designs, networks.PaperLink())
	})
}
