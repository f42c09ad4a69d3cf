package target

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
)

// unknownFields are those of a JSON value that a type does not have, each with where it is and what is accepted there. A value of
// another kind than the type's is left to the decoder.
func unknownFields(at string, text []byte, t reflect.Type) []error {
	switch t.Kind() {
	case reflect.Pointer:
		return unknownFields(at, text, t.Elem())
	case reflect.Slice:
		var items []json.RawMessage
		if json.Unmarshal(text, &items) != nil {
			return nil
		}
		var errs []error
		for i, item := range items {
			errs = append(errs, unknownFields(fmt.Sprintf("%s[%d]", at, i), item, t.Elem())...)
		}
		return errs
	case reflect.Struct:
		return unknownMembers(at, text, fieldsOf(t))
	}
	return nil
}

// unknownMembers is unknownFields of an object.
func unknownMembers(at string, text []byte, fields map[string]reflect.Type) []error {
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return nil
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(members)) {
		inner := strings.TrimPrefix(at+"."+name, ".")
		t, known := fields[name]
		if !known {
			errs = append(errs, fmt.Errorf("%s: unknown field: accepted are %s", inner, strings.Join(slices.Sorted(maps.Keys(fields)), ", ")))
			continue
		}
		errs = append(errs, unknownFields(inner, members[name], t)...)
	}
	return errs
}

// fieldsOf are a struct's fields by their names in JSON, with those of embedded structs.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	fields := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(t) {
		if !f.Anonymous {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields[name] = f.Type
		}
	}
	return fields
}

func (b Board) check() error {
	errs := []error{
		present("name", b.Name), present("title", b.Title), present("part", b.Part), present("part_source", b.PartSource),
		b.Chip.Resources.check("chip", nil),
		oneOf("chip.dsp_kind", b.Chip.DSPKind, DSP48E1, DSP48E2, DSP58),
		b.Usable.check(),
		b.Memory.check(),
		b.ClockMHz.positive("clock_mhz"),
		b.Watts.check(),
	}
	if b.AfterShell != nil {
		errs = append(errs, b.AfterShell.check("after_shell", &b.Chip.Resources))
	}
	if len(b.Network) == 0 {
		errs = append(errs, errors.New("network: no port: at least one is needed, for the other party is behind it"))
	}
	for i, p := range b.Network {
		errs = append(errs, p.check(fmt.Sprintf("network[%d]", i)))
	}
	return errors.Join(errs...)
}

// check of resources that are part of a whole, if there is one.
func (r Resources) check(at string, whole *Resources) error {
	var errs []error
	for _, c := range []struct {
		name  string
		least float64
		of    func(Resources) Figure
	}{
		{"lut", 1, func(r Resources) Figure { return r.LUT }},
		{"ff", 1, func(r Resources) Figure { return r.FF }},
		{"dsp", 1, func(r Resources) Figure { return r.DSP }},
		{"bram36", 1, func(r Resources) Figure { return r.BRAM36 }},
		{"uram", 0, func(r Resources) Figure { return r.URAM }},
	} {
		f := c.of(r)
		errs = append(errs, f.count(at+"."+c.name, c.least))
		if whole != nil {
			errs = append(errs, ordered(at+"."+c.name, f, "chip."+c.name, c.of(*whole)))
		}
	}
	return errors.Join(errs...)
}

func (p Parts) check() error {
	var errs []error
	for _, c := range []struct {
		name string
		part *Figure
	}{{"lut", p.LUT}, {"ff", p.FF}, {"dsp", p.DSP}, {"bram36", p.BRAM36}, {"uram", p.URAM}} {
		if c.part == nil {
			continue
		}
		errs = append(errs, c.part.positive("usable."+c.name))
		if c.part.Value > 1 {
			errs = append(errs, fmt.Errorf("usable.%s is %v: accepted is a part of the whole, above 0 and up to 1", c.name, c.part.Value))
		}
	}
	return errors.Join(errs...)
}

func (m Memory) check() error {
	var holds error
	if m.GiB != nil {
		holds = m.GiB.positive("memory.gib")
	}
	return errors.Join(holds, present("memory.kind", m.Kind), m.PeakGBs.positive("memory.peak_gb_s"), m.PlannedGBs.positive("memory.planned_gb_s"),
		ordered("memory.planned_gb_s", m.PlannedGBs, "memory.peak_gb_s", m.PeakGBs))
}

func (p Port) check(at string) error {
	return errors.Join(present(at+".kind", p.Kind), p.Gbps.positive(at+".gbps"), p.Ports.count(at+".ports", 1))
}

func (w Watts) check() error {
	errs := []error{w.Busy.positive("watts.busy")}
	if w.Idle != nil {
		errs = append(errs, w.Idle.positive("watts.idle"), ordered("watts.idle", *w.Idle, "watts.busy", w.Busy))
	}
	if w.Limit != nil {
		errs = append(errs, w.Limit.positive("watts.limit"), ordered("watts.busy", w.Busy, "watts.limit", *w.Limit))
	}
	return errors.Join(errs...)
}

// check of a value, source and basis; at names the figure in the error.
func (f Figure) check(at string, least float64) error {
	if err := f.Quantity.Check(at, least); err != nil {
		return err
	}
	return oneOf(at+".basis", f.Basis, Document, Computed, Recalled, Planned)
}

// positive wants more than nothing: a millionth of any unit is far below all boards.
func (f Figure) positive(at string) error { return f.check(at, 1e-6) }

// count wants a whole number.
func (f Figure) count(at string, least float64) error {
	if err := f.check(at, least); err != nil {
		return err
	}
	if f.Value != math.Trunc(f.Value) {
		return fmt.Errorf("%s is %v: accepted are whole numbers", at, f.Value)
	}
	return nil
}

// ordered wants one figure not to be above another.
func ordered(at string, f Figure, above string, bound Figure) error {
	if f.Value > bound.Value {
		return fmt.Errorf("%s is %v, %s is %v: accepted is at most that", at, f.Value, above, bound.Value)
	}
	return nil
}

// present wants a text.
func present(at, text string) error {
	if text == "" {
		return fmt.Errorf("%s is missing: a text is needed", at)
	}
	return nil
}

// oneOf wants one of a few words.
func oneOf[T ~string](at string, word T, accepted ...T) error {
	if !slices.Contains(accepted, word) {
		return fmt.Errorf("%s is %q: accepted are %v", at, string(word), accepted)
	}
	return nil
}
