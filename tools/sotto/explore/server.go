package explore

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Server hands a document to browsers on this machine. Everything is below a path that holds a random token: a page of another origin
// does not know it, and a name that somebody points at this machine is refused by the Host header (DNS rebinding).
type Server struct {
	document *Document
	listener net.Listener
	token    string
	http     http.Server
}

// policy lets a page load what this server has, and nothing else from anywhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Listen opens an address of this machine alone, such as 127.0.0.1:0, and gives an error for others.
func Listen(address string, d *Document) (*Server, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%q is no address to listen at: accepted is one of this machine alone, such as 127.0.0.1:0", address)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%s would be seen by others than this machine, and the page is for its users alone: accepted are addresses such as 127.0.0.1:0, localhost:8080 or [::1]:0", address)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	var secret [16]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &Server{document: d, listener: l, token: base64.RawURLEncoding.EncodeToString(secret[:])}
	s.http = http.Server{Handler: s, ReadHeaderTimeout: headerTimeout, MaxHeaderBytes: 1 << 14}
	return s, nil
}

const (
	headerTimeout = 5 * time.Second
	stateTimeout  = 20 * time.Second // of a request that waits for news
)

// Address is what the server listens at.
func (s *Server) Address() string { return s.listener.Addr().String() }

// URL is where the page is.
func (s *Server) URL() string { return "http://" + s.Address() + "/" + s.token + "/" }

// Serve answers until ctx ends.
func (s *Server) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.http.Close() })
	defer stop()
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	path, ours := strings.CutPrefix(r.URL.Path, "/"+s.token+"/")
	switch {
	case !s.knows(r.Host):
		http.Error(w, "this name is not this machine's", http.StatusMisdirectedRequest)
	case !ours:
		http.Error(w, "nothing is here", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "accepted are GET and HEAD", http.StatusMethodNotAllowed)
	default:
		s.answer(w, r, path)
	}
}

// knows tells whether a request was sent to this machine by a name that is nobody else's to give.
func (s *Server) knows(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		return false
	}
	_, own, _ := net.SplitHostPort(s.listener.Addr().String())
	ip, err := netip.ParseAddr(name)
	return port == own && (name == "localhost" || err == nil && ip.IsLoopback())
}

func (s *Server) answer(w http.ResponseWriter, r *http.Request, path string) {
	if name, ok := strings.CutPrefix(path, "part/"); ok {
		if text, ok := s.document.Part(name); ok {
			writeJSON(w, text)
			return
		}
		http.Error(w, "no part has this name", http.StatusNotFound)
		return
	}
	if path == "state" {
		s.state(w, r)
		return
	}
	a, ok := asset(path)
	if !ok {
		http.Error(w, "nothing is here", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Write(a.text)
}

// state answers when the document is in a later state than the page knows, or after a while.
func (s *Server) state(w http.ResponseWriter, r *http.Request) {
	known := -1
	if text := r.URL.Query().Get("after"); text != "" {
		var err error
		if known, err = strconv.Atoi(text); err != nil {
			http.Error(w, "after is no number", http.StatusBadRequest)
			return
		}
	}
	ctx, stop := context.WithTimeout(r.Context(), stateTimeout)
	defer stop()
	text, err := json.Marshal(s.document.After(ctx, known))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, text)
}

func writeJSON(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Write(text)
}
