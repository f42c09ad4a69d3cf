package frontend

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"sotto/frontend/syntax"
	"sotto/ir"
)

// value is what an expression means at compile time: int, float64, bool, string, *list, *tensor or bad.
type value any

// list is a list of values; size counts the values in it at all depths.
type list struct {
	elems []value
	size  int
}

func newList(elems []value) *list {
	l := &list{elems, len(elems)}
	for _, e := range elems {
		if inner, ok := e.(*list); ok {
			l.size += inner.size
		}
	}
	return l
}

// tensor is a value of the network under construction. softmaxed marks the client's own last step, which nothing in the
// network may use.
type tensor struct {
	v         *ir.Value
	at        syntax.Node // the call that made it
	softmaxed bool
}

// bad is the value of an expression whose error is reported already. Whatever uses it is silent.
type bad struct{}

// Limits of elaboration: far beyond any network, and small enough that a hostile file ends in an error within seconds.
const (
	maxSteps   = 4 << 20 // expressions evaluated and list elements made
	maxLayers  = 1 << 16 // values in the network
	maxCalls   = 64      // blocks inside blocks
	maxList    = 1 << 16 // elements of a list, those of its lists included
	maxText    = 1 << 10 // bytes of a string
	maxInteger = 1 << 53 // as a float64 holds them exactly
)

func kindOf(v value) string {
	switch v.(type) {
	case int:
		return "an integer"
	case float64:
		return "a number"
	case bool:
		return "true or false"
	case string:
		return "a string"
	case *list:
		return "a list"
	case *tensor:
		return "a tensor"
	}
	return "nothing"
}

// show prints a value for an error message.
func show(v value) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case string:
		return strconv.Quote(v)
	case *list:
		const shown = 8
		parts := make([]string, 0, shown+1)
		for i, e := range v.elems {
			if i == shown {
				parts = append(parts, "...")
				break
			}
			if inner, ok := e.(*list); ok && len(inner.elems) > shown {
				e = fmt.Sprintf("a list of %d", len(inner.elems))
			}
			parts = append(parts, show(e))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *tensor:
		return typeText(v.v.Type)
	case bad:
		return "an error"
	}
	return fmt.Sprint(v)
}

// typeText prints a tensor type as the language writes it.
func typeText(t ir.Type) string {
	return t.Elem.String() + shapeText(t.Shape)
}

func shapeText(shape []int) string {
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = strconv.Itoa(d)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func isBad(v value) bool {
	_, ok := v.(bad)
	return ok
}

// asFloat gives a number as a float.
func asFloat(v value) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// equal compares scalars and lists of them; an integer equals the float of the same size.
func equal(a, b value) (same, comparable bool) {
	x, okX := asFloat(a)
	y, okY := asFloat(b)
	if okX && okY {
		return x == y, true
	}
	switch a := a.(type) {
	case bool:
		b, ok := b.(bool)
		return a == b, ok
	case string:
		b, ok := b.(string)
		return a == b, ok
	case *list:
		b, ok := b.(*list)
		if !ok {
			return false, false
		}
		return equalLists(a, b)
	}
	return false, false
}

func equalLists(a, b *list) (same, comparable bool) {
	if len(a.elems) != len(b.elems) {
		return false, true
	}
	for i := range a.elems {
		if same, ok := equal(a.elems[i], b.elems[i]); !ok || !same {
			return false, ok
		}
	}
	return true, true
}

// floorDiv and floorMod round towards minus infinity, so that a == b*floorDiv(a, b) + floorMod(a, b) with the sign of b.
func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func floorMod(a, b int) int { return a - b*floorDiv(a, b) }

// inRange reports whether an integer result may be kept.
func inRange(x float64) bool { return math.Abs(x) <= maxInteger }
