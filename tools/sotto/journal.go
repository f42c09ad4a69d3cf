package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/tools/sotto/prices"
)

// journal keeps what bench estimates has measured: a line for the machine and its prices, then a line a run, and at the end one for the prices
// that these met. Without a name it is kept in memory alone.
type journal struct {
	journalHead
	journalPrices
	name string
	file *os.File
	runs map[string][]journalRun // by case and program
}

type journalHead struct {
	head
	Machine string          `json:"machine"`
	Targets []cost.Target   `json:"targets"`         // that cases are compiled at
	Alone   *prices.Machine `json:"alone,omitempty"` // what kernels take alone, which runs of samples correct; nil: the run does not calibrate
}

// journalPrices are those that the runs of samples correct, for the links of Targets: the last line of whole runs.
type journalPrices struct {
	Met    []cost.Target `json:"met,omitempty"`
	Rounds int           `json:"rounds,omitempty"` // whose runs, the last ones
}

// journalRun is one run of a case.
type journalRun struct {
	estimateCase
	Program       string      `json:"program"`
	Online        party.Phase `json:"online"`
	Offline       party.Phase `json:"offline"`
	ClientPeakRSS int64       `json:"client_peak_rss"`
	ServerPeakRSS int64       `json:"server_peak_rss"`
}

func (r journalRun) bytes() float64 {
	return float64(r.Online.ClientSent + r.Online.ServerSent + r.Offline.ClientSent + r.Offline.ServerSent)
}

func (r journalRun) key() string { return r.name() + " " + r.Program }

// mostLine bounds a line of a journal: the first one has all prices with their sources.
const mostLine = 1 << 24

// openJournal reads what there is; a line that is cut off at the end, of a run that was killed, is dropped.
func openJournal(name string) (*journal, error) {
	j := &journal{name: name, runs: map[string][]journalRun{}}
	if name == "" {
		return j, nil
	}
	var err error
	if j.file, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o666); err != nil {
		return nil, err
	}
	end, err := j.read()
	if err == nil {
		err = errors.Join(j.file.Truncate(end), j.seek(end))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), j.file.Close())
	}
	if here := thisMachine().text(); j.Machine != "" && j.Machine != here {
		return nil, errors.Join(fmt.Errorf("%s was begun on %s, this is %s: accepted is another file", name, j.Machine, here), j.file.Close())
	}
	return j, nil
}

func (j *journal) seek(end int64) error {
	_, err := j.file.Seek(end, 0)
	return err
}

// read takes the whole lines and gives where they end.
func (j *journal) read() (end int64, err error) {
	r := bufio.NewReaderSize(j.file, mostLine)
	for n := 0; ; n++ {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return end, nil // a line without an end is dropped, with what follows
		}
		if n == 0 {
			if json.Unmarshal(line, &j.journalHead) != nil || j.Sotto != version1.Sotto || len(j.Targets) == 0 {
				return 0, errJournal
			}
		} else {
			if err := j.readLine(line); err != nil {
				return 0, fmt.Errorf("line %d: %w", n+1, err)
			}
		}
		end += int64(len(line))
	}
}

func (j *journal) readLine(line []byte) error {
	var p journalPrices
	if json.Unmarshal(line, &p) == nil && len(p.Met) > 0 {
		j.journalPrices = p
		return nil
	}
	var run journalRun
	if json.Unmarshal(line, &run) != nil || run.Program == "" {
		return errJournal
	}
	j.hold(run)
	return nil
}

// target gives the prices of a link.
func (j *journal) target(link string) (cost.Target, bool) { return find(j.Targets, link) }

func find(lists []cost.Target, link string) (cost.Target, bool) {
	i := slices.IndexFunc(lists, func(t cost.Target) bool { return t.Name == link })
	if i < 0 {
		return cost.Target{}, false
	}
	return lists[i], true
}

// begin keeps the prices that all cases are compiled at.
func (j *journal) begin(h journalHead) error {
	j.journalHead = h
	return j.write(h)
}

// price keeps the prices that the runs met.
func (j *journal) price(p journalPrices) error {
	j.journalPrices = p
	return j.write(p)
}

// met gives the prices of a link that the runs met.
func (j *journal) met(link string) (cost.Target, error) {
	t, ok := find(j.Met, link)
	if !ok {
		return t, fmt.Errorf("%s has no prices of the link %s behind its runs: accepted are links that it was begun with, or another file", j.name, link)
	}
	return t, nil
}

// add keeps a run.
func (j *journal) add(c *estimateCase, r *runResult) error {
	run := journalRun{estimateCase: *c, Program: c.program, Online: r.Online, Offline: r.Offline, ClientPeakRSS: r.ClientPeakRSS, ServerPeakRSS: r.ServerPeakRSS}
	j.hold(run)
	return j.write(run)
}

// hold takes a run, which prices that were measured behind earlier ones are not behind.
func (j *journal) hold(run journalRun) {
	j.runs[run.key()] = append(j.runs[run.key()], run)
	j.Met = nil
}

func (j *journal) write(v any) error {
	if j.file == nil {
		return nil
	}
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = j.file.Write(append(line, '\n'))
	return err
}

// runsOf gives the runs of a case as it is compiled now.
func (j *journal) runsOf(c *estimateCase) []journalRun {
	return j.runs[journalRun{estimateCase: *c, Program: c.program}.key()]
}

func (j *journal) close() {
	if j.file != nil {
		j.file.Close() // every line was written whole, or reported
	}
}
