package main

import (
	"os"
	"runtime/debug"
	"sync"

	"sotto/ir/cost"
)

// What collects a session's garbage lets cost.SessionGarbage percent grow. cost.CollectorRoom counts as living and is never touched, so
// that it takes addresses and no memory: without it a session that begins small would be collected each time that it has grown by a few
// hundred kB, which is most of what it does at first.

// keepCollectorRoom holds it, once.
var keepCollectorRoom = sync.OnceValue(func() []byte { return make([]byte, cost.CollectorRoom) })

// settleCollector has garbage collected as suits a session, unless the environment says otherwise.
func settleCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(cost.SessionGarbage)
		keepCollectorRoom()
	}
}
