package llvm

import (
	"fmt"

	"sotto/runtime/kernel"
	"sotto/runtime/program"
)

// linear gives the stages of a convolution, or of a matrix product, which is a convolution of one pixel.
func (m *module) linear(in program.Instr) (int, []program.Stage) {
	c := kernel.Conv{InC: in.In[0].Len, InH: 1, InW: 1, OutC: in.Out[0].Len, KH: 1, KW: 1, StrideH: 1, StrideW: 1, DilH: 1, DilW: 1, Groups: 1}
	if in.Op == program.Conv {
		c = program.Geometry(in.Ints[2:])
	}
	l := layer{tag: in.Tag, elem: m.elem, geometry: c, after: Epilogue{Add: true, Bias: in.Ints[1] >= 0},
		y: buffer(in.Out[0]), x: buffer(in.In[0]), u: buffer(in.In[1]), weight: in.Ints[0], bias: in.Ints[1]}
	return 1, m.convolution(l)
}

// layer is a convolution with its operands.
type layer struct {
	tag      int
	elem     Elem
	geometry kernel.Conv
	after    Epilogue
	y, x, u  program.Arg
	weight   int
	bias     int
	then     *steps // what follows, in place of an epilogue and of what is to be added: y, u and bias are among its arguments
	name     string // of the function, if something follows
}

// convolution gives the stages of a layer.
func (m *module) convolution(l layer) []program.Stage {
	if l.elem.picks(l.geometry) {
		return m.picked(l)
	}
	if l.geometry.InC == l.geometry.Groups && l.then != nil {
		return []program.Stage{m.channelsThen(l)}
	}
	if l.geometry.InC == l.geometry.Groups {
		return []program.Stage{m.depthwise(l)}
	}
	stages, x := m.padded(l)
	return append(stages, m.product(l, planConv(l.geometry, l.elem, m.target), x))
}

// product gives the stage of a convolution whose input has its zeros around it.
func (m *module) product(l layer, p plan, x program.Arg) program.Stage {
	s := program.Stage{Tag: l.tag, Units: p.units(), Grain: grain(p.MACs() / p.units())}
	if l.then != nil {
		s.Args = append([]program.Arg{x, m.panels(l.weight, p), m.worker(l.elem, 2*p.chunk*p.width())}, l.then.args...)
		for _, in := range l.then.list {
			s.Symbol = m.function(l.name, in.Tag, func(name string) *fn { return convThen(name, p, l.elem, l.then) })
		}
		return s
	}
	s.Args = append([]program.Arg{l.y, x, m.panels(l.weight, p), m.worker(l.elem, p.chunk*p.width())}, l.added()...)
	name := fmt.Sprintf("conv_%s_%s%s", l.elem, geometryName(p.Conv), l.after.name())
	if p.plane != paddedPlane(p.Conv) {
		name += fmt.Sprint("_plane", p.plane)
	}
	s.Symbol = m.function(name, l.tag, func(name string) *fn { return conv(name, p, l.elem, l.after) })
	return s
}

// picks tells whether the pixels that a strided convolution of one tap reads are put side by side first: Tuning. It pays where an element
// is so wide that every panel would read most of the cache lines between them, too.
func (e Elem) picks(c kernel.Conv) bool {
	const wide = 8
	return e.Bytes() == wide && pointwise(c) && max(c.StrideH, c.StrideW) > 1 && c.InC > c.Groups
}

// picked gives the stages of a convolution of pixels side by side. Planes begin a whole number of blocks apart, so that their rows
// begin at the same places in lines of a cache.
func (m *module) picked(l layer) []program.Stage {
	c := l.geometry
	plane := (c.OutH()*c.OutW() + block - 1) / block * block
	to := m.shared(l.elem, c.InC*plane)
	name := fmt.Sprintf("pick_%s_%s", l.elem, geometryName(c))
	m.function(name, l.tag, func(name string) *fn { return pick(name, c, plane, l.elem, m.target.Vector/l.elem.Bytes()) })
	pick := program.Stage{Symbol: name, Tag: l.tag, Units: c.InC, Grain: grain(plane), Args: []program.Arg{to, l.x}}
	l.geometry.InH, l.geometry.InW, l.geometry.StrideH, l.geometry.StrideW = c.OutH(), c.OutW(), 1, 1
	p := planConv(l.geometry, l.elem, m.target)
	p.plane = plane
	return []program.Stage{pick, m.product(l, p, to)}
}

// added are the arguments of what the epilogue adds.
func (l layer) added() []program.Arg {
	var out []program.Arg
	if l.after.Add {
		out = append(out, l.u)
	}
	if l.after.Bias {
		out = append(out, program.Arg{Kind: program.WeightArg, Index: l.bias})
	}
	return out
}

// depthwise gives the stage of a convolution of one input channel a group.
func (m *module) depthwise(l layer) program.Stage {
	c := l.geometry
	s := program.Stage{Tag: l.tag, Units: c.OutC, Grain: rowsGrain(c), Args: []program.Arg{l.y, l.x, {Kind: program.WeightArg, Index: l.weight}, m.zeros(l.elem, c)}}
	s.Args = append(s.Args, l.added()...)
	name := fmt.Sprintf("depthwise_%s_%s%s", l.elem, geometryName(c), l.after.name())
	s.Symbol = m.function(name, l.tag, func(name string) *fn { return depthwise(name, c, l.elem, m.target.Vector/l.elem.Bytes(), l.after) })
	return s
}

// zeros gives a worker's memory for a channel with zeros around it.
func (m *module) zeros(e Elem, c kernel.Conv) program.Arg { return m.worker(e, paddedPlane(c)) }

// rowsGrain is how many channels are worth another worker where pixels lie along vectors: it is memory that these wait for.
func rowsGrain(c kernel.Conv) int { return max(1, elementGrain/(c.OutH()*c.OutW())) }

// sumPool gives the stage of sums over windows.
func (m *module) sumPool(in program.Instr) (int, []program.Stage) {
	c, _ := windowsOf(in)
	name := fmt.Sprintf("sumpool_%s_%s", m.elem, geometryName(c))
	m.function(name, in.Tag, func(name string) *fn { return sumPool(name, c, m.elem, m.target.Vector/m.elem.Bytes()) })
	return 1, []program.Stage{{Symbol: name, Tag: in.Tag, Units: c.OutC, Grain: rowsGrain(c), Args: []program.Arg{buffer(in.Out[0]), buffer(in.In[0]), m.zeros(m.elem, c)}}}
}

// grain is how many units of so much work are worth another worker.
func grain(work int) int {
	const least = 1 << 18 // multiply-adds: some ten microseconds
	return max(1, least/max(1, work))
}

func buffer(o program.Operand) program.Arg { return program.Arg{Kind: program.BufferArg, Index: o.Buf} }

// padded gives the stage that puts zeros around an input, if there are any, and where the input then is.
func (m *module) padded(l layer) ([]program.Stage, program.Arg) {
	c := l.geometry
	if c.PadH == 0 && c.PadW == 0 {
		return nil, l.x
	}
	plane := paddedPlane(c)
	to := m.shared(l.elem, c.InC*plane)
	name := fmt.Sprintf("pad_%s_%dx%dx%d_p%dx%d", l.elem, c.InC, c.InH, c.InW, c.PadH, c.PadW)
	m.function(name, l.tag, func(name string) *fn { return pad(name, c, l.elem, m.target.Vector/l.elem.Bytes()) })
	return []program.Stage{{Symbol: name, Tag: l.tag, Units: c.InC, Grain: grain(plane), Args: []program.Arg{to, l.x}}}, to
}

// paddedPlane is the elements of a channel with its zeros.
func paddedPlane(c kernel.Conv) int { return (c.InH + 2*c.PadH) * (c.InW + 2*c.PadW) }

// shared gives scratch memory for so many elements, which a region's stages hand on.
func (m *module) shared(e Elem, elements int) program.Arg {
	m.plan.Shared = max(m.plan.Shared, elements*e.Bytes())
	return program.Arg{Kind: program.SharedArg}
}

// worker gives scratch memory of a worker for so many elements.
func (m *module) worker(e Elem, elements int) program.Arg {
	m.plan.Worker = max(m.plan.Worker, elements*e.Bytes())
	return program.Arg{Kind: program.WorkerArg}
}

// panels gives a weight in the order in which a kernel reads it.
func (m *module) panels(weight int, p plan) program.Arg {
	want := program.Panels{Weight: weight, Groups: p.Groups, Out: p.groupOut, Depth: p.Depth(), Width: p.width()}
	for i, have := range m.plan.Panels {
		if have == want {
			return program.Arg{Kind: program.PanelsArg, Index: i}
		}
	}
	m.plan.Panels = append(m.plan.Panels, want)
	return program.Arg{Kind: program.PanelsArg, Index: len(m.plan.Panels) - 1}
}
