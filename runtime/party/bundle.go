// Package party runs one side of a private inference: it loads a bundle, checks that the peer has the same program, sets up
// the oblivious transfers, has the material made, and runs the offline and the online program.
package party

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"sotto/ir/cost"
	"sotto/runtime/program"
	"sotto/runtime/ring"
	"sotto/runtime/tensorfile"
)

// Names of the files of a bundle.
const (
	ProgramFile  = "program.cbor"
	ManifestFile = "manifest.cbor"
	WeightsFile  = "weights.safetensors"
)

// Bundle is one party's half of a compiled network.
type Bundle struct {
	Dir      string
	Program  *program.Program
	Manifest *program.Manifest

	native *kernels // once LoadNative has found some
}

// OpenBundle reads and verifies a bundle. The weights stay in their file.
func OpenBundle(dir string) (*Bundle, error) {
	b := &Bundle{Dir: dir, Program: new(program.Program), Manifest: new(program.Manifest)}
	if _, err := os.Stat(filepath.Join(dir, ProgramFile)); err != nil {
		return nil, fmt.Errorf("%s is no bundle: it holds no %s; accepted is a party's folder in what `sotto compile -o` wrote, such as DIR/client", dir, ProgramFile)
	}
	if err := program.Read(filepath.Join(dir, ProgramFile), b.Program); err != nil {
		return nil, err
	}
	if err := program.Read(filepath.Join(dir, ManifestFile), b.Manifest); err != nil {
		return nil, err
	}
	if err := b.Program.Verify(b.Manifest); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return b, nil
}

// integers are the element types of weights, by ring.
var integers = map[int][]tensorfile.DType{32: {tensorfile.I32, tensorfile.U32}, 64: {tensorfile.I64, tensorfile.U64}}

// CheckWeights finds missing and misshapen weights by their file's header, without reading them.
func (b *Bundle) CheckWeights() error {
	if len(b.Program.Weights) == 0 {
		return nil
	}
	f, err := b.openWeights()
	if err != nil {
		return err
	}
	defer f.Close()
	for _, w := range b.Program.Weights {
		info, err := f.Info(w.Name)
		if err != nil {
			return err
		}
		if err := b.checkLength(w, info.Elements()); err != nil {
			return err
		}
		if accepted := integers[b.Program.Ring]; !slices.Contains(accepted, info.DType) {
			return fmt.Errorf("%s: weight %s has elements of type %s, accepted in a ring of %d bits are %v",
				filepath.Join(b.Dir, WeightsFile), w.Name, info.DType, b.Program.Ring, accepted)
		}
	}
	return nil
}

func (b *Bundle) openWeights() (*tensorfile.File, error) {
	f, err := tensorfile.Open(filepath.Join(b.Dir, WeightsFile))
	if os.IsNotExist(err) {
		return nil, fmt.Errorf("%s holds no %s: compile with --weights", b.Dir, WeightsFile)
	}
	return f, err
}

// Sharing names one splitting of a model's weights into shares: those of two splittings add up to noise. It is drawn when
// the weights are split and says nothing of them; it is zero where the server alone has weights.
type Sharing [16]byte

// sharingKey is the metadata key of a weights file that holds the Sharing, in hexadecimal.
const sharingKey = "sotto.sharing"

// Metadata is what a file of shares says of itself.
func (s Sharing) Metadata() map[string]string {
	return map[string]string{sharingKey: hex.EncodeToString(s[:])}
}

// sharing reads what the weights are shares of.
func (b *Bundle) sharing() (s Sharing, err error) {
	if b.Program.Deploy != cost.Outsourced || len(b.Program.Weights) == 0 {
		return s, nil
	}
	f, err := b.openWeights()
	if err != nil {
		return s, err
	}
	defer f.Close()
	name, err := hex.DecodeString(f.Metadata()[sharingKey])
	if err != nil || len(name) != len(s) {
		return s, fmt.Errorf("%s: metadata %s names no splitting: want %d hexadecimal digits, as `sotto compile` writes",
			filepath.Join(b.Dir, WeightsFile), sharingKey, 2*len(s))
	}
	return Sharing(name), nil
}

func (b *Bundle) checkLength(w program.Weight, elements int) error {
	if elements != w.Len {
		return fmt.Errorf("%s: weight %s has %d elements, the program's has %d", filepath.Join(b.Dir, WeightsFile), w.Name, elements, w.Len)
	}
	return nil
}

// weights reads the weights a program lists, in its order. A party whose program lists none needs no file.
func weights[W ring.Word](b *Bundle) ([][]W, error) {
	out := make([][]W, len(b.Program.Weights))
	if len(out) == 0 {
		return out, nil
	}
	f, err := b.openWeights()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for i, w := range b.Program.Weights {
		data, _, err := tensorfile.Words[W](f, w.Name)
		if err != nil {
			return nil, err
		}
		if err := b.checkLength(w, len(data)); err != nil {
			return nil, err
		}
		out[i] = data
	}
	return out, nil
}
