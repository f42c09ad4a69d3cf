package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sotto/tools/sotto/runs"
)

// smallNet has all that a step has: dropout and batch normalisation too.
const smallNet = `net small {
  input image: f32[1, 16, 16] from client { mean = [0.5], std = [0.25] }
  x = conv(image, 4, kernel = 3, stride = 2, pad = 1) |> batchnorm |> relu |> maxpool(2)
  output logits = flatten(x) |> dropout(0.2) |> linear(4) to client
}
`

// trainKilled trains in a folder, each process but the last killed after a while, and gives the journal and the weights.
func trainKilled(t *testing.T, net, dir string, lives ...time.Duration) (journal, weights []byte) {
	t.Helper()
	args := []string{"train", net, "--data", "glyphs:640", "-o", dir, "--epochs", "6", "--batch", "16", "--augment", "pad=2,flip,cutout=4", "--checkpoint", "20ms", "--quiet"}
	for i, life := range append(lives, 0) {
		all := args
		if i > 0 {
			all = append(slices.Clone(args), "--resume")
		}
		cmd := exec.Command("sotto", all...)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if life > 0 {
			untilBegun(dir)
			time.Sleep(life)
			cmd.Process.Kill() // by SIGKILL: it may have ended
			cmd.Wait()
			continue
		}
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v: %s", err, errs.String())
		}
	}
	journal, err := os.ReadFile(filepath.Join(dir, runs.JournalFile))
	if err != nil {
		t.Fatal(err)
	}
	weights, err = os.ReadFile(filepath.Join(dir, weightsFile))
	if err != nil {
		t.Fatal(err)
	}
	return journal, weights
}

// untilBegun waits until a run has saved something, for ten seconds at most.
func untilBegun(dir string) {
	for began := time.Now(); !runs.Begun(dir) && time.Since(began) < 10*time.Second; {
		time.Sleep(5 * time.Millisecond)
	}
}

// TestAKilledTrainingHasTheSameHistory: journal and weights are those of a run that nobody killed, byte for byte.
func TestAKilledTrainingHasTheSameHistory(t *testing.T) {
	dir := t.TempDir()
	net := filepath.Join(dir, "small.sotto")
	if err := os.WriteFile(net, []byte(smallNet), 0o600); err != nil {
		t.Fatal(err)
	}
	journal, weights := trainKilled(t, net, filepath.Join(dir, "whole"))
	if bytes.Count(journal, []byte("\n")) != 6 {
		t.Fatalf("a journal of %q", journal)
	}
	again, same := trainKilled(t, net, filepath.Join(dir, "killed"), 30*time.Millisecond, 70*time.Millisecond, 150*time.Millisecond)
	if !bytes.Equal(journal, again) {
		t.Errorf("the journal of a killed run differs:\n%s\nwant\n%s", again, journal)
	}
	if !bytes.Equal(weights, same) {
		t.Error("the weights of a killed run differ")
	}
}
