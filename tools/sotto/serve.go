package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/store"
	"sotto/runtime/tensorfile"
	"sotto/runtime/wire"
)

type serveFlags struct {
	peerFlags
	listen   string
	sessions int
	input    string
	output   string
	native   bool
	taps     string
	store    string
	trace    string
}

// sessionResult is one line of serve, and what infer and run print.
type sessionResult struct {
	head
	Peer        string          `json:"peer,omitempty"`
	OutputShare []int64         `json:"output_share,omitempty"`
	Prepared    *party.Prepared `json:"prepared,omitempty"`
	party.Stats
}

func newServeCmd(a *app) *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use: "serve BUNDLE --listen ADDR", Short: "run the server's party: the model owner's, or S1", Args: cobra.ExactArgs(1),
		Long: "Serve waits for the client and runs private inferences with it, one session a connection, until it is interrupted. Both sides\n" +
			"authenticate with the keys of `sotto keys`. With --store it also keeps what a client prepares and runs inferences from it.\n" +
			"With --json it prints {\"listening\"} first, then one line a session.",
		Example: "  sotto serve out/server --listen :7766\n  sotto serve out/server --listen :7766 --dealer dealer.example:7767\n  sotto serve out/server --listen :7766 --store material",
		RunE: func(_ *cobra.Command, args []string) error {
			return a.serve(args[0], &f)
		},
	}
	f.addSession(c)
	c.Flags().StringVar(&f.listen, "listen", "", "`address` to listen on, host:port; port 0 takes a free one")
	c.Flags().IntVar(&f.sessions, "sessions", 0, "stop after so many sessions; 0 goes on")
	c.Flags().StringVar(&f.input, "input", "", "outsourced: this server's share of the input, `file` of `sotto share`")
	c.Flags().StringVar(&f.output, "output", "", "outsourced: `file` (.npy) for this server's share of the output")
	addTapFlag(c, &f.taps)
	addNativeFlag(c, &f.native)
	addTraceFlag(c, &f.trace, "this party in its last session")
	addStoreFlag(c, &f.store, storeHelp)
	c.MarkFlagRequired("listen")
	return c
}

func (a *app) serve(dir string, f *serveFlags) error {
	b, err := openParty(dir, cost.Server)
	if err == nil {
		err = writable(f.trace)
	}
	if err != nil {
		return err
	}
	a.loadNative(b, f.native)
	source, err := f.source(b, f.store)
	if err != nil {
		return err
	}
	modes, err := f.modes(b)
	if err != nil {
		return err
	}
	in, err := f.inputFor(b, modes)
	if err != nil {
		return err
	}
	config, err := f.tls(wire.Server, wire.Client)
	if err != nil {
		return err
	}
	o, err := f.options()
	if err != nil {
		return err
	}
	kept, err := f.openKept(b)
	if err != nil {
		return err
	}
	if kept != nil {
		defer kept.Close()
	}
	l, err := wire.Listen(f.listen, config, o)
	if err != nil {
		return err
	}
	defer l.Close()
	a.listening(l.Addr())
	ctx, stop := interruptible()
	s := &server{app: a, flags: f, bundle: b, source: source, input: in, modes: modes, store: kept}
	clients := newLobby(l, config, o, s.log)
	clients.open(ctx)
	defer clients.guests.Wait()
	defer stop()
	return s.loop(ctx, clients)
}

// listening tells where, for scripts as the first JSON line.
func (a *app) listening(addr net.Addr) {
	if a.json {
		line, _ := json.Marshal(map[string]any{"sotto": 1, "listening": addr.String()})
		fmt.Fprintf(a.out, "%s\n", line)
		return
	}
	a.notice("listening on %s", addr)
}

// shareInput reads a server's share where the deployment has one.
func shareInput(b *party.Bundle, path string) (party.Input, error) {
	if b.Program.Deploy == cost.ClientServer {
		if path != "" {
			return party.Input{}, usagef("--input: in the client-server deployment the input is the client's")
		}
		return party.Input{}, nil
	}
	if path == "" {
		return party.Input{}, usagef("--input: outsourced servers need their share of the input (sotto share)")
	}
	share, err := readShare(path)
	if err != nil {
		return party.Input{}, fmt.Errorf("%w: accepted is a share of the input that `sotto share` wrote", err)
	}
	if in := b.Program.Input; len(share) != in.Len() {
		return party.Input{}, fmt.Errorf("%s: a share of %d elements, the network takes %d (shape %v)", path, len(share), in.Len(), in.Shape)
	}
	return party.Input{Share: share}, nil
}

type server struct {
	*app
	flags  *serveFlags
	bundle *party.Bundle
	source cost.Source
	input  party.Input
	modes  party.Mode
	store  *store.Store
	mu     sync.Mutex // of the streams: refusals are logged while a session runs
}

// loop runs a session with one client after the other.
func (s *server) loop(ctx context.Context, clients *lobby) error {
	for done := 0; s.flags.sessions == 0 || done < s.flags.sessions; done++ {
		conn, err := clients.next(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if err := s.session(ctx, conn); err != nil {
			if s.flags.sessions == 1 {
				return interrupted(ctx, err)
			}
			s.log("session with %s failed: %v", conn.RemoteAddr(), err)
		}
	}
	return nil
}

// log prints what goes wrong while serving goes on.
func (s *server) log(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.progress.done()
	if s.json {
		s.failJSON(peerKind, fmt.Errorf(format, args...))
		return
	}
	fmt.Fprintf(s.err, format+"\n", args...)
}

func (s *server) session(ctx context.Context, conn *wire.Conn) error {
	defer conn.Close()
	taps := newTapFile(s.flags.taps)
	o := s.sessionOptions(s.bundle, s.source, &s.flags.peerFlags, taps)
	o.Conn, o.Input, o.Modes, o.Store = conn, s.input, s.modes, s.store
	trace := newTraceFile(s.flags.trace, &o)
	res, err := party.Run(ctx, o)
	if err != nil {
		return err
	}
	if err := trace.write(&res.Stats); err != nil {
		return err
	}
	if err := taps.write(); err != nil {
		return err
	}
	if err := writeOutputShare(s.flags.output, s.bundle, res.Share); err != nil {
		return err
	}
	r := sessionResult{head: version1, Peer: conn.RemoteAddr().String(), Prepared: res.Prepared, Stats: res.Stats}
	if s.flags.output == "" {
		r.OutputShare = res.Share
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.show(r, r.text)
}

func (r sessionResult) text(w io.Writer) {
	if r.Prepared != nil {
		fmt.Fprintf(w, "session with %s: %s\n", r.Peer, preparedLine(r.Prepared))
	} else {
		fmt.Fprintf(w, "session with %s: %s\n", r.Peer, phaseLine("online", r.Online))
	}
	if r.Stored != nil {
		fmt.Fprintf(w, "  %s\n", storeLine(r.Stored))
		return
	}
	fmt.Fprintf(w, "  %s\n", phaseLine("offline", r.Offline))
}

func writeOutputShare(path string, b *party.Bundle, share []int64) error {
	if path == "" || share == nil {
		return nil
	}
	return tensorfile.WriteNPY(path, b.Program.Output.Shape, share, tensorfile.Secret)
}
