package search

import "math"

// Cosine is the learning rate at a moment, from 0, of so many epochs: it falls from most to least along half a cosine (Loshchilov and Hutter, ICLR 2017).
func Cosine[T int | float64](most, least float64, at, epochs T) float64 {
	return least + (most-least)*(1+math.Cos(math.Pi*float64(at)/float64(epochs)))/2
}

// CosineRestarts is a cosine that begins anew after so many epochs, then after twice as many, and so on (SGDR, Loshchilov and Hutter, ICLR 2017).
func CosineRestarts[T int | float64](most, least float64, at, first T) float64 {
	length := first
	for at >= length {
		at -= length
		length *= 2
	}
	return Cosine(most, least, at, length)
}
