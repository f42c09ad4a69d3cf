package cost

import "testing"

// TestMACs52 counts a product by hand: a 1x1 convolution of one channel whose image fills no polynomial.
func TestMACs52(t *testing.T) {
	if got, want := TransformMACs52(HEDegree), int64(3*4096*13); got != want {
		t.Errorf("a transform takes %d, want %d", got, want)
	}
	plan, err := HEPlanFor(HELayer{InC: 1, InH: 8, InW: 8, OutC: 1, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}, 32, ClientServer, 1)
	if err != nil {
		t.Fatal(err)
	}
	const transforms, sums = 1 + 2 + 2, 2 * 2 * HEDegree // of weights, of an upload, of a reply; both halves
	if got, want := plan.MACs52(), int64(plan.Params.Limbs)*(transforms*TransformMACs52(HEDegree)+sums); got != want {
		t.Errorf("a product takes %d, want %d", got, want)
	}
}
