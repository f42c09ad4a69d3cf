package target

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// tableRow is a board of testdata/boards.json. Network is pairs of Gbps and ports.
type tableRow struct {
	Name, Part   string
	LUT, FF, DSP int
	DSPKind      DSPKind `json:"dsp_kind"`
	BRAM36, URAM int
	GBs          float64 `json:"gb_s"`
	Network      [][2]float64
	ClockMHz     float64 `json:"clock_mhz"`
	Found        found   // in place of the table's
}

type found struct {
	FF      int
	GBs     float64 `json:"gb_s"`
	Network [][2]float64
	Why     string
}

// want is the row with what was found.
func (r tableRow) want() tableRow {
	if r.Found.FF != 0 {
		r.FF = r.Found.FF
	}
	if r.Found.GBs != 0 {
		r.GBs = r.Found.GBs
	}
	if r.Found.Network != nil {
		r.Network = r.Found.Network
	}
	return r
}

// TestShippedBoardsAreTheTables holds every shipped board against the design's table.
func TestShippedBoardsAreTheTables(t *testing.T) {
	text, err := os.ReadFile("testdata/boards.json")
	if err != nil {
		t.Fatal(err)
	}
	var table struct{ Boards []tableRow }
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, row := range table.Boards {
		names = append(names, row.Name)
		b, err := Shipped(row.Name)
		if err != nil {
			t.Errorf("%s: %v", row.Name, err)
			continue
		}
		holdAgainst(t, b, row.want())
	}
	slices.Sort(names)
	if !slices.Equal(names, Names()) {
		t.Errorf("shipped are %v, the table has %v", Names(), names)
	}
}

func holdAgainst(t *testing.T, b Board, want tableRow) {
	t.Helper()
	area := Area{LUT: want.LUT, FF: want.FF, DSP: want.DSP, BRAM18: 2 * want.BRAM36, URAM: want.URAM}
	if got := b.Chip.area(); got != area {
		t.Errorf("%s: %+v, the table has %+v", b.Name, got, area)
	}
	if b.Name != want.Name || b.Part != want.Part || b.Chip.DSPKind != want.DSPKind {
		t.Errorf("%s, %s, DSPs %s: the table has %s, %s, DSPs %s", b.Name, b.Part, b.Chip.DSPKind, want.Name, want.Part, want.DSPKind)
	}
	if b.Memory.PeakGBs.Value != want.GBs || b.ClockMHz.Value != want.ClockMHz {
		t.Errorf("%s: %v GB/s at %v MHz, the table has %v at %v", b.Name, b.Memory.PeakGBs.Value, b.ClockMHz.Value, want.GBs, want.ClockMHz)
	}
	var ports [][2]float64
	for _, p := range b.Network {
		ports = append(ports, [2]float64{p.Gbps.Value, p.Ports.Value})
	}
	if !slices.Equal(ports, want.Network) {
		t.Errorf("%s: Gbps and ports %v, the table has %v", b.Name, ports, want.Network)
	}
}

// TestShells holds the shells of the cards to the 11 to 18 % of LUTs that the design counts on.
func TestShells(t *testing.T) {
	for _, name := range Names() {
		b, err := Shipped(name)
		if err != nil {
			t.Fatal(err)
		}
		card := strings.HasPrefix(b.Title, "AMD Alveo")
		percent := math.Round(100 * b.ShellPart())
		if card != (b.AfterShell != nil) || card && (percent < 11 || percent > 18) || !card && percent != 0 {
			t.Errorf("%s: its shell takes %v %% of the LUTs, want 11 to 18 on a card and none elsewhere", name, percent)
		}
	}
}

// TestPlannable: the usual parts, and a file's own.
func TestPlannable(t *testing.T) {
	b, err := Shipped("zcu104")
	if err != nil {
		t.Fatal(err)
	}
	want := Area{LUT: 161280, FF: 230400, DSP: 1382, BRAM18: 499, URAM: 76} // 70, 50, 80, 80 and 80 %
	if got := b.Plannable(); got != want {
		t.Errorf("of a ZCU104 %+v, want %+v", got, want)
	}
	b, err = Parse(edited(t, "zcu104", `"memory": {`, `"usable": {"dsp": {"value": 1, "basis": "planned", "source": "all of them"}}, "memory": {`))
	if err != nil {
		t.Fatal(err)
	}
	want.DSP = 1728
	if got := b.Plannable(); got != want {
		t.Errorf("with all DSPs %+v, want %+v", got, want)
	}
	b, err = Shipped("u280")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.Plannable().LUT, 814464; got != want { // 70 % of 1163520
		t.Errorf("of a U280 %d LUTs, want %d: the shell's are not free", got, want)
	}
}

// TestBadBoards names where, what and what would be accepted, each on one line, and nothing else.
func TestBadBoards(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           []string // of the lines
	}{
		{"unknown field", `"memory": {`, `"uarm": 3, "memory": {`, []string{"uarm: unknown field: accepted are after_shell, chip, clock_mhz, memory, name, network, part, part_source, sotto, title, usable, watts"}},
		{"unknown field of a chip", `"dsp_kind": "E2"`, `"dsps": 1, "dsp_kind": "E2"`, []string{"chip.dsps: unknown field: accepted are bram36, dsp, dsp_kind, ff, lut, uram"}},
		{"unknown field of a port", `"gbps": {`, `"gbps": {"unit": "bit", `, []string{"network[0].gbps.unit: unknown field: accepted are basis, source, spread, value"}},
		{"missing field", `"title": "AMD ZCU104",`, ``, []string{"title is missing: accepted is a text"}},
		{"missing value", `"uram": {"value": 96, `, `"uram": {`, []string{"chip.uram.value is missing: accepted is a number"}},
		{"two fields", `"bram36": {"value": 312,`, `"bram18": {"value": 312,`, []string{"chip.bram18: unknown field", "chip.bram36 is missing: accepted is an object with basis, source, spread, value"}},
		{"a field twice", `"title": "AMD ZCU104",`, `"title": 3, "title": "AMD ZCU104",`, []string{"title is there twice: accepted is each field once"}},
		{"kind of DSP", `"E2"`, `"E3"`, []string{`chip.dsp_kind is "E3": accepted are [E1 E2 58]`}},
		{"no source", `"basis": "computed", "source": "64 bits`, `"basis": "computed", "note": "64 bits`, []string{"memory.peak_gb_s.note: unknown field", "memory.peak_gb_s.source is missing: accepted is a text"}},
		{"empty source", `"source": "half of the 16 W of PASNet's pair (DAC 2023)"`, `"source": ""`, []string{`watts.busy is 8, spread 0.3, source "": accepted are`}},
		{"spread", `"spread": 0.3`, `"spread": -1`, []string{`watts.busy is 8, spread -1`}},
		{"basis", `"value": 230400, "basis": "document"`, `"value": 230400, "basis": "heard"`, []string{`chip.lut.basis is "heard": accepted are [document computed recalled planned]`}},
		{"no basis", `"value": 230400, "basis": "document", `, `"value": 230400, `, []string{`chip.lut.basis is missing: accepted is a text`}},
		{"half a LUT", `"value": 230400`, `"value": 230400.5`, []string{"chip.lut is 230400.5: accepted are whole numbers"}},
		{"fewer than no LUTs", `"value": 230400`, `"value": -230400`, []string{"chip.lut is -230400: accepted are 1 to 1e+08"}},
		{"more LUTs than there are", `"value": 230400`, `"value": 1e300`, []string{"chip.lut is 1e+300: accepted are 1 to 1e+08"}},
		{"no number", `"value": 230400`, `"value": 1e999`, []string{"chip.lut.value is 1e999: accepted is a number"}},
		{"not a number", `"value": 230400`, `"value": NaN`, []string{"line 8, column 22: invalid character 'N' looking for beginning of value: accepted is a board in JSON"}},
		{"nothing", `"value": 230400`, `"value": null`, []string{"chip.lut.value is null: accepted is a number"}},
		{"no flip-flops", `"value": 460800`, `"value": 0`, []string{"chip.ff is 0: accepted are 1 to 1e+08"}},
		{"no clock", `"value": 200,`, `"value": 0,`, []string{"clock_mhz is 0: accepted are 1 to 10000"}},
		{"a clock in Hz", `"value": 200,`, `"value": 200e6,`, []string{"clock_mhz is 2e+08: accepted are 1 to 10000"}},
		{"plan above peak", `"value": 17.07`, `"value": 1.07`, []string{"memory.planned_gb_s is 13.66, memory.peak_gb_s is 1.07: accepted is at most that"}},
		{"part above one", `"memory": {`, `"usable": {"lut": {"value": 70, "basis": "planned", "source": "percent"}}, "memory": {`, []string{"usable.lut is 70: accepted are 0.001 to 1"}},
		{"shell", `"memory": {`, `"after_shell": {"lut": {"value": 230401, "basis": "planned", "source": "x"}}, "memory": {`,
			[]string{"after_shell.bram36 is missing", "after_shell.dsp is missing", "after_shell.ff is missing", "after_shell.uram is missing"}},
		{"limit", `"watts": {`, `"watts": {"limit": {"value": 5, "basis": "planned", "source": "x"},`, []string{"watts.busy is 8, watts.limit is 5: accepted is at most that"}},
		{"part", `"part": "xczu7ev-ffvc1156-2-e"`, `"part": "x; exec sh"`, []string{`part is "x; exec sh": accepted is a word of up to 64 letters`}},
		{"title", `"title": "AMD ZCU104"`, `"title": "AMD\n"`, []string{`title is "AMD\n": accepted is a line of text`}},
		{"format", `"sotto": 1`, `"sotto": 2`, []string{"sotto: a board of format 2: accepted is 1"}},
		{"a text for a number", `"value": 230400`, `"value": "many"`, []string{`chip.lut.value is "many": accepted is a number such as`}},
		{"a number for an object", `"watts": {`, `"watts": 8, "wats": {`, []string{"wats: unknown field", "watts is 8: accepted is an object with busy, idle, limit"}},
		{"a link for ports", `"network": [`, `"network": "lan", "net": [`, []string{"net: unknown field", `network is "lan": accepted is a list`}},
		{"no ports", `"ports": {"value": 1`, `"ports": {"value": 0`, []string{"network[0].ports is 0: accepted are 1 to"}},
		{"a slow port", `"gbps": {"value": 1`, `"gbps": {"value": 0`, []string{"network[0].gbps is 0: accepted are 1e-05 to 1000"}},
	} {
		_, err := Parse(edited(t, "zcu104", c.old, c.new))
		if err == nil {
			t.Errorf("%s: it is taken", c.name)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		for i, want := range c.want {
			if len(lines) != len(c.want) || !strings.HasPrefix(lines[i], want) {
				t.Errorf("%s: %v: want %q", c.name, err, c.want)
				break
			}
		}
	}
}

// TestNotBoards: texts that are none, and names of none.
func TestNotBoards(t *testing.T) {
	for text, want := range map[string]string{
		``: "line 1, column 1: unexpected end of JSON input", `[]`: "the file is []: accepted is an object with after_shell", `{}`: "sotto is missing",
		`null`: "the file is null", `{"sotto": 1}`: "network is missing: accepted is a list", `{"sotto": 1} {}`: "line 1, column 14: invalid character",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v: %q is missing", text, err, want)
		}
	}
	if _, err := Shipped("zcu105"); err == nil || !strings.Contains(err.Error(), `no board is called "zcu105": accepted are kv260`) {
		t.Errorf("zcu105: %v", err)
	}
}

// edited is a shipped board's file with the first of something replaced.
func edited(t *testing.T, name, old, new string) []byte {
	t.Helper()
	text, err := boards.ReadFile("boards/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		t.Fatalf("%s has no %s", name, old)
	}
	return []byte(strings.Replace(string(text), old, new, 1))
}
