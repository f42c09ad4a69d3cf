package torch

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// quote writes a string as Python does, on one line whatever it holds.
func quote(s string) string { return strconv.QuoteToASCII(s) }

// comment is a text as it may stand in a comment or between triple quotes: as it is, unless it holds what could end them.
func comment(s string) string {
	odd := func(r rune) bool { return !unicode.IsPrint(r) || r == '"' || r == '\\' }
	if strings.IndexFunc(s, odd) < 0 {
		return s
	}
	return strings.ReplaceAll(quote(s), `"`, "'")
}

// tuple writes a tuple of numbers.
func tuple[T int | float64](xs []T) string {
	if len(xs) == 1 {
		return "(" + numbers(xs) + ",)"
	}
	return "(" + numbers(xs) + ")"
}

// numbers writes numbers with commas.
func numbers[T int | float64](xs []T) string {
	parts := make([]string, len(xs))
	for i, x := range xs {
		parts[i] = number(x)
	}
	return strings.Join(parts, ", ")
}

// number writes a number; floats so that they are read back the same.
func number[T int | float64](x T) string {
	if f, ok := any(x).(float64); ok {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return fmt.Sprint(x)
}
