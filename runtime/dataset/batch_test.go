package dataset

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// counted is a split of n images of 1 x 4 x 4 whose pixels and label say which it is.
func counted(n int) *Split {
	s := &Split{Shape: Shape{1, 4, 4}, labels: make([]int32, n)}
	for i := range n {
		s.labels[i] = int32(i)
		for k := range 16 {
			s.pixels = append(s.pixels, uint8(i*16+k))
		}
	}
	return s
}

var small = Preprocess{Channels: 1, Height: 4, Width: 4}

func fill(t rapid.TB, b *Batches, n int) ([]float32, []int32, int) {
	x, labels := make([]float32, b.Size()*16), make([]int32, b.Size())
	got, err := b.Fill(n, x, labels)
	if err != nil {
		t.Fatal(err)
	}
	return x, labels, got
}

// TestAnEpochHasEachImageOnce, in another order each time, by the seed.
func TestAnEpochHasEachImageOnce(t *testing.T) {
	b, err := Shuffled(counted(12), small, 4, 5, Augment{})
	must(t, err)
	var epochs [][]int32
	for epoch := range 3 {
		var all []int32
		for i := range b.PerEpoch() {
			_, labels, _ := fill(t, b, epoch*b.PerEpoch()+i)
			all = append(all, labels...)
		}
		epochs = append(epochs, slices.Clone(all))
		slices.Sort(all)
		if !slices.Equal(all, []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}) {
			t.Errorf("epoch %d has %v", epoch, all)
		}
	}
	if slices.Equal(epochs[0], epochs[1]) || slices.Equal(epochs[1], epochs[2]) {
		t.Errorf("epochs in the same order: %v", epochs)
	}
}

// TestBatchesAreFunctionsOfTheirNumber: whatever was asked for before.
func TestBatchesAreFunctionsOfTheirNumber(t *testing.T) {
	make2 := func() *Batches {
		b, err := Shuffled(counted(10), small, 3, 7, Augment{Pad: 1, Flip: Horizontal, Cutout: 2})
		must(t, err)
		return b
	}
	used := make2()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(t, "batch")
		x, labels, _ := fill(t, used, n)
		again, same, _ := fill(t, make2(), n)
		if !slices.Equal(x, again) || !slices.Equal(labels, same) {
			t.Fatalf("batch %d differs when it comes after others", n)
		}
	})
}

func TestBatchesInOrder(t *testing.T) {
	b, err := InOrder(counted(5), Preprocess{Channels: 1, Height: 4, Width: 4, Mean: []float32{0.5}, Std: []float32{0.25}}, 4)
	must(t, err)
	x, labels, n := fill(t, b, 1)
	if n != 1 || b.PerEpoch() != 2 || !slices.Equal(labels, []int32{4, 0, 0, 0}) || !slices.Equal(x[16:], make([]float32, 48)) {
		t.Errorf("the last batch: %d images, labels %v", n, labels)
	}
	if want := (float32(64)/255 - 0.5) / 0.25; x[0] != want {
		t.Errorf("pixel 64 becomes %v, want %v", x[0], want)
	}
}

// TestAugmentations: every view that is asked for comes, none other, and pixels stay pixels of the image.
func TestAugmentations(t *testing.T) {
	one := counted(2).First(1)
	for k := range one.pixels {
		one.pixels[k] = uint8(k + 1) // zero is what comes in from outside
	}
	views := func(a Augment) map[string]int {
		b, err := Shuffled(one, small, 1, 3, a)
		must(t, err)
		seen := map[string]int{}
		for n := range 4000 {
			x, _, _ := fill(t, b, n)
			var key []byte
			for _, v := range x {
				key = append(key, byte(v*255+0.5))
			}
			seen[string(key)]++
		}
		return seen
	}
	for _, c := range []struct {
		augment Augment
		want    int
	}{
		{Augment{}, 1},
		{Augment{Flip: Horizontal}, 2},
		{Augment{Pad: 1}, 9},
		{Augment{Pad: 1, Flip: Horizontal}, 18},
		{Augment{Cutout: 1}, 16},
		{Augment{Cutout: 2}, 16},
	} {
		seen := views(c.augment)
		if len(seen) != c.want {
			t.Errorf("%+v gives %d views, want %d", c.augment, len(seen), c.want)
		}
		if least := slices.Min(slices.Collect(maps.Values(seen))); least < 4000/c.want/2 {
			t.Errorf("%+v gives a view %d times in 4000, want about %d", c.augment, least, 4000/c.want)
		}
	}
	mirrored := views(Augment{Flip: Horizontal})
	if mirrored["\x04\x03\x02\x01\x08\x07\x06\x05\x0c\x0b\x0a\x09\x10\x0f\x0e\x0d"] == 0 {
		t.Errorf("no mirrored image among %q", slices.Collect(maps.Keys(mirrored)))
	}
}

// TestPixelsAreWhatLoadMakes: a network is trained on what the client later gives it.
func TestPixelsAreWhatLoadMakes(t *testing.T) {
	d, err := Glyphs(Shape{3, 32, 32}, 4, 8)
	must(t, err)
	p := Preprocess{Channels: 3, Height: 32, Width: 32, Mean: []float32{0.4914, 0.4822, 0.4465}, Std: []float32{0.2470, 0.2435, 0.2616}}
	b, err := InOrder(d.Train, p, 8)
	must(t, err)
	x, labels := make([]float32, 8*3*32*32), make([]int32, 8)
	_, err = b.Fill(0, x, labels)
	must(t, err)
	for i := range 8 {
		loaded, err := Load(file(t, pngOf(t, d.Train.Image(i))), p)
		must(t, err)
		if !slices.Equal(loaded, x[i*3*32*32:(i+1)*3*32*32]) {
			t.Errorf("image %d is another when it comes from a file", i)
		}
	}
}

func TestDivideKeepsEachOnce(t *testing.T) {
	s := counted(10)
	drawn, rest := s.Divide(4, 1)
	again, _ := s.Divide(4, 1)
	if drawn.Len() != 4 || rest.Len() != 6 || !slices.Equal(drawn.chosen, again.chosen) {
		t.Fatalf("%d drawn, %d left", drawn.Len(), rest.Len())
	}
	all := slices.Concat(drawn.chosen, rest.chosen)
	slices.Sort(all)
	if !slices.Equal(all, []int32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("divided into %v and %v", drawn.chosen, rest.chosen)
	}
}
