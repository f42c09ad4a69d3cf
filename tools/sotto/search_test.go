package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

const killedSpace = `choice act(x) = relu(x) | x2act(x)
net tiny {
  input image: f32[1, 16, 16] from client { mean = [0.5], std = [0.25] }
  x = conv(image, 4, kernel = 3, pad = 1, stride = 2) |> batchnorm |> act |> dropout(0.1)
  x = conv(x, 8, kernel = 3, pad = 1) |> batchnorm |> act
  output logits = avgpool(x) |> flatten |> linear(10) to client
}
`

// A search that is killed again and again, at any moment, ends with the files of one that nobody disturbed.
func TestAKilledSearchGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		phase string // that is killed in for certain
		args  []string
		files []string
	}{
		"gradient": {"weight-0.01/search", []string{"--method", "gradient", "--pretrain", "1", "--epochs", "2", "--weight", "0.01,1"},
			[]string{"weight-1/search/journal.jsonl", "weight-1/train/journal.jsonl", "weight-0.01/weights.safetensors", "weight-1/weights.safetensors"}},
		"ring": {"weight-0.01/search", []string{"--ring", "64", "--softmax", "relu", "--pretrain", "1", "--epochs", "2", "--weight", "0.01"},
			[]string{"weight-0.01/search/journal.jsonl", "weight-0.01/train/journal.jsonl", "weight-0.01/decision.json", "weight-0.01/weights.safetensors"}},
		"sites": {"site/sites", []string{"--method", "linearize", "--set", "act=relu", "--pretrain", "1", "--budget", "relus=300"},
			[]string{"site/sites/journal.jsonl", "site/train/journal.jsonl", "site/decision.json", "site/weights.safetensors"}},
		"gates": {"channel/gates", []string{"--method", "linearize", "--set", "act=relu", "--pretrain", "1", "--granularity", "channel", "--budget", "relus=300", "--penalty", "0.1", "--gate-rate", "0.1"},
			[]string{"channel/gates/journal.jsonl", "channel/train/journal.jsonl", "channel/decision.json", "channel/weights.safetensors"}},
	} {
		t.Run(name, func(t *testing.T) { goesOn(t, c.phase, c.args, c.files) })
	}
}

func goesOn(t *testing.T, phase string, args, files []string) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "space.sotto"), []byte(killedSpace), 0o600); err != nil {
		t.Fatal(err)
	}
	search := func(out string) *proc {
		p, err := spawn(dir, nil, filepath.Join(dir, "out"), filepath.Join(dir, "err"), append([]string{"search", "space.sotto", "--data", "glyphs:600",
			"--finetune", "2", "--batch", "16", "--checkpoint", "1ms", "--resume", "-o", out}, args...)...)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	begun := time.Now()
	whole := search("whole")
	<-whole.ended
	if whole.status != 0 {
		text, _ := os.ReadFile(whole.err)
		t.Fatalf("status %d: %s", whole.status, text)
	}
	killIn(t, search("killed"), filepath.Join(dir, "killed", phase, "journal.jsonl"))
	killed := 1
	for wait := time.Since(begun) / 5; ; wait += 50 * time.Millisecond { // more and more, so that it comes to its end
		p := search("killed")
		select {
		case <-time.After(wait):
			p.kill()
			<-p.ended
			killed++
			continue
		case <-p.ended:
		}
		if p.status != 0 {
			text, _ := os.ReadFile(p.err)
			t.Fatalf("after %d kills: status %d: %s", killed, p.status, text)
		}
		break
	}
	t.Logf("killed %d times", killed)
	for _, file := range append([]string{"trials.jsonl", "pareto.csv", "pretrain/journal.jsonl"}, files...) {
		want, err := os.ReadFile(filepath.Join(dir, "whole", file))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(dir, "killed", file))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the undisturbed search wrote (%v)", file, err)
		}
	}
}

// killIn kills a search when a journal has its first line.
func killIn(t *testing.T, p *proc, journal string) {
	for {
		select {
		case <-p.ended:
			t.Fatalf("the search ended, with status %d, before %s had a line", p.status, journal)
		case <-time.After(time.Millisecond):
		}
		if text, _ := os.ReadFile(journal); len(text) > 0 {
			p.kill()
			return
		}
	}
}
