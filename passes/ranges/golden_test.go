package ranges_test

import (
	"testing"

	"sotto/passes/pass/golden"
	"sotto/passes/ranges"
)

func TestGolden(t *testing.T) { golden.Run(t, "testdata", ranges.Ranges) }
