package fixed_test

import (
	"testing"

	"sotto/passes/clean"
	"sotto/passes/fixed"
	"sotto/passes/pass/golden"
)

func TestGolden(t *testing.T) { golden.Run(t, "testdata", fixed.Fixed, clean.CSE, clean.DCE) }
