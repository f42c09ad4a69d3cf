package main

import (
	"fmt"
	"io"
	"strings"

	"sotto/backend/twopc"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/party"
	"sotto/runtime/program"
)

// estimate is what a compiled network will cost by a price list: exact bytes and rounds, estimated times.
type estimate struct {
	Source  cost.Source        `json:"offline_source"`
	Online  party.Phase        `json:"online"`
	Offline party.Phase        `json:"offline"`
	Layers  []party.LayerStats `json:"layers"`
}

// sessionLayer is the row of what belongs to no layer: the base OTs.
const sessionLayer = "session"

// costs prices a SECURE function and sums its ops by layer; a message's frame headers and its round belong to the first layer in it, so
// that the layers sum to the totals.
func costs(m *ir.Module, source cost.Source, target cost.Target) estimate {
	f := m.Funcs[0]
	l := ir.Account(m, f, source)
	dealt := map[int]int64{}
	for _, d := range l.Dealt {
		dealt[d.Tag] += d.Bytes
	}
	offline, online := l.ByTag(cost.Offline), l.ByTag(cost.Online)
	x := cost.Estimate(l, target)
	e := estimate{Source: source}
	index, ops := map[string]int{}, twopc.LayerOps(f)
	for tag := cost.SessionTag; tag < len(f.Body); tag++ {
		a := party.Phase{MS: x.Offline.ByTag[tag], Traffic: offline[tag], DealerSent: dealt[tag]}
		b := party.Phase{MS: x.Online.ByTag[tag], Traffic: online[tag]}
		add(&e.Offline, a)
		add(&e.Online, b)
		if a == (party.Phase{}) && b == (party.Phase{}) {
			continue
		}
		row := e.row(index, f, ops, tag)
		add(&row.Offline, a)
		add(&row.Online, b)
	}
	return e
}

func (e *estimate) row(index map[string]int, f *ir.Func, ops map[string]string, tag int) *party.LayerStats {
	row := party.LayerStats{Path: sessionLayer, Op: "setup"}
	if tag >= 0 {
		v := f.Body[tag]
		row = party.LayerStats{Path: v.Layer(), Op: ops[v.Layer()], Line: v.Pos.Line}
	}
	i, ok := index[row.Path]
	if !ok {
		i = len(e.Layers)
		index[row.Path] = i
		e.Layers = append(e.Layers, row)
	}
	return &e.Layers[i]
}

func add(to *party.Phase, p party.Phase) {
	to.MS += p.MS
	to.DealerSent += p.DealerSent
	to.Traffic.Add(p.Traffic)
}

// costNotes comments the values of a SECURE dump with their traffic, the material being made by source.
func costNotes(m *ir.Module, source cost.Source) func(*ir.Value) string {
	if m.Stage != ir.Secure || ir.CheckMaterial(m, source) != nil {
		return nil
	}
	notes := map[*ir.Value]string{}
	for _, f := range m.Funcs {
		l := ir.Account(m, f, source)
		offline, online := l.ByTag(cost.Offline), l.ByTag(cost.Online)
		for tag, v := range f.Body {
			if a, b := offline[tag], online[tag]; a != (cost.Traffic{}) || b != (cost.Traffic{}) {
				notes[v] = fmt.Sprintf("offline %s  online %s %d rd", size(a.ClientSent+a.ServerSent), size(b.ClientSent+b.ServerSent), b.Rounds)
			}
		}
	}
	return func(v *ir.Value) string { return notes[v] }
}

// materialSum is what a manifest lists, counted.
type materialSum struct {
	Items    int                        `json:"items"`
	Elements int64                      `json:"elements"`
	Kinds    map[string]materialKindSum `json:"kinds"`
}

type materialKindSum struct {
	Items    int   `json:"items"`
	Elements int64 `json:"elements"`
}

func materialOf(m *program.Manifest) materialSum {
	out := materialSum{Kinds: map[string]materialKindSum{}}
	for _, it := range m.Items {
		k := out.Kinds[string(it.Kind)]
		k.Items++
		k.Elements += int64(it.N)
		out.Kinds[string(it.Kind)] = k
		out.Items++
		out.Elements += int64(it.N)
	}
	return out
}

func (e estimate) text(w io.Writer) {
	var rows [][]string
	for _, l := range e.Layers {
		rows = append(rows, append([]string{l.Path, l.Op}, phaseCells(l)...))
	}
	rows = append(rows, append([]string{"total", ""}, phaseCells(party.LayerStats{Online: e.Online, Offline: e.Offline})...))
	table(w, "layer op >offline_client >server >dealer >rounds >ms >online_client >server >rounds >ms", rows)
}

func phaseCells(l party.LayerStats) []string {
	a, b := l.Offline, l.Online
	return []string{blankSize(a.ClientSent), blankSize(a.ServerSent), blankSize(a.DealerSent), blankZero(int64(a.Rounds)), three(a.MS),
		blankSize(b.ClientSent), blankSize(b.ServerSent), blankZero(int64(b.Rounds)), three(b.MS)}
}

func blankSize(n int64) string {
	if n == 0 {
		return ""
	}
	return size(n)
}

// rangesText writes what each layer may reach against what the ring holds.
func rangesText(w io.Writer, ranges []pass.Range) {
	var rows [][]string
	for _, r := range tightest(ranges) {
		rows = append(rows, []string{r.Path, blankReal(r.Worst), blankReal(r.Seen), blankReal(r.Assumed), blankReal(r.Holds)})
	}
	table(w, "values_of >worst_case >calibrated >assumed >ring_holds", rows)
}

// tightest keeps, of the forms in which a layer's values occur, the one that the ring holds the least of.
func tightest(ranges []pass.Range) []pass.Range {
	var out []pass.Range
	index := map[string]int{}
	for _, r := range ranges {
		i, ok := index[r.Path]
		switch {
		case !ok:
			index[r.Path] = len(out)
			out = append(out, r)
		case r.Holds < out[i].Holds:
			out[i] = r
		}
	}
	return out
}

func blankReal(x float64) string {
	switch {
	case x == 0:
		return ""
	case x >= 1e6:
		return strings.Replace(fmt.Sprintf("%.2e", x), "e+0", "e+", 1)
	}
	return three(x)
}
