package search

import "math"

// Cosine is the learning rate of an epoch, from 0: it falls from most to least along half a cosine (Loshchilov and Hutter, ICLR 2017).
func Cosine(most, least float64, epoch, epochs int) float64 {
	return least + (most-least)*(1+math.Cos(math.Pi*float64(epoch)/float64(epochs)))/2
}

// CosineRestarts is a cosine that begins anew after so many epochs, then after twice as many, and so on (SGDR, Loshchilov and Hutter, ICLR 2017).
func CosineRestarts(most, least float64, epoch, first int) float64 {
	length := first
	for epoch >= length {
		epoch -= length
		length *= 2
	}
	return Cosine(most, least, epoch, length)
}
