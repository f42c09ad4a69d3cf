// Package pass says what a compiler pass is and runs pipelines of them. A pass is a value: it transforms a module and
// knows nothing of its neighbours. The runner verifies the module after each one, times it, dumps it, and turns a broken
// invariant into an error that names the pass.
package pass

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"sotto/ir"
	"sotto/ir/cost"
)

// Pass is one transformation.
type Pass struct {
	Name  string
	Doc   string   // what it does and, where it is not exact, with what error
	Needs ir.Stage // stages it accepts, or-ed
	Gives ir.Stage // stage of its result; 0 if it stays
	Run   func(c *Context, m *ir.Module) error
}

// Context is what a compilation knows besides the module: the user's decisions and, where they are at hand, the weights
// and inputs to calibrate on.
type Context struct {
	Choices     []Decision              // later ones win
	Deploy      cost.Deployment         // of the program
	Source      cost.Source             // who makes the offline material
	OT          cost.OTPolicy           // which OT extension; nil: the module's
	Elementwise cost.ElementwisePolicy  // how elementwise products are made without a dealer; nil: as the module says
	Packing     cost.Packing            // how linear layers are packed for the encryption there; balanced: as the module says
	Packings    map[string]cost.Packing // of single linear layers, by their path: before that of all
	Protocols   Protocols               // which one, where several compute an op
	Gates       Gates                   // which elements keep their ReLUs; nil: all
	Pools       Pools                   // which comes first of a ReLU and its max-pooling; empty: the pool
	SignDrop    int                     // how many low bits of its operand a ReLU's sign may be taken without
	Ring        int                     // 32, 64, or 0 for the narrowest that holds the ranges
	Frac        int                     // fraction bits of activations; 0 for the most that fit
	Training    *Training               // how a network is trained; nil: not
	Weights     Weights                 // nil: ranges are assumed
	Calibration [][]float32             // inputs of the network; nil: ranges are worst cases

	// FloatOutputs are the float network's outputs on the calibration inputs, once the ranges pass has run.
	FloatOutputs [][]float64

	Notices []string // one line each, for the user
	Report  Report
}

// Decision sets one choice: Site is a choice site's path or the name of a choice, Option a label.
type Decision struct{ Site, Option string }

// Weights gives the tensors of a weights file.
type Weights interface {
	// Weight gives the elements of the weight at path, which must have the shape.
	Weight(path string, shape []int) ([]float32, error)
}

// Report collects what passes find out for the user.
type Report struct {
	Ring   int
	Frac   int // fraction bits of activations
	Ranges []Range
	Signs  []Sign // of ReLUs whose signs may be taken without low bits
	// ErrorBound is the stated bound of the output's error against the float network; 0 if there are no weights.
	ErrorBound float64
	ErrorAsked float64 // what the bound was to keep to; 0 if nothing was asked for
}

// Range is the bounds of one layer's values, which may have a factor that folding left in them: the greatest magnitude by each way of
// knowing it (0: not known), the magnitude that the ring holds, which of the ways is relied on, and by how many bits the ring
// holds more than that.
type Range struct {
	Path    string  `json:"path"`
	Line    int     `json:"line"`
	Worst   float64 `json:"worst_case,omitempty"`
	Seen    float64 `json:"calibrated,omitempty"`
	Assumed float64 `json:"assumed,omitempty"`
	Holds   float64 `json:"holds"`
	RestsOn string  `json:"rests_on"` // worst_case, calibrated, assumed or unknown
	Margin  float64 `json:"margin_bits"`
}

// Sign is what a ReLU's sign may do without: bits of its operand, and how far below zero a result may then lie.
type Sign struct {
	Path    string  `json:"path"`
	Line    int     `json:"line"`
	Dropped int     `json:"dropped_bits"`
	Error   float64 `json:"error"`
}

// Notice records a line for the user.
func (c *Context) Notice(format string, args ...any) {
	c.Notices = append(c.Notices, fmt.Sprintf(format, args...))
}

// Runner runs pipelines.
type Runner struct {
	Dump  string // directory for NN-name.ir after every pass; empty: none
	After func(p *Pass, m *ir.Module, took time.Duration)
	Note  func(m *ir.Module) func(*ir.Value) string // comments for dumps

	step int
}

// Run applies the passes in order. The module is changed in place.
func (r *Runner) Run(c *Context, m *ir.Module, passes ...*Pass) error {
	if r.step == 0 {
		if err := r.dump("load", m); err != nil {
			return err
		}
	}
	for _, p := range passes {
		if err := r.one(c, m, p); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) one(c *Context, m *ir.Module, p *Pass) (err error) {
	if m.Stage&p.Needs == 0 {
		return fmt.Errorf("pass %s does not take a module in stage %s", p.Name, m.Stage)
	}
	start := time.Now()
	if err := r.guarded(c, m, p); err != nil {
		return err
	}
	took := time.Since(start)
	if p.Gives != 0 {
		m.Stage = p.Gives
	}
	if err := ir.Check(m); err != nil {
		bug := ir.Bug{Msg: fmt.Sprintf("pass %s left a module that does not verify: %v", p.Name, err)}
		return errors.Join(bug, r.write(p.Name+"-broken", m, nil)) // notes are for modules that verify
	}
	if r.After != nil {
		r.After(p, m, took)
	}
	return r.dump(p.Name, m)
}

// guarded turns a Bugf inside a pass into an error that names it.
func (r *Runner) guarded(c *Context, m *ir.Module, p *Pass) (err error) {
	defer func() {
		switch b := recover().(type) {
		case nil:
		case ir.Bug:
			err = ir.Bug{Msg: fmt.Sprintf("pass %s: %s", p.Name, b.Msg)}
		default:
			panic(fmt.Sprintf("pass %s: %v", p.Name, b)) // the stack of the first panic is below this one's
		}
	}()
	return p.Run(c, m)
}

func (r *Runner) dump(name string, m *ir.Module) error {
	var note func(*ir.Value) string
	if r.Dump != "" && r.Note != nil {
		note = r.Note(m)
	}
	return r.write(name, m, note)
}

func (r *Runner) write(name string, m *ir.Module, note func(*ir.Value) string) error {
	step := r.step
	r.step++
	if r.Dump == "" {
		return nil
	}
	if err := os.MkdirAll(r.Dump, 0o777); err != nil {
		return err
	}
	file := filepath.Join(r.Dump, fmt.Sprintf("%02d-%s.ir", step, name))
	return os.WriteFile(file, []byte(ir.Print(m, note)), 0o666)
}
