package cost

import (
	"errors"
	"testing"
)

// TestRememberedIsBounded: a result is found once, a failure each time, and there are never more than so many.
func TestRememberedIsBounded(t *testing.T) {
	var r Remembered[int, int]
	found := 0
	square := func(x int) (int, error) {
		found++
		if x < 0 {
			return 0, errors.New("negative")
		}
		return x * x, nil
	}
	for i := range 3 * MostRemembered {
		for range 2 {
			if got, err := r.Get(i, square); got != i*i || err != nil {
				t.Fatalf("%d: %d, %v", i, got, err)
			}
		}
		if len(r.all) > MostRemembered {
			t.Fatalf("%d are held, accepted are %d", len(r.all), MostRemembered)
		}
	}
	if found != 3*MostRemembered {
		t.Errorf("%d were found of %d", found, 3*MostRemembered)
	}
	for range 2 {
		if _, err := r.Get(-1, square); err == nil {
			t.Error("a failure is no result")
		}
	}
	if found != 3*MostRemembered+2 {
		t.Error("a failure was held")
	}
}
