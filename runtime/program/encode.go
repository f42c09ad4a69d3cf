package program

import (
	"bytes"
	"fmt"
	"io"
	"os"

	"github.com/fxamacker/cbor/v2"
)

var (
	encMode = must(cbor.CoreDetEncOptions().EncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:   16,
		MaxArrayElements:  1 << 22,
		MaxMapPairs:       64,
		IndefLength:       cbor.IndefLengthForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // options above are constants
	}
	return v
}

func encode(v any) ([]byte, error) { return encMode.Marshal(v) }

// maxFile bounds a program or manifest file.
const maxFile = 256 << 20

// Write encodes a program or manifest into a file.
func Write(path string, v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o666)
}

// Read decodes a program or manifest file into v. What is read is well formed, not yet verified.
func Read(path string, v any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return err
	}
	if len(b) > maxFile {
		return fmt.Errorf("%s: more than %d bytes", path, maxFile)
	}
	if err := decMode.Unmarshal(b, v); err != nil {
		return fmt.Errorf("%s is not what `sotto compile` writes, or is damaged: %w", path, err)
	}
	// There is one encoding of each value: another that decodes to the same is damage all the same.
	if again, err := encode(v); err != nil || !bytes.Equal(again, b) {
		return fmt.Errorf("%s is not what `sotto compile` writes, or is damaged: it is not in deterministic encoding", path)
	}
	return nil
}
