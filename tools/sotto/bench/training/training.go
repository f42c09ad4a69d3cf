// Package training measures training steps on this machine, and PyTorch's of the same network beside them.
package training

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"sotto/backend/plain"
	"sotto/frontend"
	"sotto/ir"
	"sotto/passes"
	"sotto/passes/pass"
	"sotto/tools/sotto/weights"
)

//go:embed resnet18.sotto
var source []byte

//go:embed resnet18.py
var program string

// Functions are what is measured: the gradients of a batch by all weights, and a whole step of SGD with momentum.
var Functions = []string{"gradient", "step"}

// Own is the training of the network by this module's engine.
type Own struct {
	module   *ir.Module
	programs map[string]*plain.Program
	inputs   map[string][][]float32
	state    plain.State
	memory   plain.Memory
}

// NewOwn makes ResNet-18 ready for batches of 32x32 images.
func NewOwn(batch int) (*Own, error) {
	space, err := frontend.Load("resnet18.sotto", source, frontend.Options{})
	if err != nil {
		return nil, err
	}
	m := space.Module
	first, err := weights.HeInitialised(m.Funcs[0], nil, 1)
	if err != nil {
		return nil, err
	}
	how := &pass.Training{Batch: batch, Optimiser: pass.SGD{Momentum: 0.9}, Decay: 5e-4}
	if err := (&pass.Runner{}).Run(&pass.Context{Training: how}, m, slices.Concat(passes.ToTrainable, passes.ToTrain)...); err != nil {
		return nil, err
	}
	o := &Own{module: m, programs: map[string]*plain.Program{}, inputs: map[string][][]float32{}, state: plain.State{}}
	for _, name := range Functions {
		if err := o.add(m.Func(name), first); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// add compiles a function and gives it state and inputs.
func (o *Own) add(f *ir.Func, first pass.Weights) error {
	p, err := plain.Compile(f)
	if err != nil {
		return err
	}
	o.programs[f.Name] = p
	for path, n := range p.State() {
		if o.state[path] == nil {
			o.state[path] = make([]float32, n)
		}
	}
	for _, v := range f.Body {
		if x, err := first.Weight(v.Path, v.Type.Shape); v.Is("param") && err == nil {
			copy(o.state[v.Path], x)
		}
	}
	rng := rand.New(rand.NewPCG(1, 1)) // public: images of a measurement
	for _, v := range f.Params {
		x := make([]float32, v.Type.All())
		switch n := v.Type.Len(); {
		case v.Type.Batch == 0:
			x[0] = 0.01 // a learning rate, and the numbers of a step, of which this network needs none
		case n == 10:
			for at := 0; at < len(x); at += n {
				x[at+rng.IntN(n)] = 1
			}
		default:
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
		}
		o.inputs[f.Name] = append(o.inputs[f.Name], x)
	}
	return nil
}

// Time runs a function once.
func (o *Own) Time(name string) (time.Duration, error) {
	begun := time.Now()
	_, err := o.programs[name].Run(&o.memory, o.state, o.inputs[name]...)
	return time.Since(begun), err
}

// Torch is a process that trains the network with PyTorch.
type Torch struct {
	Version string
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
}

// ErrNoTorch says that no Python with PyTorch is here.
var ErrNoTorch = errors.New("no python3 with torch is here: Debian's package is python3-torch")

// NewTorch starts it, with as many threads as this machine has cores.
func NewTorch(batch int) (*Torch, error) {
	for _, python := range []string{"python3", "/usr/bin/python3"} { // another python3 may come before the system's
		if exec.Command(python, "-c", "import torch").Run() != nil {
			continue
		}
		t := &Torch{cmd: exec.Command(python, "-c", program, strconv.Itoa(batch), strconv.Itoa(runtime.NumCPU()))}
		t.cmd.Env = append(t.cmd.Environ(), "OMP_WAIT_POLICY=passive") // while the other is measured, it leaves it the cores
		return t, t.start()
	}
	return nil, ErrNoTorch
}

func (t *Torch) start() error {
	in, err := t.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := t.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	t.in, t.out = in, bufio.NewScanner(out)
	if err := t.cmd.Start(); err != nil {
		return err
	}
	t.Version, err = t.line()
	return err
}

func (t *Torch) line() (string, error) {
	if !t.out.Scan() {
		return "", fmt.Errorf("PyTorch ended: %w", errors.Join(t.out.Err(), t.cmd.Wait()))
	}
	return strings.TrimSpace(t.out.Text()), nil
}

// Time runs a function once, by its own clock.
func (t *Torch) Time(name string) (time.Duration, error) {
	if _, err := fmt.Fprintln(t.in, name); err != nil {
		return 0, err
	}
	line, err := t.line()
	if err != nil {
		return 0, err
	}
	seconds, err := strconv.ParseFloat(line, 64)
	return time.Duration(seconds * float64(time.Second)), err
}

// Close ends the process.
func (t *Torch) Close() error { return errors.Join(t.in.Close(), t.cmd.Wait()) }
