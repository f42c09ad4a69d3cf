// Package explore shows what the compiler did, and what a run took, on one page of a browser on the same machine: a document of parts in
// JSON, a server that hands them out, and the page that draws them.
package explore

import (
	"context"
	"encoding/json"
	"maps"
	"sync"
)

// Version is that of all JSON of this package.
const Version = 1

// Document is what a page shows: parts by name, each a JSON object. Parts may come and be replaced while the page is open.
type Document struct {
	mu      sync.Mutex
	parts   map[string]json.RawMessage
	changed map[string]int // by part: the state it came with
	state   State
	news    chan struct{} // closed at the next change
}

// State says how far a document is.
type State struct {
	Sotto int            `json:"sotto"`
	Title string         `json:"title"`
	State int            `json:"state"` // counts changes
	Parts map[string]int `json:"parts"` // by name: the state that each came with
	Doing string         `json:"doing,omitempty"`
	Done  bool           `json:"done"`
	Error string         `json:"error,omitempty"`
}

// NewDocument gives an empty one.
func NewDocument(title string) *Document {
	return &Document{parts: map[string]json.RawMessage{}, changed: map[string]int{}, news: make(chan struct{}), state: State{Sotto: Version, Title: title}}
}

// Put adds or replaces a part: an object that JSON can hold.
func (d *Document) Put(name string, part any) error {
	text, err := json.Marshal(part)
	if err != nil {
		return err
	}
	d.change(func() {
		d.parts[name] = text
		d.changed[name] = d.state.State
	})
	return nil
}

// Doing says what the document waits for.
func (d *Document) Doing(what string) { d.change(func() { d.state.Doing = what }) }

// End says that nothing more comes, and why if that is not as it should be.
func (d *Document) End(err error) {
	d.change(func() {
		d.state.Done, d.state.Doing = true, ""
		if err != nil {
			d.state.Error = err.Error()
		}
	})
}

func (d *Document) change(do func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.state.State++
	do()
	close(d.news)
	d.news = make(chan struct{})
}

// Part gives a part's JSON.
func (d *Document) Part(name string) (json.RawMessage, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	text, ok := d.parts[name]
	return text, ok
}

// After waits for a state later than the one named, or the end of ctx, and gives it.
func (d *Document) After(ctx context.Context, state int) State {
	for {
		d.mu.Lock()
		now, news := d.state, d.news
		now.Parts = maps.Clone(d.changed)
		d.mu.Unlock()
		if now.State > state || now.Done {
			return now
		}
		select {
		case <-news:
		case <-ctx.Done():
			return now
		}
	}
}
