package party

import (
	"errors"
	"strings"
	"testing"

	"sotto/runtime/store"
)

// A training goes on from the greatest checkpoint of one session that both have. Where there is none it begins anew only if nobody can have
// more than the peer's first.
func TestCommon(t *testing.T) {
	at := func(step uint64, session byte) store.Mark { return store.Mark{Step: step, Session: store.ID{session}} }
	type marks = []store.Mark
	for _, c := range []struct {
		mine, theirs marks
		want         store.Mark
		apart        bool
	}{
		{},
		{mine: marks{at(10, 1), at(20, 1)}, theirs: marks{at(10, 1), at(20, 1)}, want: at(20, 1)},
		{mine: marks{at(20, 1), at(30, 1)}, theirs: marks{at(10, 1), at(20, 1)}, want: at(20, 1)},
		{mine: marks{at(20, 1), at(30, 1)}, theirs: marks{at(20, 1), at(30, 2)}, want: at(20, 1)}, // which was cut between the two, and met another
		{mine: marks{at(10, 1)}}, // cut while the peer wrote its first
		{theirs: marks{at(10, 1)}},
		{mine: marks{at(10, 1)}, theirs: marks{at(10, 2)}},
		{mine: marks{at(20, 1)}, apart: true},
		{theirs: marks{at(10, 1), at(20, 1)}, apart: true},
		{mine: marks{at(20, 1)}, theirs: marks{at(20, 2)}, apart: true},
	} {
		got, err := common(c.mine, c.theirs, 10)
		if got != c.want || errors.Is(err, errApart) != c.apart {
			t.Errorf("%v and %v: %v, %v", c.mine, c.theirs, got, err)
		}
		if back, _ := common(c.theirs, c.mine, 10); back != got {
			t.Errorf("%v and %v: %v at one, %v at the other", c.mine, c.theirs, got, back)
		}
	}
}

func TestPlansDiffer(t *testing.T) {
	p := Plan{{"rates", "0.1"}, {"seed", "1"}}
	for _, c := range []struct {
		other Plan
		want  string
	}{
		{p, ""},
		{Plan{{"rates", "0.1"}, {"seed", "2"}}, `differ in seed: "1" here, "2" at the peer`},
		{Plan{{"rates", strings.Repeat("9", 1000)}, {"seed", "1"}}, `differ in rates: "0.1" here, "9`},
		{p[:1], `"seed" here, "" at the peer`},
		{append(Plan{}, p[1], p[0]), `"rates" here, "seed" at the peer`},
	} {
		err := p.accepts(c.other)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || len(err.Error()) > 250) {
			t.Errorf("%v: error %v, want %q", c.other, err, c.want)
		}
		if (p.Digest() == c.other.Digest()) != (c.want == "") {
			t.Errorf("%v: its digest is that of %v", c.other, p)
		}
	}
}

// TestWhatDiffersIsQuoted: values that are alike for long are quoted where they are not.
func TestWhatDiffersIsQuoted(t *testing.T) {
	alike := strings.Repeat("9", 300)
	err := Plan{{"rates", alike + "0.1"}}.accepts(Plan{{"rates", alike + "0.2"}})
	if err == nil || !strings.Contains(err.Error(), `90.1" here, "`) || !strings.Contains(err.Error(), `90.2" at the peer`) {
		t.Errorf("error %v, accepted is one that quotes 0.1 and 0.2", err)
	}
}
