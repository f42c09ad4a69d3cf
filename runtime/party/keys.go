package party

import (
	"errors"
	"time"

	"sotto/ir/cost"
	"sotto/runtime/material"
)

// takeKeys hands the machine the keys of its comparisons, which a dealer alone makes.
func (s *session[W]) takeKeys() error {
	if !s.Bundle.Manifest.HasKeys() {
		return nil
	}
	start := time.Now()
	defer func() { s.stats.spend(cost.Offline, cost.SessionTag, time.Since(start)) }()
	source, ok := s.source.(material.KeySource)
	if !ok {
		return errors.New("the program compares by keys that a dealer makes (fss.drelu), and its material comes from elsewhere: run it with a dealer," +
			" or compile it with another sign protocol")
	}
	keys, err := source.Keys()
	if err != nil {
		return err
	}
	return s.machine.TakeKeys(keys)
}
