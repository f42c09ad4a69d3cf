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

// TestBadBoards names where, what and what would be accepted.
func TestBadBoards(t *testing.T) {
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"unknown field", `"memory": {`, `"uarm": 3, "memory": {`, []string{"uarm: unknown field", "accepted are after_shell, chip, clock_mhz"}},
		{"unknown field of a chip", `"dsp_kind"`, `"dsps"`, []string{"chip.dsps: unknown field", "accepted are bram36, dsp, dsp_kind, ff, lut, uram"}},
		{"unknown field of a port", `"gbps": {`, `"gbps": {"unit": "bit", `, []string{"network[0].gbps.unit: unknown field", "accepted are basis, source, spread, value"}},
		{"kind of DSP", `"E2"`, `"E3"`, []string{`chip.dsp_kind is "E3"`, "accepted are [E1 E2 58]"}},
		{"no source", `"basis": "computed", "source": "64 bits`, `"basis": "computed", "note": "64 bits`, []string{"memory.peak_gb_s.note: unknown field"}},
		{"empty source", `"source": "half of the 16 W of PASNet's pair (DAC 2023)"`, `"source": ""`, []string{"watts.busy is 8", `source ""`, "where it is from"}},
		{"basis", `"value": 230400, "basis": "document"`, `"value": 230400, "basis": "heard"`, []string{`chip.lut.basis is "heard"`, "accepted are [document computed recalled planned]"}},
		{"no basis", `"value": 230400, "basis": "document", `, `"value": 230400, `, []string{`chip.lut.basis is ""`, "accepted are"}},
		{"half a LUT", `"value": 230400`, `"value": 230400.5`, []string{"chip.lut is 230400.5", "whole numbers"}},
		{"no flip-flops", `"value": 460800`, `"value": 0`, []string{"chip.ff is 0", "accepted are 1 to"}},
		{"plan above peak", `"value": 17.07`, `"value": 1.07`, []string{"memory.planned_gb_s is 13.66, memory.peak_gb_s is 1.07", "at most"}},
		{"part above one", `"memory": {`, `"usable": {"lut": {"value": 70, "basis": "planned", "source": "percent"}}, "memory": {`, []string{"usable.lut is 70", "up to 1"}},
		{"shell", `"memory": {`, `"after_shell": {"lut": {"value": 230401, "basis": "planned", "source": "x"}}, "memory": {`,
			[]string{"after_shell.lut is 230401, chip.lut is 230400", "after_shell.ff is 0"}},
		{"limit", `"watts": {`, `"watts": {"limit": {"value": 5, "basis": "planned", "source": "x"},`, []string{"watts.busy is 8, watts.limit is 5"}},
		{"part", `"part": "xczu7ev-ffvc1156-2-e"`, `"part": ""`, []string{"part is missing"}},
		{"format", `"sotto": 1`, `"sotto": 2`, []string{"a board of format 2: accepted is 1"}},
		{"a text for a number", `"value": 230400`, `"value": "many"`, []string{"not a board", "value"}},
	} {
		_, err := Parse(edited(t, "zcu104", c.old, c.new))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v: %q is missing", c.name, err, want)
			}
		}
	}
}

// TestNotBoards: texts that are none, and names of none.
func TestNotBoards(t *testing.T) {
	for text, want := range map[string]string{
		``: "not a board", `[]`: "not a board", `{}`: "format 0: accepted is 1", `{"sotto": 1}`: "network: no port",
		`{"sotto": 1} {}`: "not a board",
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
