package explore

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

func listening(t *testing.T) (*Server, *Document) {
	t.Helper()
	d := NewDocument("a net")
	if err := d.Put("source", map[string]any{"sotto": 1, "text": "</script><script>alert(1)</script>"}); err != nil {
		t.Fatal(err)
	}
	s, err := Listen("127.0.0.1:0", d)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("serving ended with %v", err)
		}
	})
	return s, d
}

// TestServerAnswersItsUsersAlone: who does not know the token, or came by another name, is told nothing.
func TestServerAnswersItsUsersAlone(t *testing.T) {
	s, _ := listening(t)
	own := s.listener.Addr().String()
	_, port, _ := strings.Cut(own, ":")
	for _, c := range []struct {
		method, host, path string
		status             int
	}{
		{"GET", own, "/" + s.token + "/", 200},
		{"HEAD", own, "/" + s.token + "/app.js", 200},
		{"GET", "localhost:" + port, "/" + s.token + "/style.css", 200},
		{"GET", own, "/" + s.token + "/part/source", 200},
		{"GET", own, "/" + s.token + "/state", 200},
		{"GET", own, "/" + s.token + "/state?after=x", 400},
		{"GET", own, "/" + s.token + "/part/other", 404},
		{"GET", own, "/" + s.token + "/../server.go", 404},
		{"GET", own, "/" + s.token + "/assets", 404},
		{"GET", own, "/" + s.token + "/.", 404},
		{"GET", own, "/" + s.token, 404},
		{"GET", own, "/" + strings.ToLower(s.token) + "x/", 404},
		{"GET", own, "/", 404},
		{"GET", own, "/part/source", 404},
		{"POST", own, "/" + s.token + "/", 405},
		{"GET", "evil.example:" + port, "/" + s.token + "/", 421},
		{"GET", "127.0.0.1.evil.example:" + port, "/" + s.token + "/", 421},
		{"GET", "127.0.0.1", "/" + s.token + "/", 421},
		{"GET", "127.0.0.1:1", "/" + s.token + "/", 421},
		{"GET", "10.0.0.1:" + port, "/" + s.token + "/", 421},
		{"GET", "", "/" + s.token + "/", 421},
	} {
		r := httptest.NewRequest(c.method, "http://x/", nil)
		r.Host, r.URL.Path = c.host, c.path
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(c.path, "?")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%s %s of %q: %d, want %d", c.method, c.path, c.host, w.Code, c.status)
		}
		if w.Code != 200 && strings.Contains(w.Body.String(), s.token) {
			t.Errorf("%s %s of %q tells the token", c.method, c.path, c.host)
		}
		policy := w.Header().Get("Content-Security-Policy")
		if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "http") {
			t.Errorf("%s: the policy is %q", c.path, policy)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be taken for what it is not", c.path)
		}
	}
}

// TestTokensAreNotGuessed: every server has its own, of 128 bits.
func TestTokensAreNotGuessed(t *testing.T) {
	one, _ := listening(t)
	other, _ := listening(t)
	if one.token == other.token || len(one.token) < 22 {
		t.Errorf("tokens %q and %q", one.token, other.token)
	}
}

func TestOthersCannotListen(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.168.1.1:0", "[::]:0", "example.com:0", "127.0.0.1", "", "127.0.0.1:x"} {
		if s, err := Listen(address, NewDocument("")); err == nil {
			s.listener.Close()
			t.Errorf("%q is listened at: %s", address, s.URL())
		}
	}
}

// TestStateWaitsForNews: a request that knows the state is answered when there is a later one.
func TestStateWaitsForNews(t *testing.T) {
	s, d := listening(t)
	state := func(after string) (out State) {
		answer, err := http.Get(s.URL() + "state?after=" + after)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	if x := state("-1"); x.Sotto != 1 || x.State != 1 || x.Parts["source"] != 1 || x.Title != "a net" || x.Done {
		t.Errorf("the first state is %+v", x)
	}
	time.AfterFunc(50*time.Millisecond, func() { d.Put("graph", struct{}{}) })
	if x := state("1"); x.State != 2 || x.Parts["graph"] != 2 || x.Parts["source"] != 1 {
		t.Errorf("the next state is %+v", x)
	}
	d.End(io.ErrUnexpectedEOF)
	if x := state("99"); !x.Done || x.Error != "unexpected EOF" {
		t.Errorf("the last state is %+v", x)
	}
}

// TestOneFile: the page as one file names no other, has the document in it, and lets nothing run but its own scripts.
func TestOneFile(t *testing.T) {
	_, d := listening(t)
	d.End(nil)
	var page strings.Builder
	if err := Write(&page, d); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	if found := regexp.MustCompile(`(src|href)="[^"]*"|<!-- (policy|data) -->|alert\(1\)`).FindString(text); found != "" {
		t.Errorf("the page has %s", found)
	}
	policy := regexp.MustCompile(`http-equiv="Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(text)
	if policy == nil || !strings.HasPrefix(policy[1], "default-src 'none'; script-src 'sha256-") || strings.Contains(policy[1], "unsafe") {
		t.Fatalf("the policy is %v", policy)
	}
	scripts := regexp.MustCompile(`(?s)<script>(.*?)</script>`).FindAllStringSubmatch(text, -1)
	for _, s := range scripts {
		if !strings.Contains(policy[1], hash([]byte(s[1]))) {
			t.Errorf("a script of %d bytes is not in the policy", len(s[1]))
		}
	}
	if len(scripts) < 10 {
		t.Errorf("%d scripts", len(scripts))
	}
	_, data, _ := strings.Cut(text, `id="data">`)
	data, _, _ = strings.Cut(data, "<")
	zipped, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		State
		Data map[string]json.RawMessage `json:"data"`
	}
	if err := json.NewDecoder(z).Decode(&all); err != nil || !all.Done || all.Parts["source"] != 1 || !strings.Contains(string(all.Data["source"]), "alert(1)") {
		t.Errorf("%+v, %v", all, err)
	}
}
