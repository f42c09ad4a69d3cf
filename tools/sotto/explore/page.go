package explore

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
)

// The page: files of assets as they are, which a browser gets one by one, or joined to one file with the document in it.

//go:embed assets
var assets embed.FS

// file is one of the page's.
type file struct {
	kind string
	text []byte
}

var kindsOf = map[string]string{".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// asset gives a file of the page; the empty name is the page itself.
func asset(name string) (file, bool) {
	if name == "" {
		name = "index.html"
	}
	text, err := assets.ReadFile("assets/" + name)
	return file{kindsOf[path.Ext(name)], text}, err == nil
}

// Write writes the page with the document as one file that a browser opens from disk; nothing in it is loaded from elsewhere.
func Write(w io.Writer, d *Document) error {
	index, _ := asset("")
	data, err := packed(d)
	if err != nil {
		return err
	}
	hashes := map[string]string{} // by kind
	var out strings.Builder
	for line := range strings.Lines(string(index.text)) {
		name, tag := "", ""
		switch {
		case strings.Contains(line, "rel=\"icon\""):
			continue
		case strings.Contains(line, "rel=\"stylesheet\""):
			name, tag = between(line, "href=\""), "style"
		case strings.Contains(line, "<script"):
			name, tag = between(line, "src=\""), "script"
		}
		if a, ok := asset(name); name != "" && ok {
			hashes[tag] += " 'sha256-" + hash(a.text) + "'"
			line = fmt.Sprintf("<%s>%s</%s>\n", tag, a.text, tag)
		}
		out.WriteString(line)
	}
	page := out.String()
	page = strings.Replace(page, "<!-- policy -->", fmt.Sprintf("<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">", staticPolicy(hashes)), 1)
	page = strings.Replace(page, "<!-- data -->", fmt.Sprintf("<script type=\"application/octet-stream\" id=\"data\">%s</script>", data), 1)
	_, err = io.WriteString(w, page)
	return err
}

func between(line, before string) string {
	_, rest, _ := strings.Cut(line, before)
	name, _, _ := strings.Cut(rest, "\"")
	return name
}

func hash(text []byte) string {
	sum := sha256.Sum256(text)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// staticPolicy lets the page run the scripts and take the styles that are in it, and load nothing.
func staticPolicy(hashes map[string]string) string {
	return fmt.Sprintf("default-src 'none'; script-src%s; style-src%s; base-uri 'none'; form-action 'none'", hashes["script"], hashes["style"])
}

// packed is the whole document in JSON, compressed, in base64.
func packed(d *Document) (string, error) {
	d.mu.Lock()
	all := struct {
		State
		Data map[string]json.RawMessage `json:"data"`
	}{d.state, d.parts}
	all.Parts = d.changed
	text, err := json.Marshal(all)
	d.mu.Unlock()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}
