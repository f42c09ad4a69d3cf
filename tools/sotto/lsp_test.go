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
	"strings"
	"testing"

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
