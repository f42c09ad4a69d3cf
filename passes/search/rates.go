package search

import (
	"fmt"
	"math"
	"slices"
)

// Schedule is how a learning rate goes over a training.
type Schedule struct {
	Kind   ScheduleKind `json:"kind"`
	Most   float64      `json:"most"`
	Least  float64      `json:"least,omitempty"`   // where cosines end
	WarmUp float64      `json:"warm_up,omitempty"` // epochs in which the rate rises from 0 in a straight line, before the rest begins
	First  float64      `json:"first,omitempty"`   // Restarts: epochs of the first cosine; each is twice as long as the one before
	Every  float64      `json:"every,omitempty"`   // Steps: epochs between steps
	Factor float64      `json:"factor,omitempty"`  // Steps: what the rate is multiplied by
}

// ScheduleKind names a schedule.
type ScheduleKind string

// The kinds of schedules.
const (
	CosineRate   ScheduleKind = "cosine"   // half a cosine from Most to Least
	RestartsRate ScheduleKind = "restarts" // cosines that begin anew
	StepsRate    ScheduleKind = "step"     // falls by a factor every so often
	ConstantRate ScheduleKind = "constant"
)

// ScheduleKinds lists them.
func ScheduleKinds() []ScheduleKind {
	return []ScheduleKind{CosineRate, RestartsRate, StepsRate, ConstantRate}
}

// Check says what is wrong with a schedule.
func (s Schedule) Check() error {
	numbers := []float64{s.Most, s.Least, s.WarmUp, s.First, s.Every, s.Factor}
	bad := func(x float64) bool { return !(x >= 0) || math.IsInf(x, 0) }
	switch {
	case !slices.Contains(ScheduleKinds(), s.Kind):
		return fmt.Errorf("schedule %q: accepted are %v", s.Kind, ScheduleKinds())
	case slices.ContainsFunc(numbers, bad):
		return fmt.Errorf("schedule %+v: accepted are finite numbers from 0 on", s)
	case s.Least > s.Most:
		return fmt.Errorf("schedule that falls from %g to %g: accepted is an end that is not above the beginning", s.Most, s.Least)
	case s.Kind == RestartsRate && s.First < 1:
		return fmt.Errorf("first cosine of %g epochs: accepted are at least 1", s.First)
	case s.Kind == StepsRate && s.Every <= 0:
		return fmt.Errorf("steps every %g epochs: accepted are more than 0", s.Every)
	}
	return nil
}

// Rate is the learning rate at a moment of a training, in epochs from its beginning.
func (s Schedule) Rate(at, epochs float64) float64 {
	if at < s.WarmUp {
		return s.Most * at / s.WarmUp
	}
	at, epochs = at-s.WarmUp, epochs-s.WarmUp
	switch s.Kind {
	case CosineRate:
		return Cosine(s.Most, s.Least, at, epochs)
	case RestartsRate:
		return CosineRestarts(s.Most, s.Least, at, s.First)
	case StepsRate:
		return s.Most * math.Pow(s.Factor, math.Floor(at/s.Every))
	}
	return s.Most
}
