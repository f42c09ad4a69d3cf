package he

import (
	"fmt"

	"sotto/ir/cost"
	"sotto/runtime/ring"
)

// check refuses plans of other parameters or that overlap.
func (b *basis) check(plan cost.HEPlan) error {
	if plan.Params != b.params {
		return fmt.Errorf("homomorphic products: a plan for %+v, the key is for %+v", plan.Params, b.params)
	}
	return plan.Check()
}

// checkVectors refuses a batch of the wrong size.
func checkVectors[W ring.Word](name string, v [][]W, count, length int) error {
	if len(v) != count {
		return fmt.Errorf("homomorphic products: %d vectors called %s, the batch has %d", len(v), name, count)
	}
	for i := range v {
		if len(v[i]) != length {
			return fmt.Errorf("homomorphic products: %s %d has %d elements, want %d", name, i, len(v[i]), length)
		}
	}
	return nil
}

// reply is one polynomial of a result: a block of outputs for a group, counted in its chunk.
type reply struct{ outBlock, group int }

// chunkReplies gives the replies of a chunk in the order of their travel.
func chunkReplies(plan cost.HEPlan, chunk int) []reply {
	_, n := chunkGroups(plan, chunk)
	all := make([]reply, 0, n*plan.OutBlocks())
	for j := range plan.OutBlocks() {
		for g := range n {
			all = append(all, reply{j, g})
		}
	}
	return all
}

// chunkGroups gives the first group of a chunk and how many it has.
func chunkGroups(plan cost.HEPlan, chunk int) (first, n int) {
	first = chunk * plan.ChunkGroups()
	return first, min(plan.ChunkGroups(), plan.Groups()-first)
}

// chunkOutputs gives the outputs of each group of a chunk.
func chunkOutputs(plan cost.HEPlan, chunk int) [][]output {
	first, n := chunkGroups(plan, chunk)
	all := make([][]output, n)
	ring.Parallel(n, 1, func(lo, hi int) {
		for g := lo; g < hi; g++ {
			all[g] = outputs(plan, first+g)
		}
	})
	return all
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
