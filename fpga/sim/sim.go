// Package sim runs two boards' commands, event by event, as the hardware would: from the records alone, without the schedule that
// ordered them.
//
// A board has a sequencer that takes its commands one after the other, each when what it waits for has ended and its kernel has fewer
// than its queue holds; kernels with two buffers in front of their engine and two behind it; and a memory that serves bursts of its kernels' ports in turn.
// Between the boards, each direction of the link carries frames, as long as the other board has room for them. Nothing else decides when
// something happens.
//
// Times are cycles of the faster board's clock.
package sim

import (
	"container/heap"
	"errors"
	"fmt"
	"math"

	"sotto/fpga/lower"
	"sotto/fpga/target"
	"sotto/ir/cost"
)

// Result is what a run took.
type Result struct {
	Cycles   int64      `json:"cycles"`
	ClockMHz float64    `json:"clock_mhz"`
	Boards   [2]Use     `json:"boards"`
	Ends     [2][]int64 `json:"-"` // of each command
}

// Use is the cycles that a board's parts were busy.
type Use struct {
	Sequencer int64                `json:"sequencer"`
	Memory    int64                `json:"memory"`
	Link      int64                `json:"link"`    // from this board
	Engines   [lower.Kernels]int64 `json:"engines"` // by number
}

// Seconds is the time of a run.
func (r Result) Seconds() float64 { return float64(r.Cycles) / (r.ClockMHz * 1e6) }

// StuckError says that a run came to nothing, and what each board was about to do.
type StuckError struct {
	Command [2]int // the first of each board that did not end
	At      int64
}

func (e *StuckError) Error() string {
	return fmt.Sprintf("sim: nothing goes on after cycle %d: commands %d of the client and %d of the server have not ended", e.At, e.Command[0], e.Command[1])
}

// RunPlan runs each phase of a plan's boards to its end.
func RunPlan(p *lower.Plan) (list []Result, err error) {
	for n := range p.Phases.Each() {
		r, err := Run([2]lower.Board{p.Boards[0].Part(n), p.Boards[1].Part(n)}, p.Link)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// Run runs the commands of two boards to their end.
func Run(boards [2]lower.Board, link cost.Link) (Result, error) {
	s := &simulation{}
	clock := max(boards[0].Design.ClockMHz, boards[1].Design.ClockMHz)
	for p := range boards {
		b, err := newBoard(s, boards[p], clock/boards[p].Design.ClockMHz)
		if err != nil {
			return Result{}, fmt.Errorf("sim: %s: %w", cost.Party(p), err)
		}
		s.boards[p] = b
	}
	for p, b := range s.boards {
		b.out = newWire(s, link, clock, b, s.boards[1-p])
	}
	for _, b := range s.boards {
		b.issue()
	}
	for len(s.events) > 0 {
		e := heap.Pop(&s.events).(event)
		s.now = e.at
		e.do()
	}
	return s.result(clock)
}

func (s *simulation) result(clock float64) (Result, error) {
	r := Result{Cycles: int64(math.Ceil(s.now)), ClockMHz: clock}
	var stuck StuckError
	var left bool
	for p, b := range s.boards {
		stuck.Command[p] = len(b.commands)
		for i := len(b.ended) - 1; i >= 0; i-- {
			if b.ended[i] < 0 {
				stuck.Command[p], left = i, true
			}
		}
		r.Ends[p] = b.ended
		u := &r.Boards[p]
		u.Sequencer, u.Memory, u.Link = int64(b.sequenced), int64(b.memory.used), int64(b.out.used)
		for k := range b.kernels {
			u.Engines[k] = int64(b.kernels[k].used)
		}
	}
	if left {
		stuck.At = r.Cycles
		return r, &stuck
	}
	return r, nil
}

// simulation is a run under way.
type simulation struct {
	now    float64
	events events
	number int
	boards [2]*board
}

// after does something so many cycles from now.
func (s *simulation) after(cycles float64, do func()) { s.at(s.now+cycles, do) }

func (s *simulation) at(when float64, do func()) {
	s.number++
	heap.Push(&s.events, event{when, s.number, do})
}

// event is something that happens; of those at one time, what was planned first is first.
type event struct {
	at     float64
	number int
	do     func()
}

type events []event

func (h events) Len() int { return len(h) }
func (h events) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].number < h[j].number
}
func (h events) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *events) Push(x any)   { *h = append(*h, x.(event)) }
func (h *events) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// board is one party's.
type board struct {
	s         *simulation
	design    target.Design
	scale     float64 // cycles of the run in one of the board's
	commands  []lower.Command
	work      [][]tile
	kernels   [lower.Kernels]*kernel
	memory    *memory
	out       *wire
	next      int  // command that the sequencer takes
	busy      bool // it takes one
	sequenced float64
	counts    [lower.Kernels]uint32 // commands that have ended
	ended     []int64
}

func newBoard(s *simulation, of lower.Board, scale float64) (*board, error) {
	b := &board{s: s, design: of.Design, scale: scale, commands: of.Commands}
	for i := range b.commands {
		c, err := lower.Decode(b.commands[i].Encode(nil))
		if err != nil {
			return nil, fmt.Errorf("command %d: %w", i, err)
		}
		work, err := tiles(c, of.Design)
		if err != nil {
			return nil, fmt.Errorf("command %d: %w", i, err)
		}
		b.work, b.ended = append(b.work, work), append(b.ended, -1)
	}
	b.memory = &memory{s: s, rate: b.design.MemoryBytes / scale, burst: float64(target.Burst * b.design.PortBytes), port: float64(b.design.PortBytes) / scale}
	for k := range b.kernels {
		b.kernels[k] = &kernel{board: b, id: lower.Kernel(k)}
	}
	return b, nil
}

var errNoTiles = errors.New("no work")

// issue lets the sequencer take its next command, if it can.
func (b *board) issue() {
	if b.busy || b.next == len(b.commands) {
		return
	}
	c := &b.commands[b.next]
	k := b.kernels[c.Kernel]
	for i, n := range c.Wait {
		if b.counts[i] < n {
			return
		}
	}
	if k.credits == lower.QueueDepth {
		return
	}
	k.credits++
	number, cycles := b.next, target.CommandCycles*b.scale
	b.next++
	b.busy = true
	b.sequenced += cycles
	k.queue = append(k.queue, -1) // its place is taken
	b.s.after(cycles, func() {
		b.busy = false
		k.queue[len(k.queue)-1] = number
		k.wake()
		b.issue()
	})
}

// end counts a command that has ended.
func (b *board) end(command int) {
	b.ended[command] = int64(math.Ceil(b.s.now))
	b.counts[b.commands[command].Kernel]++
	b.kernels[b.commands[command].Kernel].credits--
	b.issue()
}
