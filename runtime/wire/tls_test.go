package wire_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sotto/runtime/wire"
	"sotto/runtime/wire/wiretest"
)

// shake runs a handshake that ought to fail on both sides, and gives both errors.
func shake(t *testing.T, client, server *tls.Config) (clientErr, serverErr error) {
	t.Helper()
	x, y := wiretest.Sockets(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, serverErr = wire.Accept(t.Context(), y, server, wire.Options{})
	}()
	_, clientErr = wire.Connect(t.Context(), x, client, wire.Options{})
	<-done
	return clientErr, serverErr
}

func TestHandshakeRefusals(t *testing.T) {
	client, server, dealer := wiretest.Identity(t, t.TempDir(), wire.Client),
		wiretest.Identity(t, t.TempDir(), wire.Server), wiretest.Identity(t, t.TempDir(), wire.Dealer)
	stranger := wiretest.Identity(t, t.TempDir(), wire.Client)
	impostor := wiretest.Identity(t, t.TempDir(), wire.Server)
	for name, c := range map[string]struct {
		client, server         *tls.Config
		clientSays, serverSays string
	}{
		"unknown client": {wiretest.Config(t, stranger, server), wiretest.Config(t, server, client),
			"peer refuses this side's certificate", "wrong certificate"},
		"unknown server": {wiretest.Config(t, client, server), wiretest.Config(t, impostor, client),
			"wrong certificate", "peer refuses this side's certificate"},
		"dealer for a client": {wiretest.Config(t, dealer, server), wiretest.Config(t, server, client),
			"peer refuses this side's certificate", "for the role dealer, want client"},
		"client for a server": {wiretest.Config(t, client, server), wiretest.Config(t, stranger, client),
			"for the role client, want server", "peer refuses this side's certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			clientErr, serverErr := shake(t, c.client, c.server)
			for _, e := range []struct {
				err  error
				want string
			}{{clientErr, c.clientSays}, {serverErr, c.serverSays}} {
				if !errors.Is(e.err, wire.ErrHandshake) || !strings.Contains(fmt.Sprint(e.err), e.want) {
					t.Errorf("%v, want a handshake error with %q", e.err, e.want)
				}
			}
		})
	}
}

func TestOldTLSRefused(t *testing.T) {
	client, server := wiretest.Configs(t)
	old := client.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	clientErr, serverErr := shake(t, old, server)
	if !errors.Is(clientErr, wire.ErrHandshake) || !strings.Contains(fmt.Sprint(serverErr), "unsupported versions") {
		t.Errorf("client: %v, server: %v", clientErr, serverErr)
	}
	oldServer := server.Clone()
	oldServer.MinVersion, oldServer.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if clientErr, serverErr := shake(t, client, oldServer); clientErr == nil || serverErr == nil {
		t.Errorf("client: %v, server: %v", clientErr, serverErr)
	}
}

func TestOtherProtocolRefused(t *testing.T) {
	client, server := wiretest.Configs(t)
	other := client.Clone()
	other.NextProtos = nil
	if clientErr, serverErr := shake(t, other, server); serverErr == nil || !strings.Contains(fmt.Sprint(clientErr), "does not speak") {
		t.Errorf("client: %v, server: %v", clientErr, serverErr)
	}
}

func TestClientWithoutCertificateRefused(t *testing.T) {
	client, server := wiretest.Configs(t)
	bare := client.Clone()
	bare.Certificates = nil
	if clientErr, serverErr := shake(t, bare, server); clientErr == nil || serverErr == nil {
		t.Errorf("client: %v, server: %v", clientErr, serverErr)
	}
}

func TestPeerWithoutTLS(t *testing.T) {
	client, server := wiretest.Configs(t)
	for name, end := range map[string]func(context.Context, string) error{
		"client": func(ctx context.Context, greeting string) error {
			x, y := wiretest.Sockets(t)
			_, err := y.Write([]byte(greeting))
			must(t, err)
			_, err = wire.Connect(ctx, x, client, wire.Options{})
			return err
		},
		"server": func(ctx context.Context, greeting string) error {
			x, y := wiretest.Sockets(t)
			_, err := y.Write([]byte(greeting))
			must(t, err)
			_, err = wire.Accept(ctx, x, server, wire.Options{})
			return err
		},
	} {
		if err := end(t.Context(), "HTTP/1.1 400 Bad Request\r\n"); err == nil || !strings.Contains(err.Error(), "does not speak TLS") {
			t.Errorf("%s of a plain peer: %v", name, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := end(ctx, ""); !errors.Is(err, wire.ErrTimeout) {
			t.Errorf("%s of a silent peer: %v", name, err)
		}
		cancel()
	}
}

func TestSeveralPins(t *testing.T) {
	dir := t.TempDir()
	server := wiretest.Identity(t, dir, wire.Server)
	first, second := wiretest.Identity(t, t.TempDir(), wire.Client), wiretest.Identity(t, t.TempDir(), wire.Client)
	config, err := wire.TLSConfig(server, wire.Client, first.Certificate(), second.Certificate())
	must(t, err)
	for _, id := range []wire.Identity{first, second} {
		if clientErr, serverErr := shake(t, wiretest.Config(t, id, server), config); clientErr != nil || serverErr != nil {
			t.Errorf("client: %v, server: %v", clientErr, serverErr)
		}
	}
}

func TestTLSConfigRefusals(t *testing.T) {
	client, server := wiretest.Identity(t, t.TempDir(), wire.Client), wiretest.Identity(t, t.TempDir(), wire.Server)
	if _, err := wire.TLSConfig(client, wire.Server); err == nil {
		t.Error("no pin is accepted")
	}
	if _, err := wire.TLSConfig(client, wire.Dealer, server.Certificate()); err == nil {
		t.Error("a pin of another role is accepted")
	}
	if _, err := wire.TLSConfig(wire.Identity{}, wire.Server, server.Certificate()); err == nil {
		t.Error("no identity is accepted")
	}
}

func TestIdentityFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	for _, role := range wire.Roles() {
		made := wiretest.Identity(t, dir, role)
		loaded, err := wire.LoadIdentity(dir, role)
		must(t, err)
		if wire.Fingerprint(made.Certificate()) != wire.Fingerprint(loaded.Certificate()) {
			t.Errorf("%s: another certificate comes back", role)
		}
		for _, path := range []string{wire.KeyPath(dir, role), wire.CertPath(dir, role)} {
			info, err := os.Stat(path)
			must(t, err)
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v, want 0600", path, info.Mode())
			}
		}
		if got, err := wire.RoleOf(loaded.Certificate()); err != nil || got != role {
			t.Errorf("role %v, %v, want %v", got, err, role)
		}
	}
	if _, err := wire.WriteIdentity(dir, wire.Client); err == nil || !strings.Contains(err.Error(), "exists") {
		t.Errorf("replacing a key: %v", err)
	}
}

func TestIdentityRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(dir string) error
		want  string
	}{
		"open key":    {func(d string) error { return os.Chmod(wire.KeyPath(d, wire.Client), 0o640) }, "chmod 600"},
		"missing":     {func(d string) error { return os.Remove(wire.KeyPath(d, wire.Client)) }, "no such file"},
		"no cert":     {func(d string) error { return os.Remove(wire.CertPath(d, wire.Client)) }, "no such file"},
		"role swap":   {func(d string) error { return swap(d, ".crt") }, "role server, want client"},
		"key swap":    {func(d string) error { return swap(d, ".key") }, "is not the key of"},
		"no PEM":      {func(d string) error { return os.WriteFile(wire.KeyPath(d, wire.Client), []byte("x"), 0o600) }, "PEM"},
		"cert as key": {func(d string) error { return os.Rename(wire.CertPath(d, wire.Server), wire.KeyPath(d, wire.Client)) }, "PEM"},
		"too large": {func(d string) error {
			return os.WriteFile(wire.CertPath(d, wire.Client), make([]byte, 1<<20), 0o600)
		}, "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			wiretest.Identity(t, dir, wire.Client)
			wiretest.Identity(t, dir, wire.Server)
			must(t, c.spoil(dir))
			if _, err := wire.LoadIdentity(dir, wire.Client); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// swap puts the server's file in the place of the client's.
func swap(dir, ext string) error {
	return os.Rename(filepath.Join(dir, "server"+ext), filepath.Join(dir, "client"+ext))
}

func TestRoleNames(t *testing.T) {
	for _, r := range wire.Roles() {
		if got, err := wire.ParseRole(r.String()); err != nil || got != r {
			t.Errorf("%v: %v, %v", r, got, err)
		}
	}
	for _, name := range []string{"", "admin", "role 0"} {
		if _, err := wire.ParseRole(name); err == nil {
			t.Errorf("role %q is accepted", name)
		}
	}
	if _, _, err := wire.GenerateIdentity(0); err == nil {
		t.Error("an identity without a role is made")
	}
}
