package main

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// preparedNet takes images of any size: what is done to them first is part of it.
const preparedNet = `net prepared {
  input image: f32[3, 12, 12] from client { resize = 16, crop = 12, mean = [0.5, 0.4, 0.3], std = [0.2, 0.3, 0.4] }
  x = conv(image, 4, kernel = 3, stride = 2) |> batchnorm |> relu
  output logits = flatten(x) |> linear(2) to client
}
`

// stripes writes a PNG of any size whose stripes lie across or along, some of it transparent.
func stripes(t *testing.T, path string, w, h int, along bool) {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			at := 8 * x / w
			if along {
				at = 8 * y / h
			}
			img.SetNRGBA(x, y, color.NRGBA{uint8(200 * (at % 2)), uint8(6*x + y), uint8(90 * (at % 2)), uint8(255 - x%2*40)})
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, img); err != nil {
		t.Fatal(err)
	}
}

// lastObject reads the last JSON object that a command printed.
func lastObject(t *testing.T, out string, into any) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), into); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestEveryCommandPreparesImagesAlike: of images of several sizes, what train says of the test split is what verify counts, and what eval gives of each
// image alone, and of one what run and, between hosts, infer give in private.
func TestEveryCommandPreparesImagesAlike(t *testing.T) {
	dir := t.TempDir()
	net, images, out := filepath.Join(dir, "prepared.sotto"), filepath.Join(dir, "images"), filepath.Join(dir, "out")
	if err := os.WriteFile(net, []byte(preparedNet), 0o666); err != nil {
		t.Fatal(err)
	}
	const each = 8 // of a class and split
	for i := range each {
		for label, along := range map[string]bool{"across": false, "along": true} {
			stripes(t, filepath.Join(images, "train", label, fmt.Sprintf("%d.png", i)), 17+3*i, 40-2*i, along)
			stripes(t, filepath.Join(images, "test", label, fmt.Sprintf("%d.png", i)), 21+i, 45-3*i, along)
		}
	}
	var trained struct{ Accuracy, Samples float64 }
	lastObject(t, mustSotto(t, "train", net, "--data", images, "-o", filepath.Join(dir, "run"), "--epochs", "3", "--batch", "4", "--json"), &trained)
	mustSotto(t, "compile", net, "--weights", filepath.Join(dir, "run", weightsFile), "-o", out, "--quiet")
	var verified struct {
		Float float64 `json:"float_accuracy"`
	}
	lastObject(t, mustSotto(t, "verify", out, "--data", images, "-n", "99", "--json"), &verified)

	var right float64
	for i := range each {
		for class, label := range []string{"across", "along"} {
			var r struct{ Float prediction }
			lastObject(t, mustSotto(t, "eval", out, "--input", filepath.Join(images, "test", label, fmt.Sprintf("%d.png", i)), "--json"), &r)
			if r.Float.Class == class {
				right++
			}
		}
	}
	if n := trained.Samples; n != 2*each || trained.Accuracy != right/n || verified.Float != right/n {
		t.Errorf("of %v test images train has %v right, verify %v, eval %v", n, trained.Accuracy, verified.Float, right/(2*each))
	}

	one := filepath.Join(images, "test", "along", "3.png")
	var clear struct{ Ring prediction }
	lastObject(t, mustSotto(t, "eval", out, "--input", one, "--json"), &clear)
	ran, err := exec.Command("sotto", "run", out, "--input", one, "--json", "--offline", "dealer").Output() // which starts processes of itself
	if err != nil {
		t.Fatal(err)
	}
	mustSotto(t, "keys", "-o", filepath.Join(dir, "keys"))
	hosts := &place{t: t, dir: dir, link: "loopback", wait: "20s"}
	_, dealer := hosts.deal()
	_, addr := hosts.serve(dealer, "--sessions", "1")
	for what, printed := range map[string]string{"run": string(ran), "infer": hosts.ends(hosts.infer(addr, dealer, "--input", one), 0, "")} {
		var private prediction
		lastObject(t, printed, &private)
		if len(private.Output) != len(clear.Ring.Output) {
			t.Fatalf("%s gives %d outputs, want %d", what, len(private.Output), len(clear.Ring.Output))
		}
		for i, y := range private.Output {
			if off := y - clear.Ring.Output[i]; off > 0.05 || off < -0.05 {
				t.Errorf("output %d is %v by %s, %v in the clear", i, y, what, clear.Ring.Output[i])
			}
		}
	}
}
