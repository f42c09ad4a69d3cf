package rounds_test

import (
	"testing"

	"sotto/passes/pass/golden"
	"sotto/passes/rounds"
)

func TestGolden(t *testing.T) { golden.Run(t, "testdata", rounds.Rounds) }
