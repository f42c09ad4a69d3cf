package circuit

import (
	"fmt"
	"sync"
)

// Task is a circuit by name, with what its wires stand for: how the elements
// of a layer become an instance's inputs, and its outputs their results.
type Task struct {
	*Circuit
	Elements int // shared numbers an instance takes of each party, side by side
	From     int // lowest bit of each number that enters
	Bits     int // bits of each number that enter
	Ring     int // bits of the result, less the garbler's mask; 0: a bit that permute and colour bits share
}

// Wires returns the input wires of an instance whose labels travel, the same
// number for each party.
func (t *Task) Wires() int { return t.Elements * t.Bits }

// Named circuits and their parameters.
const (
	CarryTask   = "carry"   // width, drop: the carry of bits drop to width-2, which with the top bits is the sign of floor(x / 2^drop)
	ReLUTask    = "relu"    // ring, width, drop
	ClipTask    = "clip"    // ring, width, drop, most
	MaxPoolTask = "maxpool" // ring, width, drop, candidates
	ArgmaxTask  = "argmax"  // ring, width, drop, candidates
)

// params is how many parameters each named circuit takes.
var params = map[string]int{CarryTask: 2, ReLUTask: 3, ClipTask: 4, MaxPoolTask: 4, ArgmaxTask: 4}

// Named returns the circuit of a name and its parameters. It errs on an
// unknown name, another number of parameters, or what the circuit refuses. The
// result is shared: it is not to be changed.
func Named(name string, p ...int) (*Task, error) {
	n, known := params[name]
	if !known || len(p) != n {
		return nil, fmt.Errorf("circuit: none is called %q with %d parameters: accepted are %v", name, len(p), params)
	}
	key := fmt.Sprint(name, p)
	if t := remembered.get(key); t != nil {
		return t, nil
	}
	t, err := build(name, p)
	if err != nil {
		return nil, err
	}
	remembered.put(key, t)
	return t, nil
}

// build makes a task with the right number of parameters.
func build(name string, p []int) (*Task, error) {
	if name == CarryTask {
		return signTask(p[0], p[1])
	}
	f, t := Format{Ring: p[0], Width: p[1], Drop: p[2]}, &Task{Elements: 1, Bits: p[1], Ring: p[0]}
	var err error
	switch name {
	case ReLUTask:
		t.Circuit, err = ReLU(f)
	case ClipTask:
		t.Circuit, err = Clip(f, uint64(p[3]))
	case MaxPoolTask:
		t.Elements = p[3]
		t.Circuit, err = MaxPool(p[3], f)
	case ArgmaxTask:
		t.Elements = p[3]
		t.Circuit, err = Argmax(p[3], f)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// signTask is the carry that the sign of a number of width bits needs when its
// drop lowest bits are left out.
func signTask(width, drop int) (*Task, error) {
	if drop < 0 || drop > width-2 || width > MaxWidth {
		return nil, fmt.Errorf("circuit: sign of %d bits without the lowest %d: accepted are 2 to %d bits, of which two are kept", width, drop, MaxWidth)
	}
	c, err := Carry(width - 1 - drop)
	if err != nil {
		return nil, err
	}
	return &Task{Circuit: c, Elements: 1, From: drop, Bits: width - 1 - drop}, nil
}

// memory keeps the circuits that were asked for last, since programs name the
// same few again and again.
type memory struct {
	mu    sync.Mutex
	tasks map[string]*Task
}

// remember bounds a memory: more circuits than a network has kinds of layers.
const remember = 64

var remembered = memory{tasks: map[string]*Task{}}

func (m *memory) get(key string) *Task {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tasks[key]
}

func (m *memory) put(key string, t *Task) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.tasks) >= remember {
		clear(m.tasks)
	}
	m.tasks[key] = t
}
