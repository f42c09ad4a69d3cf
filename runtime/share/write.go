package share

import (
	"crypto/ecdh"
	"crypto/hpke"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"sotto/runtime/prg"
	"sotto/runtime/ring"
	"sotto/runtime/store"
)

const (
	magic     = "sottodb1"
	encBytes  = 32
	maxHeader = 1 << 16
	export    = "sealed file" // what is exported of HPKE, and what the file is for
	seeds     = "seeds"       // the stream of server 0
)

// stream is that of a tensor of server 1.
func stream(split, tensor string) string { return split + "." + tensor }

// The tensors of a split.
const (
	imagesTensor = "images"
	labelsTensor = "labels"
)

// To is whom a half is for and where it is written.
type To struct {
	Path        string
	Fingerprint string // of the certificate
	Key         *ecdh.PublicKey
}

// Chunk is how many images are split at a time.
const Chunk = 256

// Source gives Chunk images, normalised, and their labels: those of a split from Chunk*number on. It says how many there are; what is behind
// the last is of no account. (dataset.Batches has such a method.)
type Source func(number int, images []float32, labels []int32) (int, error)

// Write splits a data set and writes both halves. Of h the caller gives shape, classes, fraction bits, normalisation and splits, each of which
// has a source; progress, if not nil, is told how many images were split. A file that could not be finished is not there.
func Write(h Header, to [2]To, from map[string]Source, progress func(done, of int)) (id ID, err error) {
	h.Version = version
	if err := h.check(); err != nil {
		return id, err
	}
	rand.Read(h.Set[:])
	s := splitting{Header: h, progress: progress}
	defer func() {
		for _, f := range s.files {
			if f != nil {
				err = errors.Join(err, f.Discard())
			}
		}
	}()
	for p := range to {
		h.Party, h.Recipient, h.Peer = p, to[p].Fingerprint, to[1-p].Fingerprint
		if s.files[p], err = create(h, to[p]); err != nil {
			return id, err
		}
	}
	if s.seeds, err = s.files[0].Stream(seeds); err != nil {
		return id, err
	}
	for _, split := range h.Splits {
		if err := s.split(split, from[split.Name]); err != nil {
			return id, err
		}
	}
	for _, f := range s.files {
		if _, err := f.Commit(); err != nil {
			return id, err
		}
	}
	return h.Set, nil
}

// create begins a half.
func create(h Header, to To) (*store.Writer, error) {
	text, err := json.Marshal(&h)
	if err != nil {
		return nil, err
	}
	if len(text) > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes, accepted are %d", len(text), maxHeader)
	}
	public, err := hpke.NewDHKEMPublicKey(to.Key)
	if err != nil {
		return nil, err
	}
	enc, sender, err := hpke.NewSender(public, hpke.HKDFSHA256(), hpke.ExportOnly(), text)
	if err != nil {
		return nil, err
	}
	key, err := sender.Export(export, len(store.Key{}))
	if err != nil {
		return nil, err
	}
	defer clear(key)
	head := binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(text)))
	return store.Create(to.Path, append(append(head, text...), enc...), store.Key(key), export)
}

// splitting is the work on both files.
type splitting struct {
	Header
	files    [2]*store.Writer
	seeds    io.Writer
	done     int // images
	progress func(done, of int)
}

func (s *splitting) passed(images int) {
	of := 0
	for _, split := range s.Splits {
		of += split.Images
	}
	if s.done += images; s.progress != nil {
		s.progress(s.done, of)
	}
}

func (s *splitting) split(split Split, from Source) error {
	pixels, err := s.tensor(split.Name, imagesTensor)
	if err != nil {
		return err
	}
	classes, err := s.tensor(split.Name, labelsTensor)
	if err != nil {
		return err
	}
	images, labels := make([]float32, Chunk*s.Pixels()), make([]int32, Chunk)
	x, hot := make([]uint64, len(images)), make([]uint64, Chunk*s.Classes)
	for first := 0; first < split.Images; first += Chunk {
		n, err := from(first/Chunk, images, labels)
		if want := min(Chunk, split.Images-first); err == nil && n != want {
			err = fmt.Errorf("%d images, there were to be %d", n, want)
		}
		if err == nil {
			err = ring.Encode(x[:n*s.Pixels()], images[:n*s.Pixels()], s.Frac, ring.Limit[uint64](s.Frac))
		}
		if err == nil {
			err = oneHot(hot[:n*s.Classes], labels[:n], s.Classes)
		}
		if err == nil {
			err = errors.Join(pixels.write(x[:n*s.Pixels()]), classes.write(hot[:n*s.Classes]))
		}
		if err != nil {
			return fmt.Errorf("%s images from number %d on: %w", split.Name, first, err)
		}
		s.passed(n)
	}
	return nil
}

func oneHot(hot []uint64, labels []int32, classes int) error {
	clear(hot)
	for i, l := range labels {
		if l < 0 || int(l) >= classes {
			return fmt.Errorf("label %d, accepted are 0 to %d", l, classes-1)
		}
		hot[i*classes+int(l)] = 1
	}
	return nil
}

// tensor is one that is being split.
type tensor struct {
	random *prg.Stream
	share  []uint64
	out    io.Writer
}

// tensor draws the seed of a tensor, which is server 0's share.
func (s *splitting) tensor(split, name string) (*tensor, error) {
	seed := prg.NewSeed()
	defer ring.Wipe(seed[:])
	if _, err := s.seeds.Write(seed[:]); err != nil {
		return nil, err
	}
	out, err := s.files[1].Stream(stream(split, name))
	return &tensor{random: prg.NewStream(seed), out: out}, err
}

// write takes x, which it makes server 1's share of.
func (t *tensor) write(x []uint64) error {
	t.share = append(t.share[:0], x...)
	prg.Words(t.random, t.share)
	for i := range x {
		x[i] -= t.share[i]
	}
	_, err := t.out.Write(ring.Bytes(x))
	return err
}
