package share

import (
	"bytes"
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"sotto/runtime/prg"
	"sotto/runtime/ring"
	"sotto/runtime/store"
)

// Half is one server's half of an owner's data.
type Half struct {
	Header
	path string
	file *store.Reader
}

// For is who opens a half.
type For struct {
	Party       int
	Fingerprint string // of his certificate
	Peer        string // of the other server's
	Key         *ecdh.PrivateKey
}

// Open opens a half and checks that it is for this server, and its other half for the peer.
func Open(path string, me For) (*Half, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	h := &Half{path: path}
	if err := h.open(f, me); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return h, nil
}

var errNone = errors.New("no share of data: accepted is a file of `sotto share`")

func (h *Half) open(f *os.File, me For) error {
	head, enc, err := h.readHeader(f)
	if err != nil {
		return err
	}
	if err := h.isFor(me); err != nil {
		return err
	}
	private, err := hpke.NewDHKEMPrivateKey(me.Key)
	if err != nil {
		return err
	}
	r, err := hpke.NewRecipient(enc, private, hpke.HKDFSHA256(), hpke.ExportOnly(), head[len(magic)+4:len(head)-encBytes])
	if err != nil {
		return store.ErrForeign
	}
	key, err := r.Export(export, len(store.Key{}))
	if err != nil {
		return err
	}
	defer clear(key)
	h.file, err = store.Unseal(f, head, store.Key(key), export)
	return err
}

// readHeader reads all that is in front of the sealed file.
func (h *Half) readHeader(f io.Reader) (head, enc []byte, err error) {
	head = make([]byte, len(magic)+4)
	if _, err := io.ReadFull(f, head); err != nil || string(head[:len(magic)]) != magic {
		return nil, nil, errNone
	}
	n := binary.LittleEndian.Uint32(head[len(magic):])
	if n > maxHeader {
		return nil, nil, errNone
	}
	rest := make([]byte, int(n)+encBytes)
	if _, err := io.ReadFull(f, rest); err != nil {
		return nil, nil, errNone
	}
	text := rest[:n]
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if d.Decode(&h.Header) != nil {
		return nil, nil, errNone
	}
	return append(head, rest...), rest[n:], h.check()
}

func (h *Half) isFor(me For) error {
	whose := []string{"client", "server"}
	switch {
	case h.Party != me.Party:
		return fmt.Errorf("it is the %s's half of the data, this is the %s", whose[h.Party], whose[me.Party])
	case h.Recipient != me.Fingerprint:
		return fmt.Errorf("it is for the holder of %.80q, this is %s: the owner shares the data anew, with this server's certificate", h.Recipient, me.Fingerprint)
	case h.Peer != me.Peer:
		return fmt.Errorf("its other half is for %.80q, the peer is %s: the owner shares the data anew, with both servers' certificates", h.Peer, me.Peer)
	}
	return nil
}

// Close closes the file.
func (h *Half) Close() error { return h.file.Close() }

// read fills both tensors of a split.
func (h *Half) read(split string, images, labels []uint64) error {
	read := h.corrections
	if h.Party == 0 {
		read = h.expand
	}
	if err := read(split, images, labels); err != nil {
		return fmt.Errorf("%s: %w", h.path, err)
	}
	return nil
}

// expand makes server 0's share of its seeds, which are in the order of the splits, images before labels.
func (h *Half) expand(split string, images, labels []uint64) error {
	all := make([]byte, 2*len(h.Splits)*len(prg.Seed{}))
	defer clear(all)
	if err := h.whole(seeds, all); err != nil {
		return err
	}
	for i, s := range h.Splits {
		if s.Name != split {
			continue
		}
		for k, dst := range [][]uint64{images, labels} {
			seed := prg.Seed(all[(2*i+k)*len(prg.Seed{}):])
			stream := prg.NewStream(seed)
			prg.Words(stream, dst)
			stream.Wipe()
			clear(seed[:])
		}
	}
	return nil
}

func (h *Half) corrections(split string, images, labels []uint64) error {
	return errors.Join(h.whole(stream(split, imagesTensor), ring.Bytes(images)), h.whole(stream(split, labelsTensor), ring.Bytes(labels)))
}

// whole reads a stream, which must have just these bytes.
func (h *Half) whole(name string, dst []byte) error {
	in, err := h.file.Stream(name)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := io.ReadFull(in, dst); err != nil {
		return cut(err)
	}
	if n, err := in.Read(make([]byte, 1)); n > 0 || err != io.EOF {
		return cut(err)
	}
	return nil
}

// cut explains an end that comes too early or late.
func cut(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it holds other numbers than its header says")
	}
	return err
}
