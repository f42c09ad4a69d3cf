package lsp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

// Edits in UTF-16 do to the text what they do to its code units.
func TestEditsCountUTF16(t *testing.T) {
	pieces := rapid.SampledFrom([]string{"a", "é", "🦜", "\n", "\r\n", "x = y", ""})
	rapid.Check(t, func(t *rapid.T) {
		d := new(document)
		parts := rapid.SliceOfN(pieces, 0, 12).Draw(t, "text")
		d.set(strings.Join(parts, ""))
		cut := func(name string) int {
			return len(strings.Join(parts[:rapid.IntRange(0, len(parts)).Draw(t, name)], ""))
		}
		from, to := cut("from"), cut("to")
		start, end := d.place(min(from, to)), d.place(max(from, to))
		for _, at := range []int{from, to} {
			p := d.place(at)
			first, _ := d.line(p.Line)
			units := len(utf16.Encode([]rune(d.text[first:d.offset(p)])))
			if units != p.Character || d.offset(p) > len(d.text) {
				t.Fatalf("byte %d of %q is at %+v, which is byte %d", at, d.text, p, d.offset(p))
			}
		}
		put := pieces.Draw(t, "put")
		want := d.text[:d.offset(start)] + put + d.text[d.offset(end):]
		if d.apply(change{&span{start, end}, put}); d.text != want {
			t.Fatalf("%q, accepted is %q", d.text, want)
		}
	})
}

// FuzzServe sends anything: the server answers or ends, and what it answers is whole.
func FuzzServe(f *testing.F) {
	message := func(method, params string) string {
		text := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params)
		return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(text), text)
	}
	begin := message("initialize", "{}")
	source, _ := json.Marshal("block b(x) { return relu(x) }\nnet n { input v: f32[2] from client; output o = b(v) to client }\n# 🦜")
	open := begin + message("textDocument/didOpen", fmt.Sprintf(`{"textDocument":{"uri":"u","text":%s}}`, source))
	place := `{"textDocument":{"uri":"u"},"position":{"line":1,"character":52}}`
	for _, m := range []string{"hover", "definition", "formatting", "documentSymbol"} {
		f.Add([]byte(open + message("textDocument/"+m, place)))
	}
	f.Add([]byte(open + message("textDocument/didChange", `{"textDocument":{"uri":"u"},"contentChanges":[{"range":{"start":{"line":9,"character":-1},"end":{"line":0,"character":99}},"text":"} x { \" ["}]}`)))
	f.Add([]byte("Content-Length: 99\r\n\r\n{"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		if err := Serve(bytes.NewReader(in), &out); err == nil && !strings.Contains(string(in), "exit") {
			t.Fatal("the end of what came in is no error")
		}
		for out.Len() > 0 {
			var n int
			if _, err := fmt.Fscanf(&out, "Content-Length: %d\r\n\r\n", &n); err != nil || !json.Valid(out.Next(n)) {
				t.Fatalf("an answer is no message: %v", err)
			}
		}
	})
}
