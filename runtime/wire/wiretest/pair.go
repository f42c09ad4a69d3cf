// Package wiretest gives tests two ends of one real connection.
package wiretest

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"sotto/runtime/wire"
)

// Sockets gives the two ends of a TCP connection over loopback, closed when the test ends.
func Sockets(t testing.TB) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	return a, b
}

// Pair gives two connected ends over plain TCP, closed when the test ends.
func Pair(t testing.TB, o wire.Options) (a, b *wire.Conn) {
	t.Helper()
	x, y := Sockets(t)
	return own(t)(wire.New(x, o)), own(t)(wire.New(y, o))
}

// SecurePair gives a client's and a server's end over mutual TLS with fresh keys, closed when the test ends.
func SecurePair(t testing.TB, o wire.Options) (client, server *wire.Conn) {
	t.Helper()
	clientConfig, serverConfig := Configs(t)
	x, y := Sockets(t)
	accepted := make(chan struct{})
	var err error
	go func() {
		defer close(accepted)
		server, err = wire.Accept(context.Background(), y, serverConfig, o)
	}()
	client = own(t)(wire.Connect(context.Background(), x, clientConfig, o))
	<-accepted
	return client, own(t)(server, err)
}

// Configs gives TLS configurations of a client and a server that pin each other's fresh keys.
func Configs(t testing.TB) (client, server *tls.Config) {
	t.Helper()
	dir := t.TempDir()
	c, s := Identity(t, dir, wire.Client), Identity(t, dir, wire.Server)
	return Config(t, c, s), Config(t, s, c)
}

// Identity makes a fresh identity in dir.
func Identity(t testing.TB, dir string, role wire.Role) wire.Identity {
	t.Helper()
	id, err := wire.WriteIdentity(dir, role)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Config gives the TLS configuration of own that pins peer.
func Config(t testing.TB, own, peer wire.Identity) *tls.Config {
	t.Helper()
	config, err := wire.TLSConfig(own, peer.Role, peer.Certificate())
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func own(t testing.TB) func(*wire.Conn, error) *wire.Conn {
	return func(c *wire.Conn, err error) *wire.Conn {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
}
