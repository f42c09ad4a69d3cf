package curves

import (
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBothFormats(t *testing.T) {
	dir := t.TempDir()
	panel := Panel{X: "epoch", Y: "loss", Series: []Series{
		{Name: "training", Points: []Point{{1, 2}, {2, 1}}}, {Name: "none"}, {Name: "front", Points: []Point{{1, 1}, {2, 3}}, Mark: Stairs}, {Name: "tried", Points: []Point{{1, 1}}, Mark: Dots},
	}}
	for _, name := range []string{"a.svg", "a.png"} {
		if err := Write(filepath.Join(dir, name), "a title", panel, panel); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "a.svg"))
	if err != nil || !strings.Contains(string(text), "a title") || !strings.Contains(string(text), "training") {
		t.Errorf("%v: no title or legend in the plot", err)
	}
	f, err := os.Open(filepath.Join(dir, "a.png"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() <= img.Bounds().Dy() {
		t.Errorf("%v: two panels are not side by side", err)
	}
	if err := Write(filepath.Join(dir, "a.gif"), "", panel); err == nil || !strings.Contains(err.Error(), ".svg or .png") {
		t.Errorf("gif: %v", err)
	}
}

func TestTicksOfEpochsAreWhole(t *testing.T) {
	for _, c := range []struct{ least, most, first, second float64 }{{1, 6, 1, 2}, {1, 24, 5, 10}, {0, 310, 0, 50}, {1, 14, 2, 4}} {
		ticks := wholeTicks{}.Ticks(c.least, c.most)
		if len(ticks) < 3 || len(ticks) > mostTicks+1 || ticks[0].Value != c.first || ticks[1].Value != c.second {
			t.Errorf("%g to %g: %v", c.least, c.most, ticks)
		}
	}
}
