package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var run = Run{Party: "client", Pair: strings.Repeat("ab", 32), Plan: "1", Peer: "sha256:1"}

func checkpoints(t *testing.T, dir string) *Checkpoints {
	t.Helper()
	c, err := OpenCheckpoints(dir, run, Key{1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// state of a step, longer than a piece.
func stateAt(step uint64) map[string][]byte {
	return map[string][]byte{"conv.weight": content(step, "weight"), "bias": {byte(step)}, "nothing": nil}
}

func keep(t *testing.T, c *Checkpoints, session byte, steps ...uint64) {
	t.Helper()
	for _, n := range steps {
		if err := c.Write(Mark{n, ID{session}}, stateAt(n)); err != nil {
			t.Fatal(err)
		}
	}
}

func holds(t *testing.T, c *Checkpoints, want string) {
	t.Helper()
	var got []string
	for _, m := range c.Held() {
		got = append(got, fmt.Sprintf("%d@%d", m.Step, m.Session[0]))
		state, err := c.Read(m)
		if err != nil || len(state) != 3 || !bytes.Equal(state["conv.weight"], stateAt(m.Step)["conv.weight"]) || !bytes.Equal(state["bias"], []byte{byte(m.Step)}) {
			t.Errorf("step %d: another state is read (%v)", m.Step, err)
		}
	}
	if strings.Join(got, " ") != want {
		t.Errorf("holds %v, want %s", got, want)
	}
}

// The last two are kept, of the last session to come by, across processes.
func TestCheckpointsKeepTwo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "c")
	c := checkpoints(t, dir)
	keep(t, c, 1, 10, 20, 30)
	holds(t, c, "20@1 30@1")
	c.Close()
	c = checkpoints(t, dir)
	holds(t, c, "20@1 30@1")
	if err := c.After(20); err != nil {
		t.Fatal(err)
	}
	holds(t, c, "20@1")
	keep(t, c, 2, 30)
	holds(t, c, "20@1 30@2")
	if _, err := c.Read(Mark{30, ID{1}}); err == nil {
		t.Error("read for another session")
	}
	keep(t, c, 3, 30, 40)
	holds(t, c, "30@3 40@3")
	if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 3 {
		t.Errorf("left %v", files)
	}
}

// What was damaged, or cut off, is passed over; where nothing else is there that is an error.
func TestDamagedCheckpoints(t *testing.T) {
	dir := t.TempDir()
	c := checkpoints(t, dir)
	keep(t, c, 1, 10, 20)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.path(30)+partSuffix, []byte("cut"), 0o600); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(c.path(20))
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(good); at += 1 + at/4 {
		text := bytes.Clone(good)
		text[at] ^= 1
		if err := os.WriteFile(c.path(20), text, 0o600); err != nil {
			t.Fatal(err)
		}
		c := checkpoints(t, dir)
		holds(t, c, "10@1")
		c.Close()
	}
	if err := os.Rename(c.path(20), c.path(10)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenCheckpoints(dir, run, Key{1}); !errors.Is(err, ErrForeign) {
		t.Errorf("one that was renamed, alone: %v", err)
	}
}

func TestCheckpointsRefuse(t *testing.T) {
	dir := t.TempDir()
	c := checkpoints(t, dir)
	keep(t, c, 1, 10)
	if _, err := OpenCheckpoints(dir, run, Key{1}); err == nil || !strings.Contains(err.Error(), "another process is using it") {
		t.Errorf("two at a time: %v", err)
	}
	c.Close()
	for want, change := range map[string]func(*Run, *Key){
		"it is the client's, this is the server":        func(r *Run, _ *Key) { r.Party = "server" },
		"of the program abababababab, not of cd":        func(r *Run, _ *Key) { r.Pair = "cd" },
		"other data, another schedule":                  func(r *Run, _ *Key) { r.Plan = "2" },
		"its other half is at sha256:1, not at sha256:": func(r *Run, _ *Key) { r.Peer = "sha256:2" },
		"under another key":                             func(_ *Run, k *Key) { k[0]++ },
	} {
		r, k := run, Key{1}
		change(&r, &k)
		if _, err := OpenCheckpoints(dir, r, k); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if _, err := Open(dir, binding); err == nil || !strings.Contains(err.Error(), "00000010.checkpoint, which is no store's") {
		t.Errorf("taken for a store: %v", err)
	}
}
