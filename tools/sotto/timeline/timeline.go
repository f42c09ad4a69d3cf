// Package timeline writes what a session did and when as a trace that chrome://tracing and Perfetto open.
//
// The file is an object in the Trace Event Format: process 1 is the client, 2 the server, and a process has a thread for each lane. What is
// in it are times, layers, instructions and numbers of bytes, all of which the other party or anybody who watches the network can see
// or guess; no values.
package timeline

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"sotto/ir/cost"
)

// File is a whole trace.
type File struct {
	Sotto  int     `json:"sotto"` // 1
	Unit   string  `json:"displayTimeUnit"`
	About  About   `json:"otherData"`
	Events []Event `json:"traceEvents"`
}

// About says what was traced.
type About struct {
	Net     string `json:"net"`
	Program string `json:"program_hash"`
	Session string `json:"session,omitempty"` // its id, the same at both parties
	Source  string `json:"offline_source"`
	// Origin is the moment of time 0 by this machine's clock, in nanoseconds of Unix time.
	Origin int64            `json:"origin_unix_ns"`
	Totals map[string]Total `json:"totals"` // by phase, offline and online
}

// Total is what a phase took in all, by the connection's counters.
type Total struct {
	MS float64 `json:"ms"`
	cost.Traffic
}

// Event is one entry of a trace: "X" is a stretch of time, "s" and "f" are the ends of an arrow, "M" names a process or a thread.
type Event struct {
	Name string   `json:"name"`
	Cat  string   `json:"cat,omitempty"`
	Ph   string   `json:"ph"`
	TS   float64  `json:"ts"`            // microseconds
	Dur  *float64 `json:"dur,omitempty"` // microseconds, of "X"
	PID  int      `json:"pid"`
	TID  int      `json:"tid"`
	ID   string   `json:"id,omitempty"` // of an arrow
	BP   string   `json:"bp,omitempty"`
	Args *Args    `json:"args,omitempty"`
}

// Args is what an event says besides.
type Args struct {
	Name  string `json:"name,omitempty"`       // of a process or thread
	Order *int   `json:"sort_index,omitempty"` // of it
	Phase string `json:"phase,omitempty"`      // session, offline or online
	Part
	Round   int    `json:"round,omitempty"`   // of the phase, from 1
	Number  int    `json:"number,omitempty"`  // of the message in its direction, from 1
	Headers int64  `json:"headers,omitempty"` // bytes of frame headers, which are of the first part
	Parts   []Part `json:"parts,omitempty"`   // of a message
}

// Part is what belongs to a layer.
type Part struct {
	Layer    string `json:"layer,omitempty"` // session: none of the user's
	Line     int    `json:"line,omitempty"`
	Op       string `json:"op,omitempty"`       // as the user's language has it
	Protocol string `json:"protocol,omitempty"` // op of the compiled function
	Bytes    int64  `json:"bytes,omitempty"`    // with frame headers
}

// Processes.
const (
	Client = 1
	Server = 2
)

// Threads of a process.
const (
	Phases = iota + 1
	Computing
	Sending
	MessagesOut
	Receiving
	MessagesIn
	FromDealer
)

var threads = map[int]string{Phases: "phases", Computing: "compute", Sending: "sending", MessagesOut: "messages out", Receiving: "receiving",
	MessagesIn: "messages in", FromDealer: "from the dealer"}

// maxFile bounds a trace that is read, in bytes.
const maxFile = 1 << 30

// Read reads a trace that Write wrote.
func Read(path string) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s: more than %d bytes", path, maxFile)
	}
	f := new(File)
	if err := json.Unmarshal(text, f); err != nil || f.Sotto != 1 || len(f.Events) == 0 {
		return nil, errors.Join(fmt.Errorf("%s is no trace that --trace wrote", path), err)
	}
	return f, nil
}

// Encode gives the trace as a file has it, an event a line.
func (f *File) Encode() ([]byte, error) {
	out := *f
	out.Events = nil
	text, err := json.Marshal(out)
	if err != nil {
		return nil, err
	}
	text = text[:len(text)-len("null}")] // of traceEvents, the last field
	for i, e := range f.Events {
		line, err := json.Marshal(e)
		if err != nil {
			return nil, err
		}
		before := ",\n"
		if i == 0 {
			before = "[\n"
		}
		text = append(append(text, before...), line...)
	}
	return append(text, "]}\n"...), nil
}

// settle puts events in the order of time, those that enclose others first, and the first at 0.
func (f *File) settle() {
	slices.SortStableFunc(f.Events, func(a, b Event) int {
		return cmp.Or(rank(a)-rank(b), cmp.Compare(a.TS, b.TS), cmp.Compare(b.length(), a.length()))
	})
	first := slices.IndexFunc(f.Events, func(e Event) bool { return e.Ph != "M" })
	if first < 0 {
		return
	}
	at := f.Events[first].TS
	f.About.Origin += int64(at * 1e3)
	for i := first; i < len(f.Events); i++ {
		f.Events[i].TS = micros(f.Events[i].TS - at)
	}
}

// rank has names first.
func rank(e Event) int {
	if e.Ph == "M" {
		return 0
	}
	return 1
}

func (e Event) length() float64 {
	if e.Dur == nil {
		return 0
	}
	return *e.Dur
}

// arrow is the id of the arrow of a message.
func arrow(sender, number int) string {
	return [...]string{Client: "client-", Server: "server-"}[sender] + strconv.Itoa(number)
}
