package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/runtime/party"
	"sotto/runtime/store"
	"sotto/runtime/wire"
)

const storeHelp = "`directory` with this party's stored material (sotto prepare)"

// openStore opens a party's store for its bundle and its peer.
func (f *peerFlags) openStore(dir string, b *party.Bundle) (*store.Store, error) {
	own, peer := wire.Client, wire.Server
	if b.Program.Party == cost.Server {
		own, peer = peer, own
	}
	cert, err := f.certificate(own, peer)
	if err != nil {
		return nil, err
	}
	digest, err := weightsDigest(b)
	if err != nil {
		return nil, err
	}
	return store.Open(dir, store.Binding{
		Party: b.Program.Party.String(), Pair: b.Program.Pair.String(), Weights: digest, Peer: wire.Fingerprint(cert),
	})
}

// weightsDigest is that of a party's weights file: material for other weights is worth nothing. It stays on this machine.
func weightsDigest(b *party.Bundle) (string, error) {
	if len(b.Program.Weights) == 0 {
		return "", nil
	}
	f, err := os.Open(filepath.Join(b.Dir, party.WeightsFile))
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// openHolding opens a client's store, nil without one, which must hold something.
func (f *inferFlags) openHolding(b *party.Bundle) (*store.Store, error) {
	if f.store == "" {
		return nil, nil
	}
	s, err := f.openStore(f.store, b)
	if err != nil {
		return nil, err
	}
	st, err := s.Status()
	if err == nil && len(st.Held) == 0 {
		err = fmt.Errorf("store %s holds no inference: make some with `sotto prepare`", f.store)
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// modes are what a server is ready to do; outsourced and without an input, it prepares.
func (f *serveFlags) modes(b *party.Bundle) (party.Mode, error) {
	switch {
	case f.store == "":
		return party.Everything, nil
	case f.taps != "":
		return 0, errDumpOfStored
	case b.Program.Deploy == cost.Outsourced && f.input == "":
		return party.Prepare, nil
	}
	return party.Everything | party.Prepare | party.Stored, nil
}

// inputFor reads the server's input, if it needs one.
func (f *serveFlags) inputFor(b *party.Bundle, modes party.Mode) (party.Input, error) {
	if modes == party.Prepare {
		return party.Input{}, nil
	}
	return shareInput(b, f.input)
}

// openKept opens a server's store, nil without one.
func (f *serveFlags) openKept(b *party.Bundle) (*store.Store, error) {
	if f.store == "" {
		return nil, nil
	}
	return f.openStore(f.store, b)
}

// errDumpOfStored: part of the values' shares were there when the material was made.
var errDumpOfStored = usagef("--insecure-dump-shares: with --store not all shares are met again; leave one of them out")

// storeJSON is what prepare --list tells of a store.
type storeJSON struct {
	Dir     string `json:"dir"`
	Party   string `json:"party"`
	Program string `json:"program_hash"`
	Peer    string `json:"peer"`
	Held    int    `json:"held"`
	Used    uint64 `json:"used"` // numbers that the cursor has passed, of inferences run or burnt
	Disk    int64  `json:"disk"`
}

type listResult struct {
	head
	Stores []storeJSON `json:"stores"`
}

// listStores tells what the store in dir holds, or what both parties' do that `sotto prepare DIR` made there.
func listStores(dir string) (*listResult, error) {
	dirs := []string{dir}
	if exists(filepath.Join(dir, clientDir)) {
		dirs = []string{filepath.Join(dir, clientDir), filepath.Join(dir, serverDir)}
	}
	r := &listResult{head: version1}
	for _, d := range dirs {
		st, err := store.Inspect(d)
		if err != nil {
			return nil, err
		}
		r.Stores = append(r.Stores, storeJSON{d, st.Party, st.Pair, st.Peer, len(st.Held), st.Cursor, st.Bytes})
	}
	return r, nil
}

func (r *listResult) text(w io.Writer) {
	var rows [][]string
	for _, s := range r.Stores {
		rows = append(rows, []string{s.Dir, s.Party, fmt.Sprintf("%.12s", s.Program), strconv.Itoa(s.Held), size(s.Disk), strconv.FormatUint(s.Used, 10)})
	}
	table(w, "store party program >left >disk >used_or_burnt", rows)
}

// storeLine is what a session took from its store.
func storeLine(t *party.Taken) string {
	return fmt.Sprintf("material of stored inference %d: %s, loaded in %s; %d left", t.Inference, size(t.Bytes), duration(t.LoadMS), t.Left)
}

func addStoreFlag(c *cobra.Command, dir *string, help string) {
	c.Flags().Func("store", help, func(name string) error {
		if name == "" {
			return errors.New("no name of a directory; leave --store out, or name one")
		}
		*dir = name
		return nil
	})
}

// checkShared accepts a directory for both parties' stores: a new or empty one, or one that was used as such. Any other is
// one party's store, or no store at all, and would be mixed up with them.
func checkShared(dir string) error {
	const accepted = "accepted is a new or empty directory, or one that `sotto prepare` of both parties made"
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("store %s: it is no directory: %s", dir, accepted)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	parts := []string{clientDir, serverDir, defaultKeys}
	for _, e := range entries {
		if !slices.Contains(parts, e.Name()) {
			return fmt.Errorf("store %s: it holds %s, which is not of both parties' stores: %s", dir, e.Name(), accepted)
		}
	}
	if len(entries) > 0 && !exists(filepath.Join(dir, defaultKeys)) {
		return fmt.Errorf("store %s: it has no %s: %s", dir, defaultKeys, accepted)
	}
	return nil
}
