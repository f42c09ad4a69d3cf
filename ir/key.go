package ir

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
)

// Keys tell values apart that differ in what they compute, for who puts them in maps: they are for machines, and quicker than text.

// AppendKey appends what v computes but for its arguments: op, attributes, facts among them, and type.
func (v *Value) AppendKey(key []byte) []byte {
	key = append(key, v.Op.Name...)
	if len(v.Attrs) == 1 {
		for name, x := range v.Attrs {
			key = appendAttr(key, name, x)
		}
	} else if len(v.Attrs) > 1 {
		for _, name := range slices.Sorted(maps.Keys(v.Attrs)) {
			key = appendAttr(key, name, v.Attrs[name])
		}
	}
	return v.Type.AppendKey(append(key, ' '))
}

// AppendKey appends a type.
func (t Type) AppendKey(key []byte) []byte {
	key = append(key, byte(t.Share), ' ')
	key = strconv.AppendBool(key, t.Elem.Float)
	key = appendInts(key, t.Elem.Bits, t.Elem.Frac)
	return appendInts(appendInts(key, t.Shape...), t.Batch)
}

func appendAttr(key []byte, name string, x any) []byte {
	key = append(append(append(key, ' '), name...), '=')
	switch x := x.(type) {
	case int:
		return strconv.AppendInt(key, int64(x), 10)
	case float64:
		return strconv.AppendUint(key, math.Float64bits(x), 16)
	case string:
		return strconv.AppendQuote(key, x)
	case bool:
		return strconv.AppendBool(key, x)
	case []int:
		return appendInts(key, x...)
	case []float64:
		for _, f := range x {
			key = append(strconv.AppendUint(key, math.Float64bits(f), 16), ',')
		}
		return key
	}
	return fmt.Append(key, x)
}

func appendInts(key []byte, list ...int) []byte {
	for _, n := range list {
		key = append(strconv.AppendInt(key, int64(n), 10), ',')
	}
	return append(key, ';')
}
