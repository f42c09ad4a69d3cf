package main

import (
	"github.com/spf13/cobra"

	"sotto/runtime/tensorfile"
)

// tapFile collects a party's shares of every value for verification on one machine. Whoever holds both parties' files
// knows everything: the flag says so, and it is off unless given.
type tapFile struct {
	path    string
	tensors []tensorfile.Tensor
}

func addTapFlag(c *cobra.Command, path *string) {
	c.Flags().StringVar(path, "insecure-dump-shares", "", "write this party's share of every value to `file`: breaks privacy, for `sotto verify` alone")
	c.Flags().MarkHidden("insecure-dump-shares")
}

func newTapFile(path string) *tapFile {
	if path == "" {
		return nil
	}
	return &tapFile{path: path}
}

func (t *tapFile) add(name string, share []int64) error {
	t.tensors = append(t.tensors, tensorfile.New(name, []int{len(share)}, share))
	return nil
}

func (t *tapFile) write() error {
	if t == nil {
		return nil
	}
	return tensorfile.Write(t.path, t.tensors, nil, tensorfile.Secret)
}

// readTaps adds both parties' files up, modulo 2^bits.
func readTaps(bits int, paths ...string) (map[string][]int64, error) {
	sums := map[string][]int64{}
	for _, path := range paths {
		f, err := tensorfile.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		for _, name := range f.Names() {
			share, _, err := f.Ints(name)
			if err != nil {
				return nil, err
			}
			sums[name] = addShares(bits, sums[name], share)
		}
	}
	return sums, nil
}
