package material

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// outbox holds what is made before the connection is free to send it: a queue of bytes that a writer never waits for. What is
// in it goes to the peer as it is, so that beyond a limit it may lie in a file, one without a name.
type outbox struct {
	mu      sync.Mutex
	changed sync.Cond
	memory  []byte // of the queue the head, if file is nil or used up
	file    *os.File
	r, w    int64 // where the file is read and written
	end     error // why nothing more comes: io.EOF, or what failed
	limit   int   // bytes that wait in memory
}

// outboxMemory is the limit of a party's outbox.
const outboxMemory = 32 << 20

func newOutbox(limit int) *outbox {
	o := &outbox{limit: limit}
	o.changed.L = &o.mu
	return o
}

// Write appends p.
func (o *outbox) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer o.changed.Broadcast()
	if o.r == o.w && len(o.memory)+len(p) <= o.limit {
		o.memory = append(o.memory, p...)
		return len(p), nil
	}
	if err := o.spill(p); err != nil {
		return 0, fmt.Errorf("material that waits in the temporary directory: %w", err)
	}
	return len(p), nil
}

func (o *outbox) spill(p []byte) error {
	if o.file == nil {
		f, err := os.CreateTemp("", "sotto-outbox-")
		if err != nil {
			return err
		}
		o.file = f
		if err := os.Remove(f.Name()); err != nil {
			return err
		}
	}
	n, err := o.file.WriteAt(p, o.w)
	o.w += int64(n)
	return err
}

// finish says that nothing more comes, because of err if not nil.
func (o *outbox) finish(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.end == nil {
		o.end = io.EOF
		if err != nil {
			o.end = err
		}
	}
	o.changed.Broadcast()
}

// Read takes bytes off the head, and waits for some.
func (o *outbox) Read(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.memory) == 0 && o.r == o.w && o.end == nil {
		o.changed.Wait()
	}
	switch {
	case o.end != nil && !errors.Is(o.end, io.EOF):
		return 0, o.end
	case len(o.memory) > 0:
		n := copy(p, o.memory)
		if o.memory = o.memory[n:]; len(o.memory) == 0 {
			o.memory = nil
		}
		return n, nil
	case o.r < o.w:
		return o.unspill(p)
	}
	return 0, o.end
}

// unspill reads from the file, which begins anew when all of it is read.
func (o *outbox) unspill(p []byte) (int, error) {
	n, err := o.file.ReadAt(p[:min(int64(len(p)), o.w-o.r)], o.r)
	if err != nil {
		return n, fmt.Errorf("material that waits in the temporary directory: %w", err)
	}
	if o.r += int64(n); o.r == o.w {
		o.r, o.w = 0, 0
	}
	return n, nil
}

// close gives the memory and the file back.
func (o *outbox) close() {
	o.finish(errClosed)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.memory = nil
	if o.file != nil {
		o.file.Close()
		o.file, o.r, o.w = nil, 0, 0
	}
}

var errClosed = errors.New("the material is closed")
