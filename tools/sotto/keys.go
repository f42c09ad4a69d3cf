package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sotto/runtime/wire"
)

type keysResult struct {
	head
	Dir        string         `json:"dir"`
	Identities []identityJSON `json:"identities"`
}

type identityJSON struct {
	Role        string   `json:"role"`
	Fingerprint string   `json:"fingerprint"` // SHA-256 of the certificate
	Dir         string   `json:"dir"`         // goes to that party, whole
	Key         string   `json:"key"`
	Certificate string   `json:"certificate"`
	Peers       []string `json:"peers"` // certificates of the others, pinned
}

func newKeysCmd(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "keys -o DIR", Short: "make the keys by which the parties know each other", Args: cobra.NoArgs,
		Long: "Keys makes an Ed25519 key and a certificate for each of client, server and dealer. DIR/ROLE goes to that party and holds its\n" +
			"own key and everybody's certificates; no key is in two places. Existing keys are never replaced.",
		Example: "  sotto keys -o keys",
		RunE: func(*cobra.Command, []string) error {
			if out == "" {
				return usagef("-o is missing: accepted is the directory to write")
			}
			r, err := writeKeys(out)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	c.Flags().StringVarP(&out, "output", "o", "", "the `directory` to write")
	return c
}

// writeKeys writes DIR/ROLE/ROLE.key and, in every role's directory, every role's certificate.
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
	return r, nil
}

func (r *keysResult) text(w io.Writer) {
	var rows [][]string
	for _, id := range r.Identities {
		rows = append(rows, []string{id.Role, id.Dir, id.Fingerprint})
	}
	table(w, "role goes_to_that_party fingerprint", rows)
	fmt.Fprintln(w, "\nkeep the .key files where they are; compare the fingerprints over another channel when the parties exchange certificates")
}
