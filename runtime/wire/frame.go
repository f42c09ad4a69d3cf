package wire

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A frame is an 8-byte header and its payload. A message of b > 0 bytes is exactly ceil(b/MaxFrame) frames, all of
// them full but the last.
//
//	byte 0..3  payload length, little endian
//	byte 4     kind
//	byte 5..7  depth stamp of the message, little endian; of an abort zero, or one if it is a refusal
const (
	MaxFrame    = 64 << 10 // payload bytes of a full frame
	HeaderBytes = 8
	MaxReason   = 512 // bytes of text in an abort frame

	maxDepth = 1<<24 - 1
)

type kind uint8

const (
	kindMore  kind = 1 // a full frame of a message that goes on
	kindLast  kind = 2 // the last frame of a message
	kindAbort kind = 3 // the sender gives up; the payload says why
)

// refusalStamp is in the place of the depth of an abort that would come again.
const refusalStamp = 1

type header struct {
	length int
	kind   kind
	depth  uint32
}

// put writes h into the first HeaderBytes of b.
func (h header) put(b []byte) {
	binary.LittleEndian.PutUint32(b, uint32(h.length))
	binary.LittleEndian.PutUint32(b[4:], h.depth<<8|uint32(h.kind))
}

// parseHeader reads the header in the first HeaderBytes of b and holds it against every limit, so that nothing is
// ever allocated or awaited on the word of a bad one.
func parseHeader(b []byte) (header, error) {
	length, rest := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
	h := header{kind: kind(rest), depth: rest >> 8}
	if length > MaxFrame {
		return h, fmt.Errorf("%w: length %d, at most %d accepted", ErrProtocol, length, MaxFrame)
	}
	h.length = int(length)
	return h, h.check()
}

func (h header) check() error {
	switch h.kind {
	case kindAbort:
		if h.depth > refusalStamp || h.length > MaxReason {
			return fmt.Errorf("%w: abort of %d bytes with stamp %d, at most %d and %d accepted",
				ErrProtocol, h.length, h.depth, MaxReason, refusalStamp)
		}
		return nil
	case kindMore, kindLast:
		return h.checkData()
	}
	return fmt.Errorf("%w: kind %d, accepted are %d to %d", ErrProtocol, h.kind, kindMore, kindAbort)
}

func (h header) checkData() error {
	switch {
	case h.depth == 0:
		return fmt.Errorf("%w: data frame without a depth stamp", ErrProtocol)
	case h.length == 0:
		return fmt.Errorf("%w: empty data frame", ErrProtocol)
	case h.kind == kindMore && h.length != MaxFrame:
		return fmt.Errorf("%w: message goes on after a frame of %d bytes, only a full one of %d is followed",
			ErrProtocol, h.length, MaxFrame)
	}
	return nil
}

// reason cuts text to what an abort frame carries and makes it safe to print: valid UTF-8, no control characters.
// It is applied on both sides, because a peer's text ends up in a terminal.
func reason(text string) string {
	text = strings.ToValidUTF8(text, "?")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	for len(text) > MaxReason {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
