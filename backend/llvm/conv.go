package llvm

import (
	"fmt"

	"github.com/llir/llvm/ir/value"

	"sotto/runtime/kernel"
)

// A convolution is a matrix product without the matrix: lanes are output channels, so that a weight is a vector and an input element
// is spread over all lanes, wherever it lies. The weights are packed once, in panels that are read from end to end
// (kernel.Panels); the input is copied once with its zeros around it, so that no tap needs a test.
//
//	unit    one panel of output channels x one chunk of pixels
//	block   the input channels whose weights of a panel stay in a near cache while the chunk's pixels pass
//	tile    pixels x vectors of a panel: sums in registers, over a block
//
// Where the weights of a group stay in a near cache, all its panels take one chunk of pixels before the next, so that the input comes from
// far memory once; elsewhere a panel takes all chunks. With one tap a chunk is a few elements of each of many planes, which processors do
// not foresee: the tiles of one chunk ask for the next one's.
//
// Sums of a chunk wait in scratch memory, pixel by pixel; at its end squares of lanes x lanes are transposed, get what is to be added
// and go to their channels.

// Bytes that blocks are made for: Tuning. Sums are in a first-level cache until they are stored, weights in one of the second level, of
// which a panel of a block fills a part and a group that is held a half. Sums that wait for the next block are there as well.
const (
	weightBlock = 128 << 10
	heldWeights = 512 << 10
	sumBlock    = 8 << 10
	waitingSums = 64 << 10
)

// Epilogue says what is added to products before they are stored.
type Epilogue struct {
	Add  bool // a tensor as large as the result
	Bias bool // an element a channel
}

// added gives the arguments of an epilogue, of which the first is argument first.
func (b *fn) added(first int, e Epilogue) (u, bias value.Value) {
	if e.Add {
		u = b.buffer("u", first)
		first++
	}
	if e.Bias {
		bias = b.buffer("bias", first)
	}
	return u, bias
}

func (e Epilogue) name() string {
	text := ""
	if e.Add {
		text += "_add"
	}
	if e.Bias {
		text += "_bias"
	}
	return text
}

// tile is the shape of a register block and how a convolution is cut for it.
type tile struct {
	pixels, vectors int
}

// plan is how a convolution is cut.
type plan struct {
	kernel.Conv
	tile
	apart    bool // products from their additions
	held     bool // panels take turns within a chunk
	lanes    int
	chunk    int // pixels of a unit, a multiple of the tile's and of lanes
	block    int // input channels of a block
	row      int // elements of a padded input row
	plane    int // elements from an input channel to the next
	outW     int
	outPix   int
	groupIn  int // channels of a group
	groupOut int
}

// Width is the channels of a panel.
func (p plan) width() int { return p.lanes * p.vectors }

func (p plan) panels() int { return (p.groupOut + p.width() - 1) / p.width() }

func (p plan) chunks() int { return (p.outPix + p.chunk - 1) / p.chunk }

func (p plan) units() int { return p.Groups * p.panels() * p.chunks() }

// aligned tells whether a tile never leaves an output row.
func (p plan) aligned() bool { return p.outW%p.pixels == 0 }

// ahead tells whether tiles ask for the input of the next chunk, which lies behind theirs.
func (p plan) ahead() bool { return p.held && pointwise(p.Conv) && p.StrideH == 1 && p.StrideW == 1 }

// pointwise tells of a convolution that reads pixels as they are, one for each of the result.
func pointwise(c kernel.Conv) bool { return c.KH == 1 && c.KW == 1 && c.PadH == 0 && c.PadW == 0 }

// planConv cuts a convolution for a machine.
func planConv(c kernel.Conv, e Elem, t Target) plan {
	p := plan{Conv: c, lanes: t.Vector / e.Bytes(), outW: c.OutW(), outPix: c.OutH() * c.OutW(), groupIn: c.InC / c.Groups, groupOut: c.OutC / c.Groups,
		row: c.InW + 2*c.PadW, plane: paddedPlane(c)}
	p.tile, p.apart = bestTile(p, e.sums(t.Registers)), e.apart(t.Registers)
	p.block = min(p.groupIn, max(1, weightBlock/(c.KH*c.KW*p.width()*e.Bytes())))
	step := lcm(p.pixels, p.lanes)
	sums := sumBlock
	if p.block < p.groupIn {
		sums = waitingSums
	}
	p.chunk = min(max(1, sums/(p.width()*e.Bytes()*step)), (p.outPix+step-1)/step) * step
	p.held = p.panels()*p.width()*p.Depth()*e.Bytes() <= heldWeights
	return p
}

// sums is how many of so many registers may hold sums: Tuning. A multiply-add of integers is two instructions with a product between
// them, of which several are under way at once.
func (e Elem) sums(registers int) int {
	switch {
	case e == F32:
		return registers * 3 / 4
	case e.apart(registers):
		const weightsAndInput = 3
		return (registers - weightsAndInput) / 2
	}
	return registers / 2
}

// apart tells whether the products of a tap are kept apart from their additions: Tuning. A processor's vector multiplier then has work
// in every cycle; where compilers mix the two, additions take some of its slots. It needs a register for each product, beside the sums'.
func (e Elem) apart(registers int) bool {
	const many = 32 // AVX-512's, which also has a product of 64 bits
	return e != F32 && registers >= many
}

// bestTile takes the tile that needs the fewest cycles, at one multiply-add or one load in each.
func bestTile(p plan, sums int) tile {
	const (
		maxVectors  = 8
		rowPixels   = 14 // whose addresses differ by a constant
		loosePixels = 6  // that need an address register each
		stores      = 2  // cycles to read and write a sum between blocks and pixels
	)
	vectors := (p.groupOut + p.lanes - 1) / p.lanes
	best, least := tile{1, 1}, -1
	for v := 1; v <= maxVectors; v++ {
		for n := 1; n <= rowPixels; n++ {
			if n*v > sums || (n > loosePixels && p.outW%n != 0) {
				continue
			}
			turns := (vectors + v - 1) / v * ((p.outPix + n - 1) / n)
			cost := turns * (max(n*v, n+v)*p.Depth() + stores*n*v)
			if least < 0 || cost < least || (cost == least && n*v > best.pixels*best.vectors) {
				best, least = tile{n, v}, cost
			}
		}
	}
	return best
}

func lcm(a, b int) int {
	g, r := a, b
	for r != 0 {
		g, r = r, g%r
	}
	return a / g * b
}

// The arguments of a convolution's stage.
const (
	convY = iota
	convX // padded
	convW // panels
	convScratch
	convAdded // what the epilogue adds, as far as there is any: a tensor, a bias
)

func geometryName(c kernel.Conv) string {
	return fmt.Sprintf("%dx%dx%d_o%d_k%dx%d_s%dx%d_p%dx%d_d%dx%d_g%d", c.InC, c.InH, c.InW, c.OutC, c.KH, c.KW, c.StrideH, c.StrideW, c.PadH, c.PadW, c.DilH, c.DilW, c.Groups)
}

// conv writes the stage of a convolution over its units.
func conv(name string, p plan, e Elem, after Epilogue) *fn {
	b := begin(name, e, p.lanes)
	k := convolution{fn: b, plan: p, after: after, y: b.buffer("y", convY), x: b.buffer("x", convX), w: b.buffer("w", convW), sums: b.buffer("sums", convScratch)}
	k.u, k.bias = b.added(convAdded, after)
	b.each("unit", fmt.Sprintf("a unit is %d channels x %d pixels", p.width(), p.chunk), b.lo, b.hi, k.unit)
	b.end()
	return b
}

// convThen is conv with steps in place of an epilogue, whose arguments stand behind those of the convolution: its input, panels and
// scratch memory.
func convThen(name string, p plan, e Elem, s *steps) *fn {
	b := begin(name, e, p.lanes)
	k := convolution{fn: b, plan: p, next: s, x: b.buffer("x", 0), w: b.buffer("w", 1), sums: b.buffer("sums", 2)}
	k.at = s.pointers(b, 3)
	b.each("unit", fmt.Sprintf("a unit is %d channels x %d pixels", p.width(), p.chunk), b.lo, b.hi, k.unit)
	b.end()
	return b
}

// convolution is what its parts share.
type convolution struct {
	*fn
	plan
	after               Epilogue
	next                *steps        // what follows, if not nil
	at                  []value.Value // what its arguments point to
	y, x, w, sums       value.Value
	u, bias             value.Value
	first, count        value.Value // pixels of the unit
	groupX, panelW      value.Value // where the unit's input and weights begin
	channel, groupFirst value.Value // the unit's first channel, of its group and of all
}

func (k convolution) unit(unit value.Value) {
	b := k.fn
	group, inGroup, chunk := k.place(unit)
	panel := b.add("panel", b.mul("group.panels", group, k.panels()), inGroup)
	k.first = b.mul("first", chunk, k.chunk)
	k.count = b.min("count", num(k.chunk), b.sub("left", num(k.outPix), k.first))
	k.groupX = b.element("group.x", k.x, b.mul("group.at", group, k.groupIn*k.plane))
	k.panelW = b.element("panel.w", k.w, b.mul("panel.at", panel, k.Depth()*k.width()))
	k.channel = b.mul("channel", inGroup, k.width())
	k.groupFirst = b.add("first.channel", b.mul("group.channel", group, k.groupOut), k.channel)
	if k.block == k.groupIn {
		k.tiles(num(0), false)
	} else {
		k.tiles(num(0), false)
		b.loop("block", fmt.Sprintf("blocks of %d input channels, the first is above", k.block), num(k.block), num(k.groupIn), k.block, nil, func(i value.Value, _ []value.Value) []value.Value {
			k.tiles(i, true)
			return nil
		})
	}
	k.output()
}

// place gives a unit's group, panel of the group and chunk.
func (k convolution) place(unit value.Value) (group, panel, chunk value.Value) {
	group, of := k.divide("group", "of.group", unit, k.panels()*k.chunks())
	if k.held {
		chunk, panel = k.divide("chunk", "panel.of.group", of, k.panels())
		return group, panel, chunk
	}
	panel, chunk = k.divide("panel.of.group", "chunk", of, k.chunks())
	return group, panel, chunk
}

// tiles adds the products of the input channels of a block to the sums of all pixels, or begins the sums.
func (k convolution) tiles(block value.Value, more bool) {
	b := k.fn
	end := num(k.groupIn)
	if k.block != k.groupIn {
		end = b.min("block.end", b.add("block.full", block, num(k.block)), num(k.groupIn))
	}
	note := fmt.Sprintf("tiles of %d pixels x %d vectors of %d channels", k.pixels, k.vectors, k.lanes)
	b.loop("tile", note, num(0), k.count, k.pixels, nil, func(t value.Value, _ []value.Value) []value.Value {
		sums := b.element("tile.sums", k.sums, b.mul("tile.at", t, k.width()))
		pixels := k.inputs(b.add("tile.first", k.first, t))
		begun := k.begin(sums, more)
		acc := b.loop("depth", "", block, end, 1, begun, func(i value.Value, acc []value.Value) []value.Value {
			if k.ahead() {
				b.prefetch("next", pixels[0], b.add("next.at", b.mul("next.plane", i, k.plane), num(k.chunk)))
			}
			return k.taps(i, pixels, acc)
		}) // of input channels
		for j, a := range acc {
			b.storeVector("sum", a, b.element("sum.place", sums, num(j/k.vectors*k.width()+j%k.vectors*k.lanes)))
		}
		return nil
	})
}

func (k convolution) begin(sums value.Value, more bool) []carried {
	acc := make([]carried, k.pixels*k.vectors)
	for j := range acc {
		acc[j] = carried{fmt.Sprintf("acc.p%d.v%d", j/k.vectors, j%k.vectors), k.zeroVector()}
		if more {
			acc[j].from = k.loadVector("sum", k.element("sum.place", sums, num(j/k.vectors*k.width()+j%k.vectors*k.lanes)))
		}
	}
	return acc
}

// inputs gives the addresses of the first input elements of a tile's pixels. Pixels beyond the last one are the last again: their
// sums are never read.
func (k convolution) inputs(first value.Value) []value.Value {
	b := k.fn
	out := make([]value.Value, k.pixels)
	if k.aligned() {
		base := k.input(first)
		for j := range out {
			out[j] = b.element("pixel", base, num(j*k.StrideW))
		}
		return out
	}
	for j := range out {
		out[j] = k.input(b.min("pixel", b.add("pixel.of", first, num(j)), num(k.outPix-1)))
	}
	return out
}

func (k convolution) input(pixel value.Value) value.Value {
	b := k.fn
	y, x := b.divide("row", "col", pixel, k.outW)
	at := b.add("in.at", b.mul("in.row", y, k.StrideH*k.row), b.mul("in.col", x, k.StrideW))
	return b.element("in", k.groupX, at)
}

// Kernels of at most so many taps are written out.
const writtenTaps = 9

// taps adds the products of all taps of input channel i.
func (k convolution) taps(i value.Value, pixels, acc []value.Value) []value.Value {
	b := k.fn
	w := b.element("w.channel", k.panelW, b.mul("w.at", i, k.KH*k.KW*k.width()))
	plane := b.mul("plane", i, k.plane)
	if k.KH*k.KW <= writtenTaps {
		for u := range k.KH {
			for v := range k.KW {
				acc = k.tap(b.element("w.tap", w, num((u*k.KW+v)*k.width())), b.add("tap", plane, num(u*k.DilH*k.row+v*k.DilW)), pixels, acc)
			}
		}
		return acc
	}
	return b.loop("u", "", num(0), num(k.KH), 1, k.carry(acc), func(u value.Value, acc []value.Value) []value.Value {
		w := b.element("w.row", w, b.mul("w.row.at", u, k.KW*k.width()))
		row := b.add("tap.row", plane, b.mul("tap.row.at", u, k.DilH*k.row))
		if k.KW <= writtenTaps {
			for v := range k.KW {
				acc = k.tap(b.element("w.tap", w, num(v*k.width())), b.add("tap", row, num(v*k.DilW)), pixels, acc)
			}
			return acc
		}
		return b.loop("v", "", num(0), num(k.KW), 1, k.carry(acc), func(v value.Value, acc []value.Value) []value.Value {
			return k.tap(b.element("w.tap", w, b.mul("w.tap.at", v, k.width())), b.add("tap", row, b.mul("tap.at", v, k.DilW)), pixels, acc)
		})
	})
}

func (k convolution) carry(acc []value.Value) []carried {
	out := make([]carried, len(acc))
	for j, a := range acc {
		out[j] = carried{fmt.Sprintf("acc.p%d.v%d", j/k.vectors, j%k.vectors), a}
	}
	return out
}

// tap adds the products of one weight of each channel with one input element of each pixel.
func (k convolution) tap(w, at value.Value, pixels, acc []value.Value) []value.Value {
	b := k.fn
	weights := make([]value.Value, k.vectors)
	for v := range weights {
		weights[v] = b.loadVector(fmt.Sprintf("w.v%d", v), b.element("w.vector", w, num(v*k.lanes)))
	}
	products := make([]value.Value, 0, len(acc))
	for p, from := range pixels {
		x := b.splat("x.all", b.load(fmt.Sprintf("x.p%d", p), b.element("x.at", from, at)))
		for _, w := range weights {
			products = append(products, b.product("product", w, x))
		}
	}
	if k.apart {
		products = b.together("products", products)
	}
	out := make([]value.Value, len(acc))
	for j, p := range products {
		out[j] = b.sum(fmt.Sprintf("acc.p%d.v%d", j/k.vectors, j%k.vectors), acc[j], p)
	}
	if k.apart {
		out = b.together("sums", out)
	}
	return out
}

// output transposes the sums of a unit, adds what is to be added and writes the unit's part of the result.
func (k convolution) output() {
	if k.next != nil {
		k.then()
		return
	}
	b := k.fn
	left := b.sub("channels.left", num(k.groupOut), k.channel)
	for v := range k.vectors {
		if k.groupOut%k.width() == 0 {
			k.vectorOut(v, num(k.lanes), true)
			continue
		}
		have := b.max("channels", b.min("channels.most", b.sub("channels.rest", left, num(v*k.lanes)), num(k.lanes)), num(0))
		k.vectorOut(v, have, false)
	}
}

// vectorOut writes the channels of vector v of the panel, of which so many exist: always all of them if whole.
func (k convolution) vectorOut(v int, channels value.Value, whole bool) {
	b := k.fn
	sums := b.element("vector.sums", k.sums, num(v*k.lanes))
	first := b.add("vector.channel", k.groupFirst, num(v*k.lanes))
	squares := b.mul("squares", b.call("squares.count", b.at.NewUDiv(k.count, num(k.lanes))), k.lanes)
	done := squares
	if !whole {
		full := b.call("vector.full", b.at.NewICmp(equal, channels, num(k.lanes)))
		done = b.call("squares.done", b.at.NewSelect(full, squares, num(0)))
	}
	b.loop("square", fmt.Sprintf("squares of %d pixels x %d channels", k.lanes, k.lanes), num(0), done, k.lanes, nil, func(p value.Value, _ []value.Value) []value.Value {
		k.square(sums, first, p)
		return nil
	})
	b.each("rest", "pixels that fill no square, one by one", done, k.count, func(p value.Value) {
		b.each("channel", "", num(0), channels, func(c value.Value) { k.single(sums, first, p, c) })
	})
}

// square writes lanes x lanes results.
func (k convolution) square(sums, first, p value.Value) {
	b := k.fn
	for j, r := range b.transpose(k.squareRows(sums, p)) {
		channel := b.add("to.channel", first, num(j))
		place := b.add("to.at", b.mul("to.plane", channel, k.outPix), b.add("to.pixel", k.first, p))
		if k.after.Add {
			r = b.sum("added", r, b.loadVector("u", b.element("u.at", k.u, place)))
		}
		if k.after.Bias {
			r = b.sum("biased", r, b.splat("bias.all", b.load("bias", b.element("bias.at", k.bias, channel))))
		}
		b.storeVector("y", r, b.element("y.place", k.y, place))
	}
}

// squareRows reads the sums of as many pixels as there are lanes.
func (k convolution) squareRows(sums, p value.Value) []value.Value {
	b := k.fn
	rows := make([]value.Value, k.lanes)
	at := b.mul("square.at", p, k.width())
	for j := range rows {
		rows[j] = b.loadVector("row", b.element("row.place", sums, b.add("row.at", at, num(j*k.width()))))
	}
	return rows
}

// single writes one result.
func (k convolution) single(sums, first, p, c value.Value) {
	b := k.fn
	r := b.load("sum", b.element("sum.place", sums, b.add("sum.at", b.mul("sum.pixel", p, k.width()), c)))
	channel := b.add("to.channel", first, c)
	place := b.add("to.at", b.mul("to.plane", channel, k.outPix), b.add("to.pixel", k.first, p))
	if k.after.Add {
		r = b.sum("added", r, b.load("u", b.element("u.at", k.u, place)))
	}
	if k.after.Bias {
		r = b.sum("biased", r, b.load("bias", b.element("bias.at", k.bias, channel)))
	}
	b.store(r, b.element("y.place", k.y, place))
}

// pad writes the stage that copies an input with zeros around it, a channel a unit.
func pad(name string, c kernel.Conv, e Elem, lanes int) *fn {
	b := begin(name, e, lanes)
	y, x := b.buffer("y", 0), b.buffer("x", 1)
	b.each("channel", "", b.lo, b.hi, func(i value.Value) {
		b.padChannel(c, b.element("to", y, b.mul("to.at", i, paddedPlane(c))), b.element("from", x, b.mul("from.at", i, c.InH*c.InW)))
	})
	b.end()
	return b
}

// padChannel copies a channel with zeros around it.
func (b *fn) padChannel(c kernel.Conv, to, from value.Value) {
	h, w := c.InH+2*c.PadH, c.InW+2*c.PadW
	k := filling{b, to}
	k.zeros(num(0), c.PadH*w)
	k.zeros(num((h-c.PadH)*w), c.PadH*w)
	b.each("row", "", num(0), num(c.InH), func(r value.Value) {
		at := b.mul("row.at", b.add("row.padded", r, num(c.PadH)), w)
		k.zeros(at, c.PadW)
		k.zeros(b.add("right", at, num(w-c.PadW)), c.PadW)
		k.copies(b.add("inside", at, num(c.PadW)), b.element("from.row", from, b.mul("from.row.at", r, c.InW)), c.InW)
	})
}

// pick writes the stage that copies the pixels which a strided convolution of one tap reads, a channel a unit.
func pick(name string, c kernel.Conv, plane int, e Elem, lanes int) *fn {
	b := begin(name, e, lanes)
	y, x := b.buffer("y", 0), b.buffer("x", 1)
	b.each("channel", "", b.lo, b.hi, func(i value.Value) {
		to, from := b.element("to", y, b.mul("to.at", i, plane)), b.element("from", x, b.mul("from.at", i, c.InH*c.InW))
		b.each("row", "", num(0), num(c.OutH()), func(r value.Value) {
			to, from := b.element("to.row", to, b.mul("to.row.at", r, c.OutW())), b.element("from.row", from, b.mul("from.row.at", r, c.StrideH*c.InW))
			b.each("pixel", "", num(0), num(c.OutW()), func(p value.Value) {
				b.store(b.load("x", b.element("x.at", from, b.mul("x.col", p, c.StrideW))), b.element("pixel.to", to, p))
			})
		})
	})
	b.end()
	return b
}

type filling struct {
	*fn
	to value.Value
}

func (k filling) zeros(at value.Value, n int) {
	if n == 0 {
		return
	}
	k.each("zeros", "", num(0), num(n), func(j value.Value) { k.store(k.zero(), k.element("zero.at", k.to, k.add("zero", at, j))) })
}

func (k filling) copies(at, from value.Value, n int) {
	k.each("copy", "", num(0), num(n), func(j value.Value) {
		k.store(k.load("element", k.element("element.at", from, j)), k.element("copy.at", k.to, k.add("copy", at, j)))
	})
}
