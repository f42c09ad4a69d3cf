package wire

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Role is the part a key holder plays. It is written in the certificate, so that a key cannot be used for another.
type Role uint8

const (
	Client Role = iota + 1
	Server
	Dealer
)

var roleNames = []string{Client: "client", Server: "server", Dealer: "dealer"}

// Roles lists every role.
func Roles() []Role { return []Role{Client, Server, Dealer} }

func (r Role) String() string {
	if r < Client || r > Dealer {
		return fmt.Sprintf("role %d", uint8(r))
	}
	return roleNames[r]
}

// ParseRole reads what String writes.
func ParseRole(name string) (Role, error) {
	if i := slices.Index(roleNames, name); i >= int(Client) {
		return Role(i), nil
	}
	return 0, fmt.Errorf("role %q: unknown, accepted are %s", name, strings.Join(roleNames[Client:], ", "))
}

const (
	roleScheme = "sotto" // a certificate's role is its URI name sotto:client, sotto:server or sotto:dealer

	validity  = 10 * 365 * 24 * time.Hour // keys are pinned one by one; expiry only catches the forgotten
	backdate  = time.Hour                 // for clocks that disagree
	fileLimit = 64 << 10                  // bytes of a key or certificate file, some 100 times what is needed
)

// GenerateIdentity makes an Ed25519 key and a self-signed certificate for the role, both PEM. The caller wipes
// keyPEM.
func GenerateIdentity(role Role) (certPEM, keyPEM []byte, err error) {
	if _, err := ParseRole(role.String()); err != nil {
		return nil, nil, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generating a %s key: %w", role, err)
	}
	defer clear(private)
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("encoding the %s key: %w", role, err)
	}
	defer clear(keyDER)
	certDER, err := selfSign(role, public, private)
	if err != nil {
		return nil, nil, fmt.Errorf("signing the %s certificate: %w", role, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certDER}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}

func selfSign(role Role, public ed25519.PublicKey, private ed25519.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "sotto " + role.String()},
		URIs:         []*url.URL{{Scheme: roleScheme, Opaque: role.String()}},
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(validity),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	return x509.CreateCertificate(rand.Reader, template, template, public, private)
}

// KeyPath and CertPath are where an identity lies in a directory: ROLE.key and ROLE.crt.
func KeyPath(dir string, role Role) string { return filepath.Join(dir, role.String()+".key") }

// CertPath is the certificate beside KeyPath.
func CertPath(dir string, role Role) string { return filepath.Join(dir, role.String()+".crt") }

// WriteIdentity generates an identity into dir, which it makes if need be, readable by the owner alone. It replaces
// no file: a key that a peer has pinned is not lost by accident.
func WriteIdentity(dir string, role Role) (Identity, error) {
	certPEM, keyPEM, err := GenerateIdentity(role)
	if err != nil {
		return Identity{}, err
	}
	defer clear(keyPEM)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Identity{}, fmt.Errorf("%s identity: %w", role, err)
	}
	for _, path := range []string{KeyPath(dir, role), CertPath(dir, role)} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			return Identity{}, fmt.Errorf("%s: exists and is kept: remove it first, or name another directory", path)
		}
	}
	if err := writeNew(KeyPath(dir, role), keyPEM); err != nil {
		return Identity{}, fmt.Errorf("%s identity: %w", role, err)
	}
	if err := writeNew(CertPath(dir, role), certPEM); err != nil {
		return Identity{}, fmt.Errorf("%s identity: %w", role, err)
	}
	return LoadIdentity(dir, role)
}

func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// Identity is one party's own key and certificate.
type Identity struct {
	Role Role
	pair tls.Certificate
}

// Certificate is the public part, which the peer pins.
func (id Identity) Certificate() *x509.Certificate { return id.pair.Leaf }

// LoadIdentity reads ROLE.key and ROLE.crt from dir. It refuses a key file that others than its owner can open, a
// certificate for another role or another key, and one out of date.
func LoadIdentity(dir string, role Role) (Identity, error) {
	cert, err := LoadCertificate(CertPath(dir, role), role)
	if err != nil {
		return Identity{}, err
	}
	path := KeyPath(dir, role)
	keyPEM, err := readFile(path, checkPrivate)
	if err != nil {
		return Identity{}, err
	}
	defer clear(keyPEM)
	key, err := parseKey(keyPEM)
	if err != nil {
		return Identity{}, fmt.Errorf("%s: %w", path, err)
	}
	if !key.Public().(ed25519.PublicKey).Equal(cert.PublicKey) {
		return Identity{}, fmt.Errorf("%s: is not the key of %s", path, CertPath(dir, role))
	}
	pair := tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
	return Identity{Role: role, pair: pair}, nil
}

// LoadCertificate reads a certificate, to pin or to present, and checks that it is one for the role and in date.
func LoadCertificate(path string, role Role) (*x509.Certificate, error) {
	data, err := readFile(path, func(*os.File) error { return nil })
	if err != nil {
		return nil, err
	}
	der, err := onlyBlock(data, "CERTIFICATE")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := checkCertificate(cert, role); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return cert, nil
}

func parseKey(keyPEM []byte) (ed25519.PrivateKey, error) {
	der, err := onlyBlock(keyPEM, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	defer clear(der)
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("holds a %T, only Ed25519 keys are accepted", key)
	}
	return private, nil
}

func onlyBlock(data []byte, kind string) ([]byte, error) {
	block, rest := pem.Decode(data)
	if block == nil || block.Type != kind || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, fmt.Errorf("want exactly one PEM block %q", kind)
	}
	return block.Bytes, nil
}

func readFile(path string, check func(*os.File) error) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such file: make keys first, and copy the peer's .crt here", path)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := check(f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	data, err := io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(data) > fileLimit {
		return nil, fmt.Errorf("%s: more than %d bytes, too large for a key or certificate", path, fileLimit)
	}
	return data, nil
}

// checkPrivate refuses key files that others can read. Windows has no such mode bits.
func checkPrivate(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("key is open to other users (mode %04o), only 0600 or stricter is accepted: chmod 600 %s",
			mode, f.Name())
	}
	return nil
}

func checkCertificate(cert *x509.Certificate, want Role) error {
	role, err := RoleOf(cert)
	if err != nil {
		return err
	}
	if role != want {
		return fmt.Errorf("certificate is for the role %s, want %s", role, want)
	}
	now := time.Now()
	if now.Before(cert.NotBefore) || now.After(cert.NotAfter) {
		return fmt.Errorf("certificate holds from %s to %s, not now: make new keys, or set the clock",
			cert.NotBefore.Format(time.DateOnly), cert.NotAfter.Format(time.DateOnly))
	}
	return nil
}

// RoleOf gives the role that a certificate names.
func RoleOf(cert *x509.Certificate) (Role, error) {
	if len(cert.URIs) != 1 || cert.URIs[0].Scheme != roleScheme {
		return 0, fmt.Errorf("certificate names no role, want one URI %s:client, %s:server or %s:dealer",
			roleScheme, roleScheme, roleScheme)
	}
	return ParseRole(cert.URIs[0].Opaque)
}

// Fingerprint is the SHA-256 of the certificate, as people compare it.
func Fingerprint(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}
