package fold_test

import (
	"testing"

	"sotto/passes/clean"
	"sotto/passes/fold"
	"sotto/passes/pass/golden"
)

func TestGolden(t *testing.T) { golden.Run(t, "testdata", fold.X2act, fold.Fold, clean.DCE) }
