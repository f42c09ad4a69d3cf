package wire

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/x509"
	"testing"
)

// What is encrypted to a certificate, its identity can read, and no other.
func TestRecipient(t *testing.T) {
	var others [][]byte
	for range 20 {
		id, err := WriteIdentity(t.TempDir(), Server)
		if err != nil {
			t.Fatal(err)
		}
		public, err := Recipient(id.Certificate())
		if err != nil {
			t.Fatal(err)
		}
		private, err := id.Recipient()
		if err != nil || !private.PublicKey().Equal(public) {
			t.Fatalf("the certificate's key is %x, its owner's %x (%v)", public.Bytes(), private.PublicKey().Bytes(), err)
		}
		one, err := id.Secret("one purpose")
		other, failed := id.Secret("another")
		if err != nil || failed != nil || one == other {
			t.Errorf("secrets %x and %x, %v, %v", one, other, err, failed)
		}
		for _, x := range [][]byte{public.Bytes(), one[:]} {
			for _, y := range others {
				if bytes.Equal(x, y) {
					t.Errorf("%x twice", x)
				}
			}
			others = append(others, x)
		}
	}
}

// The base point of one curve is that of the other (RFC 7748, section 4.1), and the neutral element has no place there.
func TestRecipientOfPoints(t *testing.T) {
	base := append([]byte{0x58}, bytes.Repeat([]byte{0x66}, 31)...)
	got, err := Recipient(&x509.Certificate{PublicKey: ed25519.PublicKey(base)})
	if want := append([]byte{9}, make([]byte, 31)...); err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the base point becomes %v, %v", got, err)
	}
	neutral := append([]byte{1}, make([]byte, 31)...)
	if _, err := Recipient(&x509.Certificate{PublicKey: ed25519.PublicKey(neutral)}); err == nil {
		t.Error("the neutral element is taken for a key")
	}
	if _, err := Recipient(&x509.Certificate{PublicKey: &ecdh.PublicKey{}}); err == nil {
		t.Error("another kind of key is taken for one")
	}
	if _, err := (Identity{}).Recipient(); err == nil {
		t.Error("nobody's identity has a key")
	}
}
