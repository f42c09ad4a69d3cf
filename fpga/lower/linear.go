package lower

import (
	"errors"
	"fmt"

	"sotto/fpga/target"
	"sotto/runtime/program"
)

// Convolutions. A command makes some output channels, all rows of them, so that what follows can begin with whole channels; the array's
// tiles and steps inside are the kernel's (fpga/hlslib/conv.hpp), and Work has one for each.

// FitError says that a layer does not fit a design, and which knob would make it fit.
type FitError struct {
	Layer string
	*target.KnobError
}

func (e *FitError) Error() string {
	return fmt.Sprintf("does not fit: layer %s needs %s, which is %d: %s", e.Layer, e.Setting(), e.Value, e.What)
}

func (e *FitError) Unwrap() error { return e.KnobError }

// fit names the layer of what a design refuses.
func (c *cutter) fit(err error) error {
	var k *target.KnobError
	if errors.As(err, &k) {
		return &FitError{c.program.Layers[c.layer].Path, k}
	}
	return err
}

func (c *cutter) conv(t task) error {
	g := target.GeometryOf(t.Ints[2:])
	if g.Depthwise() {
		return c.depthwise(t, g)
	}
	return c.dense(t, g)
}

func (c *cutter) linear(t task) error { return c.dense(t, target.LinearGeometry(t.Ints[2], t.Ints[3])) }

// scale is a convolution with a factor for each channel: elementwise.
func (c *cutter) scale(t task) pieces {
	g := target.GeometryOf(t.Ints[2:])
	k := c.command(OpScale, 0)
	k.Weight[0] = c.weights.plain(t.Ints[0])
	if t.Ints[1] >= 0 {
		k.Weight[1] = c.weights.plain(t.Ints[1])
	}
	size := g.InH * g.InW
	k.Ints[0] = int32(size)
	return c.streams(t.out[0].len, k, t.in, t.out, 1, size)
}

// tile is a command for a convolution, without its channels.
func (c *cutter) tile(op Operation, g target.Geometry, t target.Tile) Command {
	k := c.command(op, 0)
	for i, v := range []int{g.InC, g.InH, g.InW, g.OutC, g.KH, g.KW, g.StrideH, g.StrideW, g.PadH, g.PadW, g.DilH, g.DilW} {
		k.Ints[i] = int32(v)
	}
	for i, v := range map[int]int{TileYN: g.OutH(), TileH: t.Rows, TileW: t.Cols, TileChannels: t.Channels} {
		k.Ints[i] = int32(v)
	}
	return k
}

// dense cuts a convolution group by group, and a group where its commands take the array as long as one for all channels would.
func (c *cutter) dense(t task, g target.Geometry) error {
	tile, err := c.design.ConvTile(g)
	if err != nil {
		return c.fit(err)
	}
	of := g
	of.InC, of.OutC, of.Groups = g.InC/g.Groups, g.OutC/g.Groups, 1
	in, out := of.InC*g.InH*g.InW, of.OutC*g.OutH()*g.OutW()
	for group := range g.Groups {
		k := c.tile(OpConv, of, tile)
		k.Weight[0] = c.weights.array(t.Ints[0], of, group, c.design)
		if t.Ints[1] >= 0 {
			k.Weight[1] = c.weights.plain(t.Ints[1]) + uint32(group*of.OutC)
		}
		x := view{t.in[0].value, t.in[0].at + group*in, in}
		u, y := view{t.in[1].value, t.in[1].at + group*out, out}, view{t.out[0].value, t.out[0].at + group*out, out}
		c.denseGroup(k, of, tile, x, u, y, t.Ints[1] >= 0)
	}
	return nil
}

// denseGroup cuts one group.
func (c *cutter) denseGroup(k Command, g target.Geometry, tile target.Tile, x, u, y view, biased bool) {
	pixels := g.OutH() * g.OutW()
	k.Out[0], k.In[0], k.In[1] = c.address(y, 0), c.address(x, 0), c.address(u, 0)
	slabs(g.OutC, c.together(g, tile, biased), func(lo, hi int) {
		k := k
		k.N, k.Ints[TileM], k.Ints[TileMN] = uint32((hi-lo)*pixels), int32(lo), int32(hi-lo)
		c.emit(k, c.convWork(g, tile, hi-lo, biased), []span{c.whole(x), c.part(u, lo*pixels, hi*pixels)}, []span{c.part(y, lo*pixels, hi*pixels)})
	})
}

// slack is how much longer a convolution may take in commands of few channels than in one of all: what follows it can begin earlier.
// Tuning.
const slack = 1.02

// together is how many output channels a command makes: as few as take hardly longer than all of them at once, which reads inputs less
// often.
func (c *cutter) together(g target.Geometry, tile target.Tile, biased bool) int {
	tm := c.design.Conv.TM
	all := float64(time(c.convWork(g, tile, g.OutC, biased)))
	for n := tm; n < g.OutC; n *= 2 {
		part := time(c.convWork(g, tile, n, biased)) * int64(ceil(g.OutC, n))
		if float64(part) <= slack*all {
			return n
		}
	}
	return g.OutC
}

// convWork lists the steps of a command: see fpga/hlslib/conv.hpp.
func (c *cutter) convWork(g target.Geometry, t target.Tile, outputs int, biased bool) (work []Work) {
	d := c.design
	panel := d.PanelChannels(g)
	slabs(g.OutH(), t.Rows, func(y, yEnd int) {
		slabs(g.OutW(), t.Cols, func(x, xEnd int) {
			rows, cols := yEnd-y, xEnd-x
			slabs(outputs, d.Conv.TM, func(m, mEnd int) {
				slabs(g.InC, t.Channels, func(i, iEnd int) {
					slabs(iEnd-i, panel, func(p, pEnd int) {
						w := c.convStep(g, mEnd-m, rows, cols, pEnd-p)
						w.KeepsInput = p > 0 || m > 0 && t.Channels >= g.InC
						if outputs <= d.Conv.TM && t.Channels >= g.InC && panel >= g.InC && (y > 0 || x > 0) { // its weights are there
							w.LoadBytes, w.LoadCycles = 0, 0
						}
						if !w.KeepsInput {
							w.LoadCycles = max(w.LoadCycles, d.WindowCycles(g, iEnd-i, rows, cols))
							w.LoadBytes += int64(iEnd-i) * int64(g.Window(rows, cols)) * int64(d.WordBytes())
						}
						if i == 0 && p == 0 {
							w.LoadCycles = max(w.LoadCycles, d.AddendCycles(g, mEnd-m, rows, cols))
							w.LoadBytes += int64((mEnd - m) * rows * cols * d.WordBytes())
							if biased {
								w.LoadBytes += int64((mEnd - m) * d.WordBytes())
							}
						}
						if iEnd == g.InC && i+pEnd == g.InC {
							w.StoreBytes = int64((mEnd - m) * rows * cols * d.WordBytes())
							w.StoreCycles = d.StoreCycles(g, mEnd-m, rows, cols)
						}
						work = append(work, w)
					})
				})
			})
		})
	})
	return work
}

// convStep is a panel's weights and products.
func (c *cutter) convStep(g target.Geometry, outputs, rows, cols, channels int) Work {
	d := c.design
	taps := g.KH * g.KW * ceil(channels, d.Conv.TN)
	return Work{LoadBytes: int64(taps * d.Conv.TM * d.Conv.TN * d.WordBytes()), LoadCycles: d.WeightCycles(g, channels),
		Compute: d.PanelCycles(g, channels, rows*cols) + d.ConvFill()}
}

// depthwise cuts a convolution of one channel a group.
func (c *cutter) depthwise(t task, g target.Geometry) error {
	d := c.design
	tile, err := d.DepthwiseTile(g)
	if err != nil {
		return c.fit(err)
	}
	k := c.tile(OpDepthwise, g, tile)
	k.Weight[0] = c.weights.lanes(t.Ints[0], g, d)
	if t.Ints[1] >= 0 {
		k.Weight[1] = c.weights.plain(t.Ints[1])
	}
	each, in, pixels := g.OutC/g.InC, g.InH*g.InW, g.OutH()*g.OutW()
	k.Out[0], k.In[0], k.In[1] = c.address(t.out[0], 0), c.address(t.in[0], 0), c.address(t.in[1], 0)
	slabs(g.OutC, d.Depthwise.Lanes, func(lo, hi int) {
		k := k
		k.N, k.Ints[TileM], k.Ints[TileMN] = uint32((hi-lo)*pixels), int32(lo), int32(hi-lo)
		reads := []span{c.part(t.in[0], lo/each*in, ceil(hi, each)*in), c.part(t.in[1], lo*pixels, hi*pixels)}
		c.emit(k, c.depthwiseWork(g, tile, hi-lo), reads, []span{c.part(t.out[0], lo*pixels, hi*pixels)})
	})
	return nil
}

// depthwiseWork lists a command's tiles: windows, what is added and results pass word by word of the lanes' channels, one after another.
func (c *cutter) depthwiseWork(g target.Geometry, t target.Tile, outputs int) (work []Work) {
	d := c.design
	slabs(g.OutH(), t.Rows, func(y, yEnd int) {
		slabs(g.OutW(), t.Cols, func(x, xEnd int) {
			rows, cols := yEnd-y, xEnd-x
			var w Work
			window, addend := int64(outputs*g.Window(rows, cols)*d.WordBytes()), int64(outputs*rows*cols*d.WordBytes())
			w.LoadBytes, w.LoadCycles = window+addend, d.DepthwiseLoadCycles(g, outputs, rows, cols)
			w.Compute = d.DepthwiseTileCycles(g, rows*cols)
			w.StoreBytes, w.StoreCycles = addend, d.StoreCycles(g, outputs, rows, cols)
			work = append(work, w)
		})
	})
	return work
}

// pool cuts sums of windows channel by channel, several of them where they are small.
func (c *cutter) pool(t task) error {
	w := program.PoolGeometry(t.Ints)
	in, out := w.H*w.W, w.Windows()/w.C
	k := c.command(OpSumPool, 0)
	for i, v := range t.Ints {
		k.Ints[i] = int32(v)
	}
	slabs(w.C, max(1, c.chunk/in), func(lo, hi int) {
		k := k
		k.Ints[0], k.N = int32(hi-lo), uint32((hi-lo)*out)
		k.In[0], k.Out[0] = c.address(t.in[0], lo*in), c.address(t.out[0], lo*out)
		c.emit(k, c.poolWork(hi-lo, in, out, w.KH*w.KW), []span{c.part(t.in[0], lo*in, hi*in)}, []span{c.part(t.out[0], lo*out, hi*out)})
	})
	return nil
}

// poolWork is some windows in parts whose inputs fill a chunk.
func (c *cutter) poolWork(channels, in, out, window int) (work []Work) {
	d, parts := c.design, ceil(channels*in, c.chunk)
	load, store := d.PoolLoadCycles(channels, in), d.PoolStoreCycles(channels, out)
	for i := range parts {
		share := func(n int) int { return n*(i+1)/parts - n*i/parts }
		work = append(work, Work{LoadBytes: int64(share(channels*in) * d.WordBytes()), LoadCycles: int64(share(int(load))),
			Compute:    d.PoolCycles(share(channels*out), window),
			StoreBytes: int64(share(channels*out) * d.WordBytes()), StoreCycles: int64(share(int(store)))})
	}
	return work
}
