package party

import (
	"path/filepath"
	"strings"
	"testing"

	"sotto/ir/cost"
	"sotto/runtime/program"
	"sotto/runtime/tensorfile"
)

// TestSharingRefuses: a name of a splitting that is too short, too long or no number is refused, like a missing one.
func TestSharingRefuses(t *testing.T) {
	right := Sharing{1, 2, 3}.Metadata()[sharingKey]
	for name, text := range map[string]string{"right": right, "missing": "", "short": right[2:], "odd": right[1:], "long": right + "00", "no number": "xy" + right[2:]} {
		b := &Bundle{Dir: t.TempDir(), Program: &program.Program{Deploy: cost.Outsourced, Weights: []program.Weight{{Name: "w", Len: 1}}}}
		metadata := map[string]string{sharingKey: text}
		if text == "" {
			metadata = nil
		}
		if err := tensorfile.Write(filepath.Join(b.Dir, WeightsFile), []tensorfile.Tensor{tensorfile.New("w", []int{1}, []int32{1})}, metadata, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := b.sharing()
		switch {
		case name == "right" && (err != nil || s != Sharing{1, 2, 3}):
			t.Errorf("got %v and %v", s, err)
		case name != "right" && (err == nil || !strings.Contains(err.Error(), "32 hexadecimal digits")):
			t.Errorf("%s: got %v", name, err)
		}
	}
}
