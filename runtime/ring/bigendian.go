//go:build armbe || arm64be || m68k || mips || mips64 || mips64p32 || ppc || ppc64 || s390 || s390x || sparc || sparc64

package ring

// Bytes is a view of memory, so the wire order is the host's: this package needs a little-endian host.
var _ = this_package_needs_a_little_endian_host
