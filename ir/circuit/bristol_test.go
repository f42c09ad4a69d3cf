package circuit

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestBristolGolden compares the text of small circuits with testdata.
// UPDATE=1 rewrites it.
func TestBristolGolden(t *testing.T) {
	for name, c := range map[string]*Circuit{
		"carry3":    must(t)(Carry(3)),
		"relu3":     must(t)(ReLU(Plain(3))),
		"maxpool22": must(t)(MaxPool(2, Plain(2))),
		"argmax32":  must(t)(Argmax(3, Plain(2))),
	} {
		var got bytes.Buffer
		if err := c.WriteBristol(&got); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name+".txt")
		if os.Getenv("UPDATE") == "1" {
			if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != string(want) {
			t.Errorf("%s:\n%s\nwant\n%s", name, got.String(), want)
		}
	}
}

func TestBristolRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := randomCircuit(t)
		d := reread(t, c)
		if d.Garbler != c.Garbler || d.Evaluator != c.Evaluator || !reflect.DeepEqual(d.Gates, c.Gates) {
			t.Fatalf("read back %+v, wrote %+v", d, c)
		}
		equivalent(t, c, d)
	})
}

// reread writes and reads a circuit.
func reread(t rapid.TB, c *Circuit) *Circuit {
	var text bytes.Buffer
	if err := c.WriteBristol(&text); err != nil {
		t.Fatal(err)
	}
	d, err := ReadBristol(&text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	return d
}

// TestBristolOperations reads every operation, wires out of order among them.
func TestBristolOperations(t *testing.T) {
	const text = `7 12
2 2 2
2 3 2

1 1 1 9 EQ
4 2 0 1 2 3 6 5 MAND
1 1 3 4 EQW
2 1 4 6 8 XOR
1 1 8 7 INV
1 1 0 10 EQ
2 1 5 9 11 AND
`
	c, err := ReadBristol(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for v := range uint64(16) {
		a, b, d, e := v&1, v>>1&1, v>>2&1, v>>3
		w6, w5 := a&d, b&e
		w8 := e ^ w6
		want := (w8 ^ 1) | w8<<1 | 1<<2 | 0<<3 | w5<<4
		if got := run(t, c, bitsOf(nil, v, 4)); got != want {
			t.Errorf("input %04b: %05b, want %05b", v, got, want)
		}
	}
}

func TestBristolErrors(t *testing.T) {
	head := "1 3\n2 1 1\n1 1\n\n"
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "0 fields"},
		{"header", "1\n", "1 fields"},
		{"not a number", "x 3\n", `"x": a number`},
		{"negative", "-1 3\n", "a number"},
		{"too many gates", "99999999 3\n", "from 0 to"},
		{"too many wires", "1 99999999\n", "from 0 to"},
		{"no widths", "1 3\n", "input widths is missing"},
		{"no outputs", "1 3\n2 1 1\n", "output widths is missing"},
		{"width count", "1 3\n2 1\n", "2 input values declared, 1 widths given"},
		{"three parties", "1 3\n3 1 1 1\n1 1\n", "3 input values"},
		{"more inputs than wires", "1 3\n2 2 2\n1 1\n", "among 3 wires"},
		{"more outputs than wires", "1 3\n1 1\n2 2 2\n", "among 3 wires"},
		{"short gate", head + "2 1 0\n", "line 5: 3 fields"},
		{"missing gate", head, "0 fields"},
		{"wire count", head + "2 1 0 1 AND\n", "5 fields: a gate of 2 inputs and 1 outputs has 6"},
		{"operation", head + "2 1 0 1 2 NAND\n", `operation "NAND"`},
		{"arity", head + "1 1 0 2 AND\n", "AND of 1 inputs"},
		{"mand", head + "1 1 0 2 MAND\n", "MAND of 1 inputs"},
		{"unknown wire", head + "2 1 0 3 2 AND\n", "wire"},
		{"undriven", head + "2 1 0 2 2 AND\n", "wire 2 is read before"},
		{"twice", head + "2 1 0 1 1 AND\n", "wire 1 is driven twice"},
		{"eq", head + "1 1 2 2 EQ\n", "EQ of"},
		{"eq without inputs", "1 1\n1 0\n1 1\n1 1 0 0 EQ\n", "without inputs"},
		{"output undriven", "1 4\n2 1 1\n1 1\n2 1 0 1 2 AND\n", "output: wire 3 is read"},
		{"trailing", head + "2 1 0 1 2 AND\n2 1 0 1 2 AND\n", "more follow"},
		{"long line", head + strings.Repeat("1", maxLine+1), "token too long"},
	} {
		_, err := ReadBristol(strings.NewReader(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.want)
		}
	}
	bad := Circuit{Garbler: 1, Outputs: []Wire{5}}
	if err := bad.WriteBristol(&bytes.Buffer{}); err == nil {
		t.Error("a circuit that fails Check was written")
	}
}

// FuzzReadBristol holds that whatever is accepted is a sound circuit that
// keeps its meaning through a second trip.
func FuzzReadBristol(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seed files: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("3 5\n1 1\n1 1\n1 1 1 1 EQ\n4 2 0 1 0 0 2 3 MAND\n1 1 2 4 EQW\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ReadBristol(bytes.NewReader(text))
		if err != nil {
			return
		}
		if err := c.Check(); err != nil {
			t.Fatal(err)
		}
		if d := reread(t, c); !reflect.DeepEqual(c.Gates, d.Gates) || d.Inputs() != c.Inputs() || len(d.Outputs) != len(c.Outputs) {
			t.Fatalf("read back %+v, wrote %+v", d, c)
		}
	})
}
