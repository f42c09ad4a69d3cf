package peak

import "testing"

// TestRates: every rate is one that a machine can have, and vectors are faster than single words.
func TestRates(t *testing.T) {
	fast, slow := Measure(15), Rates{I32: portable.i32.rate(3), I64: portable.i64.rate(3), F32: portable.f32.rate(3)}
	t.Logf("%+v; portable %+v", fast, slow)
	for _, c := range []struct {
		name       string
		fast, slow float64
	}{{"i32", fast.I32, slow.I32}, {"i64", fast.I64, slow.I64}, {"f32", fast.F32, slow.F32}} {
		const least, most = 1e7, 1e12 // of one core
		if c.slow < least || c.fast < c.slow/2 || c.fast > most {
			t.Errorf("%s: %g a second, portable %g: accepted are rates of one core, and no slower ones for vectors", c.name, c.fast, c.slow)
		}
	}
}
