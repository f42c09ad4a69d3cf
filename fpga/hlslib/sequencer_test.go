package hlslib_test

import (
	"testing"

	"sotto/fpga/hlslib"
	"sotto/fpga/lower"
	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// list is a board's commands that wait for each other.
type list struct {
	commands []lower.Command
	ended    [lower.Kernels]uint32
}

// then appends a command that waits for all before it.
func (l *list) then(c lower.Command) {
	c.Wait = l.ended
	l.commands = append(l.commands, c)
	l.ended[c.Kernel]++
}

// chain doubles a vector so many times, by kernels in turn that read what the one before wrote: an order that nothing but Wait holds.
func chain[W ring.Word](b *bench[W], l *list, x []W, rounds int) {
	first, second := b.put(x), b.room(len(x))
	for i := range rounds {
		sum, back := command(lower.OpAdd, cost.Client, len(x)), command(lower.OpCopy, cost.Client, len(x))
		sum.In[0], sum.In[1], sum.Out[0] = first, first, second
		back.In[0], back.Out[0] = second, first
		l.then(sum)
		l.then(back)
		if i == rounds-1 {
			ring.Shl(x, x, uint(rounds))
			b.want(first, x)
			b.want(second, x)
		}
	}
}

func testWaits[W ring.Word](t *testing.T, c hlslib.Config) {
	b, l := newBench[W](9), &list{}
	for range 3 {
		chain(b, l, words[W](b.rnd, 2*c.Chunk+5), 9)
	}
	b.commands = l.commands
	b.check(t, c, sideBySide)
}

// TestCommandsWaitForWhatTheyRead: kernels that run side by side read what others wrote before, where commands say so.
func TestCommandsWaitForWhatTheyRead(t *testing.T) { each(t, testWaits[uint32], testWaits[uint64]) }

// opening is a party's commands of an opening: it sends its share, receives the peer's and adds the two, slab by slab.
func opening[W ring.Word](b *bench[W], own, peer []W, slab int) {
	l := &list{}
	x, theirs, y := b.put(own), b.room(len(own)), b.room(len(own))
	b.want(theirs, peer)
	sum := make([]W, len(own))
	ring.Add(sum, own, peer)
	b.want(y, sum)
	for lo := 0; lo < len(own); lo += slab {
		n := min(slab, len(own)-lo)
		send, recv, add := command(lower.OpSendRing, cost.Client, n), command(lower.OpRecvRing, cost.Client, n), command(lower.OpAdd, cost.Client, n)
		ints(&send, ring.Width[W]())
		ints(&recv, ring.Width[W]())
		send.In[0], recv.Out[0] = x+uint32(lo), theirs+uint32(lo)
		add.In[0], add.In[1], add.Out[0] = x+uint32(lo), theirs+uint32(lo), y+uint32(lo)
		for _, c := range []lower.Command{send, recv} { // which nothing holds back
			l.commands = append(l.commands, c)
			l.ended[c.Kernel]++
		}
		l.then(add)
	}
	b.commands = l.commands
}

func testTwoBoards[W ring.Word](t *testing.T, c hlslib.Config) {
	client, server := newBench[W](10), newBench[W](11)
	n := 9*c.Chunk + 70
	x0, x1 := words[W](client.rnd, n), words[W](server.rnd, n)
	opening(client, x0, x1, 2*c.Chunk)
	opening(server, x1, x0, 2*c.Chunk)
	boards := []*memories{client.memories(), server.memories()}
	results, err := simulator(t, c).run(sideBySide, boards...)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range []*bench[W]{client, server} {
		if results[i].Ran != len(b.commands) {
			t.Errorf("board %d: %d commands ran of %d", i, results[i].Ran, len(b.commands))
		}
		b.same(t, "RING", boards[i].Ring, b.ring)
	}
}

// TestTwoBoards: two boards, all kernels of both side by side, open a shared vector over a link of few beats.
func TestTwoBoards(t *testing.T) { each(t, testTwoBoards[uint32], testTwoBoards[uint64]) }
