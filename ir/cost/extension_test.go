package cost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseOT(t *testing.T) {
	for i, name := range OTNames {
		if o, err := ParseOT(name); err != nil || int(o) != i {
			t.Errorf("%s is extension %d, %v", name, o, err)
		}
	}
	if _, err := ParseOTPolicy("kos", Target{}); err == nil || !strings.Contains(err.Error(), "ferret") || !strings.Contains(err.Error(), OTAuto) {
		t.Errorf("error %v does not say what is accepted", err)
	}
}

// TestSetupIsTheSumOfItsInstances: both messages, by hand.
func TestSetupIsTheSumOfItsInstances(t *testing.T) {
	const points, corrections = 128 * 32, 32 + 32*3*2*16
	const large, small = 1 << 20, 100
	base := FerretSet{850, 16, 10}.Base()
	for ot, want := range map[OT][2][2]int64{ // client's and server's messages
		SoftSpoken: {{1 + points + 16, 1 + 3*corrections}, {1 + 3*(points+16), 1 + corrections}},
		IKNP:       {{1 + points + 16, 1 + 3*32}, {1 + 3*(points+16), 1 + 32}},
		Ferret: {{1 + points + 32, 1 + 3*corrections + 2*SoftSpokenBytes(base)},
			{1 + 2*(points+32) + points + 16, 1 + corrections + SoftSpokenBytes(base)}},
	} {
		x := Extensions{OT: ot, Pads: [2]int64{large, large}, Garbled: []Labels{{Garbler: Server, OTs: large}, {Garbler: Server, OTs: small}}}
		l := NewLedger(ClientServer, FromDealer)
		l.Setup(x)
		var got [2][2]int64
		for _, m := range l.Messages {
			got[m.From][m.Sent-1] += m.Bytes
		}
		if got != want {
			t.Errorf("%s: messages of %v bytes, want %v", ot, got, want)
		}
	}
}

// TestLabelsAreSilentWhereThatIsSmaller: the threshold, and that the bytes do not grow by crossing it.
func TestLabelsAreSilentWhereThatIsSmaller(t *testing.T) {
	label := func(n int64) (Instance, int64) {
		x := Extensions{OT: Ferret, Garbled: []Labels{{Garbler: Server, OTs: n}}}
		l := NewLedger(ClientServer, FromDealer)
		l.Setup(x)
		l.LabelOT(Server, n, Start)
		var sum int64
		for _, m := range l.Messages {
			sum += m.Bytes
		}
		return x.Label(0), sum
	}
	from := int64(0)
	for n := int64(64); n < 1<<20 && from == 0; n += 64 {
		if i, _ := label(n); i.Silent() {
			from = n
		}
	}
	if from < 70_000 || from > 90_000 {
		t.Errorf("label OTs are silent from %d on", from)
	}
	_, before := label(from - 64)
	if _, after := label(from); after > before+64*4+FerretSeedBytes {
		t.Errorf("%d label OTs take %d bytes, %d take %d", from-64, before, from, after)
	}
}

// TestPadsFollowOneAnother: what batches cost, and that the bytes are those of all of them at once.
func TestPadsFollowOneAnother(t *testing.T) {
	sizes := []int64{1, 1023, 1024, 5000, 1 << 20, 1 << 21}
	var all int64
	for _, n := range sizes {
		all += n
	}
	x := Extensions{OT: Ferret, Pads: [2]int64{all, 0}}
	l := NewLedger(ClientServer, FromDealer)
	l.Setup(x)
	l.Messages = nil
	for _, n := range sizes {
		if at := l.RandomOT(Server, n); at != Start+1 {
			t.Errorf("pads at %d", at)
		}
	}
	var got int64
	for _, m := range l.Messages {
		if m.From != Client {
			t.Errorf("Ferret's %s sends trees", m.From)
		}
		got += m.Bytes
	}
	if want, _ := FerretBytes(x.Pad(Client).Set, 0, all); got != want || l.Asked(Ferret).Pads != x.Pads {
		t.Errorf("%d bytes, want %d; %v OTs", got, want, l.Asked(Ferret).Pads)
	}
}

// TestFasterOT: SoftSpoken where there is little to save or bytes are cheap.
func TestFasterOT(t *testing.T) {
	for _, c := range []struct {
		target string
		ots    int64
		want   OT
	}{{"loopback", 1 << 24, SoftSpoken}, {"wan", 1000, SoftSpoken}, {"wan", 1 << 20, Ferret}} {
		text, err := os.ReadFile(filepath.Join("targets", c.target+".json"))
		if err != nil {
			t.Fatal(err)
		}
		prices, err := ParseTarget(text)
		if err != nil {
			t.Fatal(err)
		}
		got := prices.FasterOT(func(o OT) []*Ledger {
			l := NewLedger(ClientServer, FromDealer)
			l.Setup(Extensions{OT: o, Pads: [2]int64{c.ots, c.ots}})
			l.RandomOT(Client, c.ots)
			l.RandomOT(Server, c.ots)
			return []*Ledger{l}
		})
		if got != c.want {
			t.Errorf("%s, %d OTs: %s, want %s", c.target, c.ots, got, c.want)
		}
	}
}
