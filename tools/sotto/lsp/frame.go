// Package lsp is the language server: diagnostics, hover, definitions, symbols and formatting of .sotto files for editors, over the Language
// Server Protocol 3.17 on a stream. What an editor has open is what counts, not what is on the disk.
package lsp

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of what an editor may send.
const (
	maxHeaders = 16      // of one message
	maxHeader  = 1 << 10 // bytes
	maxMessage = 8 << 20 // bytes of content; a source file has 1 MiB at most
)

// readMessage reads the content of one message. Its errors end the connection: where the next message begins is not known any more.
func readMessage(r *bufio.Reader) ([]byte, error) {
	length := -1
	for n := 0; ; n++ {
		line, err := readLine(r)
		switch {
		case err == io.EOF && n == 0 && line == "":
			return nil, io.EOF
		case err != nil:
			return nil, fmt.Errorf("header of a message: %w", err)
		case n == maxHeaders:
			return nil, fmt.Errorf("a message of more than %d headers", maxHeaders)
		}
		if line == "" {
			break
		}
		name, value, found := strings.Cut(line, ":")
		if !found {
			return nil, fmt.Errorf("header %.40q: accepted is NAME: VALUE", line)
		}
		if strings.EqualFold(strings.TrimSpace(name), "Content-Length") {
			if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || length < 0 || length > maxMessage {
				return nil, fmt.Errorf("Content-Length %.40q: accepted are up to %d bytes", value, maxMessage)
			}
		}
	}
	if length < 0 {
		return nil, errors.New("a message without Content-Length")
	}
	content, err := io.ReadAll(io.LimitReader(r, int64(length))) // which takes memory as it comes
	if err == nil && len(content) < length {
		err = io.ErrUnexpectedEOF
	}
	return content, err
}

// readLine reads a line without its end.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		b, err := r.ReadByte()
		if err != nil {
			return string(line), err
		}
		if b == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		if len(line) == maxHeader {
			return "", fmt.Errorf("a line of more than %d bytes", maxHeader)
		}
		line = append(line, b)
	}
}

func writeMessage(w io.Writer, v any) error {
	content, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "Content-Length: %d\r\n\r\n%s", len(content), content)
	return err
}

// request is a message of the editor: a request if it has an id, otherwise a notification, or a response to nothing that was asked.
type request struct {
	ID     json.RawMessage `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

type response struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result"`
}

type failure struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Error   rpcError        `json:"error"`
}

type notification struct {
	Version string `json:"jsonrpc"`
	Method  string `json:"method"`
	Params  any    `json:"params"`
}

// rpcError is an error with its code, as JSON-RPC and the protocol number them.
type rpcError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

func (e rpcError) Error() string { return e.Message }

const (
	parseError     = -32700
	invalidRequest = -32600
	noMethod       = -32601
	invalidParams  = -32602
	internalError  = -32603
	notInitialized = -32002
	requestFailed  = -32803
)
