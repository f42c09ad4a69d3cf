package samples

import (
	"math"
	"slices"
	"strings"
	"testing"

	"sotto/passes/search"
	"sotto/runtime/dataset"
)

var input = dataset.Preprocess{Channels: 1, Height: 16, Width: 16}

func glyphs(t *testing.T, o Options) *Samples {
	t.Helper()
	d, err := dataset.Open("glyphs:50", input, 4)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(d, input, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSplitsAndLabels(t *testing.T) {
	s := glyphs(t, Options{Size: 8, Seed: 1, Test: 20})
	if s.Samples(search.Train) != 50 || s.Samples(search.Valid) != 10 || s.Samples(search.Test) != 20 || s.Batches(search.Train) != 6 || s.Batches(search.Valid) != 1 {
		t.Errorf("%d, %d, %d images", s.Samples(search.Train), s.Samples(search.Valid), s.Samples(search.Test))
	}
	images, labels := make([]float32, 8*256), make([]float32, 8*4)
	seen := 0
	for number := 0; ; number++ {
		n, err := s.Whole(search.Test, number, images, labels)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		for i := range 8 {
			row := labels[i*4 : i*4+4]
			if want := seen + i; i < n && row[want%4] != 1 || i >= n && slices.Max(row) != 0 {
				t.Errorf("image %d has label %v", want, row)
			}
		}
		seen += n
	}
	if seen != 20 {
		t.Errorf("%d test images, want 20", seen)
	}
}

func TestAShareIsHeldOut(t *testing.T) {
	s := glyphs(t, Options{Size: 5, Valid: 0.5})
	if s.Samples(search.Train) != 25 || s.Samples(search.Valid) != 25 {
		t.Errorf("%d and %d images, want 25 each", s.Samples(search.Train), s.Samples(search.Valid))
	}
	a, b, labels := make([]float32, 5*256), make([]float32, 5*256), make([]float32, 20)
	for number := range 5 {
		if s.Fill(search.Batch{Split: search.Train, Number: number}, a, labels) != nil || s.Fill(search.Batch{Split: search.Valid, Number: number}, b, labels) != nil {
			t.Fatal("no batch")
		}
		for i := range 5 {
			for j := range 5 {
				if slices.Equal(a[i*256:(i+1)*256], b[j*256:(j+1)*256]) {
					t.Error("an image is in both splits")
				}
			}
		}
	}
}

func TestMissingSplits(t *testing.T) {
	s := glyphs(t, Options{Size: 16})
	images, labels := make([]float32, 16*256), make([]float32, 64)
	err := s.Fill(search.Batch{Split: search.Valid}, images, labels)
	if err == nil || !strings.Contains(err.Error(), "has not 16 images of the valid split") {
		t.Errorf("%v", err)
	}
}

// TestLabelsMoveTowardsTheTeacher, those of training images alone.
func TestLabelsMoveTowardsTheTeacher(t *testing.T) {
	d := &Distilled{Of: glyphs(t, Options{Size: 4}), Weight: 0.25, Temperature: 2, Teacher: func(images []float32, n int) ([]float32, error) {
		return slices.Repeat([]float32{2, 0, 0, 0}, n), nil
	}}
	images, labels, hard := make([]float32, 4*256), make([]float32, 16), make([]float32, 16)
	b := search.Batch{Split: search.Train}
	if d.Of.Fill(b, images, hard) != nil || d.Fill(b, images, labels) != nil {
		t.Fatal("no batch")
	}
	first := math.E / (math.E + 3) // of softmax(2/2, 0, 0, 0)
	for i, l := range labels {
		soft := (1 - first) / 3
		if i%4 == 0 {
			soft = first
		}
		if want := 0.75*float64(hard[i]) + 0.25*soft; math.Abs(float64(l)-want) > 1e-6 {
			t.Errorf("label %d is %g, want %g", i, l, want)
		}
	}
	b.Split = search.Valid
	if d.Of.Fill(b, images, hard) != nil || d.Fill(b, images, labels) != nil || !slices.Equal(labels, hard) {
		t.Error("labels of validation images have changed")
	}
	for _, bad := range []Distilled{{Weight: 0, Temperature: 1}, {Weight: 2, Temperature: 1}, {Weight: 0.5}} {
		if bad.Check() == nil {
			t.Errorf("a share of %g at temperature %g is accepted", bad.Weight, bad.Temperature)
		}
	}
}
