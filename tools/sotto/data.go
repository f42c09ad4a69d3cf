package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sotto/ir"
	"sotto/runtime/dataset"
	"sotto/runtime/tensorfile"
)

type dataResult struct {
	head
	Data    string           `json:"data"`
	Shape   []int            `json:"shape"`
	Classes []string         `json:"classes"`
	Images  map[string]int   `json:"images"`           // by split
	Counts  map[string][]int `json:"counts"`           // of each class, by split
	Output  string           `json:"output,omitempty"` // the folder or file written
}

// dataFlags say of what shape a data set is taken.
type dataFlags struct {
	size    string
	classes int
	network string
	net     string
	output  string
	format  string
}

func newDataCmd(a *app) *cobra.Command {
	var f dataFlags
	c := &cobra.Command{
		Use: "data DATA [-o OUT]", Short: "say what a data set holds, and write it in another format", Args: cobra.ExactArgs(1),
		Long: "Data reads a data set as train and search do: " + dataset.Accepted + ".\n" +
			"Images are brought to the shape that --for's network takes, or --size. With -o they are written as IDX files (which PyTorch\n" +
			"programs of sotto torch read), one .npz file, or PNG images in a folder for each split and class, to look at.\n\n" +
			"glyphs are generated: digits and letters in ten fonts, turned, slanted, moved, blurred, light on dark or dark on light, among\n" +
			"strokes and parts of other characters, under noise. They are the same on every machine.",
		Example: "  sotto data glyphs:2000 -o glyphs --format png\n  sotto data mnist/ --for examples/minionn.sotto",
		RunE: func(_ *cobra.Command, args []string) error {
			r, err := a.data(args[0], f)
			if err != nil {
				return err
			}
			return a.show(r, r.text)
		},
	}
	c.Flags().StringVar(&f.size, "size", "1x28x28", "`CxHxW` of the images")
	c.Flags().IntVar(&f.classes, "classes", 0, "number of classes (default: the data's own; of glyphs 10)")
	c.Flags().StringVar(&f.network, "for", "", ".sotto `file` whose network says shape and classes")
	c.Flags().StringVar(&f.net, "net", "", "the net, where the file has several")
	c.Flags().StringVarP(&f.output, "output", "o", "", "the folder, or .npz `file`, to write")
	c.Flags().StringVar(&f.format, "format", formatIDX, "what to write: idx, npz or png")
	return c
}

// Formats of -o.
const (
	formatIDX = "idx"
	formatNPZ = "npz"
	formatPNG = "png"
)

// writers write the splits of a data set by their names, as pixels.
var writers = map[string]func(out string, d *dataset.Data, splits []namedSplit) error{
	formatIDX: writeIDX, formatNPZ: writeNPZ, formatPNG: writePNGs,
}

func (a *app) data(spec string, f dataFlags) (*dataResult, error) {
	write := writers[f.format]
	if write == nil {
		return nil, usagef("--format %s: accepted are idx, npz and png", f.format)
	}
	p, classes, err := a.wanted(f)
	if err != nil {
		return nil, err
	}
	a.progress.step("reading %s", spec)
	d, err := dataset.Open(spec, p, classes)
	if err != nil {
		return nil, err
	}
	splits := splitsOf(d)
	r := &dataResult{head: version1, Data: spec, Shape: []int{p.Channels, p.Height, p.Width}, Classes: d.Classes,
		Images: map[string]int{}, Counts: map[string][]int{}, Output: f.output}
	for _, s := range splits {
		r.Images[s.name] = s.Len()
		r.Counts[s.name] = make([]int, len(d.Classes))
		for i := range s.Len() {
			r.Counts[s.name][s.Label(i)]++
		}
	}
	if f.output == "" {
		return r, nil
	}
	if d.Train.Pixels(0) == nil {
		return nil, fmt.Errorf("%s holds float32 values: accepted for -o are data sets of pixels", spec)
	}
	a.progress.step("writing %s", f.output)
	return r, write(f.output, d, splits)
}

// wanted is the shape and number of classes that are asked for, zero for any number.
func (a *app) wanted(f dataFlags) (p dataset.Preprocess, classes int, err error) {
	if f.network == "" {
		p.Channels, p.Height, p.Width, err = parseSize(f.size)
		return p, f.classes, err
	}
	n, err := a.load(f.network, networkFlags{net: f.net})
	if err != nil {
		return p, 0, err
	}
	if err := oneInput(n.fn()); err != nil {
		return p, 0, err
	}
	return preprocess(n.fn().Params[0]), outputs(n.fn()), nil
}

// outputs is how many elements a network's output has, or its argmax chooses from: its classes.
func outputs(f *ir.Func) int {
	out := f.Result
	if out.Is("nn.argmax") {
		out = out.Args[0]
	}
	return out.Type.Len()
}

func parseSize(text string) (c, h, w int, err error) {
	sides := strings.Split(text, "x")
	if len(sides) != 3 {
		return 0, 0, 0, usagef("--size %s: accepted is CxHxW, such as 3x32x32", text)
	}
	for i, side := range []*int{&c, &h, &w} {
		if *side, err = strconv.Atoi(sides[i]); err != nil || *side < 1 {
			return 0, 0, 0, usagef("--size %s: accepted is CxHxW, such as 3x32x32", text)
		}
	}
	return c, h, w, nil
}

type namedSplit struct {
	name string
	*dataset.Split
}

func splitsOf(d *dataset.Data) []namedSplit {
	var out []namedSplit
	for _, s := range []namedSplit{{"train", d.Train}, {"validation", d.Validation}, {"test", d.Test}} {
		if s.Len() > 0 {
			out = append(out, s)
		}
	}
	return out
}

// pixels are those of a split, one image after the other.
func (s namedSplit) pixels() []uint8 {
	pixels := make([]uint8, 0, s.Len()*s.Shape.Len())
	for i := range s.Len() {
		pixels = append(pixels, s.Pixels(i)...)
	}
	return pixels
}

// dims are those of the images of a split; grey ones have no channels.
func (s namedSplit) dims() []int {
	if s.Shape[0] == 1 {
		return []int{s.Len(), s.Shape[1], s.Shape[2]}
	}
	return []int{s.Len(), s.Shape[0], s.Shape[1], s.Shape[2]}
}

// mostByteLabels is how many classes labels of one byte can tell apart.
const mostByteLabels = 256

// writeIDX writes NAME-images-idxN-ubyte and NAME-labels-idx1-ubyte for each split into a folder.
func writeIDX(dir string, d *dataset.Data, splits []namedSplit) error {
	if len(d.Classes) > mostByteLabels {
		return fmt.Errorf("%d classes: accepted for idx are at most %d, as a label is a byte; npz and png take more", len(d.Classes), mostByteLabels)
	}
	return freshDir(dir, func(tmp string) error {
		for _, s := range splits {
			labels := make([]uint8, s.Len())
			for i := range labels {
				labels[i] = uint8(s.Label(i))
			}
			dims := s.dims()
			if err := writeIDXFile(filepath.Join(tmp, fmt.Sprintf("%s-images-idx%d-ubyte", s.name, len(dims))), dims, s.pixels()); err != nil {
				return err
			}
			if err := writeIDXFile(filepath.Join(tmp, s.name+"-labels-idx1-ubyte"), dims[:1], labels); err != nil {
				return err
			}
		}
		return nil
	})
}

func writeIDXFile(path string, dims []int, data []uint8) error {
	const uint8Type = 8
	head := []byte{0, 0, uint8Type, byte(len(dims))}
	for _, n := range dims {
		head = binary.BigEndian.AppendUint32(head, uint32(n))
	}
	return os.WriteFile(path, append(head, data...), 0o666)
}

// writeNPZ writes the arrays x_NAME and y_NAME for each split.
func writeNPZ(path string, _ *dataset.Data, splits []namedSplit) error {
	var arrays []tensorfile.Entry
	for _, s := range splits {
		labels := make([]int64, s.Len())
		for i := range labels {
			labels[i] = int64(s.Label(i))
		}
		arrays = append(arrays, tensorfile.NewNPY("x_"+s.name, s.dims(), s.pixels()), tensorfile.NewNPY("y_"+s.name, []int{s.Len()}, labels))
	}
	return tensorfile.WriteNPZ(path, arrays, tensorfile.Shared)
}

// writePNGs writes SPLIT/CLASS/NUMBER.png. Small letters are called lower-x: some file systems cannot tell x from X.
func writePNGs(dir string, d *dataset.Data, splits []namedSplit) error {
	return freshDir(dir, func(tmp string) error {
		for _, s := range splits {
			for i := range s.Len() {
				if err := writePNG(filepath.Join(tmp, s.name, className(d.Classes, s.Label(i)), fmt.Sprintf("%06d.png", i)), s, i); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func className(classes []string, label int) string {
	name := classes[label]
	if len(name) == 1 && name >= "a" && name <= "z" {
		return "lower-" + name
	}
	return name
}

func writePNG(path string, s namedSplit, i int) error {
	img := s.Image(i)
	if img == nil {
		return fmt.Errorf("images of %v: accepted for png are 1 or 3 channels", s.Shape)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o666)
}

// freshDir fills a folder that is not there yet, or empty: nothing of anybody's is replaced.
func freshDir(dir string, fill func(tmp string) error) error {
	return replaceDirIf(dir, func(dir string) error {
		if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
			return fmt.Errorf("%s is not empty: it stays as it is; name another folder", dir)
		}
		return nil
	}, fill)
}

func (r *dataResult) text(w io.Writer) {
	fmt.Fprintf(w, "%s: images of %v, %d classes: %s\n", r.Data, r.Shape, len(r.Classes), strings.Join(firstOf(r.Classes, mostClassesShown), " "))
	for _, name := range []string{"train", "validation", "test"} {
		if n := r.Images[name]; n > 0 {
			least, most := bounds(r.Counts[name])
			fmt.Fprintf(w, "%-11s %8s images, %d to %d of a class\n", name, count(int64(n)), least, most)
		}
	}
	if r.Output != "" {
		fmt.Fprintf(w, "written to %s\n", r.Output)
	}
}

// mostClassesShown is how many names the text shows.
const mostClassesShown = 50

func firstOf(names []string, n int) []string {
	if len(names) <= n {
		return names
	}
	return append(names[:n:n], "…")
}

func bounds(counts []int) (least, most int) {
	least = counts[0]
	for _, n := range counts {
		least, most = min(least, n), max(most, n)
	}
	return least, most
}
