// Package share splits labelled data sets into shares for two servers, and puts what several owners split together again, at one server.
//
// Numbers are in Z/2^64. Of each, x, server 0 (the client of sessions) has x0, drawn uniformly, and server 1 has x1 = x - x0: either alone is
// uniform. x0 is the AES-128-CTR stream of a seed for each tensor, so that server 0 gets seeds, server 1 as many bytes as there are numbers.
// What a server alone learns is the header: the number of images of each split, their shape, the number of classes, how they were normalised.
//
// An owner's two halves are files, each encrypted to one server:
//
//	magic 8 · bytes of the header 4 · header (JSON) · encapsulated key 32 · sealed file (package store)
//
// The key of the sealed file is an export of HPKE (RFC 9180: DHKEM(X25519, HKDF-SHA256), base mode) whose info is the header. Base mode does
// not say who the owner is: whoever can hand files to a server can give it data of his making.
package share

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Names of splits.
const (
	Train      = "train"
	Validation = "validation"
)

// Header is what anyone can read of a half.
type Header struct {
	Version   int       `json:"version"`
	Set       ID        `json:"set"`   // drawn for each splitting: both halves have the same
	Party     int       `json:"party"` // whose half it is: 0 the client's, 1 the server's
	Recipient string    `json:"recipient"`
	Peer      string    `json:"peer"`  // fingerprints of the certificates of whom this half is for and of whom the other
	Shape     [3]int    `json:"shape"` // of an image: channels, height, width
	Classes   int       `json:"classes"`
	Frac      int       `json:"frac"` // fraction bits of images; labels, one hot, have none
	Mean      []float32 `json:"mean,omitempty"`
	Std       []float32 `json:"std,omitempty"` // that images were normalised with
	Splits    []Split   `json:"splits"`
}

// Split is how many images there are in a part of the data.
type Split struct {
	Name   string `json:"name"`
	Images int    `json:"images"`
}

// ID names a splitting.
type ID [16]byte

// MarshalText writes hexadecimal digits.
func (id ID) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, id[:]), nil }

// UnmarshalText reads what MarshalText writes.
func (id *ID) UnmarshalText(text []byte) error {
	if hex.DecodedLen(len(text)) != len(id) {
		return fmt.Errorf("%d hexadecimal digits, accepted are %d", len(text), hex.EncodedLen(len(id)))
	}
	_, err := hex.Decode(id[:], text)
	return err
}

// Limits, so that nothing is allocated on the word of a header: of a side, of classes and fraction bits, and of all numbers of a half, 8 GB.
const (
	version    = 1
	maxSide    = 1 << 14
	maxClasses = 1 << 16
	maxFrac    = 30
	maxNumbers = 1 << 30
)

// Pixels is the number of elements of an image.
func (h *Header) Pixels() int { return h.Shape[0] * h.Shape[1] * h.Shape[2] }

func (h *Header) check() error {
	if h.Version != version {
		return fmt.Errorf("version %d, accepted is %d: share the data again", h.Version, version)
	}
	for _, side := range h.Shape {
		if side < 1 || side > maxSide {
			return fmt.Errorf("images of %v, accepted are 1 to %d a side", h.Shape, maxSide)
		}
	}
	switch {
	case h.Party != 0 && h.Party != 1:
		return fmt.Errorf("half %d, accepted are 0 and 1", h.Party)
	case h.Classes < 2 || h.Classes > maxClasses:
		return fmt.Errorf("%d classes, accepted are 2 to %d", h.Classes, maxClasses)
	case h.Frac < 0 || h.Frac > maxFrac:
		return fmt.Errorf("%d fraction bits, accepted are 0 to %d", h.Frac, maxFrac)
	}
	return h.checkSplits()
}

func (h *Header) checkSplits() error {
	left, seen := maxNumbers, map[string]bool{}
	for _, s := range h.Splits {
		if s.Name != Train && s.Name != Validation || seen[s.Name] {
			return fmt.Errorf("split %q: accepted are %s and %s, once each", s.Name, Train, Validation)
		}
		seen[s.Name] = true
		if s.Images < 1 || s.Images > left/(h.Pixels()+h.Classes) {
			return fmt.Errorf("%d images of %v: accepted are 1 and more, up to %d numbers in all", s.Images, h.Shape, maxNumbers)
		}
		left -= s.Images * (h.Pixels() + h.Classes)
	}
	if !seen[Train] {
		return errors.New("no images to train on")
	}
	return nil
}

// images of a split.
func (h *Header) images(split string) int {
	if i := slices.IndexFunc(h.Splits, func(s Split) bool { return s.Name == split }); i >= 0 {
		return h.Splits[i].Images
	}
	return 0
}

// public is what both halves say alike.
func (h *Header) public() ([]byte, error) {
	both := *h
	both.Party, both.Recipient, both.Peer = 0, "", ""
	return json.Marshal(&both)
}

// fits compares what is put together with another half.
func (h *Header) fits(o *Header) error {
	switch {
	case h.Shape != o.Shape || h.Classes != o.Classes:
		return fmt.Errorf("images of %v in %d classes, and of %v in %d", h.Shape, h.Classes, o.Shape, o.Classes)
	case h.Frac != o.Frac:
		return fmt.Errorf("%d and %d fraction bits", h.Frac, o.Frac)
	case !slices.Equal(h.Mean, o.Mean) || !slices.Equal(h.Std, o.Std):
		return fmt.Errorf("normalised by %v and %v, and by %v and %v", h.Mean, h.Std, o.Mean, o.Std)
	}
	return nil
}

// Set is one server's share of what several owners gave, in an order that both servers find by themselves: by the names of the splittings.
type Set struct {
	Header // of the first; its splits are of all together
	// Agreed is what both servers must have alike, of all halves.
	Agreed [sha256.Size]byte
	parts  []*Half
}

// Join puts halves together.
func Join(halves []*Half) (*Set, error) {
	if len(halves) == 0 {
		return nil, errors.New("no shares of data: accepted is at least one file of `sotto share`")
	}
	halves = slices.Clone(halves)
	slices.SortFunc(halves, func(a, b *Half) int { return bytes.Compare(a.Set[:], b.Set[:]) })
	s, sum := &Set{Header: halves[0].Header, parts: halves}, sha256.New()
	s.Splits = nil
	for i, h := range halves {
		if i > 0 && h.Set == halves[i-1].Set {
			return nil, fmt.Errorf("%s and %s are of one splitting: accepted is each once", halves[i-1].path, h.path)
		}
		if err := s.fits(&h.Header); err != nil {
			return nil, fmt.Errorf("%s and %s do not go together: %w", halves[0].path, h.path, err)
		}
		text, err := h.public()
		if err != nil {
			return nil, err
		}
		sum.Write(append(text, '\n'))
	}
	for _, name := range []string{Train, Validation} {
		n := 0
		for _, h := range halves {
			n += h.images(name)
		}
		if n > 0 {
			s.Splits = append(s.Splits, Split{name, n})
		}
	}
	sum.Sum(s.Agreed[:0])
	return s, s.checkSplits()
}

// Owned is what one owner gave.
type Owned struct {
	Set    ID  `json:"set"`    // the name of the splitting
	Images int `json:"images"` // to train on
}

// Owners lists what was put together, in the order in which the images stand.
func (s *Set) Owners() (all []Owned) {
	for _, h := range s.parts {
		all = append(all, Owned{h.Set, h.images(Train)})
	}
	return all
}

// Images is how many there are in a split.
func (s *Set) Images(split string) int { return s.images(split) }

// Read gives this server's share of a split: images one after the other, Frac fraction bits, and labels, one hot.
func (s *Set) Read(split string) (images, labels []uint64, err error) {
	n := s.images(split)
	images, labels = make([]uint64, n*s.Pixels()), make([]uint64, n*s.Classes)
	at := 0
	for _, h := range s.parts {
		m := h.images(split)
		if m == 0 {
			continue
		}
		if err := h.read(split, images[at*s.Pixels():][:m*s.Pixels()], labels[at*s.Classes:][:m*s.Classes]); err != nil {
			return nil, nil, err
		}
		at += m
	}
	return images, labels, nil
}
