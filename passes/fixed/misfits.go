package fixed

import (
	"fmt"
	"math"
	"strings"

	"sotto/ir"
)

// misfit is the error of a value that needs more fraction bits than it has room for.
type misfit struct {
	of               *ir.Value // of NET
	bits, need, room int
}

// margin is how many bits the ring holds more than the value: fewer than none.
func (m misfit) margin() int { return m.room - m.need }

// reach says where the value is and how far it comes.
func (m misfit) reach() string {
	if m.of.Op == ir.Input {
		return fmt.Sprintf("input %s reaches %g", m.of.Name, bound(m.of))
	}
	return fmt.Sprintf("%s: %s (%s) reaches %.4g (%s)", m.of.Pos, m.of.Path, m.of.Op.Name, bound(m.of), boundKind(m.of))
}

// holds is what the ring does.
func (m misfit) holds() float64 { return math.Ldexp(1, m.bits-2-m.need) }

func (m misfit) Error() string {
	return fmt.Sprintf("%s: too large for the ring, which holds %.4g at the least precision: the margin is %d bits", m.reach(), m.holds(), m.margin())
}

// note is Error behind that of another.
func (m misfit) note() string {
	return fmt.Sprintf("%s, the ring holds %.4g: the margin is %d bits", m.reach(), m.holds(), m.margin())
}

// boundKind says in words what bounds rest on.
func boundKind(v *ir.Value) string {
	return map[string]string{"calibrated": "on calibration inputs, doubled", "worst_case": "in the worst case", "assumed": "assumed",
		"unknown": "no bound known"}[v.RestsOn()]
}

// misfits are all that a ring does not hold, of each layer what has the least margin: an error if there are any.
type misfits []misfit

// listed is how many are named. Worst cases grow from layer to layer: where one does not fit, all behind it may not.
const listed = 8

func (m misfits) Error() string {
	lines := []string{m[0].Error()}
	for _, x := range m[1:min(listed, len(m))] {
		lines = append(lines, x.note())
	}
	if rest := m[len(lines):]; len(rest) > 0 {
		worst := rest[0]
		for _, x := range rest {
			if x.margin() < worst.margin() {
				worst = x
			}
		}
		lines = append(lines, fmt.Sprintf("and %d more, of which the least margin is that of %s", len(rest), worst.note()))
	}
	return strings.Join(lines, "\n\t")
}

// error is m, or nil if it is empty.
func (m misfits) error() error {
	if len(m) == 0 {
		return nil
	}
	return m
}

// waive notes a misfit, and has what follows lowered as if it fitted, to find all of them. There is no use in that twice.
func (l *lowering) waive(all *misfits, m misfit) bool {
	if l.waived[m.of] {
		return false
	}
	l.waived[m.of] = true
	clear(l.tight)
	for i, x := range *all {
		if x.of.Path != "" && x.of.Path == m.of.Path {
			if m.margin() < x.margin() {
				(*all)[i] = m
			}
			return true
		}
	}
	*all = append(*all, m)
	return true
}
