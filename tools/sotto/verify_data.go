package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sotto/ir/cost"
	"sotto/runtime/dataset"
	"sotto/runtime/party"
	"sotto/tools/conform"
)

// imageFlags say which images of a data set a network runs on.
type imageFlags struct {
	data string
	n    int // 0: all
}

func (f *imageFlags) add(c *cobra.Command, does string, usual int, many string) {
	c.Flags().StringVar(&f.data, "data", "", does+" this data `set` (see sotto data --help)")
	c.Flags().IntVarP(&f.n, "n", "n", usual, many)
}

// agreementResult says how the private run does on images with known classes, and where it loses what it loses.
type agreementResult struct {
	head
	Data            string  `json:"data"`
	N               int     `json:"n"`
	FloatAccuracy   float64 `json:"float_accuracy"`
	RingAccuracy    float64 `json:"ring_accuracy"` // of the clear network in fixed point
	PrivateAccuracy float64 `json:"private_accuracy"`
	Agreement       float64 `json:"agreement"` // share of images that private and float put into the same class
	MaxError        float64 `json:"max_error"` // of an output of the private run against float
	ErrorBound      float64 `json:"error_bound"`

	Equal           bool             `json:"equal"` // in all runs
	MaxULP          int64            `json:"max_ulp"`
	FirstDifference *differenceJSON  `json:"first_difference"`
	WorstLayer      *layerErrorJSON  `json:"worst_layer"`
	Exceeded        int              `json:"exceeded"`   // layers that left the range their scales rely on
	Overflowed      int              `json:"overflowed"` // layers that reached more than the ring holds
	Layers          []layerErrorJSON `json:"layers"`
}

// layerErrorJSON is a layer over all runs.
type layerErrorJSON struct {
	Path      string      `json:"path"`
	Op        string      `json:"op"`
	File      string      `json:"file"`
	Line      int         `json:"line"`
	Units     int64       `json:"units"`          // greatest difference from fixed point on the same arguments, in units of the last place
	Stated    int         `json:"units_stated"`   // how far above it the op states that it may be
	Outside   int         `json:"outside"`        // elements that were not in that interval
	Error     float64     `json:"error"`          // greatest difference of an element from the float network
	Relative  float64     `json:"relative_error"` // as a share of the greatest magnitude there
	Seen      [2]float64  `json:"seen"`
	Relied    *[2]float64 `json:"relied_on"`   // null where no bound is known
	RestsOn   string      `json:"rests_on"`    // as in compile's report
	Holds     float64     `json:"holds"`       // magnitude up to which the ring is right
	Margin    float64     `json:"margin_bits"` // by which it holds more than was seen
	Beyond    int         `json:"beyond"`      // images on which the range relied on was left
	Overflows int         `json:"overflows"`   // images on which the ring's was
}

func (a *app) verifyData(dir string, f *runFlags, on imageFlags) (*agreementResult, error) {
	if on.n < 1 || f.input != "" {
		return nil, usagef("--data takes -n of at least 1 and no --input")
	}
	source, err := offlineSource(f.offline)
	if err != nil {
		return nil, err
	}
	c, err := a.openClear(dir)
	if err != nil {
		return nil, err
	}
	defer c.close()
	bundles, err := conform.OpenBundles(dir)
	if err != nil {
		return nil, err
	}
	images, err := openImages(on, preprocess(c.net.Params[0]), outputs(c.net))
	if err != nil {
		return nil, err
	}
	r := &agreementResult{head: version1, Data: on.data, N: images.n, Equal: true}
	if r.ErrorBound, err = statedBound(dir); err != nil {
		return nil, err
	}
	v := &verifying{clear: c, session: conform.Session{Bundles: bundles, Source: source}, layers: conform.NewLayers(c.fixed), result: r}
	ctx, stop := interruptible()
	defer stop()
	begun := time.Now()
	for i := range images.n {
		left := ""
		if i > 0 {
			left = fmt.Sprintf(", %v left", (time.Since(begun) * time.Duration(images.n-i) / time.Duration(i)).Round(time.Second))
		}
		a.progress.step("image %d of %d: %.0f right in private%s", i+1, images.n, r.PrivateAccuracy, left)
		x, label, err := images.next(i)
		if err != nil {
			return nil, err
		}
		if err := v.add(ctx, x, label); err != nil {
			return nil, interrupted(ctx, fmt.Errorf("image %d: %w", i+1, err))
		}
	}
	n := float64(images.n)
	r.FloatAccuracy, r.RingAccuracy, r.PrivateAccuracy, r.Agreement = r.FloatAccuracy/n, r.RingAccuracy/n, r.PrivateAccuracy/n, r.Agreement/n
	r.take(v.layers)
	return r, nil
}

// labelled are the images of a split, one by one.
type labelled struct {
	batches *dataset.Batches
	n       int
	x       []float32
}

func openImages(on imageFlags, p dataset.Preprocess, classes int) (*labelled, error) {
	d, err := dataset.Open(on.data, p, classes)
	if err != nil {
		return nil, err
	}
	split := d.Test
	if split.Len() == 0 {
		split = d.Train
	}
	b, err := dataset.InOrder(split, p, 1)
	return &labelled{b, min(cmp.Or(on.n, split.Len()), split.Len()), make([]float32, split.Shape.Len())}, err
}

func (l *labelled) next(i int) (x []float32, label int, err error) {
	var class [1]int32
	_, err = l.batches.Fill(i, l.x, class[:])
	return l.x, int(class[0]), err
}

// verifying holds private runs against clear ones.
type verifying struct {
	clear   *clear
	session conform.Session
	layers  *conform.Layers
	result  *agreementResult
}

// add runs one image in every way and counts.
func (v *verifying) add(ctx context.Context, x []float32, label int) error {
	float, err := v.clear.evalFloat(x)
	if err != nil {
		return err
	}
	ring, err := v.clear.evalRing(x)
	if err != nil {
		return err
	}
	private, values, err := inPrivate(ctx, v.session, x)
	if err != nil {
		return err
	}
	r := v.result
	for _, is := range []struct {
		count *float64
		true  bool
	}{{&r.FloatAccuracy, float.Class == label}, {&r.RingAccuracy, ring.Class == label}, {&r.PrivateAccuracy, private.Class == label}, {&r.Agreement, private.Class == float.Class}} {
		if is.true {
			*is.count++
		}
	}
	for i, y := range private.Output {
		r.MaxError = max(r.MaxError, math.Abs(y-float.Output[i]))
	}
	return v.compare(x, values)
}

// compare holds the values of a private run against what their ops state, and against the float network's.
func (v *verifying) compare(x []float32, values map[string][]int64) error {
	if err := v.layers.Begin(v.clear.float, x); err != nil {
		return err
	}
	diffs, units, err := conform.CompareEach(v.clear.ring, v.clear.baked, x, values, v.layers.Add)
	if err != nil {
		return err
	}
	r := v.result
	r.MaxULP = max(r.MaxULP, units)
	if len(diffs) > 0 && r.Equal {
		r.Equal, r.FirstDifference = false, firstDifference(diffs[0])
	}
	return nil
}

// take sums the layers up.
func (r *agreementResult) take(layers *conform.Layers) {
	worst := layers.Worst()
	for _, l := range layers.List {
		v := l.Value
		j := layerErrorJSON{Path: v.Path, Op: v.Op.Name, File: v.Pos.File, Line: v.Pos.Line, Units: l.Units, Stated: l.Slack, Outside: l.Outside, Error: l.Error, Relative: l.Relative(),
			Seen: [2]float64{l.Seen.Lo, l.Seen.Hi}, RestsOn: l.RestsOn, Holds: l.Holds, Margin: l.Margin(), Beyond: l.Beyond, Overflows: l.Overflows}
		if l.RestsOn != "unknown" {
			j.Relied = &[2]float64{l.Relied.Lo, l.Relied.Hi}
		}
		r.Layers = append(r.Layers, j)
		if l == worst {
			r.WorstLayer = &j
		}
		if l.Beyond > 0 {
			r.Exceeded++
		}
		if l.Overflows > 0 {
			r.Overflowed++
		}
	}
}

// failed is the error of runs that are not what was compiled.
func (r *agreementResult) failed() error {
	switch {
	case !r.Equal:
		return fmt.Errorf("the private run differs from the clear one: %s", r.FirstDifference.Message)
	case r.Overflowed > 0:
		return fmt.Errorf("%d layer(s) reach more than the ring holds on these images: accepted is what is compiled with --calibration on such images, or --ring 64", r.Overflowed)
	}
	return nil
}

// inPrivate runs one inference between two parties in this process, and gives what they hold of each value.
func inPrivate(ctx context.Context, s conform.Session, x []float32) (prediction, map[string][]int64, error) {
	p := s.Bundles[cost.Client].Program
	if p.Deploy == cost.ClientServer {
		s.Inputs[cost.Client] = party.Input{Clear: x}
	} else {
		whole, err := encode(p, x)
		if err != nil {
			return prediction{}, nil, err
		}
		s.Inputs[cost.Client].Share, s.Inputs[cost.Server].Share = split(whole, p.Ring)
	}
	results, values, err := conform.Tapped(ctx, s)
	if err != nil {
		return prediction{}, nil, err
	}
	out := results[cost.Client].Clear
	if p.Deploy != cost.ClientServer {
		out = decode(p, addShares(p.Ring, addShares(p.Ring, nil, results[cost.Client].Share), results[cost.Server].Share))
	}
	return answer(p, out), values, nil
}

func (r *agreementResult) text(w io.Writer) {
	percent := func(x float64) string { return fmt.Sprintf("%.2f %%", 100*x) }
	var rows [][]string
	for _, l := range r.Layers {
		rows = append(rows, []string{l.Path, strings.TrimPrefix(l.Op, "ring."), spanText(&l.Seen), spanText(l.Relied), l.RestsOn,
			fmt.Sprintf("%.1f", l.Margin), fmt.Sprintf("%.2g", l.Error), percent(l.Relative), fmt.Sprintf("%d of %d", l.Units, l.Stated), fmt.Sprint(l.Line)})
	}
	table(w, "layer op seen relied_on rests_on >margin_bits >error >relative >units >line", rows)
	fmt.Fprintln(w)
	pairs(w, "images", count(int64(r.N))+" of "+r.Data, "right in float", percent(r.FloatAccuracy), "in fixed point", percent(r.RingAccuracy),
		"in private", percent(r.PrivateAccuracy), "private and float agree", percent(r.Agreement),
		"greatest error of an output", fmt.Sprintf("%.3g, stated bound %.3g", r.MaxError, r.ErrorBound), "op by op", r.equality())
	if l := r.WorstLayer; l != nil {
		fmt.Fprintf(w, "worst layer: %s:%d: %s (%s): off float by %.3g, %s of the greatest value there; %d unit(s) from fixed point on the same arguments, %d stated\n",
			l.File, l.Line, l.Path, strings.TrimPrefix(l.Op, "ring."), l.Error, percent(l.Relative), l.Units, l.Stated)
	}
	for _, l := range r.Layers {
		switch {
		case l.Overflows > 0:
			fmt.Fprintf(w, "OVERFLOW: %s:%d: %s (%s) reaches %.4g to %.4g, the ring holds %.4g: results may be wrong, on %d of %d images\n", l.File, l.Line, l.Path, l.Op, l.Seen[0], l.Seen[1], l.Holds, l.Overflows, r.N)
		case l.Beyond > 0:
			fmt.Fprintf(w, "beyond its range: %s:%d: %s (%s) reaches %.4g to %.4g, calibration allows %s and the ring holds %.4g: on %d of %d images\n",
				l.File, l.Line, l.Path, l.Op, l.Seen[0], l.Seen[1], spanText(l.Relied), l.Holds, l.Beyond, r.N)
		}
	}
}

func spanText(x *[2]float64) string {
	if x == nil {
		return ""
	}
	return fmt.Sprintf("%.3g to %.3g", x[0], x[1])
}

func (r *agreementResult) equality() string {
	if r.Equal {
		return fmt.Sprintf("equal, at most %d unit(s) apart as truncation states", r.MaxULP)
	}
	return "different: " + r.FirstDifference.Message
}
