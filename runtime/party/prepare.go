package party

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"sotto/ir/cost"
	"sotto/runtime/store"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
)

// Prepared is what a session that prepared has made.
type Prepared struct {
	Made  int   `json:"made"`  // inferences
	Held  int   `json:"held"`  // by both stores now
	Bytes int64 `json:"bytes"` // that this party's new files take
	Disk  int64 `json:"disk"`  // that the whole store takes
}

// kept is a stream of the machine whose other end is another session's.
type kept struct{ io.WriteCloser }

func (kept) Read([]byte) (int, error) {
	return 0, errors.New("stored material is read by a later session")
}

// taken is the other end.
type taken struct{ io.ReadCloser }

func (taken) Write([]byte) (int, error) {
	return 0, errors.New("stored material was written by an earlier session")
}

// prepare runs the offline phases of as many inferences as the client's wish and the stores leave. Every inference that is
// finished stays, whatever becomes of the session.
func (s *session[W]) prepare(ctx context.Context, g greeting) (*Result, error) {
	p := new(Prepared)
	if err := s.prepareAll(ctx, g, p); err != nil {
		return nil, s.giveUp(err)
	}
	st, err := s.Store.Status()
	if err != nil {
		return nil, err
	}
	p.Held, p.Disk = min(p.Held, len(st.Held)), st.Bytes
	s.runs = [2]int{cost.Offline: p.Made}
	res := &Result{Prepared: p}
	return res, s.finish(res)
}

func (s *session[W]) prepareAll(ctx context.Context, g greeting, p *Prepared) error {
	if err := meet(s.Store, g.mine, g.theirs, g.id); err != nil {
		return err
	}
	held, err := reconcile(s.Conn, s.Store, g.theirs)
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	want := g.mine.want
	if s.p.Party == cost.Server {
		want = g.theirs.want
	}
	if want > MaxWanted {
		return fmt.Errorf("handshake: the client wants %d inferences, accepted are up to %d", want, MaxWanted)
	}
	p.Held = held
	next := max(g.mine.next, g.theirs.next)
	of := max(int(want)-held, 0)
	s.many = &many{id: g.id, left: of}
	defer s.many.close()
	for ; p.Made < of; p.Made++ {
		if s.Preparing != nil {
			s.Preparing(p.Made, of)
		}
		n, err := s.Store.Give(next)
		if err != nil {
			return err
		}
		if p.Made == 0 {
			s.he.left = of
		}
		size, err := s.prepareOne(ctx, n, g.id)
		if err != nil {
			return keeping(p.Made, err)
		}
		p.Bytes += size
		p.Held++
		next = n + 1
	}
	return s.mark(markKept)
}

// keeping says what an error does not take away.
func keeping(made int, err error) error {
	if made == 0 {
		return err
	}
	return fmt.Errorf("%w (%d inference(s) that were finished before are kept)", err, made)
}

// prepareOne makes the material of inference n and gives the size of its file.
func (s *session[W]) prepareOne(ctx context.Context, n uint64, session [16]byte) (size int64, err error) {
	defer s.wipeOffline()
	w, err := s.Store.Make(n)
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Discard())
		}
	}()
	s.streams = func(name vm.StreamName) (vm.Stream, error) {
		out, err := w.Stream(name.String())
		if err != nil {
			return nil, err
		}
		return kept{out}, nil
	}
	if err := s.mark(markReady); err != nil { // or one would wait for the other at the dealer
		return 0, err
	}
	if err := s.offline(ctx, subsession(session, n)); err != nil {
		return 0, err
	}
	if err := s.keep(w); err != nil {
		return 0, err
	}
	return w.Commit()
}

// keep writes what is not in the machine's own streams.
func (s *session[W]) keep(w *store.Writer) error {
	source, err := w.Stream(sourceStream)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(source, string(s.Source)); err != nil {
		return err
	}
	state, err := w.Stream(stateStream)
	if err != nil {
		return err
	}
	return s.machine.Save(state)
}

// subsession is the session id of one inference of several.
func subsession(session [16]byte, n uint64) (id [16]byte) {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(append([]byte("sotto inference"), session[:]...), n))
	copy(id[:], sum[:])
	return id
}

// Marks that both parties exchange while they prepare, or train.
const (
	markReady = 'R' // there is room for the next inference's file; what a step takes is there
	markKept  = 'K' // all files are on the disk: what is reported is what both hold
)

// mark waits until the peer is as far.
func (s *session[W]) mark(m byte) error {
	if err := s.Conn.BeginPhase(phaseSession); err != nil {
		return err
	}
	where := map[byte]string{markReady: "before the run", markKept: "after the last run"}[m]
	var got [1]byte
	if err := s.Conn.Exchange([]byte{m}, got[:]); err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	if got[0] != m {
		return fmt.Errorf("%s: %w: mark %q came where %q was due", where, wire.ErrProtocol, got[0], m)
	}
	return nil
}
