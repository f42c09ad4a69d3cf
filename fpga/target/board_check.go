package target

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// parse reads JSON of a type in all its fields. A board's text is small: what is wrong with its form is all said at once.
func parse(text []byte, v any) error {
	var syntax *json.SyntaxError
	var whole json.RawMessage
	if err := json.Unmarshal(text, &whole); errors.As(err, &syntax) {
		before := text[:min(max(int(syntax.Offset)-1, 0), len(text))]
		line := 1 + bytes.Count(before, []byte("\n"))
		return fmt.Errorf("line %d, column %d: %w: accepted is a board in JSON, whose numbers are such as 1, 0.5 or 1e9", line, len(before)-bytes.LastIndexByte(before, '\n'), err)
	}
	if err := errors.Join(misfits("", text, reflect.TypeOf(v).Elem())...); err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// misfits are what of a JSON value is not a type's: fields that it does not have, or that are missing, and values of another kind, each with
// where it is and what is accepted there.
func misfits(at string, text []byte, t reflect.Type) []error {
	switch t.Kind() {
	case reflect.Pointer:
		return misfits(at, text, t.Elem())
	case reflect.Slice:
		var items []json.RawMessage
		if json.Unmarshal(text, &items) != nil || items == nil {
			return []error{misfit(at, text, "a list")}
		}
		var errs []error
		for i, item := range items {
			errs = append(errs, misfits(fmt.Sprintf("%s[%d]", at, i), item, t.Elem())...)
		}
		return errs
	case reflect.Struct:
		return misfitMembers(at, text, fieldsOf(t))
	}
	word := map[reflect.Kind]string{reflect.String: "a text", reflect.Int: "a whole number", reflect.Float64: "a number such as 1, 0.5 or 1e9"}[t.Kind()]
	if string(text) == "null" || json.Unmarshal(text, reflect.New(t).Interface()) != nil {
		return []error{misfit(at, text, word)}
	}
	return nil
}

// misfit shows the beginning of a value that is something else than what is accepted.
func misfit(at string, text []byte, accepted string) error {
	const most = 40
	shown := []rune(strings.Join(strings.Fields(string(text)), " "))
	if len(shown) > most {
		shown = append(shown[:most], []rune("...")...)
	}
	return fmt.Errorf("%s is %s: accepted is %s", cmp.Or(at, "the file"), string(shown), accepted)
}

// misfitMembers is misfits of an object.
func misfitMembers(at string, text []byte, fields map[string]field) []error {
	members, twice := membersOf(text)
	names := strings.Join(slices.Sorted(maps.Keys(fields)), ", ")
	if members == nil {
		return []error{misfit(at, text, "an object with "+names)}
	}
	inner := func(name string) string { return strings.TrimPrefix(at+"."+name, ".") }
	var errs []error
	for _, name := range twice {
		errs = append(errs, fmt.Errorf("%s is there twice: accepted is each field once", inner(name)))
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if f, known := fields[name]; known {
			errs = append(errs, misfits(inner(name), members[name], f.Type)...)
		} else {
			errs = append(errs, fmt.Errorf("%s: unknown field: accepted are %s", inner(name), names))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if _, there := members[name]; !there && fields[name].needed {
			errs = append(errs, fmt.Errorf("%s is missing: accepted is %s", inner(name), form(fields[name].Type)))
		}
	}
	return errs
}

// membersOf are an object's fields, and the names of those that it has more than once; nil of what is none.
func membersOf(text []byte) (members map[string]json.RawMessage, twice []string) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil
	}
	members = map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return nil, nil
		}
		key := fmt.Sprint(name)
		if members[key] != nil {
			twice = append(twice, key)
		}
		members[key] = value
	}
	return members, twice
}

// form is how a value of a type is written.
func form(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct:
		return "an object with " + strings.Join(slices.Sorted(maps.Keys(fieldsOf(t))), ", ")
	case reflect.Slice:
		return "a list of which each is " + form(t.Elem())
	case reflect.String:
		return "a text"
	}
	return "a number"
}

// field is one of a struct, by its name in JSON.
type field struct {
	reflect.Type
	needed bool
}

// fieldsOf are a struct's fields by their names in JSON, with those of embedded structs.
func fieldsOf(t reflect.Type) map[string]field {
	const spread = "spread" // a figure without one is exact
	fields := map[string]field{}
	for _, f := range reflect.VisibleFields(t) {
		if !f.Anonymous {
			name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
			fields[name] = field{f.Type, options == "" && name != spread}
		}
	}
	return fields
}

// Bounds of a board's figures, beyond any there is: within them all that is computed of them stays finite, and a schedule's cycles are counted.
// A link's are what wire takes of --link.
var (
	countable = bounds{0, 1e8}
	mhz       = bounds{1, 1e4}     // MHz
	gbytes    = bounds{1e-3, 1e5}  // GB/s
	gib       = bounds{1e-3, 1e6}  // GiB
	gbits     = bounds{1e-5, 1000} // Gbit/s
	watts     = bounds{1e-3, 1e5}  // watts
	partOf    = bounds{1e-3, 1}    // of a whole
)

type bounds struct{ least, most float64 }

// from1 wants at least one.
func (b bounds) from1() bounds { return bounds{1, b.most} }

// check finds what is wrong with the figures, one by one, and then with what one says of another.
func (b Board) check() error {
	errs := []error{
		word("name", b.Name), line("title", b.Title), word("part", b.Part), line("part_source", b.PartSource),
		b.Chip.Resources.check("chip"),
		oneOf("chip.dsp_kind", b.Chip.DSPKind, DSP48E1, DSP48E2, DSP58),
		b.Usable.check(),
		b.Memory.check(),
		b.ClockMHz.check("clock_mhz", mhz),
		b.Watts.check(),
	}
	if b.AfterShell != nil {
		errs = append(errs, b.AfterShell.check("after_shell"))
	}
	if len(b.Network) == 0 {
		errs = append(errs, errors.New("network has no port: at least one is needed, for the other party is behind it"))
	}
	for i, p := range b.Network {
		errs = append(errs, p.check(fmt.Sprintf("network[%d]", i)))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return b.ordered()
}

// ordered demands that no part is above its whole.
func (b Board) ordered() error {
	errs := []error{ordered("memory.planned_gb_s", &b.Memory.PlannedGBs, "memory.peak_gb_s", &b.Memory.PeakGBs),
		ordered("watts.idle", b.Watts.Idle, "watts.busy", &b.Watts.Busy), ordered("watts.busy", &b.Watts.Busy, "watts.limit", b.Watts.Limit)}
	if b.AfterShell != nil {
		left, chip := b.AfterShell.named(), b.Chip.Resources.named()
		for i := range left {
			errs = append(errs, ordered("after_shell."+left[i].name, left[i].Figure, "chip."+chip[i].name, chip[i].Figure))
		}
	}
	return errors.Join(errs...)
}

// namedFigure is a figure by its name in JSON; it may be absent.
type namedFigure struct {
	name string
	*Figure
}

func (r Resources) named() []namedFigure {
	return []namedFigure{{"lut", &r.LUT}, {"ff", &r.FF}, {"dsp", &r.DSP}, {"bram36", &r.BRAM36}, {"uram", &r.URAM}}
}

func (r Resources) check(at string) error {
	var errs []error
	for _, f := range r.named() {
		accepted := countable.from1()
		if f.name == "uram" { // many chips have none
			accepted = countable
		}
		errs = append(errs, f.count(at+"."+f.name, accepted))
	}
	return errors.Join(errs...)
}

func (p Parts) check() error {
	var errs []error
	for _, f := range []namedFigure{{"lut", p.LUT}, {"ff", p.FF}, {"dsp", p.DSP}, {"bram36", p.BRAM36}, {"uram", p.URAM}} {
		errs = append(errs, f.check("usable."+f.name, partOf))
	}
	return errors.Join(errs...)
}

func (m Memory) check() error {
	return errors.Join(line("memory.kind", m.Kind), m.PeakGBs.check("memory.peak_gb_s", gbytes), m.PlannedGBs.check("memory.planned_gb_s", gbytes),
		m.GiB.check("memory.gib", gib))
}

func (p Port) check(at string) error {
	return errors.Join(line(at+".kind", p.Kind), p.Gbps.check(at+".gbps", gbits), p.Ports.count(at+".ports", countable.from1()))
}

func (w Watts) check() error {
	return errors.Join(w.Busy.check("watts.busy", watts), w.Idle.check("watts.idle", watts), w.Limit.check("watts.limit", watts))
}

// check of a value, source and basis, unless the figure is absent; at names it in the error.
func (f *Figure) check(at string, b bounds) error {
	if f == nil {
		return nil
	}
	if !(f.Value >= b.least && f.Value <= b.most) {
		return fmt.Errorf("%s is %v: accepted are %g to %g", at, f.Value, b.least, b.most)
	}
	if err := f.Quantity.Check(at, b.least); err != nil {
		return err
	}
	return oneOf(at+".basis", f.Basis, Document, Computed, Recalled, Planned)
}

// count wants a whole number.
func (f *Figure) count(at string, b bounds) error {
	if err := f.check(at, b); err != nil {
		return err
	}
	if f.Value != math.Trunc(f.Value) {
		return fmt.Errorf("%s is %v: accepted are whole numbers", at, f.Value)
	}
	return nil
}

// ordered wants one figure not to be above another, if there are both.
func ordered(at string, f *Figure, above string, bound *Figure) error {
	if f != nil && bound != nil && f.Value > bound.Value {
		return fmt.Errorf("%s is %v, %s is %v: accepted is at most that", at, f.Value, above, bound.Value)
	}
	return nil
}

// words are what build files may have between blanks and quotes.
var words = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$`)

// word wants a name.
func word(at, text string) error {
	if !words.MatchString(text) {
		return fmt.Errorf("%s is %q: accepted is a word of up to 64 letters, digits and any of . _ + -, such as xczu7ev-ffvc1156-2-e", at, text)
	}
	return nil
}

// line wants a text that a page can show.
func line(at, text string) error {
	if strings.TrimSpace(text) == "" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Errorf("%s is %q: accepted is a line of text", at, text)
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
