package ir

import (
	"sync"

	"sotto/ir/cost"
)

// packed is what the packing of a linear layer depends on.
type packed struct {
	layer  cost.HELayer
	ring   int
	deploy cost.Deployment
	by     cost.Packing
}

// plans remembers packings, by what they depend on: to find one takes far longer than the rest of an account, and whoever compares protocols
// makes hundreds of accounts with the same layers.
var plans sync.Map

// planFor is cost.Packing.Plan for one inference.
func planFor(key packed) (cost.HEPlan, error) {
	if p, ok := plans.Load(key); ok {
		return p.(cost.HEPlan), nil
	}
	p, err := key.by.Plan(key.layer, key.ring, key.deploy, 1)
	if err == nil {
		plans.Store(key, p)
	}
	return p, err
}
