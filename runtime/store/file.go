package store

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// The file of one inference holds streams of bytes, in pieces that are sealed one by one, so that writing and reading take
// little memory and nothing is read that was not verified:
//
//	magic 8 · salt 16 · sealed pieces, in the order they were filled · sealed table · offset of the table 8
//
// Pieces are sealed with AES-128-GCM. The file's key comes from the chain's, the salt, and the file's place; the nonce is
// the piece's number in the file, and the table, sealed under a nonce of its own, says which piece of which stream that is:
// so a piece that was changed, moved or cut off is found. A key seals at most 2^32 pieces, far from GCM's bounds.
const (
	magic      = "sottomt1"
	saltBytes  = 16
	headBytes  = len(magic) + saltBytes
	tailBytes  = 8
	keyBytes   = 16
	pieceBytes = 256 << 10
	maxPieces  = 1 << 32
)

// tableNonce is the number under which the table is sealed.
const tableNonce = maxPieces

// ErrForeign says that a sealed file cannot be read.
var ErrForeign = errors.New("the file is damaged, or under another key")

// table lists the streams of a file.
type table struct {
	Streams map[string][]piece `json:"streams"`
}

// piece is one sealed piece of a stream.
type piece struct {
	Number uint64 `json:"n"`
	Offset int64  `json:"at"`
	Bytes  int    `json:"len"` // sealed
}

func newAEAD(key chainKey, salt, context []byte) (cipher.AEAD, error) {
	k, err := hkdf.Key(sha256.New, key[:], salt, string(context), keyBytes)
	if err != nil {
		return nil, err
	}
	defer clear(k)
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func nonce(a cipher.AEAD, number uint64) []byte {
	out := make([]byte, a.NonceSize())
	binary.LittleEndian.PutUint64(out, number)
	return out
}

// Writer makes one inference's file. Its streams may be written by several goroutines.
type Writer struct {
	part, whole string
	aead        cipher.AEAD

	mu     sync.Mutex
	file   *os.File
	out    *bufio.Writer
	at     int64
	synced int64 // of at: what is known to be on the disk
	pieces uint64
	table  table
	open   []*output
	fault  error // the first of writing
}

// syncEvery bytes are sent to the disk at a time, so that whoever waits for Commit does not wait for gigabytes.
const syncEvery = 64 << 20

func newWriter(part, whole string, before []byte, key chainKey, context []byte) (*Writer, error) {
	head := append([]byte(magic), make([]byte, saltBytes)...)
	if _, err := rand.Read(head[len(magic):]); err != nil {
		return nil, err
	}
	aead, err := newAEAD(key, head[len(magic):], context)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	head = append(bytes.Clone(before), head...)
	w := &Writer{part: part, whole: whole, aead: aead, file: f, out: bufio.NewWriterSize(f, pieceBytes), at: int64(len(head)), table: table{Streams: map[string][]piece{}}}
	if _, err := w.out.Write(head); err != nil {
		return nil, errors.Join(err, w.Discard())
	}
	return w, nil
}

// Stream opens a new stream of the file, to be written in order. Closing it ends it.
func (w *Writer) Stream(name string) (io.WriteCloser, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, taken := w.table.Streams[name]; taken {
		return nil, fmt.Errorf("store: stream %s a second time", name)
	}
	w.table.Streams[name] = []piece{}
	o := &output{to: w, name: name}
	w.open = append(w.open, o)
	return o, nil
}

// output is a stream being written.
type output struct {
	to   *Writer
	name string
	buf  []byte // what makes no whole piece yet
}

func (o *output) Write(p []byte) (int, error) {
	if o.buf == nil {
		o.buf = make([]byte, 0, pieceBytes+o.to.aead.Overhead())
	}
	done := 0
	for done < len(p) {
		n := min(len(p)-done, pieceBytes-len(o.buf))
		o.buf = append(o.buf, p[done:done+n]...)
		done += n
		if len(o.buf) == pieceBytes {
			if err := o.flush(); err != nil {
				return done, err
			}
		}
	}
	return done, nil
}

// flush seals what is there as a piece.
func (o *output) flush() error {
	if len(o.buf) == 0 {
		return nil
	}
	err := o.to.append(o.name, o.buf)
	clear(o.buf)
	o.buf = o.buf[:0]
	return err
}

// Close ends the stream.
func (o *output) Close() error {
	err := o.flush()
	o.buf = nil
	return err
}

// append seals plain, in place, as the next piece of a stream.
func (w *Writer) append(name string, plain []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault == nil && w.pieces == maxPieces {
		w.fault = fmt.Errorf("more than %d bytes of material", uint64(maxPieces)*pieceBytes)
	}
	if w.fault == nil {
		w.fault = w.seal(name, plain)
	}
	if w.fault != nil {
		return fmt.Errorf("store: %w", w.fault)
	}
	return nil
}

func (w *Writer) seal(name string, plain []byte) error {
	sealed := w.aead.Seal(plain[:0], nonce(w.aead, w.pieces), plain, nil)
	if _, err := w.out.Write(sealed); err != nil {
		return err
	}
	w.table.Streams[name] = append(w.table.Streams[name], piece{w.pieces, w.at, len(sealed)})
	w.pieces++
	w.at += int64(len(sealed))
	if w.at-w.synced < syncEvery {
		return nil
	}
	w.synced = w.at
	return errors.Join(w.out.Flush(), w.file.Sync())
}

// Commit ends all streams and gives the file its name once it is on the disk: from then on the store holds it. It gives the
// file's size.
func (w *Writer) Commit() (int64, error) {
	size, err := w.finish()
	if err == nil {
		err = errors.Join(w.file.Sync(), w.file.Close())
	}
	if err != nil {
		return 0, errors.Join(fmt.Errorf("store: %w", err), w.Discard())
	}
	w.file = nil
	if err := replace(w.part, w.whole); err != nil {
		return 0, fmt.Errorf("store: %w", err)
	}
	return size, nil
}

func (w *Writer) finish() (int64, error) {
	for _, o := range w.open {
		o.Close()
	}
	if w.fault != nil { // of these or of an earlier write whose caller did not look
		return 0, w.fault
	}
	text, err := json.Marshal(w.table)
	if err != nil {
		return 0, err
	}
	sealed := w.aead.Seal(nil, nonce(w.aead, tableNonce), text, nil)
	tail := binary.LittleEndian.AppendUint64(sealed, uint64(w.at))
	if _, err := w.out.Write(tail); err != nil {
		return 0, err
	}
	return w.at + int64(len(tail)), w.out.Flush()
}

// Discard ends the file without keeping it. After Commit it does nothing.
func (w *Writer) Discard() error {
	if w.file == nil {
		return nil
	}
	f := w.file
	w.file = nil
	for _, o := range w.open {
		clear(o.buf)
	}
	f.Close() // fails if Commit has closed it
	return os.Remove(w.part)
}

// Reader reads one inference's file. Its streams may be read by several goroutines.
type Reader struct {
	file  *os.File
	aead  cipher.AEAD
	table table
	size  int64
}

// newReader verifies the frame of a file, which begins behind so many bytes, and its table; the pieces are verified as they are read. The
// file is the reader's from then on if there is no error.
func newReader(f *os.File, behind int, key chainKey, context []byte) (*Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	r := &Reader{file: f, size: info.Size()}
	head := make([]byte, headBytes)
	if _, err := f.ReadAt(head, int64(behind)); err != nil || string(head[:len(magic)]) != magic || r.size < int64(behind+headBytes+tailBytes) {
		return nil, ErrForeign
	}
	if r.aead, err = newAEAD(key, head[len(magic):], context); err != nil {
		return nil, err
	}
	return r, r.readTable(int64(behind + headBytes))
}

// readTable reads the table of pieces that begin at from.
func (r *Reader) readTable(from int64) error {
	end := r.size - tailBytes
	var tail [tailBytes]byte
	if _, err := r.file.ReadAt(tail[:], end); err != nil {
		return err
	}
	at := binary.LittleEndian.Uint64(tail[:])
	if at < uint64(from) || at > uint64(end) {
		return ErrForeign
	}
	text := make([]byte, end-int64(at))
	if _, err := r.file.ReadAt(text, int64(at)); err != nil {
		return err
	}
	text, err := r.aead.Open(text[:0], nonce(r.aead, tableNonce), text, nil)
	if err != nil || json.Unmarshal(text, &r.table) != nil {
		return ErrForeign
	}
	return nil
}

// Size is the file's, in bytes.
func (r *Reader) Size() int64 { return r.size }

// Stream opens a stream that was written, to be read in order.
func (r *Reader) Stream(name string) (io.ReadCloser, error) {
	pieces, ok := r.table.Streams[name]
	if !ok {
		return nil, fmt.Errorf("store: the material has no stream %s", name)
	}
	return &input{from: r, name: name, left: pieces}, nil
}

// input is a stream being read.
type input struct {
	from *Reader
	name string
	left []piece
	buf  []byte // room for a sealed piece
	rest []byte // of the piece in buf: what was not read
}

func (i *input) Read(p []byte) (int, error) {
	for len(i.rest) == 0 {
		if len(i.left) == 0 {
			return 0, io.EOF
		}
		if err := i.next(); err != nil {
			return 0, fmt.Errorf("store: stream %s: %w", i.name, err)
		}
	}
	n := copy(p, i.rest)
	i.rest = i.rest[n:]
	return n, nil
}

// next reads and verifies a piece.
func (i *input) next() error {
	at := i.left[0]
	i.left = i.left[1:]
	if at.Bytes < 0 || at.Bytes > pieceBytes+i.from.aead.Overhead() { // whoever has the key may have written anything
		return ErrForeign
	}
	if cap(i.buf) < at.Bytes {
		clear(i.buf[:cap(i.buf)])
		i.buf = make([]byte, at.Bytes)
	}
	sealed := i.buf[:at.Bytes]
	if _, err := i.from.file.ReadAt(sealed, at.Offset); err != nil {
		return fmt.Errorf("%w: %w", ErrForeign, err)
	}
	var err error
	i.rest, err = i.from.aead.Open(sealed[:0], nonce(i.from.aead, at.Number), sealed, nil)
	if err != nil {
		return ErrForeign
	}
	return nil
}

// Close wipes what was read.
func (i *input) Close() error {
	clear(i.buf[:cap(i.buf)])
	i.buf, i.rest, i.left = nil, nil, nil
	return nil
}

// Close ends the reader. The file, which Take has deleted, is gone then.
func (r *Reader) Close() error { return r.file.Close() }
