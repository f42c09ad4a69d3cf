package conform

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sotto/fpga/hls"
	"sotto/fpga/lower"
	"sotto/fpga/target"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// emit writes the accelerator of phases of a compiled network for a pair of boards, with a session on x to check it against, and gives the folder.
func (n *Net) emit(t *testing.T, phases lower.Phases, board string, x []float32) (*lower.Plan, string) {
	t.Helper()
	b, err := target.Shipped(board)
	if err != nil {
		t.Fatal(err)
	}
	d, err := target.ForBoard(b, n.Pair.Client.Ring)
	if err != nil {
		t.Fatal(err)
	}
	link := cost.Link{BytesPerSecond: cost.Quantity{Value: 1e9}, OneWayMS: cost.Quantity{Value: 0.05}}
	bundles, err := OpenBundles(n.Dir)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := lower.Lower(bundles[0].Program, bundles[1].Program, phases, [2]target.Design{d, d}, link)
	for knob := new(target.KnobError); errors.As(err, &knob); { // what an error says is enough
		if d, err = d.With(knob.Setting()); err == nil {
			plan, err = lower.Lower(bundles[0].Program, bundles[1].Program, phases, [2]target.Design{d, d}, link)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	f := &hls.Folder{Plan: plan, Board: b, Source: n.Context.Source}
	f.Recordings = n.recordFor(t, bundles, plan, x)
	dir := t.TempDir()
	_, err = f.Write(func(path string) (io.WriteCloser, error) {
		to := filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return nil, err
		}
		return os.Create(to)
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan, dir
}

// polynomialText is a residual network with convolutions of several strides, a depthwise one, squares, an average pool and a matrix.
const polynomialText = `net small {
 input image: f32[3, 12, 12] from client
 x = conv(image, 8, kernel = 3, stride = 2, pad = 1) |> batchnorm |> x2act
 y = conv(x, 8, kernel = 3, pad = 1) |> batchnorm |> x2act
 z = conv(y, 8, kernel = 3, pad = 1, groups = 8) |> batchnorm
 u = x2act(z + x) |> avgpool(2)
 output o = u |> flatten |> linear(5) to client
}
`

// garbledText is a small network whose ReLUs are garbled as they are.
const garbledText = `net small {
 input image: f32[2, 6, 6] from client
 x = conv(image, 4, kernel = 3, pad = 1) |> relu
 output o = x |> flatten |> linear(5) to client
}
`

// TestHardwareEqualsRuntime: the C-simulation of both boards, in the order of their schedule, makes every result that the CPU runtime
// makes, bit for bit.
func TestHardwareEqualsRuntime(t *testing.T) {
	if _, err := exec.LookPath("g++"); err != nil {
		t.Skip("no g++: the emitted accelerator is not simulated")
	}
	for _, c := range []struct {
		name, text, board string
		of                pass.Protocols
		bits              int
		deploy            cost.Deployment
	}{
		{"polynomial", polynomialText, "zcu104", pass.Protocols{}, 32, cost.ClientServer},
		{"polynomial outsourced", polynomialText, "kv260", pass.Protocols{}, 64, cost.Outsourced},
		{"garbled", mixedText, "u250", pass.Protocols{Nonlinear: pass.GarbledSign, Garbling: cost.HalfGates}, 32, cost.ClientServer},
		{"garbled whole", garbledText, "zcu102", pass.Protocols{Nonlinear: pass.GarbledWhole, Garbling: cost.HalfGates}, 64, cost.ClientServer},
		{"minionn", "", "zcu104", pass.Protocols{Nonlinear: pass.OTSign, Sites: map[string]pass.Nonlinear{"pool1": pass.GarbledWhole}, Garbling: cost.HalfGates}, 32, cost.ClientServer},
		{"OT", mixedText, "zcu104", pass.Protocols{Nonlinear: pass.OTSign}, 32, cost.ClientServer},
	} {
		t.Run(c.name, func(t *testing.T) {
			if testing.Short() && (c.board != "zcu104" || c.text == "") {
				t.Skip("compiling kernels for another design takes long")
			}
			n := compileIn(t, c.name, c.text, &pass.Context{Deploy: c.deploy, Ring: c.bits, Source: cost.FromDealer, Protocols: c.of})
			plan, dir := n.emit(t, lower.Only(cost.Online), c.board, image(7, n.Net.Funcs[0].Params[0].Type.Len()))
			out, err := exec.Command("make", "-C", dir, "csim-parallel", "CXXFLAGS=-std=c++14 -O1 -Wall -Wextra -Werror -Wno-unknown-pragmas -Wno-unused-label").CombinedOutput()
			if err != nil || strings.Count(string(out), "equal: ") != 2 {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
			modelledCycles(t, plan, string(out))
		})
	}
}
