package explore

import (
	"sotto/fpga/target"
)

// axis is a knob, or knobs that go together, and the values that are worth trying from a design on.
type axis struct {
	name   string
	values func(target.Design) []target.Design
}

// axes in the order in which they are tried: what decides most first. Array and buffers go together: a buffer's banks are as many as the
// array has sides.
var axes = []axis{
	{"ot", otSteps}, // an array that fills the board leaves no room for the AES that most of an offline phase waits for
	{"array", arrays},
	{"conv.pixels", oneOf(func(d *target.Design) *int { return &d.Conv.Pixels }, 128, 256, 512, 1024)},
	{"conv.ports", oneOf(func(d *target.Design) *int { return &d.Conv.Ports }, 1, 2, 4, 8)},
	{"conv.input_words", inputs},
	{"conv.weight_words", weights},
	{"elementwise.lanes", oneOf(func(d *target.Design) *int { return &d.Elementwise.Lanes }, 1, 2, 4, 8, 16, 32)},
	{"depthwise.lanes", depthwises},
	{"depthwise.pixels", oneOf(func(d *target.Design) *int { return &d.Depthwise.Pixels }, 64, 128, 256, 512)},
	{"pool.lanes", oneOf(func(d *target.Design) *int { return &d.Pool.Lanes }, 1, 2, 4, 8, 16)},
	{"move.lanes", oneOf(func(d *target.Design) *int { return &d.Move.Lanes }, 1, 2, 4, 8, 16)},
	{"chunk", oneOf(func(d *target.Design) *int { return &d.Chunk }, 512, 1024, 2048, 4096)},
	{"garble", engines(target.Garble, func(d *target.Design) *target.Engines { return &d.Garble })},
	{"evaluate", engines(target.Evaluate, func(d *target.Design) *target.Engines { return &d.Evaluate })},
	{"compare.lanes", oneOf(func(d *target.Design) *int { return &d.Compare.Lanes }, 1, 2, target.MostCompareLanes)},
}

// oneOf are designs with a knob at each of some values; a kernel that is not there stays so. Lanes of pools and of messages that are wider
// than a port would wait for it.
func oneOf(knob func(*target.Design) *int, values ...int) func(target.Design) []target.Design {
	return func(d target.Design) (all []target.Design) {
		if *knob(&d) == 0 {
			return nil
		}
		for _, v := range values {
			next := d
			*knob(&next) = v
			if most := next.PortWords(); max(next.Pool.Lanes, next.Move.Lanes) <= most {
				all = append(all, next)
			}
		}
		return all
	}
}

// arrays are designs with other arrays: rows in steps of four and eight, columns whose weights come in whole lines of a port. Buffers keep
// their depth.
func arrays(d target.Design) (all []target.Design) {
	line := d.PortWords()
	depth := d.Conv.InputWords / d.Conv.TN
	rows := d.Conv.WeightWords / d.Conv.TN / d.Conv.TM
	for tm := 4; tm <= 128; tm += max(4, tm/8/4*4) {
		for tn := line; tn <= 64 && tm*tn <= target.MostUnrolled; tn += line {
			next := d
			next.Conv.TM, next.Conv.TN = tm, tn
			next.Conv.InputWords, next.Conv.WeightWords = depth*tn, rows*tm*tn
			all = append(all, next)
		}
	}
	return all
}

// inputs are other depths of the input buffer, in either kind of memory.
func inputs(d target.Design) (all []target.Design) {
	for _, kind := range []target.Storage{target.Block, target.Ultra} {
		for _, lines := range []int{64, 128, 256, 512, 1024, 2048, 4096} {
			next := d
			next.Conv.Inputs, next.Conv.InputWords = kind, lines*d.PortWords()*d.Conv.TN
			all = append(all, next)
		}
	}
	return all
}

// weights are other depths of the weight buffer: of so many taps of all rows.
func weights(d target.Design) (all []target.Design) {
	for _, kind := range []target.Storage{target.Block, target.Ultra} {
		for _, taps := range []int{1, 9, 16, 25, 32, 49, 64, 98, 128, 256} {
			next := d
			next.Conv.Weights, next.Conv.WeightWords = kind, taps*d.Conv.TM*d.Conv.TN
			all = append(all, next)
		}
	}
	return all
}

// depthwises are other lanes, the buffers of each as deep.
func depthwises(d target.Design) (all []target.Design) {
	if d.Depthwise.Lanes == 0 {
		return nil
	}
	for _, lanes := range []int{2, 4, 8, 16, 32, 64} {
		next := d
		next.Depthwise.Lanes, next.Depthwise.InputWords = lanes, d.Depthwise.InputWords/d.Depthwise.Lanes*lanes
		all = append(all, next)
	}
	return all
}

// engines are all engines of a role, up to four of each.
func engines(role target.Role, of func(*target.Design) *target.Engines) func(target.Design) []target.Design {
	const most = 4
	return func(d target.Design) (all []target.Design) {
		if of(&d).Count == 0 {
			return nil
		}
		for _, e := range target.HalfGatesEngines() {
			for n := 1; e.Role == role && n <= most; n *= 2 {
				next := d
				to := of(&next)
				to.Core, to.Hashes, to.Count = e.Core, e.Hashes, n
				all = append(all, next)
			}
		}
		return all
	}
}

// scaled are the designs with one number half or twice as large, whatever it is of, but for the width of ports, which is the board's.
func scaled(d target.Design) (all []target.Design) {
	for _, k := range d.Knobs() {
		for _, v := range []int{k.Value / 2, k.Value * 2} {
			if k.Value == 0 || v == 0 || k.Knob == "port_bytes" {
				continue
			}
			if next, err := d.With(target.Setting{Knob: k.Knob, Value: v}); err == nil {
				all = append(all, next)
			}
		}
	}
	return all
}
