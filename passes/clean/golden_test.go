package clean_test

import (
	"testing"

	"sotto/passes/clean"
	"sotto/passes/pass/golden"
)

func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", clean.Shapes, clean.Identities, clean.DCE, clean.CSE)
}
