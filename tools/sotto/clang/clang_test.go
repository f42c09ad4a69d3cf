package clang

import (
	"strings"
	"testing"
)

func TestClangThatIsMissingIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Find()
	if err == nil || !strings.Contains(err.Error(), "clang 14 or newer") && !strings.Contains(err.Error(), "no native kernels for this machine") {
		t.Errorf("got %v\nwant what to install", err)
	}
}

func TestClangVersions(t *testing.T) {
	for text, want := range map[string]bool{
		"Debian clang version 14.0.6\nTarget: x86_64-pc-linux-gnu": true,
		"clang version 19.1.7 (3~deb12u1)":                         true,
		"Debian clang version 13.0.1":                              false,
		"gcc (Debian 12.2.0) 12.2.0":                               false,
	} {
		if supported(text) != want {
			t.Errorf("%q is supported: got %v, want %v", text, !want, want)
		}
	}
}
