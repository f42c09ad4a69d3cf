package kernel

import "fmt"

// Panels is the order of weights that are read from end to end while lanes are output channels: for every group, for every
// Width of its output channels, for every k < Depth the Width weights of row k. The last panel of a group is filled up with zeros.
type Panels struct {
	Groups int
	Out    int // output channels of a group
	Depth  int // products summed in an output
	Width  int // channels of a panel
}

// Len is the elements of the packed weights.
func (p Panels) Len() int { return p.Groups * roundUp(p.Out, p.Width) * p.Depth }

// Pack puts weights, Out*Depth of each group in rows of Depth, into panels. dst has Len elements.
func Pack[T Number](p Panels, dst, w []T) error {
	if min(p.Groups, p.Out, p.Depth, p.Width) < 1 {
		return fmt.Errorf("kernel: panels %+v: want positive numbers", p)
	}
	if err := sized("panels", "w", len(w), p.Groups*p.Out*p.Depth); err != nil {
		return err
	}
	if err := sized("panels", "dst", len(dst), p.Len()); err != nil {
		return err
	}
	for g := range p.Groups {
		rows := w[g*p.Out*p.Depth:][:p.Out*p.Depth]
		for first := 0; first < p.Out; first += p.Width {
			panel := dst[:p.Depth*p.Width]
			dst = dst[len(panel):]
			packPanel(panel, rows[first*p.Depth:], p.Depth, p.Width)
		}
	}
	return nil
}

// packPanel transposes at most width rows.
func packPanel[T Number](panel, rows []T, depth, width int) {
	have := min(len(rows)/depth, width)
	for k := range depth {
		to := panel[k*width:][:width]
		for o := range have {
			to[o] = rows[o*depth+k]
		}
		clear(to[have:])
	}
}
