package lsp

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Server answers one editor.
type Server struct {
	out         io.Writer
	open        map[string]*document
	dirty       map[string]bool // whose diagnostics are out of date
	initialized bool
	shutdown    bool
}

// errExit ends the server as the editor wishes.
var errExit = errors.New("exit")

// Serve answers what comes in until the editor says exit. It is an error if that did not say shutdown first, or just went away.
func Serve(in io.Reader, out io.Writer) error {
	s := &Server{out: out, open: map[string]*document{}, dirty: map[string]bool{}}
	messages, failed, done := make(chan []byte, 64), make(chan error, 1), make(chan struct{})
	defer close(done)
	go func() {
		r := bufio.NewReader(in)
		for {
			m, err := readMessage(r)
			if err != nil {
				failed <- err
				close(messages)
				return
			}
			select {
			case messages <- m:
			case <-done:
				return
			}
		}
	}()
	for m := range messages {
		err := s.message(m)
		if err == nil && len(messages) == 0 { // typing is not held up by texts that are no longer there
			err = s.publish()
		}
		if err == errExit {
			if !s.shutdown {
				return errors.New("the editor said exit before shutdown")
			}
			return nil
		}
		if err != nil {
			return err
		}
	}
	if err := <-failed; err != io.EOF {
		return err
	}
	return errors.New("the editor went away without exit")
}

// message handles one message. Its error ends the server.
func (s *Server) message(content []byte) error {
	var r request
	if err := json.Unmarshal(content, &r); err != nil || r.Method == "" && r.ID == nil {
		return s.fails(nil, rpcError{parseError, "no JSON-RPC message"})
	}
	if r.Method == "" { // an answer, and nothing was asked
		return nil
	}
	if r.Method == "exit" {
		return errExit
	}
	result, err := s.handle(r)
	switch {
	case r.ID == nil:
		return nil
	case err != nil:
		return s.fails(r.ID, err)
	}
	return writeMessage(s.out, response{"2.0", r.ID, result})
}

func (s *Server) fails(id json.RawMessage, err error) error {
	e := rpcError{requestFailed, err.Error()}
	errors.As(err, &e)
	return writeMessage(s.out, failure{"2.0", id, e})
}

// handle runs a method. A bug in one ends that one alone.
func (s *Server) handle(r request) (result any, err error) {
	defer func() {
		if p := recover(); p != nil {
			result, err = nil, rpcError{internalError, fmt.Sprintf("error inside sotto: %v", p)}
		}
	}()
	switch {
	case r.Method == "initialize":
		s.initialized = true
		return capabilities, nil
	case !s.initialized:
		return nil, rpcError{notInitialized, "initialize comes first"}
	case s.shutdown:
		return nil, rpcError{invalidRequest, "nothing but exit comes after shutdown"}
	}
	m, ok := methods[r.Method]
	if !ok {
		return nil, rpcError{noMethod, fmt.Sprintf("%.80s is not served", r.Method)}
	}
	return m(s, r.Params)
}

// capabilities are what the server can do.
var capabilities = map[string]any{
	"capabilities": map[string]any{
		"positionEncoding":           "utf-16",
		"textDocumentSync":           map[string]any{"openClose": true, "change": 2},
		"hoverProvider":              true,
		"definitionProvider":         true,
		"documentFormattingProvider": true,
		"documentSymbolProvider":     true,
	},
	"serverInfo": map[string]any{"name": "sotto"},
}

type method func(s *Server, params json.RawMessage) (any, error)

var methods = map[string]method{
	"initialized": func(*Server, json.RawMessage) (any, error) { return nil, nil },
	"shutdown": func(s *Server, _ json.RawMessage) (any, error) {
		s.shutdown = true
		return nil, nil
	},
	"textDocument/didOpen":        with((*Server).didOpen),
	"textDocument/didChange":      with((*Server).didChange),
	"textDocument/didClose":       with((*Server).didClose),
	"textDocument/hover":          with(asked((*Server).hover)),
	"textDocument/definition":     with(asked((*Server).definition)),
	"textDocument/formatting":     with(asked((*Server).format)),
	"textDocument/documentSymbol": with(asked((*Server).symbols)),
}

// with decodes the parameters of a method.
func with[P any](f func(*Server, P) (any, error)) method {
	return func(s *Server, params json.RawMessage) (any, error) {
		var p P
		if err := json.Unmarshal(params, &p); err != nil {
			return nil, rpcError{invalidParams, err.Error()}
		}
		return f(s, p)
	}
}

// textDocument names a file, and for some methods a place in it.
type textDocument struct {
	TextDocument struct {
		URI     string `json:"uri"`
		Version int    `json:"version"`
		Text    string `json:"text"`
	} `json:"textDocument"`
	Position position `json:"position"`
	Changes  []change `json:"contentChanges"`
}

// asked finds the open file that a method asks about, with what is known of it.
func asked(f func(*Server, *document, position) (any, error)) func(*Server, textDocument) (any, error) {
	return func(s *Server, p textDocument) (any, error) {
		d := s.open[p.TextDocument.URI]
		if d == nil {
			return nil, rpcError{invalidParams, fmt.Sprintf("%.200s is not open", p.TextDocument.URI)}
		}
		s.analyse(d)
		return f(s, d, p.Position)
	}
}

func (s *Server) analyse(d *document) {
	if d.analysis == nil {
		d.analysis = analyse(d.uri, d.text)
	}
}

func (s *Server) didOpen(p textDocument) (any, error) {
	d := &document{uri: p.TextDocument.URI, version: p.TextDocument.Version}
	d.set(p.TextDocument.Text)
	s.open[d.uri], s.dirty[d.uri] = d, true
	return nil, nil
}

func (s *Server) didChange(p textDocument) (any, error) {
	d := s.open[p.TextDocument.URI]
	if d == nil {
		return nil, nil
	}
	for _, c := range p.Changes {
		if len(d.text)+len(c.Text) > 2*maxMessage {
			return nil, errors.New("the text has become too long")
		}
		d.apply(c)
	}
	d.version, s.dirty[d.uri] = p.TextDocument.Version, true
	return nil, nil
}

func (s *Server) didClose(p textDocument) (any, error) {
	uri := p.TextDocument.URI
	if s.open[uri] != nil {
		delete(s.open, uri)
		s.dirty[uri] = true
	}
	return nil, nil
}
