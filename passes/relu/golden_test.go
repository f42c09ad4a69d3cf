package relu_test

import (
	"testing"

	"sotto/passes/clean"
	"sotto/passes/pass/golden"
	"sotto/passes/relu"
)

func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", relu.Shuffle, relu.PoolFirst, relu.PoolLast, relu.Prune, relu.Unsqueeze, relu.SignDrop, relu.GateChannels, relu.GatePixels, clean.DCE)
}
