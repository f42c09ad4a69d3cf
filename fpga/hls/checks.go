package hls

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"sotto/fpga/lower"
	"sotto/ir/cost"
)

// check is a result that both the board and the CPU runtime make: it is whole when all commands that write it have ended.
type check struct {
	value    lower.Value
	layer    int
	commands []int
	sums     Sums
}

// checks lists the results of a board that a session has recorded.
func checks(b lower.Board, r *Recording) ([]check, error) {
	var out []check
	for i, commands := range writers(b) {
		v := b.Values[i]
		if len(commands) == 0 || v.Origin.Kind == lower.Scratch {
			continue
		}
		sums, err := recorded(b, v, r)
		if err != nil {
			return nil, err
		}
		out = append(out, check{v, b.Commands[commands[0]].Layer, commands, sums})
	}
	return out, nil
}

// writers lists, by value, the commands that write to it.
func writers(b lower.Board) [][]int {
	commands := make([][]int, len(b.Values))
	for n, values := range b.Makes {
		for _, v := range values {
			commands[v] = append(commands[v], n)
		}
	}
	return commands
}

// recorded is the sums over what the CPU runtime made: a result, or what it keeps of a garbled batch.
func recorded(b lower.Board, v lower.Value, r *Recording) (Sums, error) {
	if v.Origin.Kind == lower.Made {
		s, _ := sourceOf(v.Origin)
		if sums, ok := r.Results[s]; ok {
			return sums, nil
		}
		return nil, fmt.Errorf("the %s's session has no result %d of the instruction at %+v", r.Program.Party, s.Result, s.Place)
	}
	words, err := material(b, v, r)
	return sumWords(words, wordSize(b, v.Space)), err
}

// write writes a check as csim/csim.cpp reads it.
func (c check) write(w io.Writer) error {
	head := []uint32{uint32(c.value.Space), c.value.Address, uint32(c.value.Len), uint32(c.layer), uint32(len(c.commands))}
	for _, n := range c.commands {
		head = append(head, uint32(n))
	}
	if err := binary.Write(w, binary.LittleEndian, head); err != nil {
		return err
	}
	return binary.Write(w, binary.LittleEndian, []uint64(c.sums))
}

// turn is a command of a party.
type turn struct {
	party   cost.Party
	command int
	at      int64
}

// turns lists the commands of both boards in the order in which the schedule starts them; what receives starts with what arrives, behind the
// command that sends it.
func turns(p *lower.Plan) []turn {
	var list []turn
	for i, o := range p.Ops {
		begins := o.Stage == lower.Issue
		if o.Kernel == lower.Recv {
			begins = o.Stage == lower.Compute
		}
		if begins && o.Command >= 0 {
			list = append(list, turn{o.Party, o.Command, p.Schedule.Start[i]})
		}
	}
	slices.SortStableFunc(list, func(a, b turn) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.party, b.party), cmp.Compare(a.command, b.command))
	})
	return list
}

// writeParts writes where the commands of each phase end: of the client, and of the server.
func writeParts(w io.Writer, p *lower.Plan) error {
	var words []uint32
	for n := range p.Phases.Each() {
		words = append(words, uint32(p.Boards[0].Parts[n]), uint32(p.Boards[1].Parts[n]))
	}
	return binary.Write(w, binary.LittleEndian, words)
}

func writeTurns(w io.Writer, list []turn) error {
	var words []uint32
	for _, t := range list {
		words = append(words, uint32(t.party), uint32(t.command))
	}
	return binary.Write(w, binary.LittleEndian, words)
}
