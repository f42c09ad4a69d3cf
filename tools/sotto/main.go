// Command sotto compiles networks for two-party private inference and runs them.
//
// One file holds one command, made by newXCmd. A command parses its flags, does its work with the libraries, and hands
// its result to app.show, which prints it as text or, with --json, as the object that the design's CLI page fixes.
package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"

	"sotto/ir"
	"sotto/ir/pos"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// app is what commands share: the streams, the global flags, and the text of source files for carets.
type app struct {
	in          io.Reader
	out, err    io.Writer
	json        bool
	quiet       bool
	relay       bool // progress goes to the process that started this one
	sources     pos.Source
	progress    *progress
	calibrating string // the step of a calibration that is under way
	started     bool   // a command's own work has begun: errors from here on are no usage errors
}

// run is the whole command: it gives the exit status.
func run(args []string, in io.Reader, out, errs io.Writer) (status int) {
	a := &app{in: in, out: out, err: errs, sources: pos.Source{}}
	defer func() {
		if r := recover(); r != nil {
			status = a.fail(asInternal(r, debug.Stack()))
		}
	}()
	root := newRootCmd(a)
	root.SetArgs(args)
	root.SetFlagErrorFunc(plainFlag)
	if err := root.Execute(); err != nil {
		a.progress.done()
		a.json = a.json || slices.Contains(args, "--json") // which a wrong flag before it would hide
		if !a.started {
			err = usageError{err}
		}
		return a.fail(err)
	}
	a.progress.done()
	return 0
}

const rootHelp = `Sotto compiles a neural network into a program for two parties that computes it without either showing the other its
data: the input of the client, the weights of the server.

Exit status:
  0  success
  1  something is wrong with what you gave: a file, a network, weights, an input
  2  the command line is wrong
  3  the peer or the network failed
  4  an error inside sotto: please report it
  130  interrupted

Weights may be random:SEED wherever --weights is taken: He-initialised, for tests and measurements.
Inputs are PNG or JPEG images, .npy files, or random:SEED.`

func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use: "sotto", Short: "compile and run neural networks between two parties", Long: rootHelp,
		Example:      "  sotto check examples/minionn.sotto\n  sotto compile examples/minionn.sotto --weights random:1 -o out",
		SilenceUsage: true, SilenceErrors: true,
		Args: func(c *cobra.Command, args []string) error { return unknownCommand(c, args) },
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun: func(*cobra.Command, []string) {
			a.progress = newProgress(a)
		},
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print one JSON object instead of text, errors included")
	root.PersistentFlags().BoolVar(&a.relay, "relay-progress", false, "print progress as lines for the process that started this one")
	root.PersistentFlags().MarkHidden("relay-progress")
	root.PersistentFlags().BoolVar(&a.quiet, "quiet", false, "no notices and no progress")
	root.AddCommand(
		newCheckCmd(a),
		newFmtCmd(a),
		newOptCmd(a), newDiffCmd(a),
		newInitCmd(a),
		newCompileCmd(a), newEstimateCmd(a), newTableCmd(a),
		newTrainCmd(a),
		newEvalCmd(a),
		newDataCmd(a), newSearchCmd(a),
		newKeysCmd(a),
		newServeCmd(a),
		newInferCmd(a),
		newPrepareCmd(a),
		newDealCmd(a),
		newShareCmd(a),
		newRevealCmd(a),
		newCombineCmd(a),
		newRunCmd(a), newStatsCmd(a), newTraceCmd(a),
		newLSPCmd(a),
		newVerifyCmd(a),
		newFPGACmd(a),
		newExploreCmd(a),
		newTorchCmd(a),
		newImportCmd(a), newExportCmd(a),
		newCalibrateCmd(a),
		newDoctorCmd(a),
		newBenchCmd(a),
		newBenchPeerCmd(a), newStepPeerCmd(),
		newManCmd(a),
		newVersionCmd(a),
	)
	for _, c := range root.Commands() {
		a.mark(c)
		a.complete(c)
	}
	return root
}

// mark has a command, and those below it, note when its own work begins.
func (a *app) mark(c *cobra.Command) {
	for _, sub := range c.Commands() {
		a.mark(sub)
	}
	work := c.RunE
	c.RunE = func(c *cobra.Command, args []string) error {
		a.started = true
		return work(c, args)
	}
}

func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("no command is called %q: did you mean %s?", args[0], near[0])
	}
	return fmt.Errorf("no command is called %q: see sotto --help", args[0])
}

// asInternal turns what a panic carried into an internal error.
func asInternal(r any, stack []byte) error {
	if b, ok := r.(ir.Bug); ok {
		return internalError{b, stack}
	}
	return internalError{fmt.Errorf("%v", r), stack}
}
