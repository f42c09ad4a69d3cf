package cost

import "testing"

func TestFerretSets(t *testing.T) {
	want := []struct{ outputs, base int64 }{
		{15564800, 524288 + 24700},
		{6225920, 262144 + 18240},
		{2396160, 131072 + 12870},
		{870400, 65536 + 8500},
	}
	for i, s := range FerretSets() {
		if s.Outputs() != want[i].outputs || s.Base() != want[i].base || s.Usable() != want[i].outputs-want[i].base {
			t.Errorf("%+v: %d outputs, %d of them for the next extension, want %+v", s, s.Outputs(), s.Base(), want[i])
		}
	}
}

// TestFerretBytesAdd: batches cost what one batch of their sum does, and an extension costs each of its trees once.
func TestFerretBytesAdd(t *testing.T) {
	for _, s := range FerretSets() {
		for _, cuts := range [][]int64{
			{1, 1, 1}, {1, s.Leaves(), s.Leaves() - 1}, {s.Usable(), 1}, {s.Usable() - 1, 1, 1}, {2*s.Usable() + 1, s.Usable()},
		} {
			var sum, n int64
			for _, cut := range cuts {
				down, up := FerretBytes(s, n, cut)
				if up != (cut+7)/8 {
					t.Errorf("%+v: %d OTs need %d bytes of choices", s, cut, up)
				}
				sum, n = sum+down, n+cut
			}
			if whole, _ := FerretBytes(s, 0, n); whole != sum {
				t.Errorf("%+v: batches of %v cost %d, their sum %d", s, cuts, sum, whole)
			}
		}
		one, _ := FerretBytes(s, 0, 1)
		next, _ := FerretBytes(s, 1, s.Usable())
		if tree := 16 * s.Depth; one != tree || one+next != tree*(s.Trees+1) {
			t.Errorf("%+v: the first OT costs %d and the extension up to the next one's first %d", s, one, next)
		}
	}
}
