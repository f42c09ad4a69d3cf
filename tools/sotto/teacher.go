package main

import (
	"errors"

	"github.com/spf13/cobra"

	"sotto/passes"
	"sotto/passes/pass"
	"sotto/tools/sotto/engine"
	"sotto/tools/sotto/samples"
	"sotto/tools/sotto/weights"
)

// teacherFlags say from which network another learns.
type teacherFlags struct {
	weights     string
	file        string
	set         []string
	share       float64
	temperature float64
}

func (f *teacherFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.weights, "teacher", "", "learn from a network of these trained weights: a safetensors `file`")
	c.Flags().StringVar(&f.file, "teacher-net", "", "its .sotto `file` (default: the same network)")
	c.Flags().StringArrayVar(&f.set, "teacher-set", nil, "its decisions, `NAME=OPTION`")
	c.Flags().Float64Var(&f.share, "teacher-share", 0.5, "how much of a label is what the teacher says")
	c.Flags().Float64Var(&f.temperature, "teacher-temperature", 2, "what the teacher's logits are divided by")
}

// taught is a network's data with the teacher's labels, if there is a teacher.
func (a *app) taught(s *samples.Samples, student *network, f teacherFlags) (engine.Data, error) {
	if f.weights == "" {
		return s, nil
	}
	d := &samples.Distilled{Of: s, Weight: f.share, Temperature: f.temperature}
	if err := d.Check(); err != nil {
		return nil, usageError{err}
	}
	n, err := a.teacher(student, f)
	if err != nil {
		return nil, err
	}
	m := n.module.Clone()
	if err := (&pass.Runner{}).Run(&pass.Context{Choices: n.decisions}, m, passes.ToTrainable...); err != nil {
		return nil, err
	}
	from, err := weights.Open(f.weights, n.fn(), n.decisions)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	// Nothing trains it: any optimiser will do.
	teacher, err := engine.New(m, engine.Options{Init: from.Weight, Training: pass.Training{Optimiser: pass.SGD{}}}, s)
	if err != nil {
		return nil, err
	}
	d.Teacher = teacher.Answers
	return d, nil
}

// teacher loads the network that is learned from.
func (a *app) teacher(student *network, f teacherFlags) (*network, error) {
	switch {
	case f.file != "":
		return a.load(f.file, networkFlags{set: f.set})
	case student.file == nil:
		return nil, errors.New("--teacher-net is missing: the network is a dump, in which no other choice is left")
	}
	return a.load(student.file.Name, networkFlags{net: student.fn().Name, set: f.set})
}
