package training

import (
	"errors"
	"testing"
)

// Both sides run both functions.
func TestBothSidesRun(t *testing.T) {
	const batch = 2
	own, err := NewOwn(batch)
	if err != nil {
		t.Fatal(err)
	}
	torch, err := NewTorch(batch)
	if err != nil && !errors.Is(err, ErrNoTorch) {
		t.Fatal(err)
	}
	for _, name := range Functions {
		if took, err := own.Time(name); err != nil || took <= 0 {
			t.Errorf("%s takes %v: %v", name, took, err)
		}
		if torch == nil {
			continue
		}
		if took, err := torch.Time(name); err != nil || took <= 0 {
			t.Errorf("%s takes PyTorch %s %v: %v", name, torch.Version, took, err)
		}
	}
	if torch != nil {
		if err := torch.Close(); err != nil {
			t.Error(err)
		}
	}
}
