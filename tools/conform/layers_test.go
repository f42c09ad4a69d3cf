package conform

import (
	"fmt"
	"strings"
	"testing"

	"sotto/frontend"
	"sotto/ir/cost"
	"sotto/passes/pass"
)

// TestLayersHaveTheUsersOps holds the op that a program's layers are called by against the network as it was written.
func TestLayersHaveTheUsersOps(t *testing.T) {
	for name, body := range opNets {
		text := "net small {\n input image: f32[3, 9, 10] from client\n " + body + "\n}\n"
		s, err := frontend.Load(name+".sotto", []byte(text), frontend.Options{})
		if err != nil {
			t.Fatal(err)
		}
		written := map[string]string{}
		for _, v := range s.Func.Body {
			if !v.Op.Constant {
				written[v.Layer()] = strings.TrimPrefix(v.Op.Name, "nn.")
			}
		}
		for _, d := range []cost.Deployment{cost.ClientServer, cost.Outsourced} {
			for _, way := range pass.Nonlinears() {
				n := compileWith(t, name, text, d, 32, pass.Protocols{Nonlinear: way})
				checkLayers(t, fmt.Sprintf("%s, %s, %s", name, d, way), n, written)
			}
		}
	}
}

func checkLayers(t *testing.T, where string, n *Net, written map[string]string) {
	t.Helper()
	for tag, l := range n.Pair.Client.Layers {
		if n.Secure.Funcs[0].Body[tag].Op.Constant {
			continue
		}
		if want, ok := written[l.Path]; ok && l.Op != want {
			t.Errorf("%s: layer %s is called %s, want %s", where, l.Path, l.Op, want)
		}
		if strings.ContainsRune(l.Op, '.') {
			t.Errorf("%s: layer %s is called %s", where, l.Path, l.Op)
		}
	}
}
