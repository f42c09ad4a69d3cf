package choices_test

import (
	"testing"

	"sotto/passes/choices"
	"sotto/passes/pass/golden"
)

func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", choices.Resolve, choices.Relax, choices.Open)
}
