//go:build !amd64

package nonlin

import "sotto/runtime/ring"

// There are no kernels: none of a vector is done.

func (truncation[W]) chooseVectors(e []uint64, x []W, c []uint64) int      { return 0 }
func (truncation[W]) correlateVectors(v, x, p0, p1 []W) int                { return 0 }
func (truncation[W]) receiveVectors(z, x []W, e, c []uint64, q, v []W) int { return 0 }
func (truncation[W]) sendVectors(z, x []W, e []uint64, p0 []W) int         { return 0 }
func squareClientVectors[W ring.Word](y, r, g, c0 []W) int                 { return 0 }
func squareServerVectors[W ring.Word](y, x1, c1 []W) int                   { return 0 }

func quadraticBlindVectors[W ring.Word](g, x1, b []W, slope W, k int) int   { return 0 }
func quadraticClientVectors[W ring.Word](y, r, g, c0 []W, k int) int        { return 0 }
func quadraticServerVectors[W ring.Word](y, x1, c1 []W, slope W, k int) int { return 0 }

func roundedShareVectors[W ring.Word](k truncation[W], z, x []W, known W) int             { return 0 }
func roundedCorrelateVectors[W ring.Word](t Rounded[W], v, x, t1, p0, p1 []W, less W) int { return 0 }
func roundedClientVectors[W ring.Word](t Rounded[W], y, t0, g, u, w, v []W, e, own, c []uint64) int {
	return 0
}
func roundedServerVectors[W ring.Word](t Rounded[W], y, x, t1, u, o []W, own, e []uint64, b W) int {
	return 0
}
