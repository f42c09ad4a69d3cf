package hls

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// about is what README.md is made of: files that it points into are at hand.
type about struct {
	Config       *Config
	Link         string
	Tool         string
	Platform     string // of the linker, empty where none is known
	Note         string
	Hz           int64 // of the clock
	Session      bool
	Alternatives bool
	files        map[string][]byte
}

// At gives the file and line of the first line that has a text, or fails the template.
func (a *about) At(path, text string) (string, error) {
	b, ok := a.files[path]
	if !ok {
		return "", fmt.Errorf("README.md points into %s, which is not written", path)
	}
	at := bytes.Index(b, []byte(text))
	if at < 0 {
		return "", fmt.Errorf("README.md points to %q in %s, which does not have it", text, path)
	}
	return fmt.Sprintf("%s:%d", path, 1+bytes.Count(b[:at], []byte("\n"))), nil
}

// Percent of a share.
func (a *about) Percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// Has tells whether there is a kernel.
func (a *about) Has(kernel string) bool {
	return slices.ContainsFunc(a.Config.Kernels, func(k KernelConfig) bool { return k.Name == kernel })
}

// MB of bytes.
func (a *about) MB(n int64) string {
	const bytesPerMB = 1e6
	return fmt.Sprintf("%.1f", float64(n)/bytesPerMB)
}

// BeatBits are those of TDATA of the link's streams: a beat's words, and their number in a word of its own.
func (a *about) BeatBits() int { return wordBits * (a.Config.Constants.LinkWords + 1) }

// Counts of commands by kernel.
func (a *about) Counts(of map[string]int) string {
	var list []string
	for _, k := range slices.Sorted(maps.Keys(of)) {
		list = append(list, fmt.Sprintf("%s %d", k, of[k]))
	}
	return strings.Join(list, ", ")
}

// readme writes README.md behind all files that it points into.
func (w *writer) readme(f *Folder, c *Config) {
	if w.err != nil {
		return
	}
	a := &about{Config: c, Link: linkText(f.Plan.Link), Tool: Tool, Platform: platforms[f.Board.Name].name, Note: platformNote(f.Board.Name), Hz: clockHz(c.ClockMHz), Session: f.Recordings[0] != nil, Alternatives: len(f.Alternatives) > 0, files: w.kept}
	var text bytes.Buffer
	w.err = templates.ExecuteTemplate(&text, "README.md", a)
	w.bytes("README.md", text.Bytes())
}
