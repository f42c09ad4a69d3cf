package hlslib_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"sotto/fpga/hlslib"
	"sotto/fpga/lower"
)

// errNoCompiler says that there is no g++ here.
var errNoCompiler = errors.New("g++ is not installed")

// simulation is a C-simulation of boards (csim/main.cpp), compiled for one configuration.
type simulation struct {
	config hlslib.Config
	binary string
}

// compile writes the sources to a folder and compiles the C-simulation there, with flags besides those of the sources. The error is
// errNoCompiler where there is no g++.
func compile(c hlslib.Config, folder string, flags ...string) (*simulation, error) {
	compiler, err := exec.LookPath("g++")
	if err != nil {
		return nil, errNoCompiler
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := os.CopyFS(folder, hlslib.Sources()); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, "csim", "config.hpp"), []byte(hlslib.Header(c.Struct("config"))), 0o644); err != nil {
		return nil, err
	}
	s := &simulation{c, filepath.Join(folder, "boards")}
	args := append(append(hlslib.CompilerFlags(), flags...), "-I"+folder, filepath.Join(folder, "csim", "main.cpp"), "-o", s.binary)
	if out, err := exec.Command(compiler, args...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("g++: %w\n%s", err, out)
	}
	return s, nil
}

// order is how the commands of a C-simulation run.
type order uint64

const (
	inTurn     order = iota // one after the other; of two boards, all of the first before those of the second
	sideBySide              // as in hardware: all kernels of all boards at once, each command when what it waits for has ended
)

// memories are a board's, with what it runs and, of a board alone, the words that its peer sends, in the order of its commands. A run
// changes Ring and Bits.
type memories struct {
	Ring     []uint64 // words of the ring
	Bits     []uint64
	Commands []uint32 // records, 64 words each
	Incoming []uint64
}

// result is what a run tells of a board.
type result struct {
	Ran    int         // commands
	Sent   []uint64    // words that a board alone sends
	Cycles [][3]uint64 // of each kernel: to load, to compute, to store; loops of one iteration a cycle, without their pipelines' depth
}

// run runs one board alone, or two linked to each other.
func (s *simulation) run(how order, boards ...*memories) ([]result, error) {
	var in bytes.Buffer
	numbers(&in, uint64(len(boards)), uint64(how))
	for _, b := range boards {
		if len(b.Commands)%lower.RecordWords != 0 {
			return nil, fmt.Errorf("hlslib: %d words of commands: accepted are multiples of %d", len(b.Commands), lower.RecordWords)
		}
		numbers(&in, uint64(len(b.Ring)), uint64(len(b.Bits)), uint64(len(b.Commands)/lower.RecordWords), uint64(len(b.Incoming)))
		s.writeWords(&in, b.Ring)
		numbers(&in, b.Bits...)
		for _, w := range b.Commands {
			in.Write(binary.LittleEndian.AppendUint32(nil, w))
		}
		numbers(&in, b.Incoming...)
	}
	var out, diagnosis bytes.Buffer
	run := exec.Command(s.binary)
	run.Stdin, run.Stdout, run.Stderr = &in, &out, &diagnosis
	if err := run.Run(); err != nil {
		return nil, fmt.Errorf("hlslib: C-simulation: %w: %s", err, diagnosis.Bytes())
	}
	return s.results(out.Bytes(), boards)
}

func numbers(to *bytes.Buffer, values ...uint64) {
	for _, v := range values {
		to.Write(binary.LittleEndian.AppendUint64(nil, v))
	}
}

// wordBytes is the bytes of a word of the ring.
func (s *simulation) wordBytes() int { return s.config.Ring / 8 }

func (s *simulation) writeWords(to *bytes.Buffer, words []uint64) {
	for _, w := range words {
		to.Write(binary.LittleEndian.AppendUint64(nil, w)[:s.wordBytes()])
	}
}

// output reads what a C-simulation wrote.
type output struct {
	rest  []byte
	short bool
}

// word reads a number of so many bytes, or 0 behind the end.
func (o *output) word(size int) (v uint64) {
	if len(o.rest) < size {
		o.short = true
		return 0
	}
	for i, b := range o.rest[:size] {
		v |= uint64(b) << (8 * i)
	}
	o.rest = o.rest[size:]
	return v
}

func (o *output) words(to []uint64, size int) {
	for i := range to {
		to[i] = o.word(size)
	}
}

func (s *simulation) results(b []byte, boards []*memories) ([]result, error) {
	o := &output{rest: b}
	all := make([]result, len(boards))
	for i, board := range boards {
		r := &all[i]
		r.Ran = int(o.word(8))
		o.words(board.Ring, s.wordBytes())
		o.words(board.Bits, 8)
		sent := o.word(8)
		if sent > uint64(len(o.rest)/8) {
			return nil, fmt.Errorf("hlslib: C-simulation says that %d words were sent and shows %d bytes", sent, len(o.rest))
		}
		r.Sent = make([]uint64, sent)
		o.words(r.Sent, 8)
		r.Cycles = make([][3]uint64, lower.Kernels)
		for k := range r.Cycles {
			o.words(r.Cycles[k][:], 8)
		}
	}
	if o.short || len(o.rest) > 0 {
		return nil, fmt.Errorf("hlslib: C-simulation wrote %d bytes, which are not %d boards", len(b), len(boards))
	}
	return all, nil
}
