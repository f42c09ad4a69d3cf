package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sotto/ir"
	"sotto/ir/pos"
	"sotto/runtime/wire"
)

// usageError is an error in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// plainFlag says of a flag's number what is accepted, as package strconv does not.
func plainFlag(_ *cobra.Command, err error) error {
	var wrong *pflag.InvalidValueError
	var number *strconv.NumError
	if !errors.As(err, &wrong) || !errors.As(err, &number) {
		return err
	}
	accepted := "a whole number"
	if strings.HasPrefix(wrong.GetFlag().Value.Type(), "float") {
		accepted = "a number"
	}
	return usagef("--%s %s: accepted is %s", wrong.GetFlag().Name, wrong.GetValue(), accepted)
}

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// internalError is an error of sotto's own, with the stack of where it happened.
type internalError struct {
	error
	stack []byte
}

func (e internalError) Unwrap() error { return e.error }

// interruptError is what the user's interrupt made of the work.
type interruptError struct{ error }

func (e interruptError) Unwrap() error { return e.error }

// interrupted marks an error that came after ctx, of interruptible, ended.
func interrupted(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return interruptError{err}
}

// kind of an error: its exit status and its name in JSON.
type kind struct {
	status int
	name   string
}

var (
	userKind     = kind{1, "user"}
	usageKind    = kind{2, "usage"}
	peerKind     = kind{3, "peer"}
	internalKind = kind{4, "internal"}
	// As shells have it for a command that SIGINT ended.
	interruptKind = kind{128 + int(syscall.SIGINT), "interrupted"}
)

// peerErrors are the failures of a connection or of whoever is at its other end.
var peerErrors = []error{wire.ErrPeerAbort, wire.ErrTimeout, wire.ErrClosed, wire.ErrProtocol, wire.ErrHandshake, wire.ErrUnreachable}

func kindOf(err error) kind {
	var usage usageError
	var internal internalError
	var bug ir.Bug
	var process *processError
	var interrupt interruptError
	var uncompared uncompared
	switch {
	case errors.As(err, &interrupt):
		return interruptKind
	case errors.As(err, &process):
		return process.kind()
	case errors.As(err, &internal), errors.As(err, &bug), errors.Is(err, wire.ErrMisuse):
		return internalKind
	case errors.As(err, &usage), errors.As(err, &uncompared):
		return usageKind
	}
	for _, peer := range peerErrors {
		if errors.Is(err, peer) {
			return peerKind
		}
	}
	return userKind
}

// fail prints an error to stderr and gives its exit status.
func (a *app) fail(err error) int {
	k := kindOf(err)
	if a.json {
		a.failJSON(k, err)
	} else {
		a.failText(k, err)
	}
	var internal internalError
	if errors.As(err, &internal) && os.Getenv("SOTTO_DEBUG") != "" {
		fmt.Fprintf(a.err, "%s", internal.stack)
	}
	return k.status
}

const report = "this is an error in sotto, not in what you gave it; please report it with the command and its input"

func (a *app) failText(k kind, err error) {
	w := inert{a.err}
	switch list := diagnostics(err); {
	case k == internalKind:
		fmt.Fprintf(w, "sotto: internal error: %v\n%s (SOTTO_DEBUG=1 shows where it happened)\n", err, report)
	case list != nil:
		pos.Print(w, list, a.sources)
	case k == usageKind:
		fmt.Fprintf(w, "sotto: %v\n", err)
	default:
		fmt.Fprintln(w, err)
	}
}

// diagnostics gives the positioned errors inside err, nil if there are none.
func diagnostics(err error) pos.List {
	var list pos.List
	var one *pos.Diagnostic
	switch {
	case errors.As(err, &list):
		return list
	case errors.As(err, &one):
		return pos.List{one}
	}
	return nil
}

// errorJSON is an error as --json prints it. Notes are positioned where they can be.
type errorJSON struct {
	Code    string     `json:"code"`
	Message string     `json:"message"`
	File    string     `json:"file,omitempty"`
	Line    int        `json:"line,omitempty"`
	Col     int        `json:"col,omitempty"`
	Notes   []noteJSON `json:"notes"`
}

type noteJSON struct {
	Message string `json:"message"`
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Col     int    `json:"col,omitempty"`
}

// failJSON prints the first error as error and, where a file has several, all of them as errors.
func (a *app) failJSON(k kind, err error) {
	var all []errorJSON
	for _, d := range diagnostics(err) {
		all = append(all, diagnosticJSON(k, d))
	}
	if all == nil {
		all = []errorJSON{{Code: k.name, Message: err.Error(), Notes: []noteJSON{}}}
		if k == internalKind {
			all[0].Notes = append(all[0].Notes, noteJSON{Message: report})
		}
	}
	out := map[string]any{"sotto": 1, "error": all[0]}
	if len(all) > 1 {
		out["errors"] = all
	}
	text, _ := json.Marshal(out) // strings and numbers: it cannot fail
	fmt.Fprintf(a.err, "%s\n", text)
}

func diagnosticJSON(k kind, d *pos.Diagnostic) errorJSON {
	e := errorJSON{Code: k.name, Message: d.Msg, File: d.Pos.File, Line: d.Pos.Line, Col: d.Pos.Col, Notes: []noteJSON{}}
	for _, n := range d.Notes {
		e.Notes = append(e.Notes, noteJSON{n.Msg, n.Pos.File, n.Pos.Line, n.Pos.Col})
	}
	return e
}
