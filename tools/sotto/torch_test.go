package main

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sotto/backend/torch/torchtest"
)

const searched = `choice act(x) = relu(x) | x2act(x)
net searched {
  input image: f32[1, 8, 8] from client { mean = [0.5], std = [0.25] }
  x = conv(image, 4, kernel = 3, pad = 1) |> batchnorm |> act |> maxpool(2)
  x = conv(x, 4, kernel = 3, pad = 1) |> batchnorm |> act
  output y = avgpool(x) |> flatten |> dropout(0.1) |> linear(2) to client
}
search cheap in searched {
  method gradient { epochs = 2, order = 1, rate = 0.05, weight_decay = 1 / 1K, least_rate = 0, warm_up = 0, gumbel = 0 }
  minimize loss + 0.1 * latency("lan") / ms
  subject to latency("lan") <= 1 s
}
`

// From a space to a compiled network, searched and trained by PyTorch: its decision and weights are what compile takes, and Sotto computes
// with them what PyTorch does.
func TestSearchByTorchCompiles(t *testing.T) {
	torchtest.Python(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	demand(t, os.WriteFile(at("net.sotto"), []byte(searched), 0o600))
	mustSotto(t, "torch", at("net.sotto"), "--networks", "2", "-o", at("program"))
	writeShades(t, at("data"))
	common := []string{"--data", at("data"), "--batch", "8"}
	main := at("program/main.py")
	torchtest.Run(t, dir, append([]string{main, "search", "-o", at("found"), "--logit-rate", "0.2"}, common...)...)
	torchtest.Run(t, dir, append([]string{main, "train", "-o", at("trained"), "--epochs", "2", "--decision", at("found/decision.json"), "--init", at("found/weights.safetensors")}, common...)...)
	net := []string{at("net.sotto"), "--decision", at("found/decision.json"), "--weights", at("trained/weights.safetensors")}
	mustSotto(t, append([]string{"compile", "--calibration", "random:1x4", "-o", at("bundle")}, net...)...)

	var decision struct{ Choices map[string]string }
	text, err := os.ReadFile(at("found/decision.json"))
	demand(t, err, json.Unmarshal(text, &decision))
	if decision.Choices["act#1"] != "x2act" || decision.Choices["act#2"] != "x2act" { // which costs less
		t.Errorf("a search that weighs prices highly takes %v", decision.Choices)
	}
	var table struct{ Sites []struct{ Path string } }
	text, err = os.ReadFile(at("program/table.json"))
	demand(t, err, json.Unmarshal(text, &table))
	if len(table.Sites) != 2 {
		t.Errorf("prices of %v", table.Sites)
	}
	if out := mustSotto(t, append([]string{"eval", "--input", "random:1"}, net...)...); !strings.Contains(out, "class") {
		t.Errorf("eval prints %s", out)
	}
}

func demand(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// writeShades writes a data set of dark and of bright images in IDX files.
func writeShades(t *testing.T, dir string) {
	t.Helper()
	const side, n, types = 8, 32, 2
	r := rand.New(rand.NewPCG(1, 1)) // public: samples of tests
	begin := func(sizes ...uint32) []byte {
		h := []byte{0, 0, 8, byte(len(sizes))}
		for _, s := range sizes {
			h = binary.BigEndian.AppendUint32(h, s)
		}
		return h
	}
	images, labels := begin(n, side, side), begin(n)
	for i := range n {
		for range side * side {
			images = append(images, byte(i%types*128+r.IntN(128)))
		}
		labels = append(labels, byte(i%types))
	}
	demand(t, os.Mkdir(dir, 0o700))
	for _, split := range []string{"train", "test"} {
		demand(t, os.WriteFile(filepath.Join(dir, split+"-images"), images, 0o600), os.WriteFile(filepath.Join(dir, split+"-labels"), labels, 0o600))
	}
}
