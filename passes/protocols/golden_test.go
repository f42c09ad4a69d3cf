package protocols_test

import (
	"testing"

	"sotto/passes/clean"
	"sotto/passes/pass/golden"
	"sotto/passes/protocols"
	"sotto/passes/rounds"
)

func TestGolden(t *testing.T) {
	golden.Run(t, "testdata", protocols.Protocols, protocols.OTs, clean.CSE, clean.DCE, rounds.Rounds)
}
