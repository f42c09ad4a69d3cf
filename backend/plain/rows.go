package plain

import (
	"slices"

	"sotto/ir"
)

// row says how an op is computed.
type row struct {
	// make gives the call for a step, and the elements of scratch memory that it takes.
	make func(s *step) (run func(*call) error, scratch int, err error)
	// each is the operands that have to be there for every sample, if the batch has several; the last with what repeats it.
	each []int
	// inPlace is the operands in whose memory the result may lie.
	inPlace []int
	// clips says that bounds of the step are heeded, and adds that a last argument is added.
	clips, adds bool
}

// samples tells whether an operand has to be there for every sample.
func (r *row) samples(o *ir.Op, arg int) bool {
	return slices.Contains(r.each, arg) || o.Variadic && len(r.each) > 0 && arg > r.each[len(r.each)-1]
}

// rows has every op of TRAIN, and those of NET with it, that computes something.
var rows = map[string]row{
	"nn.conv2d":     {make: conv, each: []int{0}, adds: true},
	"nn.linear":     {make: linear, each: []int{0}, adds: true},
	"grad.conv2d.x": {make: convBack, each: []int{0}, adds: true},
	"grad.conv2d.w": {make: convWeights, each: []int{0, 1}},
	"grad.linear.x": {make: linearBack, each: []int{0}, adds: true},
	"grad.linear.w": {make: linearWeights, each: []int{0, 1}},

	"nn.batchnorm":        {make: norm, each: []int{0}, inPlace: []int{0}, clips: true, adds: true},
	"train.moments":       {make: moments},
	"train.batchnorm":     {make: batchNorm, each: []int{0}, inPlace: []int{0}, clips: true, adds: true},
	"grad.batchnorm.sums": {make: normSums, each: []int{0, 2}},
	"grad.batchnorm.x":    {make: normBack, each: []int{0, 4}, inPlace: []int{0, 4}},
	"train.running.mean":  reference,
	"train.running.var":   reference,

	"nn.relu":         {make: clip, inPlace: []int{0}},
	"nn.relu6":        {make: clip, inPlace: []int{0}},
	"grad.relu":       {make: clipBack, each: []int{0, 1}, inPlace: []int{0, 1}},
	"grad.relu6":      {make: clipBack, each: []int{0, 1}, inPlace: []int{0, 1}},
	"nn.negate":       {make: times(-1), inPlace: []int{0}},
	"nn.square":       {make: square, inPlace: []int{0}},
	"nn.x2act":        {make: x2act, inPlace: []int{0}},
	"grad.x2act.x":    {make: x2actBack, each: []int{0, 3}, inPlace: []int{0, 3}},
	"grad.x2act.sums": {make: x2actSums, each: []int{0, 1}},
	"nn.quadratic":    {make: quadratic},
	"nn.scale":        {make: scale, inPlace: []int{0}},
	"nn.shift":        {make: shift, inPlace: []int{0}},
	"nn.add":          {make: add, each: []int{0, 1}, inPlace: []int{0, 1}, clips: true},
	"train.mul":       {make: mul, each: []int{0, 1}, inPlace: []int{0, 1}},
	"train.fill":      {make: fill},
	"train.dropout":   {make: dropout, inPlace: []int{0}},
	"grad.sums":       {make: sums},
	"grad.products":   {make: products, each: []int{0, 1}},

	"nn.mix":          {make: mix, each: []int{1}},
	"grad.mix.logits": {make: mixLogits, each: []int{1}},
	"grad.mix.option": {make: mixOption, inPlace: []int{1}},

	"nn.maxpool":    {make: maxPool},
	"nn.avgpool":    {make: avgPool},
	"grad.maxpool":  {make: maxPoolBack, each: []int{0, 1}},
	"grad.avgpool":  {make: avgPoolBack},
	"nn.concat":     {make: concat, each: []int{0}},
	"nn.pad":        {make: pad},
	"nn.slice":      {make: slice},
	"nn.upsample":   {make: upsample},
	"train.gather":  {make: gather},
	"train.scatter": {make: scatter},

	// What is a few numbers a sample, or a channel.
	"nn.softmax":         reference,
	"nn.argmax":          reference,
	"grad.softmax":       reference,
	"train.crossentropy": reference,
	"grad.crossentropy":  reference,
	"train.correct":      reference,
	"train.expected":     reference,

	"sgd.velocity": {make: sgdVelocity, inPlace: []int{0, 1, 2}},
	"sgd.weight":   {make: sgdWeight, inPlace: []int{0, 1}},
	"sgd.nesterov": {make: sgdNesterov, inPlace: []int{0, 1, 2}},
	"adam.mean":    {make: adamMean, inPlace: []int{0, 1, 2}},
	"adam.square":  {make: adamSquare, inPlace: []int{0, 1, 2}},
	"adam.weight":  {make: adamWeight, inPlace: []int{0, 1, 2}},
	"clip.norm":    {make: clipNorm},
	"clip.scale":   {make: clipScale, inPlace: []int{0}},
}

// reference computes an op as its declaration does.
var reference = row{make: func(s *step) (func(*call) error, int, error) {
	return func(c *call) error {
		args := make([]*ir.Tensor, len(s.args))
		for i, a := range s.args {
			args[i] = &ir.Tensor{Type: a.Type, F: c.args[i]}
		}
		t, err := ir.EvalOne(s.of, args)
		if err == nil {
			copy(c.dst, t.F)
		}
		return err
	}, 0, nil
}}

// rowRepeat gives a tensor once for each sample.
var rowRepeat = row{make: func(s *step) (func(*call) error, int, error) {
	return func(c *call) error {
		for dst := c.dst; len(dst) > 0; dst = dst[len(c.args[0]):] {
			copy(dst, c.args[0])
		}
		return nil
	}, 0, nil
}}

// copied is the call that copies its argument.
func copied(c *call) error {
	copy(c.dst, c.args[0])
	return nil
}

// simple is for a call that takes no scratch memory and cannot be refused.
func simple(run func(*call) error) (func(*call) error, int, error) { return run, 0, nil }
