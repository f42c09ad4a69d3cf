package search

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Every point is on the front or dominated by (or equal to) one that is, and no point of the front dominates another.
func TestFront(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var points []Point
		for range rapid.IntRange(0, 12).Draw(t, "points") {
			few := rapid.IntRange(0, 3)
			points = append(points, Point{Accuracy: float64(few.Draw(t, "accuracy")),
				Measures: Measures{"latency": float64(few.Draw(t, "latency")), "relus": float64(few.Draw(t, "relus"))}})
		}
		measures := []string{"latency", "relus"}
		front := Front(points, measures...)
		for i, p := range front {
			for j, q := range front {
				if i != j && (p.dominates(q, measures) || p.equals(q, measures)) {
					t.Fatalf("%v and %v are both on the front", p, q)
				}
			}
		}
		for _, p := range points {
			beaten := false
			for _, q := range front {
				beaten = beaten || q.dominates(p, measures) || q.equals(p, measures)
			}
			if !beaten {
				t.Fatalf("%v is not behind the front %v", p, front)
			}
		}
	})
}

func TestCSV(t *testing.T) {
	var out strings.Builder
	err := WriteCSV(&out, []Point{{Name: "a", Accuracy: 0.5, Measures: Measures{"latency": 2}}, {Name: "b", Accuracy: 0.4, Measures: Measures{"latency": 3}}}, "latency")
	if want := "name,accuracy,front,latency\na,0.5,1,2\nb,0.4,0,3\n"; err != nil || out.String() != want {
		t.Fatalf("%q, %v, want %q", out.String(), err, want)
	}
}
