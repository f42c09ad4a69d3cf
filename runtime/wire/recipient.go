package wire

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// A party's key does two things: it authenticates connections (Ed25519), and what is meant for the party alone is encrypted to it (X25519).
// Both are on one curve, which RFC 7748, section 4.1, calls edwards25519 and curve25519, with a map between: u = (1 + y) / (1 - y). One
// secret scalar for both is shown to be sound in Thormarker, On using the same key pair for Ed25519 and an X25519 based KEM (IACR ePrint
// 2021/509), for KEMs that hash the shared point, as that of HPKE does.

// Recipient is the key that things for the holder of a certificate are encrypted to.
func Recipient(cert *x509.Certificate) (*ecdh.PublicKey, error) {
	public, ok := cert.PublicKey.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("certificate with a %T, only Ed25519 keys are accepted", cert.PublicKey)
	}
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	text := slices.Clone(public)
	text[len(text)-1] &= 0x7f // the sign of x
	slices.Reverse(text)
	y, one := new(big.Int).SetBytes(text), big.NewInt(1)
	inverse := new(big.Int).ModInverse(new(big.Int).Mod(new(big.Int).Sub(one, y), p), p)
	if inverse == nil {
		return nil, errors.New("certificate with the neutral element for a key")
	}
	u := new(big.Int).Mul(new(big.Int).Add(one, y), inverse)
	text = u.Mod(u, p).FillBytes(text)
	slices.Reverse(text)
	return ecdh.X25519().NewPublicKey(text)
}

// Recipient is the private key of Recipient of the identity's certificate: the scalar of RFC 8032, section 5.1.5.
func (id Identity) Recipient() (*ecdh.PrivateKey, error) {
	seed, err := id.seed()
	if err != nil {
		return nil, err
	}
	sum := sha512.Sum512(seed)
	defer clear(sum[:])
	return ecdh.X25519().NewPrivateKey(sum[:32])
}

// Secret derives a key for what this party keeps for itself: one for each purpose.
func (id Identity) Secret(purpose string) (out [32]byte, err error) {
	seed, err := id.seed()
	if err != nil {
		return out, err
	}
	k, err := hkdf.Key(sha256.New, seed, nil, "sotto identity: "+purpose, len(out))
	defer clear(k)
	copy(out[:], k)
	return out, err
}

func (id Identity) seed() ([]byte, error) {
	key, ok := id.pair.PrivateKey.(ed25519.PrivateKey)
	if !ok {
		return nil, errors.New("no identity of one's own: load one first")
	}
	return key.Seed(), nil
}
