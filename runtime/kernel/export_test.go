package kernel

// Paths packs a convolution for each set of kernels of this package that this machine runs, by their names: the portable ones first.
func Paths[T Number](c Conv, w, bias []T) (names []string, packed []*Packed[T], err error) {
	for _, m := range micros[T]() {
		p, err := pack(m, c, w, bias)
		if err != nil {
			return nil, nil, err
		}
		names, packed = append(names, m.name), append(packed, p)
	}
	return names, packed, nil
}
