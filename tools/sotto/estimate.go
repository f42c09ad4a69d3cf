package main

import (
	"fmt"
	"io"
	"strings"

	"sotto/backend/twopc"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/pass"
	"sotto/runtime/program"
)

// estimate is what a compiled network will cost by a price list: exact bytes and rounds, estimated times.
type estimate struct {
	Source  cost.Source     `json:"offline_source"`
	Online  expected        `json:"online"`
	Offline expected        `json:"offline"`
	Layers  []expectedLayer `json:"layers"`
	// EnergyMJ is both machines' in both phases, where the target has watts.
	EnergyMJ float64 `json:"energy_mj,omitempty"`
	// PeakBytes is the most memory of each process.
	PeakBytes peakBytes `json:"peak_bytes"`
}

// peakBytes by party.
type peakBytes struct {
	Client int64 `json:"client"`
	Server int64 `json:"server"`
}

// expected is a phase, of a layer or of all. A layer's milliseconds are the client's: what it computes, sends and waits for there; what
// the parties work for the layer, on one core each, may be at other times.
type expected struct {
	MS   float64 `json:"ms"`
	Low  float64 `json:"low,omitempty"` // with all prices at the end of their spread; of a whole phase
	High float64 `json:"high,omitempty"`
	cost.Traffic
	Bytes      int64   `json:"bytes"` // both parties'
	DealerSent int64   `json:"dealer_sent,omitempty"`
	ClientWork float64 `json:"client_work_ms"`
	ServerWork float64 `json:"server_work_ms"`
}

// expectedLayer is as party.LayerStats.
type expectedLayer struct {
	Path    string   `json:"path"`
	Op      string   `json:"op"`
	Line    int      `json:"line"`
	Online  expected `json:"online"`
	Offline expected `json:"offline"`
}

// sessionLayer is the row of what belongs to no layer: the base OTs.
const sessionLayer = "session"

// costs prices a SECURE function and sums its ops by layer; a message's frame headers and its round belong to the first layer in it, so
// that the layers sum to the totals.
func costs(m *ir.Module, pair *twopc.Pair, source cost.Source, target cost.Target) estimate {
	f := m.Funcs[0]
	l := ir.Account(m, f, source)
	x := cost.Estimate(l, target)
	dealt := map[int]int64{}
	for _, d := range l.Dealt {
		dealt[d.Tag] += d.Bytes
	}
	peak := l.PeakBytes([2]cost.Held{cost.Client: pair.Client.Held(), cost.Server: pair.Server.Held()}, target)
	e := estimate{Source: l.Source, EnergyMJ: x.EnergyMJ, PeakBytes: peakBytes{peak[cost.Client], peak[cost.Server]}}
	index, ops := map[string]int{}, twopc.LayerOps(f)
	offline, online := l.ByTag(cost.Offline), l.ByTag(cost.Online)
	for tag := cost.SessionTag; tag < len(f.Body); tag++ {
		a, b := expectedOf(&x.Offline, offline[tag], tag), expectedOf(&x.Online, online[tag], tag)
		a.DealerSent = dealt[tag]
		e.Offline.add(a)
		e.Online.add(b)
		if a == (expected{}) && b == (expected{}) {
			continue
		}
		row := e.row(index, f, ops, tag)
		row.Offline.add(a)
		row.Online.add(b)
	}
	e.Offline.Low, e.Offline.High = x.Offline.Low, x.Offline.High
	e.Online.Low, e.Online.High = x.Online.Low, x.Online.High
	return e
}

// expectedOf is what one op takes of a phase.
func expectedOf(x *cost.Expected, t cost.Traffic, tag int) expected {
	work := x.WorkMS[tag]
	return expected{MS: x.ByTag[tag], Traffic: t, Bytes: t.ClientSent + t.ServerSent, ClientWork: work[cost.Client], ServerWork: work[cost.Server]}
}

func (e *expected) add(o expected) {
	e.MS, e.Low, e.High = e.MS+o.MS, e.Low+o.Low, e.High+o.High
	e.ClientWork, e.ServerWork = e.ClientWork+o.ClientWork, e.ServerWork+o.ServerWork
	e.Traffic.Add(o.Traffic)
	e.Bytes, e.DealerSent = e.Bytes+o.Bytes, e.DealerSent+o.DealerSent
}

func (e *estimate) row(index map[string]int, f *ir.Func, ops map[string]string, tag int) *expectedLayer {
	row := expectedLayer{Path: sessionLayer, Op: "setup"}
	if tag >= 0 {
		v := f.Body[tag]
		row = expectedLayer{Path: v.Layer(), Op: ops[v.Layer()], Line: v.Pos.Line}
	}
	i, ok := index[row.Path]
	if !ok {
		i = len(e.Layers)
		index[row.Path] = i
		e.Layers = append(e.Layers, row)
	}
	return &e.Layers[i]
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
	for _, l := range append(e.Layers, expectedLayer{Path: "total", Online: e.Online, Offline: e.Offline}) {
		rows = append(rows, append(append([]string{l.Path, l.Op}, l.Online.cells()...), l.Offline.cells()...))
	}
	table(w, "layer op >online_ms >client_works >server_works >bytes >rounds >offline_ms >client_works >server_works >bytes >rounds", rows)
}

func (e expected) cells() []string {
	return []string{blankMS(e.MS), blankMS(e.ClientWork), blankMS(e.ServerWork), blankSize(e.Bytes), blankZero(int64(e.Rounds))}
}

// line is a phase in a sentence.
func (e expected) line() string {
	text := fmt.Sprintf("%s (%s to %s), client sends %s, server %s, %d rounds", duration(e.MS), duration(e.Low), duration(e.High), size(e.ClientSent), size(e.ServerSent), e.Rounds)
	if e.DealerSent > 0 {
		text += ", dealer " + size(e.DealerSent)
	}
	return text
}

// blankMS prints milliseconds, nothing where there are none to speak of.
func blankMS(ms float64) string {
	if ms < 0.001 {
		return ""
	}
	return three(ms)
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
		rows = append(rows, []string{r.Path, blankReal(r.Worst), blankReal(r.Seen), blankReal(r.Assumed), blankReal(r.Holds), fmt.Sprintf("%.1f", r.Margin), strings.ReplaceAll(r.RestsOn, "_", " ")})
	}
	table(w, "values_of >worst_case >calibrated >assumed >ring_holds >margin_bits rests_on", rows)
}

// tightest keeps, of the forms in which a layer's values occur, the one with the least margin.
func tightest(ranges []pass.Range) []pass.Range {
	var out []pass.Range
	index := map[string]int{}
	for _, r := range ranges {
		i, ok := index[r.Path]
		switch {
		case !ok:
			index[r.Path] = len(out)
			out = append(out, r)
		case r.Margin < out[i].Margin:
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
