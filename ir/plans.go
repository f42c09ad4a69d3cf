package ir

import "sotto/ir/cost"

// packed is what the packing of a linear layer depends on.
type packed struct {
	layer  cost.HELayer
	ring   int
	deploy cost.Deployment
	by     cost.Packing
}

// plans are remembered: to find one takes far longer than the rest of an account, and whoever compares protocols makes hundreds of accounts with the
// same layers.
var plans cost.Remembered[packed, cost.HEPlan]

// planFor is cost.Packing.Plan for one inference.
func planFor(key packed) (cost.HEPlan, error) { return plans.Get(key, packed.find) }

func (p packed) find() (cost.HEPlan, error) { return p.by.Plan(p.layer, p.ring, p.deploy, 1) }
