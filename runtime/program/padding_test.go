package program

import "testing"

// TestPadding holds that padding, of which no buffer tells, is bounded by what does.
func TestPadding(t *testing.T) {
	conv := func(pad int) []int { return []int{1, 1, 1, 1, 1, 1, 4 * pad, 4 * pad, pad, pad, 1, 1, 1, 1} }
	if err := checkLinear(Conv, conv(100), 1, 1, 1); err != nil {
		t.Error(err)
	}
	const want = "padding that makes 3004001 elements of 1, accepted are at most 1048704"
	if err := checkLinear(Conv, conv(500), 1, 1, 1); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}
