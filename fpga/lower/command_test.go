package lower

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir/cost"
)

// drawCommand draws a record of any words.
func drawCommand(t *rapid.T) Command {
	word := rapid.Uint32()
	c := Command{Operation: Operation(rapid.Uint32Range(1, uint32(Operations)-1).Draw(t, "operation")), Layer: rapid.IntRange(0, 1<<20).Draw(t, "layer"),
		Party: cost.Party(rapid.IntRange(0, 1).Draw(t, "party")), Lo: word.Draw(t, "lo"), N: word.Draw(t, "n")}
	c.Kernel = c.Operation.Kernel()
	for _, list := range [][]uint32{c.Out[:], c.In[:], c.Weight[:], c.Wait[:]} {
		for i := range list {
			list[i] = word.Draw(t, "word")
		}
	}
	for i := range c.Ints {
		c.Ints[i] = rapid.Int32().Draw(t, "int")
	}
	return c
}

func TestRecordsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCommand(t)
		record := c.Encode(nil)
		back, err := Decode(record)
		if err != nil || back != c {
			t.Fatalf("%+v is read as %+v, %v", c, back, err)
		}
	})
}

func TestForeignRecordsAreRefused(t *testing.T) {
	c := Command{Kernel: Send, Operation: OpSendBits}
	for name, change := range map[string]func(r []uint32){
		"version":   func(r []uint32) { r[0]++ },
		"kernel":    func(r []uint32) { r[1] = uint32(Recv) },
		"operation": func(r []uint32) { r[2] = uint32(Operations) },
		"party":     func(r []uint32) { r[4] = 2 },
	} {
		r := c.Encode(nil)
		change(r)
		if _, err := Decode(r); err == nil {
			t.Errorf("a record of another %s is read", name)
		}
	}
	if _, err := Decode(c.Encode(nil)[1:]); err == nil {
		t.Error("a short record is read")
	}
}

// reader prints what hlslib reads: each record's fields, and every kernel and operation by number.
const reader = `#include "command.hpp"
#include <cstdio>
#include <vector>
int main() {
    std::vector<uint32_t> list;
    for (uint32_t w; fread(&w, sizeof w, 1, stdin) == 1;) list.push_back(w);
    for (uint32_t i = 0; i < list.size() / sotto::record_words; i++) {
        sotto::command c;
        bool ok = sotto::read_command(list.data(), i, c);
        printf("%d %u %u %u %u %u %u", ok, c.kernel, c.op, c.layer, c.party, c.lo, c.n);
        for (uint32_t v : c.out) printf(" %u", v);
        for (uint32_t v : c.in) printf(" %u", v);
        for (uint32_t v : c.weight) printf(" %u", v);
        for (uint32_t v : c.wait) printf(" %u", v);
        for (int32_t v : c.ints) printf(" %d", v);
        printf(" %llu\n", (unsigned long long)sotto::constant(c, 0));
    }
NAMES}
`

// names gives the reader a line for each kernel, operation and place of a tile, which its compiler looks up.
func names() (program string, want []string) {
	var b strings.Builder
	add := func(prefix, name string, number uint32) {
		fmt.Fprintf(&b, "    printf(\"%s%s %%u\\n\", unsigned(sotto::%s%s));\n", prefix, name, prefix, name)
		want = append(want, fmt.Sprintf("%s%s %d", prefix, name, number))
	}
	for k := range Kernels {
		add("kernel_", k.String(), uint32(k))
	}
	for o := Operation(1); o < Operations; o++ {
		add("op_", o.String(), uint32(o))
	}
	add("kernel_", "count", uint32(Kernels))
	add("op_", "count", uint32(Operations))
	for i, name := range []string{"m", "mn", "y", "yn", "h", "w", "channels"} {
		add("tile_", name, uint32(TileM+i))
	}
	return b.String(), want
}

// TestHardwareReadsRecords writes records here and reads them with fpga/hlslib's reader.
func TestHardwareReadsRecords(t *testing.T) {
	compiler, err := exec.LookPath("g++")
	if err != nil {
		t.Skip("no g++: the reader of records is not tested")
	}
	dir := t.TempDir()
	lookups, want := names()
	source, binaryFile := filepath.Join(dir, "reader.cpp"), filepath.Join(dir, "reader")
	if err := os.WriteFile(source, []byte(strings.Replace(reader, "NAMES", lookups, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command(compiler, "-std=c++14", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas", "-I", "../hlslib", "-o", binaryFile, source)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	const records = 50
	draw := rapid.Custom(drawCommand)
	var list []uint32
	var lines []string
	for i := range records {
		c := draw.Example(i)
		list = c.Encode(list)
		lines = append(lines, c.line())
	}
	run := exec.Command(binaryFile)
	var in bytes.Buffer
	if err := binary.Write(&in, binary.LittleEndian, list); err != nil {
		t.Fatal(err)
	}
	run.Stdin = &in
	out, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i, line := range append(lines, want...) {
		if i >= len(got) || got[i] != line {
			t.Fatalf("line %d: written %s\nread %s", i, line, got[min(i, len(got)-1)])
		}
	}
}

// line is what the reader prints of a record.
func (c *Command) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "1 %d %d %d %d %d %d", c.Kernel, c.Operation, c.Layer, c.Party, c.Lo, c.N)
	for _, list := range [][]uint32{c.Out[:], c.In[:], c.Weight[:], c.Wait[:]} {
		for _, v := range list {
			fmt.Fprintf(&b, " %d", v)
		}
	}
	for _, v := range c.Ints {
		fmt.Fprintf(&b, " %d", v)
	}
	fmt.Fprintf(&b, " %d", c.Constant(0))
	return b.String()
}
