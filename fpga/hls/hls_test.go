package hls

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sotto/fpga/lower"
	"sotto/fpga/target"
)

// TestSourcesAndBuildFilesAgree: for every board, each kernel of the design has a top function of its name, all of whose memory ports are
// connected, whose two streams meet the sequencer's, and which both build flows name.
func TestSourcesAndBuildFilesAgree(t *testing.T) {
	for _, name := range target.Names() {
		b, err := target.Shipped(name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := target.ForBoard(b, 32)
		if err != nil {
			t.Fatal(err)
		}
		files, err := buildFiles(b, d.ClockMHz, d.Has, 4)
		if err != nil {
			t.Fatal(err)
		}
		link := string(files["link/connectivity.cfg"])
		for _, k := range append(target.Kernels(), target.KernelSequencer) {
			config := string(files["kernels/"+string(k)+"/hls_config.cfg"])
			if there := config != ""; there != d.Has(k) {
				t.Errorf("%s: kernel %s: the design has it: %v, the folder: %v", name, k, d.Has(k), there)
				continue
			} else if !there {
				continue
			}
			if !strings.Contains(config, "\ncsim.ldflags=-pthread\n") || !strings.Contains(string(files["kernels/"+string(k)+"/run_hls.tcl"]), `-ldflags "-pthread"`) {
				t.Errorf("%s: the testbench of %s has threads, and is not linked for them", name, k)
			}
			if !strings.Contains(config, "syn.top="+string(k)+"_top\n") || !strings.Contains(config, "part="+b.Part+"\n") ||
				!strings.Contains(string(files["kernels/"+string(k)+"/run_hls.tcl"]), "set_top "+string(k)+"_top\n") {
				t.Errorf("%s: build files of %s:\n%s", name, k, config)
			}
			if !strings.Contains(link, "nk="+string(k)+"_top:1:"+string(k)+"\n") {
				t.Errorf("%s: no instance of %s in\n%s", name, k, link)
			}
		}
		all, err := present(d.Has).kernels()
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range all {
			checkPorts(t, name, k, link)
		}
	}
}

// checkPorts demands a line for every memory port of a kernel, and the streams from and to the sequencer.
func checkPorts(t *testing.T, board string, k kernel, link string) {
	t.Helper()
	for _, p := range k.axi {
		line := regexp.MustCompile(`(?m)^sp=` + k.Name + `\.` + p.name + `:\w+`)
		if p.memory == "" || len(line.FindAllString(link, -1)) != 1 {
			t.Errorf("%s: port %s of %s, of memory %q, is not connected once", board, p.name, k.Name, p.memory)
		}
	}
	if k.Name == sequencer {
		for n := range lower.Kernels {
			for _, line := range []string{fmt.Sprintf("=sequencer.queue_%d:", n), fmt.Sprintf(":sequencer.finished_%d:", n)} {
				if strings.Count(link, line) != 1 {
					t.Errorf("%s: %d lines of %s", board, strings.Count(link, line), line)
				}
			}
		}
		return
	}
	if k.Name == absent {
		if got := regexp.MustCompile(`(?m)^nk=absent_top:(\d+)$`).FindStringSubmatch(link); got == nil || got[1] != strconv.Itoa(strings.Count(link, ":absent_top_")) {
			t.Errorf("%s: instances of the absent: %v", board, got)
		}
		return
	}
	for _, line := range []string{`sequencer\.queue_\d+:` + k.Name + `\.queue`, k.Name + `\.finished:sequencer\.finished_\d+`} {
		if n := len(regexp.MustCompile(`(?m)^stream_connect=`+line+`:`).FindAllString(link, -1)); n != 1 {
			t.Errorf("%s: %d streams %s", board, n, line)
		}
	}
	if !slices.Contains(k.axis, "queue") || !slices.Contains(k.axis, "finished") {
		t.Errorf("%s has streams %v", k.Name, k.axis)
	}
}

// TestTopFunctionsSayAllOfTheirPorts: every argument of a top function has its interface.
func TestTopFunctionsSayAllOfTheirPorts(t *testing.T) {
	argument := regexp.MustCompile(`(?:[*& ]|\(&)(\w+)\)?(?:\[kernel_count\])?(?:,|$)`)
	d, err := target.ForBoard(must(t)(target.Shipped("u250")), 32)
	if err != nil {
		t.Fatal(err)
	}
	all, err := present(d.Has).kernels()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range all {
		text, err := sources.ReadFile("src/" + k.Name + ".cpp")
		if err != nil {
			t.Fatal(err)
		}
		_, rest, ok := strings.Cut(string(text), "extern \"C\" void "+k.Top()+"(")
		arguments, _, whole := strings.Cut(rest, ") {")
		if !ok || !whole {
			t.Errorf("%s has no top function %s", k.Name, k.Top())
			continue
		}
		found := argument.FindAllStringSubmatch(strings.Join(strings.Fields(arguments), " "), -1)
		for _, a := range found {
			if !strings.Contains(string(text), " port = "+a[1]+"\n") && !strings.Contains(string(text), " port = "+a[1]+" bundle") {
				t.Errorf("%s: argument %s has no interface", k.Name, a[1])
			}
		}
		if len(found) < 3 && k.Name != absent {
			t.Errorf("%s: %d arguments", k.Name, len(found))
		}
	}
}

func must(t *testing.T) func(target.Board, error) target.Board {
	return func(b target.Board, err error) target.Board {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
}

// TestSumsSeeEveryBit: a sum changes with any bit of its block, and no other sum does.
func TestSumsSeeEveryBit(t *testing.T) {
	for _, word := range []int{4, 8} {
		b := make([]byte, word*(2*SumBlock+5))
		for i := range b {
			b[i] = byte(i * 7)
		}
		want := sumWords(b, word)
		if len(want) != 3 {
			t.Fatalf("%d sums of %d words", len(want), 2*SumBlock+5)
		}
		for _, at := range []int{0, word*SumBlock - 1, word * SumBlock, len(b) - 1} {
			b[at] ^= 0x80
			for i, s := range sumWords(b, word) {
				if changed := s != want[i]; changed != (i == at/(word*SumBlock)) {
					t.Errorf("words of %d bytes: byte %d changes sum %d: %v", word, at, i, changed)
				}
			}
			b[at] ^= 0x80
		}
	}
	if got := trimmed([]byte{255, 255, 255, 255, 255, 255, 255, 255}, 3); binary.LittleEndian.Uint64(got) != 7 {
		t.Errorf("three bits are %v", got)
	}
}

// TestWeightsOfAGroup: a group's weights are those of its channels, in the array's order.
func TestWeightsOfAGroup(t *testing.T) {
	g := target.Geometry{InC: 1, InH: 1, InW: 1, OutC: 2, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}
	raw := []byte{1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0}
	b := lower.Board{Design: target.Design{Ring: 32}}
	got, err := packed(b, lower.Weight{Layout: lower.Array, Group: 1, Geometry: g, TM: 2, TN: 2}, raw)
	if want := []byte{3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v: want %v", got, err, want)
	}
	if _, err := packed(b, lower.Weight{Layout: lower.Array, Group: 2, Geometry: g, TM: 2, TN: 2}, raw); err == nil {
		t.Error("a group that there is not is packed")
	}
}
