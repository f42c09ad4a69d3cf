package he

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir/cost"
	"sotto/runtime/prg"
	"sotto/runtime/ring"
)

// testRandomness is a stream under a seed that only tests may use.
func testRandomness(seed byte) *prg.Stream { return prg.NewStream(prg.Seed{'t', 'e', 's', 't', seed}) }

// pair is both parties of a product.
type pair[W ring.Word] struct {
	encryptor *Encryptor[W]
	evaluator *Evaluator[W]
}

func newPair[W ring.Word](t testing.TB, d cost.Deployment) pair[W] {
	t.Helper()
	params, err := cost.HEParamsFor(ring.Width[W](), d)
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEncryptor[W](params, testRandomness(1))
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewEvaluator[W](params, e.PublicKey(), testRandomness(2))
	if err != nil {
		t.Fatal(err)
	}
	return pair[W]{e, v}
}

// vectors makes n vectors of a length.
func vectors[W ring.Word](n, length int) [][]W {
	v := make([][]W, n)
	for i := range v {
		v[i] = make([]W, length)
	}
	return v
}

// product runs the protocol and gives both parties' shares.
func (p pair[W]) product(plan cost.HEPlan, masks [][]W, weights []W) (encryptors, evaluators [][]W, err error) {
	var up, down bytes.Buffer
	encryptors, evaluators = vectors[W](plan.Batch, plan.OutLen()), vectors[W](plan.Batch, plan.OutLen())
	if err := p.encryptor.Encrypt(plan, masks, &up); err != nil {
		return nil, nil, err
	}
	if int64(up.Len()) != plan.UploadBytes() {
		return nil, nil, fmt.Errorf("%d bytes of uploads, %d declared", up.Len(), plan.UploadBytes())
	}
	if err := p.evaluator.Multiply(plan, weights, &up, &down, evaluators); err != nil {
		return nil, nil, err
	}
	if int64(down.Len()) != plan.ReplyBytes() || up.Len() != 0 {
		return nil, nil, fmt.Errorf("%d bytes of replies, %d declared; %d bytes not read", down.Len(), plan.ReplyBytes(), up.Len())
	}
	return encryptors, evaluators, p.encryptor.Decrypt(plan, &down, encryptors)
}

// clear is the convolution by its definition.
func clearConv[W ring.Word](l cost.HELayer, outH, outW int, x, w []W) []W {
	dst := make([]W, l.OutC*outH*outW)
	perGroup := l.InC / l.Groups
	for o := range l.OutC {
		for i := range perGroup {
			c := o/(l.OutC/l.Groups)*perGroup + i
			for u := range l.KH {
				for v := range l.KW {
					weight := w[((o*perGroup+i)*l.KH+u)*l.KW+v]
					for y := range outH {
						for z := range outW {
							row, col := y*l.StrideH-l.PadH+u*l.DilH, z*l.StrideW-l.PadW+v*l.DilW
							if row >= 0 && row < l.InH && col >= 0 && col < l.InW {
								dst[(o*outH+y)*outW+z] += weight * x[(c*l.InH+row)*l.InW+col]
							}
						}
					}
				}
			}
		}
	}
	return dst
}

// testWeights draws weights up to the bound, which they reach.
func testWeights[W ring.Word](s *prg.Stream, params cost.HEParams, n int) []W {
	w := make([]W, n)
	prg.Words(s, w)
	if params.WeightBits < params.Ring-1 {
		for i := range w {
			w[i] = w[i]&(1<<(params.WeightBits+1)-1) - 1<<params.WeightBits
		}
	}
	w[0] = ^W(0) << params.WeightBits
	return w
}

// checkLayer runs a layer for a batch of masks and compares with the definition.
func (p pair[W]) checkLayer(t interface {
	Fatalf(string, ...any)
	Helper()
}, l cost.HELayer, batch int) {
	t.Helper()
	params := p.encryptor.params
	plan, err := cost.HEPlanFor(l, params.Ring, params.Deploy, batch)
	if err != nil {
		t.Fatalf("%v", err)
	}
	s := testRandomness(3)
	masks, weights := vectors[W](batch, plan.InLen()), testWeights[W](s, params, plan.WeightLen())
	for i := range masks {
		prg.Words(s, masks[i])
	}
	a, b, err := p.product(plan, masks, weights)
	if err != nil {
		t.Fatalf("%+v: %v", plan, err)
	}
	for i := range masks {
		want := clearConv(l, plan.Rows.Out, plan.Cols.Out, masks[i], weights)
		for j := range want {
			if got := a[i][j] + b[i][j]; got != want[j] {
				t.Fatalf("image %d, element %d: %#x + %#x is %#x, want %#x, in %+v", i, j, a[i][j], b[i][j], got, want[j], plan)
			}
		}
	}
}

func testProducts[W ring.Word](t *testing.T, d cost.Deployment) {
	p := newPair[W](t, d)
	t.Run("drawn", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) { p.checkLayer(t, drawLayer(t), rapid.IntRange(1, 5).Draw(t, "batch")) })
	})
	for name, c := range map[string]struct {
		layer cost.HELayer
		batch int
	}{
		"linear":          {cost.HELinear(10, 100), 1},
		"linear, batch":   {cost.HELinear(37, 300), 6},
		"1x1":             {cost.HELayer{InC: 8, InH: 14, InW: 14, OutC: 24, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}, 3},
		"1x1, stride 2":   {cost.HELayer{InC: 4, InH: 56, InW: 56, OutC: 4, KH: 1, KW: 1, StrideH: 2, StrideW: 2, DilH: 1, DilW: 1, Groups: 1}, 11},
		"several chunks":  {cost.HELayer{InC: 200, InH: 10, InW: 10, OutC: 2, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}, 200},
		"depthwise":       {cost.HELayer{InC: 20, InH: 14, InW: 14, OutC: 20, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilH: 1, DilW: 1, Groups: 20}, 2},
		"7x7, stride 2":   {cost.HELayer{InC: 3, InH: 64, InW: 64, OutC: 4, KH: 7, KW: 7, StrideH: 2, StrideW: 2, PadH: 3, PadW: 3, DilH: 1, DilW: 1, Groups: 1}, 1},
		"beyond a tile":   {cost.HELayer{InC: 1, InH: 120, InW: 130, OutC: 2, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 1, PadW: 1, DilH: 1, DilW: 1, Groups: 1}, 2},
		"one long row":    {cost.HELayer{InC: 1, InH: 1, InW: 20000, OutC: 2, KH: 1, KW: 5, StrideH: 1, StrideW: 1, PadW: 2, DilH: 1, DilW: 1, Groups: 1}, 1},
		"kernel in a pad": {cost.HELayer{InC: 2, InH: 1, InW: 1, OutC: 2, KH: 3, KW: 3, StrideH: 1, StrideW: 1, PadH: 3, PadW: 3, DilH: 1, DilW: 1, Groups: 1}, 3},
	} {
		t.Run(name, func(t *testing.T) { p.checkLayer(t, c.layer, c.batch) })
	}
}

func TestProducts32(t *testing.T)           { testProducts[uint32](t, cost.ClientServer) }
func TestProducts64(t *testing.T)           { testProducts[uint64](t, cost.ClientServer) }
func TestOutsourcedProducts32(t *testing.T) { testProducts[uint32](t, cost.Outsourced) }
func TestOutsourcedProducts64(t *testing.T) { testProducts[uint64](t, cost.Outsourced) }

// drawLayer draws a small layer.
func drawLayer(t *rapid.T) cost.HELayer {
	n := func(name string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, name) }
	groups := n("groups", 1, 3)
	l := cost.HELayer{InC: groups * n("in", 1, 6), OutC: groups * n("out", 1, 6), Groups: groups, KH: n("kh", 1, 4), KW: n("kw", 1, 4),
		StrideH: n("sh", 1, 3), StrideW: n("sw", 1, 3), DilH: n("dh", 1, 2), DilW: n("dw", 1, 2), PadH: n("ph", 0, 3), PadW: n("pw", 0, 3)}
	l.InH = max(1, l.DilH*(l.KH-1)+1-2*l.PadH) + n("h", 0, 12)
	l.InW = max(1, l.DilW*(l.KW-1)+1-2*l.PadW) + n("w", 0, 12)
	return l
}

// TestWireBytes holds the messages of a small convolution under the tests' randomness: they change with the protocol's version only.
func TestWireBytes(t *testing.T) {
	p := newPair[uint32](t, cost.ClientServer)
	plan, err := cost.HEPlanFor(squareLayer(3, 6, 2, 3, 1, 1), 32, cost.ClientServer, 2)
	if err != nil {
		t.Fatal(err)
	}
	masks, weights := vectors[uint32](plan.Batch, plan.InLen()), testWeights[uint32](testRandomness(10), plan.Params, plan.WeightLen())
	var up, down bytes.Buffer
	if err := p.encryptor.Encrypt(plan, masks, &up); err != nil {
		t.Fatal(err)
	}
	uploads := up.Bytes()
	if err := p.evaluator.Multiply(plan, weights, bytes.NewReader(uploads), &down, vectors[uint32](plan.Batch, plan.OutLen())); err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		name, want string
		bytes      []byte
	}{
		{"public key", "2a71cf57592c7d95", p.encryptor.PublicKey()},
		{"uploads", "84d34ba2a4952218", uploads},
		{"replies", "15d5ea9b42882c85", down.Bytes()},
	} {
		if got := fmt.Sprintf("%x", sha256.Sum256(m.bytes))[:16]; got != m.want {
			t.Errorf("%s hash to %s, want %s", m.name, got, m.want)
		}
	}
}

// TestCoresThatComeAndGo: the Go runtime moves GOMAXPROCS while a process runs, as its quota and affinity move.
func TestCoresThatComeAndGo(t *testing.T) {
	cores := runtime.GOMAXPROCS(0)
	done, stopped := make(chan bool), make(chan bool)
	go func() {
		defer close(stopped)
		for n := 1; ; n = n%3 + 1 {
			select {
			case <-done:
				runtime.GOMAXPROCS(cores)
				return
			default:
				runtime.GOMAXPROCS(n)
			}
		}
	}()
	p := newPair[uint32](t, cost.Outsourced)
	p.checkLayer(t, cost.HELayer{InC: 64, InH: 32, InW: 32, OutC: 64, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}, 3)
	close(done)
	<-stopped
}
