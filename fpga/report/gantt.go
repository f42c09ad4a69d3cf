package report

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"slices"

	"sotto/ir/cost"
)

// Sizes of the chart in pixels.
const (
	chartWidth = 1600
	labelWidth = 220
	rowHeight  = 18
	barHeight  = 14
	headHeight = 40
	tickPixels = 100 // about between two marks of the time axis
)

// hues of layers, one after the other, so that neighbours differ.
var hues = []int{210, 30, 130, 280, 0, 180, 60, 320, 100, 240}

// severalLayers is the layer of a bar less than two pixels wide that has operations of more than one.
const severalLayers = -2

// bar is consecutive operations of one layer on a lane, with no gap that could be seen.
type bar struct {
	layer      int
	start, end int64
	busy       int64
	ops        int
}

// Gantt draws both parties' resources over time, each unit a row, layers in colours. What is closer than a pixel is one bar, whose title
// says how much of it is busy.
func (r *Run) Gantt(w io.Writer) error {
	out := bufio.NewWriter(w)
	lanes := slices.DeleteFunc(r.lanes(), func(l lane) bool { return len(l.ops) == 0 })
	latency := max(r.Latency(), 1)
	height := headHeight + rowHeight*(len(lanes)+1)
	fmt.Fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"11\">\n", labelWidth+chartWidth+20, height)
	fmt.Fprintf(out, "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n<text x=\"4\" y=\"16\" font-size=\"13\">%s on two %s over %s: %.3f ms at %g MHz (an estimate; cycles are the schedule's)</text>\n",
		html.EscapeString(r.Net), html.EscapeString(r.Board), html.EscapeString(r.Link), r.MS(latency), r.ClockMHz)
	r.axis(out, latency, height)
	last := -1
	for i, l := range lanes {
		y := headHeight + rowHeight*i
		if p := int(r.Resources[l.resource].Party); p != last {
			fmt.Fprintf(out, "<line x1=\"0\" x2=\"%d\" y1=\"%d\" y2=\"%d\" stroke=\"black\"/>\n", labelWidth+chartWidth, y, y)
			last = p
		}
		fmt.Fprintf(out, "<text x=\"4\" y=\"%d\">%s</text>\n", y+barHeight-2, html.EscapeString(r.laneName(l)))
		for _, b := range r.bars(l, latency) {
			r.draw(out, b, y, latency)
		}
	}
	fmt.Fprintln(out, "</svg>")
	return out.Flush()
}

// axis marks milliseconds at a step of 1, 2 or 5 times a power of ten.
func (r *Run) axis(out io.Writer, latency int64, height int) {
	step := niceStep(r.MS(latency) * tickPixels / chartWidth)
	for i := 0; ; i++ {
		t := float64(i) * step
		if t > r.MS(latency) {
			return
		}
		x := labelWidth + t/r.MS(latency)*chartWidth
		fmt.Fprintf(out, "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#ddd\"/><text x=\"%.1f\" y=\"%d\" fill=\"#555\">%.4g ms</text>\n", x, x, headHeight-6, height-rowHeight, x+2, headHeight-8, t)
	}
}

func niceStep(atLeast float64) float64 {
	step := 1e-6
	for {
		for _, m := range []float64{1, 2, 5} {
			if step*m >= atLeast {
				return step * m
			}
		}
		step *= 10
	}
}

// bars joins a lane's operations.
func (r *Run) bars(l lane, latency int64) []bar {
	pixel := latency / chartWidth
	var out []bar
	for _, op := range l.ops {
		start, end, layer := r.Schedule.Start[op], r.end(op), r.Ops[op].Layer
		if n := len(out) - 1; n >= 0 && start-out[n].end <= pixel && (out[n].layer == layer || out[n].end-out[n].start < pixel && end-start < pixel) {
			if out[n].layer != layer {
				out[n].layer = severalLayers
			}
			out[n].end, out[n].busy, out[n].ops = end, out[n].busy+end-start, out[n].ops+1
			continue
		}
		out = append(out, bar{layer, start, end, end - start, 1})
	}
	return out
}

func (r *Run) draw(out io.Writer, b bar, y int, latency int64) {
	scale := float64(chartWidth) / float64(latency)
	name, colour := "(session)", "#999"
	if b.layer == severalLayers {
		name = "(several layers)"
	}
	if b.layer >= 0 {
		name = r.Layers[b.layer].Path
		colour = fmt.Sprintf("hsl(%d,60%%,%d%%)", hues[b.layer%len(hues)], 45+10*(b.layer/len(hues)%3))
	}
	fmt.Fprintf(out, "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" fill=\"%s\"><title>%s: %.4f to %.4f ms, cycles %d to %d, busy %d, operations %d</title></rect>\n",
		labelWidth+float64(b.start)*scale, y+1, max(float64(b.end-b.start)*scale, 0.3), barHeight, colour, html.EscapeString(name), r.MS(b.start), r.MS(b.end), b.start, b.end, b.busy, b.ops)
}

func partyName(p int) string { return cost.Party(p).String() }
