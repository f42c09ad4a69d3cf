package lower

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"sotto/fpga/sched"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/runtime/program"
)

// Plan is what two boards do for a phase of a pair of programs, and when.
type Plan struct {
	Phases   Phases         `json:"phases"`
	ClockMHz float64        `json:"clock_mhz"` // of the problem's cycles
	Link     cost.Link      `json:"link"`
	Boards   [2]Board       `json:"boards"`
	Problem  sched.Problem  `json:"-"`
	Ops      []OpInfo       `json:"-"` // of the problem
	Schedule sched.Schedule `json:"-"`
}

// Board is one party's.
type Board struct {
	Design       target.Design    `json:"design"`
	Words        [2]int           `json:"words"` // of RING and of BITS
	Values       []Value          `json:"values"`
	Weights      []Weight         `json:"weights"`
	Tables       []Table          `json:"tables"`
	Instructions []Instruction    `json:"instructions"`
	Commands     []Command        `json:"-"`                // in the order in which the sequencer takes them
	Of           [][]int          `json:"-"`                // by command: indices of Instructions, several of a chain
	Parts        []int            `json:"parts"`            // where the commands of each phase end
	Makes        [][]int          `json:"-"`                // by command: indices of Values that it writes
	Last         []int            `json:"-"`                // by instruction: the last of its commands in the list, -1 of one that has none
	Output       *Vector          `json:"output,omitempty"` // this party's part of the online phase's, if it has one
	Program      *program.Program `json:"-"`
}

// Instruction is one of the program's that the plan does.
type Instruction struct {
	Place Place    `json:"place"`
	Out   []Vector `json:"out"`
	In    []Vector `json:"in"`
}

// Vector is elements of a value.
type Vector struct {
	Value int `json:"value"`
	At    int `json:"at"`
	Len   int `json:"len"`
}

// UnsupportedError is an instruction that no kernel does.
type UnsupportedError struct {
	Op       program.Opcode
	Layer    program.Layer
	Accepted string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("%s:%d: no kernel does %s: accepted are %s", e.Layer.File, e.Layer.Line, e.Op, e.Accepted)
}

// acceptedInstead says what is lowered in the place of an instruction that is not.
func acceptedInstead(op program.Opcode) string {
	if op.MakesOTs() {
		return "OTs by SoftSpoken (--ot softspoken)"
	}
	return "comparisons by garbled circuits and by OT (--nonlinear gc, --nonlinear ot)"
}

// Lower makes the plan of phases. The programs must have passed Verify and belong together. The error is a *FitError where a layer does
// not fit a design's buffers, and an *UnsupportedError where no kernel does an instruction.
func Lower(client, server *program.Program, phases Phases, designs [2]target.Design, link cost.Link) (*Plan, error) {
	units, cutters, err := cutAll(client, server, phases, designs)
	if err != nil {
		return nil, err
	}
	return scheduled(units, cutters, phases, designs, link)
}

// scheduled orders units, and says when they are done.
func scheduled(units []unit, cutters [2]*cutter, phases Phases, designs [2]target.Design, link cost.Link) (*Plan, error) {
	b := newBuilder(units, designs, link)
	order, err := b.order()
	if err != nil {
		return nil, fmt.Errorf("lower: %w", err)
	}
	for _, n := range order {
		b.place(n)
	}
	if err := b.Check(); err != nil {
		return nil, fmt.Errorf("lower: %w", err)
	}
	plan := &Plan{Phases: phases, ClockMHz: b.clock, Link: link, Problem: b.Problem, Ops: b.ops, Schedule: sched.List(&b.Problem)}
	for p, c := range cutters {
		plan.Boards[p] = c.board()
	}
	plan.list(b)
	return plan, nil
}

// Seconds is the plan's latency.
func (p *Plan) Seconds() float64 {
	return float64(p.Problem.Latency(p.Schedule)) / (p.ClockMHz * 1e6)
}

// Idle tells whether neither board has a command.
func (p *Plan) Idle() bool { return len(p.Boards[0].Commands)+len(p.Boards[1].Commands) == 0 }

// cutAll makes the units of both parties, level by level: a Recv is cut when its Send has been.
func cutAll(client, server *program.Program, phases Phases, designs [2]target.Design) (units []unit, cutters [2]*cutter, err error) {
	message := min(designs[0].Chunk, designs[1].Chunk)
	for p, prog := range []*program.Program{client, server} {
		if prog.Ring != designs[p].Ring {
			return nil, cutters, fmt.Errorf("lower: a design for %d bits, the program's ring has %d", designs[p].Ring, prog.Ring)
		}
		c, err := newCutter(prog, phases, designs[p])
		if err != nil {
			return nil, cutters, err
		}
		c.units, c.message, c.party = &units, message, cost.Party(p)
		cutters[p] = c
	}
	cutters[0].peer, cutters[1].peer = cutters[1], cutters[0]
	for i, phase := range phases.Each() {
		for _, c := range cutters {
			if i > 0 {
				c.border()
			}
		}
		if err := cutPhase(cutters, phase); err != nil {
			return nil, cutters, err
		}
	}
	for _, c := range cutters {
		if err := errors.Join(append(c.weights.errs, c.tables.errs...)...); err != nil {
			return nil, cutters, err
		}
	}
	return units, cutters, nil
}

// cutPhase cuts a phase of both.
func cutPhase(cutters [2]*cutter, phase cost.Phase) error {
	for level := range levels(cutters[0].program, phase) {
		for _, part := range []Part{Sending, Receiving, Computing} {
			for _, c := range cutters {
				if err := c.cutPart(Place{Phase: phase, Level: level, Part: part}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func levels(p *program.Program, phase cost.Phase) []program.Level {
	if phase == cost.Offline {
		return p.Offline
	}
	return p.Online
}

// newCutter finds a party's values and gives them their places.
func newCutter(p *program.Program, phases Phases, d target.Design) (*cutter, error) {
	if err := d.Check(); err != nil {
		return nil, err
	}
	t, err := trace(p, phases)
	if err != nil {
		return nil, err
	}
	c := &cutter{tracer: t, design: d, chunk: d.Chunk, joints: map[int]joint{}, users: map[int][]int{}, cleared: map[int]int{}, begun: -1, tables: &tables{}}
	for n := range c.tasks {
		if err := c.besides(n); err != nil {
			return nil, c.located(err)
		}
	}
	c.arenas = [2]*arena{newArena(RING, d.WordBytes()), newArena(BITS, bitWordBytes)}
	if err := place(c.values, c.arenas); err != nil {
		return nil, err
	}
	c.weights = &weights{arena: c.arenas[RING], known: map[Weight]uint32{}}
	for _, w := range p.Weights {
		c.weights.words = append(c.weights.words, w.Len)
	}
	c.tables.arena = c.arenas[BITS]
	return c, nil
}

// cutPart cuts the instructions of a level's list, the next tasks.
func (c *cutter) cutPart(list Place) (err error) {
	end := c.next
	for end < len(c.sweeps) {
		at := c.tasks[c.sweeps[end].tasks[0]].place
		if at.Index = 0; at != list {
			break
		}
		end++
	}
	for c.next < end {
		if c.next, err = c.cut(c.next, end); err != nil {
			return c.located(err)
		}
	}
	return nil
}

// located says in which layer something is wrong, where the error itself does not.
func (c *cutter) located(err error) error {
	var fit *FitError
	if errors.As(err, &fit) {
		return err
	}
	return fmt.Errorf("lower: layer %s: %w", c.program.Layers[c.layer].Path, err)
}

// board is what is known of a board without its list.
func (c *cutter) board() Board {
	b := Board{Design: c.design, Words: [2]int{c.arenas[RING].used, c.arenas[BITS].used}, Values: c.values, Weights: c.weights.placed, Tables: c.tables.placed,
		Program: c.program}
	for i, v := range c.values {
		c.values[i].Stays = v.last == forever
	}
	vectors := func(list []view) (out []Vector) {
		for _, v := range list {
			out = append(out, Vector{v.value, v.at, v.len})
		}
		return out
	}
	for _, t := range c.tasks {
		b.Instructions = append(b.Instructions, Instruction{t.place, vectors(t.out), vectors(t.in)})
	}
	if out := c.program.Output; out.Buf >= 0 && c.phases.Has(cost.Online) {
		v := c.buffers[out.Buf]
		b.Output = &Vector{v.value, v.at, out.Len()}
	}
	return b
}

// list puts the commands into the order in which the schedule hands them to their kernels, and counts what each waits for.
func (p *Plan) list(b *builder) {
	var order []int
	for n, u := range b.units {
		if !u.joint {
			order = append(order, n)
		}
	}
	start := func(n int) int64 { return p.Schedule.Start[b.issues[n]] }
	slices.SortStableFunc(order, func(i, j int) int {
		return cmp.Or(cmp.Compare(start(i), start(j)), cmp.Compare(b.issues[i], b.issues[j]))
	})
	clocks := make([][Kernels]uint32, len(b.units))
	var counts [2][Kernels]uint32
	for _, n := range order {
		u := &b.units[n]
		counts[u.party][u.Kernel]++
		clocks[n][u.Kernel] = counts[u.party][u.Kernel]
	}
	for n, u := range b.units { // what a joint waits for has a lower number
		if u.joint {
			clocks[n] = b.later(clocks, n)
		}
	}
	for _, n := range order {
		u := &b.units[n]
		u.Wait = b.later(clocks, n)
		board := &p.Boards[u.party]
		u.number = len(board.Commands)
		board.Commands = append(board.Commands, u.Command)
		board.Of = append(board.Of, u.tasks)
		board.Makes = append(board.Makes, u.made())
	}
	for i := range p.Ops {
		if u := b.units[p.Ops[i].unit]; p.Ops[i].Stage != Joint {
			p.Ops[i].Command = u.number
		}
	}
	for i := range p.Boards {
		board := &p.Boards[i]
		board.divide(p.Phases)
		board.Last = slices.Repeat([]int{-1}, len(board.Instructions))
		for n, of := range board.Of {
			for _, task := range of {
				board.Last[task] = n
			}
		}
	}
}

// made are the values that a unit writes.
func (u *unit) made() (values []int) {
	for _, s := range u.writes {
		if !slices.Contains(values, s.value) {
			values = append(values, s.value)
		}
	}
	return values
}

// later is the greatest of what the units that a unit comes after wait for or are, on its board.
func (b *builder) later(clocks [][Kernels]uint32, unit int) (wait [Kernels]uint32) {
	for _, n := range b.units[unit].after {
		if b.units[n].party != b.units[unit].party {
			continue
		}
		for k, count := range clocks[n] {
			wait[k] = max(wait[k], count)
		}
	}
	return wait
}
