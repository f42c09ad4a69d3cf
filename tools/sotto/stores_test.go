package main

import (
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// preparing starts a client that prepares against a server.
func (p *place) preparing(server, dealer, store string, n string) *proc {
	p.t.Helper()
	return p.start(nil, "prepare", "out/client", "--connect", server, "--dealer", dealer, "--timeout", p.wait, "--store", store, "-n", n)
}

// TestFullStore has no room for the material: whoever has none says so, the other is told, and what was finished can be used.
func TestFullStore(t *testing.T) {
	t.Parallel()
	small := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "none", small).CombinedOutput(); err != nil {
		t.Skipf("needs to mount a small file system: %v %s", err, out)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, 0); err != nil {
			t.Error(err)
		}
	})
	p := newPlace(t, "client-server", "--nonlinear", "gc") // whose material takes room
	_, dealer := p.deal()
	server, addr := p.serve(dealer, "--store", "theirs")
	p.ends(p.preparing(addr, dealer, small, "100"), 1, "no space left on device")
	before := p.held(small)
	if before == 0 || before >= 100 {
		t.Fatalf("%d inferences are held", before)
	}
	p.ends(p.infer(addr, dealer, "--store", small), 0, "")
	if left := p.held(small); left != before-1 {
		t.Errorf("%d inferences are left of %d", left, before)
	}
	server.signal(syscall.SIGTERM)
	if status, _, errs := p.ended(server); status != 0 || strings.Count(errs, "session with") != 1 || goTrace.MatchString(errs) {
		t.Errorf("server: status %d: %s", status, errs)
	}
}

// held is how many inferences a store holds.
func (p *place) held(dir string) int {
	p.t.Helper()
	var r listResult
	if err := json.Unmarshal([]byte(mustSotto(p.t, "prepare", "--list", "--store", dir, "--json")), &r); err != nil || len(r.Stores) != 1 {
		p.t.Fatal(r, err)
	}
	return r.Stores[0].Held
}

// TestInterruptedPreparation: what was finished before an interrupt is kept, and the same command makes the rest.
func TestInterruptedPreparation(t *testing.T) {
	t.Parallel()
	p := newPlace(t, "client-server")
	_, dealer := p.deal()
	_, addr := p.serve(dealer, "--store", "theirs")
	store := p.path("mine")
	q := p.preparing(addr, dealer, store, "30")
	for p.size(store) < 3 {
		select {
		case <-q.ended:
			t.Fatal("ended before it could be interrupted")
		default:
		}
	}
	q.signal(syscall.SIGINT)
	p.ends(q, 128+int(syscall.SIGINT), "finished before are kept")
	kept := p.held(store)
	out := p.ends(p.preparing(addr, dealer, store, "30"), 0, "")
	var r prepareResult
	if err := json.Unmarshal([]byte(out), &r); err != nil || r.Held != 30 || r.Made > 30-kept+1 || r.Made < 30-kept || p.held(store) != 30 {
		t.Errorf("%d were kept, then %d made, %d are held: %v", kept, r.Made, r.Held, err)
	}
}

// size is how many inferences a store holds, none if it is not there yet.
func (p *place) size(dir string) int {
	r, err := listStores(dir)
	if err != nil {
		return 0
	}
	return r.Stores[0].Held
}
