package material

import (
	"encoding/binary"
	"testing"
)

// However many sessions a dealer has served, it remembers the latest, and no more of them.
func TestADealerForgets(t *testing.T) {
	d := &Dealer{ended: [2]map[Session]error{{}, {}}}
	number := func(n int) (id Session) {
		binary.LittleEndian.PutUint64(id[:], uint64(n))
		return id
	}
	const sessions = 3*remembered + 5
	for n := range sessions {
		d.end(number(n), errDealt)
		if known := len(d.ended[0]) + len(d.ended[1]); known > 2*remembered {
			t.Fatalf("%d sessions are known after %d", known, n+1)
		}
	}
	for n := sessions - remembered; n < sessions; n++ {
		if d.over(number(n)) == nil {
			t.Fatalf("session %d of %d would be served again", n, sessions)
		}
	}
	if d.over(number(0)) != nil {
		t.Error("the first is known still")
	}
}
