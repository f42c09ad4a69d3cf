package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/testscript"
)

// editCommand is `edit TRANSCRIPT GOT`: an editor talks to `sotto lsp` over pipes. A line `> METHOD PARAMS` of the transcript is sent, as a
// request if the editor asks something, and written to GOT with what is answered behind it; FILE(name) is the text of a file.
func editCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 || neg {
		ts.Fatalf("usage: edit TRANSCRIPT GOT")
	}
	bin, _, _ := strings.Cut(ts.Getenv("PATH"), string(os.PathListSeparator))
	c := exec.Command(filepath.Join(bin, "sotto"), "lsp")
	var errs bytes.Buffer
	c.Stderr = &errs
	in, err := c.StdinPipe()
	ts.Check(err)
	out, err := c.StdoutPipe()
	ts.Check(err)
	ts.Check(c.Start())
	defer c.Process.Kill()
	var got strings.Builder
	r := bufio.NewReader(out)
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		if !strings.HasPrefix(line, "> ") {
			continue
		}
		got.WriteString(line)
		content, answered := editorMessage(ts, strings.TrimSpace(line[2:]))
		_, err := fmt.Fprintf(in, "Content-Length: %d\r\n\r\n%s", len(content), content)
		ts.Check(err)
		if answered {
			got.WriteString(readAnswer(ts, r))
		}
	}
	if err := c.Wait(); err != nil {
		ts.Fatalf("sotto lsp: %v: %s", err, errs.String())
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(got.String()), 0o666))
}

// editorMessage makes a message of a transcript's line, and tells whether it is answered: by a result, or by diagnostics.
func editorMessage(ts *testscript.TestScript, line string) (content []byte, answered bool) {
	name, params, _ := strings.Cut(line, " ")
	for i := strings.Index(params, "FILE("); i >= 0; i = strings.Index(params, "FILE(") {
		path, rest, _ := strings.Cut(params[i+len("FILE("):], ")")
		text, err := json.Marshal(ts.ReadFile(path))
		ts.Check(err)
		params = params[:i] + string(text) + rest
	}
	m := map[string]any{"jsonrpc": "2.0", "method": name}
	if params != "" {
		m["params"] = json.RawMessage(params)
	}
	edits := strings.HasPrefix(name, "textDocument/did")
	if !edits && name != "initialized" && name != "exit" {
		m["id"] = 1
		answered = true
	}
	content, err := json.Marshal(m)
	ts.Check(err)
	return content, answered || edits
}

// readAnswer reads a message and gives what it says: its result, error or parameters.
func readAnswer(ts *testscript.TestScript, r *bufio.Reader) string {
	var n int
	_, err := fmt.Fscanf(r, "Content-Length: %d\r\n\r\n", &n)
	ts.Check(err)
	content := make([]byte, n)
	_, err = io.ReadFull(r, content)
	ts.Check(err)
	var m struct {
		Params struct {
			Diagnostics json.RawMessage
		}
		Result, Error json.RawMessage
	}
	ts.Check(json.Unmarshal(content, &m))
	for _, x := range []json.RawMessage{m.Error, m.Params.Diagnostics, m.Result} {
		if x != nil {
			return string(x) + "\n"
		}
	}
	return "null\n"
}

// What is no message of the protocol ends the server with an error, and never hangs or crashes it.
func TestLSPRefuses(t *testing.T) {
	for _, in := range []string{
		"", "Content-Length: 5\r\n\r\n{}", "Content-Length: -1\r\n\r\n", "Content-Length: 99999999999\r\n\r\n", "no header\r\n\r\n",
		"\r\n", strings.Repeat("a", 5000), strings.Repeat("A: b\r\n", 50), "Content-Length: 2\r\n\r\n[]", "Content-Length: 4\r\n\r\nnull",
	} {
		var out, errs bytes.Buffer
		if status := run([]string{"lsp"}, strings.NewReader(in), &out, &errs); status != 1 {
			t.Errorf("%.30q: status %d, %s", in, status, errs.String())
		}
	}
}

// editor is at the other end of a `sotto lsp` process.
type editor struct {
	t   *testing.T
	in  io.Writer
	out *bufio.Reader
}

// newEditor starts the server and has it initialised.
func newEditor(t *testing.T) *editor {
	t.Helper()
	c := exec.Command("sotto", "lsp")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Process.Kill(); c.Wait() })
	e := &editor{t, in, bufio.NewReader(out)}
	e.ask(`"initialize"`, "{}")
	return e
}

// lspAnswer is what the tests read of a message.
type lspAnswer struct {
	ID     json.RawMessage
	Result json.RawMessage
	Error  struct {
		Code    int
		Message string
	}
	Params struct {
		URI         string
		Version     int
		Diagnostics []struct {
			Range   lspRange
			Message string
		}
	}
}

type lspRange struct{ Start, End struct{ Line, Character int } }

func (e *editor) send(content string) {
	e.t.Helper()
	if _, err := fmt.Fprintf(e.in, "Content-Length: %d\r\n\r\n%s", len(content), content); err != nil {
		e.t.Fatal(err)
	}
}

func (e *editor) read() (a lspAnswer) {
	e.t.Helper()
	var n int
	if _, err := fmt.Fscanf(e.out, "Content-Length: %d\r\n\r\n", &n); err != nil {
		e.t.Fatal(err)
	}
	content := make([]byte, n)
	if _, err := io.ReadFull(e.out, content); err != nil {
		e.t.Fatal(err)
	}
	if err := json.Unmarshal(content, &a); err != nil {
		e.t.Fatalf("%v: %s", err, content)
	}
	return a
}

// ask sends a request, whose id is the method's name, and reads its answer.
func (e *editor) ask(method, params string) lspAnswer {
	e.t.Helper()
	e.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":%s,"params":%s}`, method, method, params))
	a := e.read()
	if string(a.ID) != method {
		e.t.Fatalf("%s is answered with id %s", method, a.ID)
	}
	return a
}

// tell sends a notification about a document and reads the diagnostics that follow.
func (e *editor) tell(method string, params any) lspAnswer {
	e.t.Helper()
	content, err := json.Marshal(object{"jsonrpc": "2.0", "method": "textDocument/" + method, "params": params})
	if err != nil {
		e.t.Fatal(err)
	}
	e.send(string(content))
	return e.read()
}

// TestLSPAsOneTypes: a file is typed character by character, its lines ended as on Windows, with text that UTF-16 counts otherwise than bytes do.
// After each the errors are those of the text as far as it is typed, and lie in it.
func TestLSPAsOneTypes(t *testing.T) {
	e := newEditor(t)
	text := strings.ReplaceAll("# ü 🦜\nnet tiny {\n  input image: f32[1, 6, 6] from client  # 🦜\n  x = conv(image, 2, kernel = 3) as \"conv1\" |> relu\n"+
		"  output logits = x |> flatten |> linear(3) to client\n}\n", "\n", "\r\n")
	typed, uri, line, column, wrong := "", "file:///typed.sotto", 0, 0, 0
	e.tell("didOpen", object{"textDocument": object{"uri": uri, "version": 0, "text": ""}})
	keys := regexp.MustCompile(`(?s)\r\n|.`).FindAllString(text, -1)
	for i, key := range keys {
		at := object{"line": line, "character": column}
		got := e.tell("didChange", object{"textDocument": object{"uri": uri, "version": i + 1}, "contentChanges": []object{{"range": object{"start": at, "end": at}, "text": key}}})
		typed += key
		if column += len(utf16.Encode([]rune(key))); key == "\r\n" {
			line, column = line+1, 0
		}
		whole := e.tell("didOpen", object{"textDocument": object{"uri": "file:///whole.sotto", "version": i + 1, "text": typed}})
		if d := cmp.Diff(whole.Params.Diagnostics, got.Params.Diagnostics); d != "" || got.Params.URI != uri || got.Params.Version != i+1 {
			t.Fatalf("after %q, version %d of %s (-of the whole text +as typed):\n%s", typed, got.Params.Version, got.Params.URI, d)
		}
		for _, g := range got.Params.Diagnostics {
			if g.Range.Start.Line > line || g.Range.Start.Line == line && g.Range.Start.Character > column || g.Message == "" {
				t.Fatalf("after %q: %+v lies behind the text", typed, g)
			}
		}
		if len(got.Params.Diagnostics) > 0 {
			wrong++
		}
	}
	if wrong < len(keys)/2 {
		t.Errorf("only %d of %d texts on the way have errors", wrong, len(keys))
	}
	if whole := e.tell("didOpen", object{"textDocument": object{"uri": uri, "version": 1, "text": typed}}); len(whole.Params.Diagnostics) > 0 {
		t.Errorf("the whole file has errors: %+v", whole.Params.Diagnostics)
	}
	place := fmt.Sprintf(`{"textDocument":{"uri":%q},"position":{"line":3,"character":7}}`, uri)
	if a := e.ask(`"textDocument/hover"`, place); !strings.Contains(string(a.Result), "conv1") {
		t.Errorf("conv is %s", a.Result)
	}
	// What is wrong behind characters of two units and more bytes is marked where it is.
	behind := e.tell("didOpen", object{"textDocument": object{"uri": uri, "version": 2, "text": strings.Replace(typed, `"conv1" |> relu`, `"🦜ü" |> nope`, 1)}})
	if list := behind.Params.Diagnostics; len(list) != 2 || !strings.Contains(list[1].Message, "nope") || list[1].Range.Start.Character != strings.Index(`  x = conv(image, 2, kernel = 3) as "123" |> nope`, "nope") || list[1].Range.End.Character-list[1].Range.Start.Character != len("nope") {
		t.Errorf("%+v: accepted is that neither the name nor nope is known, where they stand", list)
	}
}

// TestLSPGoesOn: what cannot be understood is answered with an error, or not at all where nothing is asked, and the next request is served.
func TestLSPGoesOn(t *testing.T) {
	e := newEditor(t)
	e.tell("didOpen", object{"textDocument": object{"uri": "u", "version": 1, "text": "net n { input v: f32[2] from client; output o = relu(v) to client }\n"}})
	for _, c := range []struct {
		content string
		code    int // 0: no answer
	}{
		{`{"jsonrpc":`, -32700}, {`[]`, -32700}, {"", -32700}, {"\xff\xfe", -32700}, {`{"id":1}`, 0}, {`{"id":1,"result":null}`, 0},
		{`{"method":"$/cancelRequest","params":{"id":7}}`, 0}, {`{"method":"$/cancelRequest"}`, 0}, {`{"method":"workspace/didChangeConfiguration","params":null}`, 0},
		{`{"method":"textDocument/didChange","params":{"textDocument":7}}`, 0}, {`{"method":"textDocument/didClose","params":[]}`, 0},
		{`{"id":7,"method":"workspace/symbol","params":{}}`, -32601}, {`{"id":7,"method":"textDocument/hover","params":"u"}`, -32602},
		{`{"id":7,"method":"textDocument/hover","params":{"textDocument":{"uri":"other"}}}`, -32602}, {`{"id":7,"method":"textDocument/formatting"}`, -32602},
		{`{"id":{"a":[1]},"method":"x","params":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`, -32601},
		{`{"id":7,"method":"x","params":` + strings.Repeat("[", 20000), -32700},
	} {
		e.send(c.content)
		if c.code != 0 {
			if a := e.read(); a.Error.Code != c.code {
				t.Errorf("%.60s: %+v, want code %d", c.content, a, c.code)
			}
		}
		for _, at := range []string{`{"line":0,"character":48}`, `{"line":-3,"character":-9}`, `{"line":4000000000,"character":4000000000}`} {
			if a := e.ask(`"textDocument/hover"`, `{"textDocument":{"uri":"u"},"position":`+at+`}`); a.Error.Code != 0 {
				t.Errorf("after %.60s: %+v", c.content, a)
			}
		}
	}
}
