package autodiff_test

import (
	"testing"

	"sotto/passes/autodiff"
	"sotto/passes/choices"
	"sotto/passes/clean"
	"sotto/passes/pass/golden"
)

func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", autodiff.Autodiff, choices.Relax, clean.CSE, clean.DCE)
}
