package main

import (
	"os"
	"runtime/debug"
	"sync"
)

// sessionGarbage is how much garbage a session lets grow, in percent of what lives: its memory is large vectors without
// pointers, which cost a collector nothing to pass over and a machine twice their size to keep.
const sessionGarbage = 15

// collectorRoom counts as living and is never touched, so that it takes addresses and no memory. Without it a session that begins
// small would be collected each time that it has grown by a few hundred kB, which is most of what it does at first.
const collectorRoom = 64 << 20

// keepCollectorRoom holds it, once.
var keepCollectorRoom = sync.OnceValue(func() []byte { return make([]byte, collectorRoom) })

// settleCollector has garbage collected as suits a session, unless the environment says otherwise.
func settleCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(sessionGarbage)
		keepCollectorRoom()
	}
}
