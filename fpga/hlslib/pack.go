package hlslib

import (
	"fmt"

	"sotto/fpga/target"
)

// Word is an element of the ring.
type Word interface{ uint32 | uint64 }

// PackedConv is the words that PackConv makes of a convolution's weights for an array of tm x tn, of one group.
func PackedConv(g target.Geometry, tm, tn int) int {
	return up(g.OutC, tm) * up(g.InC, tn) * g.KH * g.KW
}

// PackConv puts the weights of a convolution of one group, W[o][i][ky][kx], in the order in which the array takes them:
//
//	[o/tm][i/tn][ky][kx][o mod tm][i mod tn]
//
// with zeros beyond the last channels. A matrix is a convolution of 1 x 1 on one pixel.
func PackConv[W Word](g target.Geometry, tm, tn int, weights []W) ([]W, error) {
	taps := g.KH * g.KW
	if g.Groups != 1 || len(weights) != g.OutC*g.InC*taps {
		return nil, fmt.Errorf("hlslib: %d weights of %d groups: accepted are those of one, %d", len(weights), g.Groups, g.OutC*g.InC*taps)
	}
	packed := make([]W, PackedConv(g, tm, tn))
	columns := up(g.InC, tn) / tn
	for o := range g.OutC {
		for i := range g.InC {
			for t := range taps {
				block := (o/tm*columns+i/tn)*taps + t
				packed[(block*tm+o%tm)*tn+i%tn] = weights[(o*g.InC+i)*taps+t]
			}
		}
	}
	return packed, nil
}

// PackedDepthwise is the words that PackDepthwise makes.
func PackedDepthwise(g target.Geometry, lanes int) int { return up(g.OutC, lanes) * g.KH * g.KW }

// PackDepthwise puts the weights of a depthwise convolution, W[o][ky][kx], in the order in which the kernel takes them: [o/lanes][ky][kx][o
// mod lanes], with zeros beyond the last channels.
func PackDepthwise[W Word](g target.Geometry, lanes int, weights []W) ([]W, error) {
	taps := g.KH * g.KW
	if g.Groups != g.InC || len(weights) != g.OutC*taps {
		return nil, fmt.Errorf("hlslib: %d weights of %d groups: accepted are %d of %d", len(weights), g.Groups, g.OutC*taps, g.InC)
	}
	packed := make([]W, PackedDepthwise(g, lanes))
	for o := range g.OutC {
		for t := range taps {
			packed[(o/lanes*taps+t)*lanes+o%lanes] = weights[o*taps+t]
		}
	}
	return packed, nil
}

// up is n rounded up to a multiple.
func up(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }
