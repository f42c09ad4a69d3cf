package party

import (
	"context"

	"sotto/ir/cost"
	"sotto/runtime/material"
)

// many is what the runs of one session share beside the connection: the place at the dealer's.
type many struct {
	id      [16]byte
	goesOn  bool // a program's OT extensions are those of all its runs
	left    int  // runs whose material is to be asked for, of any program
	seat    *material.Seat
	release func() bool // of the watch that ends the dealer's connection with the context
}

// ask asks the dealer for the material of this program's next run.
func (s *session[W]) ask(ctx context.Context) error {
	m := s.many
	if m.seat == nil {
		conn, err := s.dial(ctx)
		if err != nil {
			return err
		}
		m.seat = material.NewSeat(conn, s.p.Party, m.id)
		m.release = context.AfterFunc(ctx, func() { conn.Abort("interrupted") })
	}
	m.left--
	var err error
	s.ahead, err = material.Ask(m.seat, s.Bundle.Manifest, material.Request{Pair: s.p.Pair, More: m.left > 0}, s.weight)
	return err
}

// askAhead has the dealer make the material of this program's run that comes next while another is online: it waits in memory beside what that
// one has left of its own.
func (s *session[W]) askAhead(ctx context.Context) error {
	if s.Source != cost.FromDealer {
		return nil
	}
	return s.ask(ctx)
}

// close ends what the runs share.
func (m *many) close() {
	if m.seat != nil {
		m.release()
		m.seat.Close() // an error would come too late to matter
	}
}
