// Package program is the format of what a party runs: instructions over preassigned buffers, the manifest of the material
// they consume, and the checks that make a pair of programs safe to start.
//
// A program is a list of levels. In each level a party first sends and receives (both at once, so that messages may cross
// without either side waiting for the other's buffers), then computes. Everything a level sends travels as one message.
// The offline phase is a program of the same form; it consumes material and no input.
//
// The encoding is deterministic CBOR (RFC 8949, section 4.2.1). Weights are not in it: programs are compared by hash
// between the parties, and a hash over weights would let either guess at them.
package program

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"sotto/ir/cost"
)

// Version of the format. A program of another version is refused.
const Version = 5

// Kind is what a buffer holds.
type Kind uint8

const (
	Ring Kind = iota // ring elements
	Bits             // bits, packed
)

// anyKind is the kind of an operand that is of either, as the instruction's circuit says.
const anyKind Kind = 255

// Buffer is a place of fixed size that instructions read and write. Values whose lives do not overlap share one.
type Buffer struct {
	Kind Kind `cbor:"1,keyasint"`
	Len  int  `cbor:"2,keyasint"`
}

// Operand is the first Len elements of a buffer.
type Operand struct {
	_   struct{} `cbor:",toarray"`
	Buf int
	Len int
}

// Instr is one instruction. Ints are its immediate operands, as its opcode documents them.
type Instr struct {
	_    struct{} `cbor:",toarray"`
	Op   Opcode
	Tag  int // index into Layers
	Out  []Operand
	In   []Operand
	Ints []int
}

// Level is what happens between two dependent messages.
type Level struct {
	_       struct{} `cbor:",toarray"`
	Send    []Instr
	Recv    []Instr
	Compute []Instr
}

// Layer says which of the user's layers an instruction belongs to.
type Layer struct {
	_    struct{} `cbor:",toarray"`
	Path string
	Op   string // as the user's language has it
	File string
	Line int
	Col  int
	// Protocol is the op of the compiled function that the instruction is a step of, such as gc.relu.
	Protocol string
}

// Tensor describes an input or output.
type Tensor struct {
	Name  string    `cbor:"1,keyasint"`
	Shape []int     `cbor:"2,keyasint"`
	Frac  int       `cbor:"3,keyasint"`
	Lo    float64   `cbor:"4,keyasint"` // least and greatest value the ranges allow
	Hi    float64   `cbor:"5,keyasint"`
	Mean  []float64 `cbor:"6,keyasint,omitempty"`
	Std   []float64 `cbor:"7,keyasint,omitempty"`
	// Resize and Crop are what the client does to an image first.
	Resize int    `cbor:"8,keyasint,omitempty"`
	Crop   int    `cbor:"9,keyasint,omitempty"`
	Post   string `cbor:"10,keyasint,omitempty"` // what the client does with its clear output
	Buf    int    `cbor:"11,keyasint"`           // the buffer that holds this party's part
}

// Len is the number of elements.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Weight is a tensor of the party's weights file.
type Weight struct {
	_    struct{} `cbor:",toarray"`
	Name string
	Len  int
}

// Import fills a buffer with this party's part of a manifest item before the offline phase.
type Import struct {
	_    struct{} `cbor:",toarray"`
	Item int
	Part int // which of the item's parts, as its kind documents them
	Out  Operand
	Slot int // the slot that the buffer is put away in at once, from 1; 0: it stays in the buffer
}

// Tap names a buffer that holds this party's part of a RING value at some point: what verification reconstructs.
type Tap struct {
	_    struct{} `cbor:",toarray"`
	Name string
}

// Program is what one party runs.
type Program struct {
	Version int             `cbor:"1,keyasint"`
	Party   cost.Party      `cbor:"2,keyasint"`
	Deploy  cost.Deployment `cbor:"3,keyasint"`
	Net     string          `cbor:"4,keyasint"`
	Ring    int             `cbor:"5,keyasint"` // bits
	Input   Tensor          `cbor:"6,keyasint"`
	Output  Tensor          `cbor:"7,keyasint"`

	Layers  []Layer  `cbor:"8,keyasint"`
	Buffers []Buffer `cbor:"9,keyasint"`
	Weights []Weight `cbor:"10,keyasint"`
	Imports []Import `cbor:"11,keyasint"`
	Taps    []Tap    `cbor:"12,keyasint"`

	Extensions cost.Extensions `cbor:"13,keyasint"`
	Circuits   []Circuit       `cbor:"14,keyasint"`
	Offline    []Level         `cbor:"15,keyasint"`
	Online     []Level         `cbor:"16,keyasint"`

	// What a training step takes and gives besides: see State.
	Further []Tensor `cbor:"19,keyasint,omitempty"` // inputs behind Input, such as labels
	Publics []Tensor `cbor:"20,keyasint,omitempty"` // of one number each, such as the learning rate: both parties give the same
	State   []State  `cbor:"21,keyasint,omitempty"`

	// Pair is the hash that both parties must share: over both programs (this field left out) and the manifest.
	Pair Hash `cbor:"17,keyasint"`
	// Peer is the hash of the other party's program.
	Peer Hash `cbor:"18,keyasint"`
}

// State is a tensor that outlives a run: both parties hold shares of it, which a run begins with and replaces.
type State struct {
	_     struct{} `cbor:",toarray"`
	Name  string
	Shape []int
	Frac  int
	In    int // the buffer that holds the share when the online phase begins; -1: it is not read
	Out   int // the one that holds the new share when it has ended; -1: it stays as it was
}

// Len is the number of elements.
func (s State) Len() int { return Tensor{Shape: s.Shape}.Len() }

// Hash is a SHA-256.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short is enough of a hash for a person to compare.
func (h Hash) Short() string { return h.String()[:12] }

// own is the hash of a program without the hashes in it.
func (p *Program) own() (Hash, error) {
	bare := *p
	bare.Pair, bare.Peer = Hash{}, Hash{}
	b, err := encode(&bare)
	return sha256.Sum256(b), err
}

// Seal computes the hashes of a pair of programs and their manifest.
func Seal(client, server *Program, m *Manifest) error {
	hc, err := client.own()
	if err != nil {
		return err
	}
	hs, err := server.own()
	if err != nil {
		return err
	}
	client.Peer, server.Peer = hs, hc
	pair, err := pairHash(hc, hs, m)
	client.Pair, server.Pair = pair, pair
	return err
}

func pairHash(client, server Hash, m *Manifest) (Hash, error) {
	mb, err := encode(m)
	if err != nil {
		return Hash{}, err
	}
	return sha256.Sum256(bytes.Join([][]byte{client[:], server[:], mb}, nil)), nil
}

// Verify checks that the program and the manifest are those that were sealed, and that no instruction reaches outside its
// buffers.
func (p *Program) Verify(m *Manifest) error {
	if p.Version != Version {
		return fmt.Errorf("program format version %d, accepted is %d: compile again", p.Version, Version)
	}
	own, err := p.own()
	if err != nil {
		return err
	}
	client, server := own, p.Peer
	if p.Party == cost.Server {
		client, server = p.Peer, own
	}
	pair, err := pairHash(client, server, m)
	if err != nil {
		return err
	}
	if pair != p.Pair {
		return errors.New("program and manifest do not belong together, or one was changed: compile again")
	}
	return p.check(m)
}
