package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"sotto/runtime/wire"
)

type keysResult struct {
	head
	Dir        string         `json:"dir"`
	Identities []identityJSON `json:"identities"`
	text       func(io.Writer)
}

type identityJSON struct {
	Role        string   `json:"role"`
	Fingerprint string   `json:"fingerprint"` // SHA-256 of the certificate
	Dir         string   `json:"dir"`         // of that party
	Key         string   `json:"key,omitempty"`
	Certificate string   `json:"certificate"`
	Peers       []string `json:"peers,omitempty"` // certificates of the others, pinned: where they are, or with --role belong
}

func newKeysCmd(a *app) *cobra.Command {
	var out, role, list string
	c := &cobra.Command{
		Use: "keys [--role ROLE] -o DIR", Short: "make the keys by which the parties know each other", Args: cobra.NoArgs,
		Long: "Keys makes an Ed25519 key and a certificate. In real use each party runs it with --role on its own host, gives DIR/ROLE.crt to the\n" +
			"others, puts theirs beside it, and DIR/ROLE.key never leaves that host. --list says the fingerprints of what a directory holds:\n" +
			"compare them by voice with those whose certificates they are.\n\n" +
			"Without --role it makes the keys of client, server and dealer in one place, DIR/ROLE for each, to try sotto on one machine: whoever\n" +
			"runs it and keeps them can read everything that any two parties say and every file encrypted to one of them. Existing keys are never\n" +
			"replaced.",
		Example: "  sotto keys --role client -o keys\n  sotto keys --list keys\n  sotto keys -o keys",
		RunE: func(*cobra.Command, []string) error {
			r, err := doKeys(out, role, list)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "the `directory` to write")
	c.Flags().StringVar(&role, "role", "", "make the key of this party alone: client (S0), server (S1) or dealer")
	c.Flags().StringVar(&list, "list", "", "make nothing: the fingerprints of the certificates in this `directory`")
	c.MarkFlagsMutuallyExclusive("list", "output")
	c.MarkFlagsMutuallyExclusive("list", "role")
	return c
}

func doKeys(out, role, list string) (*keysResult, error) {
	switch {
	case list != "":
		return listKeys(list)
	case out == "":
		return nil, usagef("-o is missing: accepted is the directory to write")
	case role == "":
		return writeKeys(out)
	}
	r, err := wire.ParseRole(role)
	if err != nil {
		return nil, usagef("--role: %w", err)
	}
	return writeKey(out, r)
}

// writeKey writes one party's DIR/ROLE.key and DIR/ROLE.crt. The others' certificates may be there already.
func writeKey(dir string, role wire.Role) (*keysResult, error) {
	j := identityJSON{Role: role.String(), Dir: dir, Key: wire.KeyPath(dir, role), Certificate: wire.CertPath(dir, role)}
	for _, peer := range wire.Roles() {
		if peer != role {
			j.Peers = append(j.Peers, wire.CertPath(dir, peer))
		}
	}
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); !slices.Contains(j.Peers, path) {
			return nil, fmt.Errorf("%s is there: keys are never replaced, nor two parties' kept in one place; accepted is a directory with nothing but the others' certificates", path)
		}
	}
	id, err := wire.WriteIdentity(dir, role)
	if err != nil {
		return nil, err
	}
	j.Fingerprint = wire.Fingerprint(id.Certificate())
	return &keysResult{head: version1, Dir: dir, Identities: []identityJSON{j}, text: j.text}, nil
}

// text says what goes to whom.
func (j identityJSON) text(w io.Writer) {
	fmt.Fprintf(w, "%s  %s\n\n%s stays here and goes to nobody; give %s to the other parties, and to owners of data shared with them\nput what the others give you here:\n",
		j.Certificate, j.Fingerprint, j.Key, j.Certificate)
	for _, path := range j.Peers {
		fmt.Fprintf(w, "  %s\n", path)
	}
	fmt.Fprintf(w, "(dealer.crt only where there is a dealer); then compare what `sotto keys --list %s` says with each of them, by voice: who swaps a certificate\non its way can read what is sent\n", j.Dir)
}

// listKeys reads every certificate that lies in a directory itself.
func listKeys(dir string) (*keysResult, error) {
	r := &keysResult{head: version1, Dir: dir}
	for _, role := range wire.Roles() {
		j := identityJSON{Role: role.String(), Dir: dir, Certificate: wire.CertPath(dir, role)}
		if !exists(j.Certificate) {
			continue
		}
		cert, err := wire.LoadCertificate(j.Certificate, role)
		if err != nil {
			return nil, err
		}
		j.Fingerprint = wire.Fingerprint(cert)
		r.Identities = append(r.Identities, j)
	}
	if len(r.Identities) == 0 {
		return nil, fmt.Errorf("%s holds no certificate: accepted is a directory with one of client.crt, server.crt, dealer.crt", dir)
	}
	r.text = func(w io.Writer) {
		for _, j := range r.Identities {
			fmt.Fprintf(w, "%s  %s\n", j.Certificate, j.Fingerprint)
		}
	}
	return r, nil
}

// writeKeys makes all parties, for one machine: it writes DIR/ROLE/ROLE.key and, in every role's directory, every role's certificate.
func writeKeys(dir string) (*keysResult, error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty: keys are never replaced; name another directory", dir)
	}
	r := &keysResult{head: version1, Dir: dir}
	var certs []*x509.Certificate
	for _, role := range wire.Roles() {
		id, err := wire.WriteIdentity(filepath.Join(dir, role.String()), role)
		if err != nil {
			return nil, err
		}
		certs = append(certs, id.Certificate())
	}
	for i, role := range wire.Roles() {
		own := filepath.Join(dir, role.String())
		j := identityJSON{Role: role.String(), Fingerprint: wire.Fingerprint(certs[i]), Dir: own,
			Key: wire.KeyPath(own, role), Certificate: wire.CertPath(own, role)}
		for k, peer := range wire.Roles() {
			if peer == role {
				continue
			}
			path := wire.CertPath(own, peer)
			text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certs[k].Raw})
			if err := os.WriteFile(path, text, 0o644); err != nil {
				return nil, err
			}
			j.Peers = append(j.Peers, path)
		}
		r.Identities = append(r.Identities, j)
	}
	r.text = r.all
	return r, nil
}

func (r *keysResult) all(w io.Writer) {
	var rows [][]string
	for _, id := range r.Identities {
		rows = append(rows, []string{id.Role, id.Dir, id.Fingerprint})
	}
	table(w, "role goes_to_that_party fingerprint", rows)
	fmt.Fprintln(w, "\nfor a try on one machine: whoever keeps these keys can read everything; in real use each party runs `sotto keys --role ROLE -o DIR`")
}
