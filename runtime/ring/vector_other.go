//go:build !amd64

package ring

// There are no kernels: none of a vector is done.

func addVectors[W Word](dst, a, b []W) int        { return 0 }
func subVectors[W Word](dst, a, b []W) int        { return 0 }
func addConstVectors[W Word](dst, a []W, c W) int { return 0 }
func mulConstVectors[W Word](dst, a []W, c W) int { return 0 }

func packVectors[W Word](dst []byte, src []W, width uint) int   { return 0 }
func unpackVectors[W Word](dst []W, src []byte, width uint) int { return 0 }
