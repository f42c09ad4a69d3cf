package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheKnobThatIsToldMakesItFit: where a design does not fit, or lacks what a layer needs, the command runs with the knobs that the error
// names.
func TestTheKnobThatIsToldMakesItFit(t *testing.T) {
	again := regexp.MustCompile(`run again with (--knob .*)`)
	for name, knobs := range map[string]string{
		"an array that is too large": "--nonlinear gc --target zcu104x2 --knob conv.tm=200",
		"no kernel for comparisons":  "--nonlinear ot --target kv260x2 --knob compare.lanes=0",
		"a weight buffer too small":  "--nonlinear gc --target zcu104x2 --knob conv.weight_words=512 --knob conv.tm=8 --knob conv.tn=8",
		"too few labels":             "--nonlinear gc-whole --target u250x2 --knob evaluate.slots=2 --knob garble.slots=2",
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"fpga", "../../examples/minionn.sotto", "--estimate", "--quiet", "-o", filepath.Join(t.TempDir(), "hw")}, strings.Fields(knobs)...)
			const most = 4 // errors name one resource or layer at a time
			for refused := range most {
				var out, errs bytes.Buffer
				if run(args, nil, &out, &errs) == 0 {
					if refused == 0 {
						t.Fatal("it fits at once")
					}
					return
				}
				told := again.FindStringSubmatch(errs.String())
				if told == nil || !strings.HasPrefix(errs.String(), "does not fit: ") {
					t.Fatalf("%s", errs.String())
				}
				args = append(args, strings.Fields(told[1])...)
			}
			t.Errorf("it does not fit with %v", args)
		})
	}
}

// TestInterruptedHardware: who is interrupted while programs are compiled, or while the folder is written, leaves nothing behind, and what was
// there as it was.
func TestInterruptedHardware(t *testing.T) {
	t.Parallel()
	network, err := filepath.Abs("../../examples/minionn.sotto")
	if err != nil {
		t.Fatal(err)
	}
	for name, at := range map[string]struct {
		sign string // of the moment: what is there then
		kept string // what is there before
		how  syscall.Signal
	}{
		"with programs": {sign: "tmp/sotto-fpga-*", how: syscall.SIGINT},
		"while writing": {sign: "hw.tmp-*", how: syscall.SIGTERM},
		"replacing":     {sign: "hw.tmp-*", kept: "hw", how: syscall.SIGINT},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o777); err != nil {
				t.Fatal(err)
			}
			want := []string{"err", "out", "tmp"}
			args := []string{"fpga", network, "--nonlinear", "gc", "--target", "zcu104x2", "-o", "hw"}
			if at.kept != "" {
				mustSotto(t, "fpga", network, "--nonlinear", "gc", "--target", "zcu104x2", "--estimate", "--quiet", "-o", filepath.Join(dir, at.kept))
				want = []string{"err", at.kept, "out", "tmp"}
			}
			q, err := spawn(dir, []string{"TMPDIR=" + filepath.Join(dir, "tmp")}, filepath.Join(dir, "out"), filepath.Join(dir, "err"), append(args, "--json")...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(q.kill)
			q.signalAt(t, filepath.Join(dir, at.sign), at.how)
			errs, _ := os.ReadFile(q.err)
			if e := oneError(t, string(errs)); q.status != 128+int(syscall.SIGINT) || e.Code != "interrupted" || e.Message != "interrupted: hw is as it was" {
				t.Errorf("status %d, %+v", q.status, e)
			}
			if left := entries(t, dir); !slices.Equal(left, want) {
				t.Errorf("left are %v: want %v", left, want)
			}
			if left := entries(t, filepath.Join(dir, "tmp")); len(left) > 0 {
				t.Errorf("left are %v", left)
			}
			if err := ownHardware(filepath.Join(dir, "hw")); err != nil {
				t.Error(err)
			}
		})
	}
}

// signalAt sends a process a signal when something that a pattern describes is there, and waits for its end.
func (p *proc) signalAt(t *testing.T, pattern string, how syscall.Signal) {
	t.Helper()
	for {
		select {
		case <-p.ended:
			text, _ := os.ReadFile(p.err)
			t.Fatalf("ended before it could be interrupted: %s", text)
		case <-time.After(time.Millisecond):
		}
		if found, err := filepath.Glob(pattern); err != nil || len(found) > 0 {
			break
		}
	}
	p.signal(how)
	if err := p.waited(); err != nil {
		t.Fatal(err)
	}
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}
