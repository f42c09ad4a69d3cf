package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/runtime/dataset"
	"sotto/runtime/share"
	"sotto/runtime/wire"
)

// The data owner of private training: he splits a labelled data set into two halves, each encrypted to one server.

// dataShareFlags say how a data set is split.
type dataShareFlags struct {
	network, net string
	keys         string
	frac         int
}

// dataShare is what is told of a data set that was split.
type dataShare struct {
	Set     share.ID       `json:"set"`
	Shape   [3]int         `json:"shape"`
	Classes int            `json:"classes"`
	Frac    int            `json:"frac"`
	Images  map[string]int `json:"images"` // by split
	Bytes   [2]int64       `json:"bytes"`  // of both files
}

func (f *dataShareFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.network, "for", "", ".sotto `file` of the network that is to be trained on a data set: says how it takes images")
	c.Flags().StringVar(&f.net, "net", "", "the net, where the file has several")
	c.Flags().StringVar(&f.keys, "keys", defaultKeys, "`directory` with both servers' certificates")
	c.Flags().IntVar(&f.frac, "frac", shareFrac, "fraction `bits` of a data set's images: at most those that the network is trained with")
}

// shareFrac is what private training takes if it is told nothing.
const shareFrac = 16

// dataFile is where `share` writes a server's half of a data set.
func dataFile(dir string, p cost.Party) string { return filepath.Join(dir, p.String()+".data") }

func (a *app) shareData(spec string, f *shareFlags) (*shareResult, error) {
	to, err := f.recipients(f.output)
	if err != nil {
		return nil, err
	}
	p, classes, err := a.wanted(dataFlags{network: f.network, net: f.net})
	if err != nil {
		return nil, err
	}
	a.progress.step("reading %s", spec)
	d, err := dataset.OpenPart(spec, p, classes)
	if err != nil {
		return nil, err
	}
	if err := makeDir(f.output); err != nil {
		return nil, err
	}
	h := share.Header{Shape: [3]int{p.Channels, p.Height, p.Width}, Classes: len(d.Classes), Frac: f.frac, Mean: p.Mean, Std: p.Std}
	from, images := map[string]share.Source{}, map[string]int{}
	for i, s := range []*dataset.Split{d.Train, d.Validation} {
		name := []string{share.Train, share.Validation}[i]
		if images[name] = s.Len(); images[name] == 0 {
			continue
		}
		b, err := dataset.InOrder(s, p, share.Chunk)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", spec, name, err)
		}
		from[name] = b.Fill
		h.Splits = append(h.Splits, share.Split{Name: name, Images: s.Len()})
	}
	id, err := share.Write(h, to, from, func(done, of int) { a.progress.step("splitting image %d of %d", done, of) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", spec, err)
	}
	r := &shareResult{version1, to[cost.Client].Path, to[cost.Server].Path, &dataShare{Set: id, Shape: h.Shape, Classes: h.Classes, Frac: f.frac, Images: images}}
	for i, t := range to {
		info, err := os.Stat(t.Path)
		if err != nil {
			return nil, err
		}
		r.Data.Bytes[i] = info.Size()
	}
	return r, nil
}

// recipients are the two servers; nobody's file is replaced.
func (f *dataShareFlags) recipients(dir string) (to [2]share.To, err error) {
	for _, p := range []cost.Party{cost.Client, cost.Server} {
		path := dataFile(dir, p)
		if exists(path) {
			return to, fmt.Errorf("%s is there already: name another directory by -o", path)
		}
		cert, err := f.certificate(roleOf(p))
		if err != nil {
			return to, err
		}
		key, err := wire.Recipient(cert)
		if err != nil {
			return to, err
		}
		to[p] = share.To{Path: path, Fingerprint: wire.Fingerprint(cert), Key: key}
	}
	if to[0].Fingerprint == to[1].Fingerprint {
		return to, errors.New("both servers have one certificate")
	}
	return to, nil
}

// certificate of a server: in --keys itself, or in that server's folder, as sotto keys makes them. No key is read.
func (f *dataShareFlags) certificate(r wire.Role) (*x509.Certificate, error) {
	if dir := filepath.Join(f.keys, r.String()); !exists(wire.CertPath(f.keys, r)) && exists(wire.CertPath(dir, r)) {
		return peerCertificate(dir, r)
	}
	return peerCertificate(f.keys, r)
}

func (d *dataShare) text(w io.Writer) {
	fmt.Fprintf(w, "%s training and %s validation images of %v in %d classes, %s and %s; splitting %x\n", count(int64(d.Images[share.Train])),
		count(int64(d.Images[share.Validation])), d.Shape, d.Classes, size(d.Bytes[0]), size(d.Bytes[1]), d.Set[:4])
}
