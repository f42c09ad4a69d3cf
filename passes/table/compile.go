package table

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"sotto/ir"
	"sotto/ir/cost"
)

// compiler compiles networks of a space and tells their ops apart.
type compiler struct {
	compile Compiler
	options Options
	sites   []cost.TableSite
	shapes  sync.Map  // *shape by what a shape depends on
	once    sync.Once // for what is the first network's, and must be that of all
	ring    int
	deploy  cost.Deployment
}

// outcome is what a network lowers to: its ops in the order of the program before rounds, which the query's order makes of it.
type outcome struct {
	ring   int
	deploy cost.Deployment
	ops    []op
}

// op is one of them. Arguments and masks are called by name.
type op struct {
	name  string
	shape *cost.Shape
	args  []string
	start cost.Time
	masks []string
	relus int64
}

// Names of what is no op.
const (
	inputName = "input"
	knownName = "known"
)

// all compiles networks, some at a time.
func (c *compiler) all(networks [][]int) ([]outcome, error) {
	out, errs := make([]outcome, len(networks)), make([]error, len(networks))
	var workers sync.WaitGroup
	turns := make(chan int)
	for range min(runtime.GOMAXPROCS(0), len(networks)) {
		workers.Go(func() {
			for i := range turns {
				out[i], errs[i] = c.one(networks[i])
			}
		})
	}
	for i := range networks {
		turns <- i
	}
	close(turns)
	workers.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, o := range out {
		c.once.Do(func() { c.ring, c.deploy = o.ring, o.deploy })
		if o.ring != c.ring {
			return nil, fmt.Errorf("some networks of the space are in a ring of %d bits, some in one of %d: accepted is one ring for all, as by --ring 64", c.ring, o.ring)
		}
	}
	return out, nil
}

// one compiles a network.
func (c *compiler) one(options []int) (outcome, error) {
	n, err := c.compile(options)
	if err != nil {
		return outcome{}, err
	}
	m := n.Secure
	m.OT, m.Elementwise = c.options.OT, c.options.Elementwise
	if err := ir.CheckMaterial(m, c.options.Source); err != nil {
		return outcome{}, err
	}
	ops, err := c.secure(m)
	return outcome{n.Ring, m.Deploy, append(countReLUs(n.Net), ops...)}, err
}

// countReLUs makes an op of each ReLU of a NET function, which records nothing but how many it is.
func countReLUs(f *ir.Func) (out []op) {
	named := namer{}
	for _, v := range f.Body {
		if n := v.Rectified(); n > 0 {
			out = append(out, op{name: "count " + named.name(v), shape: &cost.Shape{}, relus: int64(n)})
		}
	}
	return out
}

// namer calls ops by their path, what they are and what they follow on that path, and the how manieth they are of those that share all.
type namer map[string]int

func (n namer) name(v *ir.Value) string {
	name := v.Path + " " + v.Op.Name
	if len(v.Args) > 0 && v.Args[0].Path == v.Path {
		name += " of " + v.Args[0].Op.Name
	}
	n[name]++
	return fmt.Sprintf("%s %d", name, n[name])
}

// secure lists the ops of a SECURE module that record anything, or whose moments depend on the input.
func (c *compiler) secure(m *ir.Module) (out []op, err error) {
	f, named := m.Funcs[0], namer{}
	known, start, names := map[*ir.Value]*cost.Ready{}, map[*ir.Value]cost.Time{}, map[*ir.Value]string{}
	for _, p := range f.Params {
		names[p] = inputName
	}
	for _, v := range f.Body {
		o := op{name: named.name(v)}
		names[v] = o.name
		var given []*cost.Ready
		for _, a := range v.Args {
			k := known[a]
			given = append(given, k)
			if k == nil {
				o.args = append(o.args, names[a])
				continue
			}
			o.args = append(o.args, knownName)
			o.start = max(o.start, start[a], k[cost.Client], k[cost.Server])
		}
		s, err := c.shape(m, v, given)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.Path, err)
		}
		if ready, static := s.Static(); static && !slices.Contains(given, nil) {
			known[v], start[v] = &ready, o.start
			continue
		}
		o.shape = s.Shape
		for range s.products {
			o.masks = append(o.masks, names[ir.MaskOf(v.Args[0])])
		}
		out = append(out, o)
	}
	return out, nil
}

// shape is one that several ops may have.
type shape struct {
	*cost.Shape
	products int
}

// shape gives what an op records, found out once for ops that are alike.
func (c *compiler) shape(m *ir.Module, v *ir.Value, known []*cost.Ready) (*shape, error) {
	key := string(shapeKey(v, known))
	if s, ok := c.shapes.Load(key); ok {
		return s.(*shape), nil
	}
	s, err := ir.ShapeOf(m, v, c.options.Source, known)
	if err != nil {
		return nil, err
	}
	kept, _ := c.shapes.LoadOrStore(key, &shape{s, s.Products()})
	return kept.(*shape), nil
}

// shapeKey is equal for ops that are alike.
func shapeKey(v *ir.Value, known []*cost.Ready) []byte {
	key := v.AppendKey(nil)
	for i, a := range v.Args {
		key = a.Type.AppendKey(append(key, '|'))
		if k := known[i]; k != nil {
			for _, at := range k {
				key = append(strconv.AppendInt(key, int64(at), 10), ' ')
			}
		}
	}
	return key
}

// form is a form of an op, with ops by their numbers.
type form struct {
	op    int32
	shape *cost.Shape
	args  []int32
	start cost.Time
	masks []int32
	relus int64
}

// enter numbers the ops of a network that was compiled, and their forms.
func (b *builder) enter(options []int, o outcome) probe {
	p := probe{options: options}
	for _, op := range o.ops {
		p.order = append(p.order, b.numbered(op.name))
	}
	p.forms = slices.Repeat([]int32{absent}, len(b.number))
	for i, op := range o.ops {
		p.forms[p.order[i]] = b.formed(p.order[i], op)
	}
	return p
}

// numbered gives the number of an op.
func (b *builder) numbered(name string) int32 {
	switch name {
	case inputName:
		return cost.Input
	case knownName:
		return cost.Known
	}
	n, ok := b.number[name]
	if !ok {
		n = int32(len(b.number))
		b.number[name] = n
	}
	return n
}

// formed gives the number of a form.
func (b *builder) formed(n int32, o op) int32 {
	f := form{op: n, shape: b.distinct(o.shape), start: o.start, relus: o.relus}
	for _, a := range o.args {
		f.args = append(f.args, b.numbered(a))
	}
	for _, m := range o.masks {
		f.masks = append(f.masks, b.numbered(m))
	}
	key := fmt.Sprintf("%d %p %v %d %v %d", n, f.shape, f.args, f.start, f.masks, f.relus)
	number, ok := b.known[key]
	if !ok {
		number = int32(len(b.forms))
		b.known[key], b.forms = number, append(b.forms, f)
	}
	return number
}

// distinct gives the first shape that is equal to one, so that forms differ only where what they record does.
func (b *builder) distinct(s *cost.Shape) *cost.Shape {
	if d, ok := b.same[s]; ok {
		return d
	}
	d := s
	for _, other := range b.shapesOf[s.Size()] {
		if s.Equal(other) {
			d = other
			break
		}
	}
	if d == s {
		b.shapesOf[s.Size()] = append(b.shapesOf[s.Size()], s)
	}
	b.same[s] = d
	return d
}
