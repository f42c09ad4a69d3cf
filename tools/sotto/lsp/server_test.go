package lsp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"

	"sotto/frontend/syntax"
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

// BenchmarkHover asks, over the protocol, for every place of a row of names in ResNet-50: as it is written, in blocks and loops, and as one line a
// layer; a third edits the text before each, so that all of it is read and elaborated anew, as while somebody types.
func BenchmarkHover(b *testing.B) {
	text, err := os.ReadFile("../../../examples/resnet50.sotto")
	if err != nil {
		b.Fatal(err)
	}
	for name, c := range map[string]struct {
		text  string
		edits bool
	}{"blocks": {string(text), false}, "flat": {flat(54), false}, "typing": {string(text), true}, "typing-flat": {flat(54), true}} {
		b.Run(name, func(b *testing.B) {
			s := &Server{out: io.Discard, open: map[string]*document{}, dirty: map[string]bool{}, initialized: true}
			s.didOpen(opened(c.text))
			d := s.open["u"]
			if s.analyse(d); len(d.errs) > 0 {
				b.Fatal(d.errs)
			}
			var at []string
			walk(d.file, func(p syntax.Placed) {
				if n, ok := p.(*syntax.Call); ok {
					place, _ := json.Marshal(d.place(n.Fn.Offset))
					at = append(at, fmt.Sprintf(`{"id":1,"method":"textDocument/hover","params":{"textDocument":{"uri":"u"},"position":%s}}`, place))
				}
			})
			edit := fmt.Sprintf(`{"method":"textDocument/didChange","params":{"textDocument":{"uri":"u"},"contentChanges":[{"range":{"start":%[1]s,"end":%[1]s},"text":" "}]}}`, `{"line":0,"character":0}`)
			for i := 0; b.Loop(); i++ {
				if c.edits {
					if err := s.message([]byte(edit)); err != nil {
						b.Fatal(err)
					}
				}
				if err := s.message([]byte(at[i%len(at)])); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func opened(text string) (p textDocument) {
	p.TextDocument.URI, p.TextDocument.Text = "u", text
	return p
}

// flat is a network of so many convolutions with batch normalisation and ReLU, a line each: as an import without blocks has it.
func flat(layers int) string {
	text := "net flat {\n  input image: f32[3, 224, 224] from client\n  x = conv(image, 64, kernel = 7, stride = 4, pad = 3)\n"
	for i := range layers {
		text += fmt.Sprintf("  x = conv(x, 64, kernel = 3, pad = 1) as \"conv%d\"\n  x = batchnorm(x) as \"bn%d\"\n  x = relu(x) as \"relu%d\"\n", i, i, i)
	}
	return text + "  output logits = avgpool(x, 56) |> flatten |> linear(1000) to client\n}\n"
}
