package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Page writes a summary as Markdown.
func (s *Summary) Page(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# %s on two boards %s over %s\n\n", s.Net, s.Board, s.Link)
	fmt.Fprintf(out, "Latency of one inference's online phase: **%d cycles**, %.3f ms at %g MHz (clock: estimate). No schedule of the same operations is below %d cycles.\n",
		s.Cycles, s.LatencyMS, s.ClockMHz, s.LeastCycles)
	fmt.Fprintf(out, "Energy: %.1f mJ at %g W for both boards (watts: estimate).\n\n", s.EnergyMJ, s.Watts)
	fmt.Fprint(out, "## Layers\n\nCycles are what a layer adds: each cycle belongs to the first layer that has something going on in it, or waits for a message or a port. They sum to the latency.\n",
		"Bound is what works for the layer in most of these cycles (an engine, a memory, a kernel's own port to it, the link), or the network's delay where it waits longer; the share is of\nthe layer's cycles. Rows are in the order in which layers begin.\n\n")
	fmt.Fprintln(out, "| layer | op | line | cycles | ms | waiting for a message | bound by | share | memory MB | client sent MB | server sent MB | mJ |\n|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, l := range s.Layers {
		fmt.Fprintf(out, "| %s | %s | %s | %d | %.4f | %d | %s: %s | %.0f %% | %s | %s | %s | %.3f |\n", cell(l.Path), cell(l.Op), lineOf(l), l.Cycles, l.MS, l.Delay, l.Bound, l.BoundBy, 100*l.BoundShare, mb(l.Memory), mb(l.ClientSent), mb(l.ServerSent), l.EnergyMJ)
	}
	fmt.Fprint(out, "\n## Utilisation\n\n| resource | board | class | units | busy cycles | of the latency | MB |\n|---|---|---|---|---|---|---|\n")
	for _, r := range s.Resources {
		fmt.Fprintf(out, "| %s | %s | %s | %d | %d | %.1f %% | %s |\n", cell(r.Name), r.Party, r.Class, r.Units, r.BusyCycles, 100*r.Utilisation, mb(r.Bytes))
	}
	fmt.Fprint(out, "\n## What runs while the link is busy\n\nOf the cycles in which a direction of the link is busy, those in which each other resource is busy too.\n\n| direction | busy cycles | beside it |\n|---|---|---|\n")
	for _, o := range s.Overlap {
		var list []string
		for _, b := range o.Beside {
			list = append(list, fmt.Sprintf("%s %.0f %%", b.Resource, 100*share(b.Cycles, o.BusyCycles)))
		}
		fmt.Fprintf(out, "| %s | %d | %s |\n", cell(o.Direction), o.BusyCycles, cell(strings.Join(list, ", ")))
	}
	return out.Flush()
}

// cell keeps a text inside its cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

func lineOf(l LayerUse) string {
	if l.Line == 0 {
		return ""
	}
	return fmt.Sprintf("%s:%d", cell(l.File), l.Line)
}

func mb(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	const bytesPerMB = 1e6
	return fmt.Sprintf("%.3f", float64(bytes)/bytesPerMB)
}
