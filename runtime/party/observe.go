package party

import (
	"context"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/vm"
	"sotto/runtime/wire"
)

// Observer is told what a session does and when, from several goroutines at once: times, layers and bytes, and no values.
type Observer struct {
	Message func(wire.Message) // to and from the peer
	Dealt   func(wire.Message) // to and from the dealer
	Span    func(vm.Span)
}

// Names of the spans that are no instructions.
const (
	SpanSession  = "session"  // the handshake
	SpanOffline  = "offline"  // the whole phase
	SpanSetup    = "set-up"   // of it, OT extensions and the messages of material
	SpanStored   = "stored"   // the loading of stored material
	SpanOnline   = "online"   // the whole phase
	SpanMaterial = "material" // what a layer consumes is made, or taken from the dealer
)

// PhaseSession is the phase of the connection's messages that belong to neither cost.Offline nor cost.Online.
const PhaseSession = phaseSession

func (o *Observer) span(lane vm.Lane, phase cost.Phase, name string, tag int, began, ended time.Time) {
	if o.Span != nil {
		o.Span(vm.Span{Lane: lane, Phase: phase, Name: name, Tag: tag, Began: began, Ended: ended})
	}
}

// during tells of a part of the session that ends now.
func (o *Observer) during(phase cost.Phase, name string, began time.Time) {
	o.span(vm.Phases, phase, name, cost.SessionTag, began, time.Now())
}

// dealer is the way to the dealer, whose messages are told of.
func (o *Observer) dealer(dial func(context.Context) (*wire.Conn, error)) func(context.Context) (*wire.Conn, error) {
	return func(ctx context.Context) (*wire.Conn, error) {
		conn, err := dial(ctx)
		if err == nil {
			conn.Observe(o.Dealt)
		}
		return conn, err
	}
}
