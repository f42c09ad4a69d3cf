package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/jpeg"
	"image/png"
	"io"
	"math"
)

// Limits on images, held against the header before any pixel is decoded, and on what resizing would make.
const (
	maxSide   = 1 << 14
	maxPixels = 1 << 25
)

const sniffBytes = 8

// format is a kind of image file: how it begins, and its two decoders. The registry of package image is not used,
// because any import anywhere in the program may extend it.
type format struct {
	magic  string
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

func formats() []format {
	return []format{
		{"\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
		{"\xff\xd8\xff", jpeg.DecodeConfig, jpeg.Decode},
	}
}

func sniff(head []byte) (format, error) {
	for _, f := range formats() {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return f, nil
		}
	}
	return format{}, errors.New("not an input: want a PNG or JPEG image, a .npy file, or random:SEED")
}

// loadImage decodes, scales, crops, and makes planes of an image of which head was read already.
func loadImage(r io.ReadSeeker, head []byte, p Preprocess) ([]float32, error) {
	if p.Channels != 1 && p.Channels != 3 {
		return nil, fmt.Errorf("an image has 1 or 3 channels, the network takes %d: want a .npy file", p.Channels)
	}
	img, err := decode(r, head)
	if err != nil {
		return nil, err
	}
	whole, cut, err := p.plan(img.Bounds().Dx(), img.Bounds().Dy())
	if err != nil {
		return nil, err
	}
	data := planes(scale(p.opaque(img), whole), cut, p.Channels)
	p.normalise(data)
	return data, nil
}

func decode(r io.ReadSeeker, head []byte) (image.Image, error) {
	f, err := sniff(head)
	if err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	config, err := f.config(r)
	if err != nil {
		return nil, fmt.Errorf("image header: %w", err)
	}
	if err := checkSize(config.Width, config.Height); err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	img, err := f.decode(r)
	if err != nil {
		return nil, fmt.Errorf("image is damaged: %w", err)
	}
	return img, nil
}

func checkSize(width, height int) error {
	if width < 1 || height < 1 || width > maxSide || height > maxSide || width*height > maxPixels {
		return fmt.Errorf("image of %d x %d, accepted are 1 to %d pixels a side and at most %d in all",
			width, height, maxSide, maxPixels)
	}
	return nil
}

// opaque gives the image's colours, whatever their transparency, as Pillow's convert("RGB") does, at (0, 0); of a network that takes
// grey ones their luma in each channel.
func (p Preprocess) opaque(img image.Image) *image.RGBA {
	from := img.Bounds()
	out := image.NewRGBA(image.Rectangle{Max: from.Size()})
	if o, ok := img.(interface{ Opaque() bool }); ok && o.Opaque() {
		draw.Draw(out, out.Bounds(), img, from.Min, draw.Src)
	} else {
		for y := range from.Dy() {
			for x := range from.Dx() {
				c := color.NRGBAModel.Convert(img.At(from.Min.X+x, from.Min.Y+y)).(color.NRGBA)
				out.SetRGBA(x, y, color.RGBA{c.R, c.G, c.B, 255})
			}
		}
	}
	if p.Channels == 1 {
		luma(out.Pix)
	}
	return out
}

// luma makes pixels of four bytes grey by ITU-R BT.601 (0.299 R + 0.587 G + 0.114 B), in 16 bits and rounded, as Pillow's convert("L")
// does.
func luma(pix []uint8) {
	for i := 0; i < len(pix); i += 4 {
		y := uint8((19595*int(pix[i]) + 38470*int(pix[i+1]) + 7471*int(pix[i+2]) + 1<<15) >> 16)
		pix[i], pix[i+1], pix[i+2] = y, y, y
	}
}

// plan gives the size to scale an image to, and the part of that to keep.
func (p Preprocess) plan(width, height int) (whole image.Point, cut image.Rectangle, err error) {
	whole = image.Pt(width, height)
	switch {
	case p.Resize > 0:
		whole = shorterSide(whole, p.Resize)
	case p.Crop == 0:
		whole = image.Pt(p.Width, p.Height)
	}
	if err := checkSize(whole.X, whole.Y); err != nil {
		return whole, cut, fmt.Errorf("scaled from %d x %d: %w", width, height, err)
	}
	cut = image.Rectangle{Max: whole}
	if p.Crop > 0 {
		if p.Crop > whole.X || p.Crop > whole.Y {
			return whole, cut, fmt.Errorf("crop of %d out of an image of %d x %d: want a resize to at least %d before it",
				p.Crop, whole.X, whole.Y, p.Crop)
		}
		cut = centre(whole, p.Crop)
	}
	if cut.Dx() != p.Width || cut.Dy() != p.Height {
		return whole, cut, fmt.Errorf("resize %d and crop %d make %d x %d of %d x %d, the network takes %d x %d",
			p.Resize, p.Crop, cut.Dx(), cut.Dy(), width, height, p.Width, p.Height)
	}
	return whole, cut, nil
}

// shorterSide scales a size until its shorter side is n, the longer one rounded down but never below n.
func shorterSide(size image.Point, n int) image.Point {
	if n > maxSide {
		return image.Pt(n, n) // refused by the caller; larger products might not fit an int
	}
	if size.X <= size.Y {
		return image.Pt(n, n*size.Y/size.X)
	}
	return image.Pt(n*size.X/size.Y, n)
}

// centre is the middle n x n of a size; where the margin is odd, half a pixel is rounded to even.
func centre(size image.Point, n int) image.Rectangle {
	margin := func(side int) int { return int(math.RoundToEven(float64(side-n) / 2)) }
	at := image.Pt(margin(size.X), margin(size.Y))
	return image.Rectangle{at, at.Add(image.Pt(n, n))}
}

// planes gives the first channels of the part cut out, each divided by 255, in CHW order.
func planes(img *image.RGBA, cut image.Rectangle, channels int) []float32 {
	plane := cut.Dx() * cut.Dy()
	data := make([]float32, channels*plane)
	at := 0
	for y := cut.Min.Y; y < cut.Max.Y; y++ {
		for x := cut.Min.X; x < cut.Max.X; x++ {
			pixel := img.Pix[img.PixOffset(x, y):]
			for c := range channels {
				data[c*plane+at] = float32(pixel[c]) / 255
			}
			at++
		}
	}
	return data
}
