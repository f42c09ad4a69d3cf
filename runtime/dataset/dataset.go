// Package dataset turns what a user names as an input into the tensor a network takes, and what he names as a data set into batches of
// such tensors with their labels.
//
// An input is a PNG or JPEG image, a .npy file, or random:SEED. Files are told apart by their content, not their
// name. Images are resized and cropped as Preprocess says, divided by 255 and normalised channel by channel; the result is
// float32[C, H, W] in C order.
package dataset

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"

	"sotto/runtime/tensorfile"
)

// Preprocess is how a network wants its input.
type Preprocess struct {
	Channels, Height, Width int // of the network's input; Channels is 1 (grey) or 3 (red, green, blue) for images

	// Resize scales an image, keeping its proportions, until the shorter side is so many pixels; the longer one is
	// rounded down. Zero leaves the size alone. Resize and Crop are torchvision's Resize and CenterCrop on images, bit for bit.
	Resize int
	// Crop cuts a square of so many pixels a side out of the centre, after Resize. Zero cuts nothing.
	Crop int
	// If neither is set, an image of another size than Height x Width is scaled to that exactly, whatever its
	// proportions.

	// Mean and Std normalise v in [0,1] to (v - Mean[c]) / Std[c]; empty means 0 and 1.
	Mean, Std []float32
}

func (p Preprocess) check() error {
	if p.Channels < 1 || p.Height < 1 || p.Width < 1 || p.Channels > maxValues/p.Height/p.Width {
		return fmt.Errorf("network input of %d x %d x %d, want positive sizes and at most %d values",
			p.Channels, p.Height, p.Width, maxValues)
	}
	if p.Resize < 0 || p.Crop < 0 {
		return fmt.Errorf("resize %d, crop %d: want positive sizes, or zero for none", p.Resize, p.Crop)
	}
	for name, list := range map[string][]float32{"mean": p.Mean, "std": p.Std} {
		if len(list) != 0 && len(list) != p.Channels {
			return fmt.Errorf("%s has %d values for %d channels", name, len(list), p.Channels)
		}
		if slices.ContainsFunc(list, isNotFinite) {
			return fmt.Errorf("%s %v: want finite values", name, list)
		}
	}
	if slices.ContainsFunc(p.Std, func(s float32) bool { return s <= 0 }) {
		return fmt.Errorf("std %v: want positive values", p.Std)
	}
	return nil
}

func isNotFinite(x float32) bool { return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) }

// maxValues bounds an input tensor: far above any image network, and far below what would exhaust memory.
const maxValues = 1 << 28

// values is how many the network takes.
func (p Preprocess) values() int { return p.Channels * p.Height * p.Width }

// normalise applies Mean and Std in place to values in [0,1].
func (p Preprocess) normalise(chw []float32) {
	plane := p.Height * p.Width
	for i := range chw {
		c := i / plane
		if len(p.Mean) > 0 {
			chw[i] -= p.Mean[c]
		}
		if len(p.Std) > 0 {
			chw[i] /= p.Std[c]
		}
	}
}

// Load gives the input that path names, Channels*Height*Width values in C order:
//   - a PNG or JPEG image, preprocessed;
//   - a .npy file of f4 or f8 with shape [C,H,W], leading ones more or fewer, so [N] for a vector; its values are taken as they
//     are: they must be normalised already, because a file of floats does not say whether it is;
//   - random:SEED, uniform in [0,1) before normalisation, a function of the seed (0 to 2^64-1) and not secret;
//   - smooth:SEED, colours that change slowly over the image, as far apart as random's: what photographs have and noise
//     has not.
func Load(path string, p Preprocess) ([]float32, error) {
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for prefix, generate := range generators {
		seed, ok := strings.CutPrefix(path, prefix)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(seed, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: seed %q, want an integer from 0 to 2^64-1", path, seed)
		}
		return generate(n, p), nil
	}
	return loadFile(path, p)
}

func loadFile(path string, p Preprocess) ([]float32, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, sniffBytes)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if tensorfile.IsNPY(head[:n]) {
		return loadNPY(path, p)
	}
	data, err := loadImage(f, head[:n], p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// openRegular opens a file, but no pipe or device, where opening may block. Its errors name the file.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file, want a PNG or JPEG image or a .npy file", path)
	}
	return os.Open(path)
}

// generators make inputs from a seed.
var generators = map[string]func(seed uint64, p Preprocess) []float32{"random:": reproducibleNotSecret, "smooth:": smoothNotSecret}

// smoothGrid is the side of the grid of random colours between which smooth inputs are interpolated.
const smoothGrid = 4

// smoothNotSecret interpolates a grid of random colours linearly.
func smoothNotSecret(seed uint64, p Preprocess) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	data := make([]float32, p.values())
	for c := range p.Channels {
		var grid [smoothGrid][smoothGrid]float32
		for i := range grid {
			for j := range grid[i] {
				grid[i][j] = r.Float32()
			}
		}
		for y := range p.Height {
			for x := range p.Width {
				data[(c*p.Height+y)*p.Width+x] = interpolate(&grid, place(y, p.Height), place(x, p.Width))
			}
		}
	}
	p.normalise(data)
	return data
}

// place maps pixel i of n to the grid's coordinates.
func place(i, n int) float32 { return float32(i) * (smoothGrid - 1) / float32(max(n-1, 1)) }

func interpolate(g *[smoothGrid][smoothGrid]float32, y, x float32) float32 {
	i, j := min(int(y), smoothGrid-2), min(int(x), smoothGrid-2)
	dy, dx := y-float32(i), x-float32(j)
	return (g[i][j]*(1-dx)+g[i][j+1]*dx)*(1-dy) + (g[i+1][j]*(1-dx)+g[i+1][j+1]*dx)*dy
}

// reproducibleNotSecret is for benchmarks and demonstrations: whoever knows the seed knows the input.
func reproducibleNotSecret(seed uint64, p Preprocess) []float32 {
	r := rand.New(rand.NewPCG(seed, 0))
	data := make([]float32, p.values())
	for i := range data {
		data[i] = r.Float32()
	}
	p.normalise(data)
	return data
}

// trimOnes is a shape without leading ones, which a batch of one and the channels and rows of a vector are.
func trimOnes(shape []int) []int {
	for len(shape) > 0 && shape[0] == 1 {
		shape = shape[1:]
	}
	return shape
}

func loadNPY(path string, p Preprocess) ([]float32, error) {
	a, err := tensorfile.OpenNPY(path)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	want := []int{p.Channels, p.Height, p.Width}
	if !slices.Equal(trimOnes(a.Shape), trimOnes(want)) {
		return nil, fmt.Errorf("%s: shape %v, the network takes %v (leading ones may be more or fewer)", path, a.Shape, want)
	}
	data, err := a.Float32()
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(data, isNotFinite); i >= 0 {
		return nil, fmt.Errorf("%s: element %d is %v, want finite values", path, i, data[i])
	}
	return data, nil
}
