package main

import (
	"fmt"
	"io"
	"strconv"

	"sotto/ir/cost"
	"sotto/runtime/party"
)

// phaseLine is one phase in a sentence.
func phaseLine(name string, p party.Phase) string {
	s := fmt.Sprintf("%s %s, client sent %s, server sent %s, %d rounds", name, duration(p.MS), size(p.ClientSent), size(p.ServerSent), p.Rounds)
	if p.DealerSent > 0 {
		s += fmt.Sprintf(", dealer sent %s", size(p.DealerSent))
	}
	return s
}

// statsTable is the cost of every layer in both phases.
func statsTable(w io.Writer, s *party.Stats) {
	var rows [][]string
	row := func(path, op string, line int, online, offline party.Phase) {
		at := ""
		if line > 0 {
			at = strconv.Itoa(line)
		}
		rows = append(rows, []string{path, op, at,
			duration(online.MS), size(online.ClientSent), size(online.ServerSent), strconv.Itoa(online.Rounds),
			duration(offline.MS), size(offline.ClientSent), size(offline.ServerSent), size(offline.DealerSent)})
	}
	for _, l := range s.Layers {
		row(l.Path, l.Op, l.Line, l.Online, l.Offline)
	}
	row("total", "", 0, s.Online, s.Offline)
	table(w, "layer op >line >online >client_sent >server_sent >rounds >offline >client_sent >server_sent >dealer_sent", rows)
	if s.Stored != nil {
		fmt.Fprintf(w, "%s; peak memory %s\n", storeLine(s.Stored), size(s.PeakRSS))
		return
	}
	maker := map[cost.Source]string{cost.FromHE: "made by the two parties alone", cost.FromDealer: "from a dealer"}[s.Source]
	fmt.Fprintf(w, "offline material %s; %d offline rounds; peak memory %s\n", maker, s.Offline.Rounds, size(s.PeakRSS))
}
