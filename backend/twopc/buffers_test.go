package twopc

import (
	"testing"

	"pgregory.net/rapid"

	"sotto/runtime/program"
)

// drawParts draws parts of both kinds and few lengths, with the spans of steps in which they live.
func drawParts(t *rapid.T) (*stream, []life) {
	s := &stream{p: &program.Program{}}
	var lives []life
	for i := range rapid.IntRange(1, 60).Draw(t, "parts") {
		kind := program.Kind(rapid.IntRange(0, 1).Draw(t, "kind"))
		s.parts = append(s.parts, &part{kind: kind, n: rapid.IntRange(1, 40).Draw(t, "n"), id: i})
		from := rapid.IntRange(-1, 30).Draw(t, "from") // -1: used nowhere
		lives = append(lives, life{from, from + rapid.IntRange(0, 10).Draw(t, "steps")})
	}
	return s, lives
}

func TestPartsThatLiveAtOnceDoNotShareABuffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, lives := drawParts(t)
		where := s.allocate(lives)
		for i, a := range lives {
			if a.from < 0 {
				continue
			}
			b := s.p.Buffers[where[i]]
			if b.Kind != s.parts[i].kind || b.Len < s.parts[i].n || b.Len > 2*s.parts[i].n {
				t.Fatalf("part %d of kind %d and %d elements is in buffer %+v", i, s.parts[i].kind, s.parts[i].n, b)
			}
			for j, c := range lives[:i] {
				if c.from >= 0 && where[i] == where[j] && a.from <= c.to && c.from <= a.to {
					t.Fatalf("parts %d of steps %+v and %d of steps %+v share buffer %d", i, a, j, c, where[i])
				}
			}
		}
	})
}

func TestPartsOfOneLengthTakeNoMoreBuffersThanLiveAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, lives := drawParts(t)
		atOnce := map[int]int{}
		most := 0
		for i, l := range lives {
			s.parts[i].kind, s.parts[i].n = program.Ring, 7
			for step := l.from; l.from >= 0 && step <= l.to; step++ {
				atOnce[step]++
				most = max(most, atOnce[step])
			}
		}
		s.allocate(lives)
		if len(s.p.Buffers) != most {
			t.Fatalf("%d buffers for at most %d parts at once", len(s.p.Buffers), most)
		}
	})
}
