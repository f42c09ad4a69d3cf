package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sotto/backend/twopc"
	"sotto/ir"
	"sotto/ir/cost"
	"sotto/passes/choose"
	"sotto/passes/pass"
	"sotto/passes/ranges"
	"sotto/runtime/party"
	"sotto/runtime/program"
	"sotto/runtime/tensorfile"
	"sotto/tools/sotto/clang"
	"sotto/tools/sotto/weights"
)

// compileResult is what compile prints and keeps as report.json.
type compileResult struct {
	head
	Net         string          `json:"net"`
	Client      string          `json:"client"`
	Server      string          `json:"server"`
	ProgramHash string          `json:"program_hash"`
	Deploy      cost.Deployment `json:"deploy"`
	OT          string          `json:"ot"`
	Garbling    cost.Scheme     `json:"garbling"`
	Products    string          `json:"products"` // how the parties make elementwise ones alone
	Packing     string          `json:"packing"`  // of linear layers, for the encryption by which they make the others
	Ring        int             `json:"ring"`
	Frac        int             `json:"frac,omitempty"`
	ErrorBound  float64         `json:"error_bound,omitempty"`
	ErrorAsked  float64         `json:"error_asked,omitempty"`
	Weights     bool            `json:"weights"` // the bundle holds them
	Target      string          `json:"target"`
	TargetNote  string          `json:"target_source"`
	TargetLink  cost.Link       `json:"target_link"`
	Shared      bool            `json:"target_shared"` // both parties are on one machine of it, and share its cores
	estimate
	// OneMachine is the estimate with both parties on the server's machine, as `sotto run` has them, where the target has a computer for each.
	OneMachine *estimate `json:"one_machine,omitempty"`
	// Comparisons counts the ops that compare by their protocol; Explain says why, if it was asked for.
	Comparisons map[pass.Nonlinear]int `json:"comparisons,omitempty"`
	Weighed     choose.Weighed         `json:"choice_weighed,omitempty"` // what of all programs, so that none of it is estimated faster
	Explain     *explanation           `json:"explain,omitempty"`
	Picked      []picked               `json:"picked,omitempty"` // choices that --allow left to the prices
	Material    materialSum            `json:"material"`
	Ranges      []pass.Range           `json:"ranges"`
	Signs       []pass.Sign            `json:"signs,omitempty"` // of relus that are taken without low bits
	Notices     []string               `json:"notices"`

	short string // enough of the hash for a person
}

func newCompileCmd(a *app) *cobra.Command {
	var network networkFlags
	var lower lowerFlags
	var out, target string
	var native bool
	c := &cobra.Command{
		Use: "compile FILE -o DIR", Short: "compile a network into one program for each party", Args: cobra.ExactArgs(1),
		Long: "Compile writes DIR/client and DIR/server, a bundle for each party, DIR/dealer for the maker of offline material, DIR/clear\n" +
			"for eval and verify, and DIR/report.json. Bytes and rounds in the report are exact; times are estimates at the target's\n" +
			"prices. FILE is a .sotto file or an IR dump. Without --weights ranges are assumed and the bundle holds no weights.",
		Example: "  sotto compile examples/minionn.sotto --weights random:1 -o out\n" +
			"  sotto compile examples/resnet18.sotto --set act=x2act --set pool=avgpool --weights w.safetensors --calibration cat.png --target lan -o out",
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return usagef("-o is missing: accepted is the directory to write")
			}
			n, err := a.load(args[0], network)
			if err != nil {
				return err
			}
			prices, err := a.target(target, n)
			if err != nil {
				return err
			}
			if lower.clang, err = compilerFor(native); err != nil {
				return err
			}
			r, err := a.compile(n, lower, prices, out)
			if err != nil {
				return err
			}
			return a.show(r, func(w io.Writer) { r.text(w, out) })
		},
	}
	network.add(c)
	lower.add(c)
	lower.addDeploy(c)
	addOfflineFlag(c, &lower.offline)
	lower.addDump(c)
	c.Flags().StringVarP(&out, "output", "o", "", "the `directory` to write; a bundle that is there is replaced")
	addTargetFlag(c, &target)
	addExplainFlag(c, &lower)
	c.Flags().BoolVar(&native, "native", false, "compile kernels for this machine's processor with clang, into native/ of each bundle")
	return c
}

// compile writes the bundles of a network to dir and gives the report.
func (a *app) compile(n *network, flags lowerFlags, target cost.Target, dir string) (*compileResult, error) {
	if err := n.infers(); err != nil {
		return nil, err
	}
	if err := replaceable(dir); err != nil {
		return nil, err
	}
	n, picked, err := a.pick(n, flags, target)
	if err != nil {
		return nil, err
	}
	l, err := a.lowering(n, flags)
	if err != nil {
		return nil, err
	}
	defer l.close()
	l.notePicked(picked)
	if err := l.choose(n, flags, target); err != nil {
		return nil, err
	}
	if l.source == nil {
		l.context.Notice("no --weights: ranges are assumed and the bundle holds no weights")
	}
	if err := l.toSecure(n); err != nil {
		return nil, err
	}
	if err := ir.CheckMaterial(l.secure, l.context.Source); err != nil {
		return nil, err
	}
	a.progress.step("programs")
	pair, err := twopc.Emit(l.secure, l.secure.Funcs[0])
	if err != nil {
		return nil, err
	}
	r := l.result(pair, target)
	r.Picked = picked
	if r.Explain, err = l.explain(); err != nil {
		return nil, err
	}
	err = replaceDir(dir, func(tmp string) error {
		r.Client, r.Server = clientDir, serverDir
		if err := l.write(tmp, pair); err != nil {
			return err
		}
		if err := l.writeNative(tmp, pair, flags.clang); err != nil {
			return err
		}
		return writeJSON(filepath.Join(tmp, reportFile), r)
	})
	if err != nil {
		return nil, err
	}
	l.notices()
	r.Client, r.Server = filepath.Join(dir, clientDir), filepath.Join(dir, serverDir)
	return r, nil
}

func (l *lowering) result(pair *twopc.Pair, target cost.Target) *compileResult {
	report := l.context.Report
	r := &compileResult{head: version1, Net: l.secure.Funcs[0].Name, ProgramHash: pair.Client.Pair.String(), short: pair.Client.Pair.Short(), Deploy: l.secure.Deploy,
		OT: l.secure.OT.String(), Garbling: l.context.Protocols.WithDefaults().Garbling, Products: l.secure.Elementwise.String(), Packing: l.packings(), Ring: pair.Client.Ring, Frac: report.Frac, ErrorBound: report.ErrorBound, ErrorAsked: report.ErrorAsked, Weights: l.source != nil,
		Target: target.Name, TargetNote: target.Source, TargetLink: target.Link, Shared: target.Shared, estimate: costs(l.secure, pair, l.context.Source, target),
		Material: materialOf(pair.Manifest), Ranges: report.Ranges, Signs: report.Signs, Notices: l.context.Notices}
	r.Comparisons, r.Weighed = l.comparisons(), l.deciding.choice.Weighed
	if !target.Shared && !target.OnBoards() {
		one := costs(l.secure, pair, l.context.Source, target.OnOneMachine())
		r.OneMachine = &one
	}
	if r.Ranges == nil {
		r.Ranges = []pass.Range{}
	}
	if r.Notices == nil {
		r.Notices = []string{}
	}
	return r
}

func (r *compileResult) text(w io.Writer, dir string) {
	r.estimate.text(w)
	fmt.Fprintln(w)
	r.Explain.text(w)
	pickedText(w, r.Picked)
	if len(r.Ranges) > 0 {
		rangesText(w, r.Ranges)
		fmt.Fprintln(w)
	}
	if len(r.Signs) > 0 {
		signsText(w, r.Signs)
		fmt.Fprintln(w)
	}
	pairs(w, "net", r.Net, "deployment", string(r.Deploy), "OT extension", r.OT, "elementwise products", r.Products, "ring", fmt.Sprintf("%d bits, activations with %d fraction bits", r.Ring, r.Frac),
		"error bound", r.bound(), "program", r.short, "offline", r.Offline.line(), "online", r.Online.line(),
		"times", fmt.Sprintf("estimates for %s: %s", r.Target, r.TargetNote), "written to", dir)
}

// signsText says of each relu how far below zero its result may lie.
func signsText(w io.Writer, signs []pass.Sign) {
	var rows [][]string
	for _, s := range signs {
		rows = append(rows, []string{s.Path, fmt.Sprint(s.Dropped), fmt.Sprintf("%.3g", s.Error), fmt.Sprint(s.Line)})
	}
	table(w, "signs >without_bits >error_at_most >line", rows)
}

// bound is how far the output may be from the float network's, as far as the compiler can say.
func (r *compileResult) bound() string {
	if r.ErrorBound == 0 {
		return "not stated without weights"
	}
	if r.ErrorAsked > 0 {
		return fmt.Sprintf("%.3g on any element of the output, asked for %.3g", r.ErrorBound, r.ErrorAsked)
	}
	return fmt.Sprintf("%.3g on any element of the output", r.ErrorBound)
}

// write fills a directory with the bundles.
func (l *lowering) write(dir string, pair *twopc.Pair) error {
	err := writePair(dir, pair)
	if err == nil {
		err = l.writeParties(dir, pair)
	}
	if err == nil {
		err = l.writeClear(filepath.Join(dir, clearDir))
	}
	return err
}

// writePair fills a directory with what bundles have but weights: programs, manifest and the dealer's folder.
func writePair(dir string, pair *twopc.Pair) error {
	for sub, p := range map[string]*program.Program{clientDir: pair.Client, serverDir: pair.Server, dealerDir: nil} {
		to := filepath.Join(dir, sub)
		err := os.Mkdir(to, 0o755)
		if err == nil {
			err = program.Write(filepath.Join(to, party.ManifestFile), pair.Manifest)
		}
		if err == nil && p != nil {
			err = program.Write(filepath.Join(to, party.ProgramFile), p)
		}
		if err != nil {
			return err
		}
	}
	d, err := newDeal(filepath.Join(dir, dealerDir), pair.Client.Pair, pair.Client.Net)
	if err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, dealerDir, dealFile), d)
}

// writeNative compiles kernels for both parties' programs, if there is a compiler to do it.
func (l *lowering) writeNative(dir string, pair *twopc.Pair, c *clang.Compiler) error {
	if c == nil {
		return nil
	}
	l.app.progress.step("native kernels")
	ctx, stop := interruptible()
	defer stop()
	return errors.Join(writeKernels(ctx, c, filepath.Join(dir, clientDir), pair.Client), writeKernels(ctx, c, filepath.Join(dir, serverDir), pair.Server))
}

// writeParties bakes the weights into the parties' bundles: the server's alone, or an additive share for each.
func (l *lowering) writeParties(dir string, pair *twopc.Pair) error {
	if l.source == nil {
		return nil
	}
	l.app.progress.step("weights of the parties")
	var sharing map[string]string
	if l.secure.Deploy == cost.Outsourced {
		var s party.Sharing
		if _, err := rand.Read(s[:]); err != nil {
			return err
		}
		sharing = s.Metadata()
	}
	server, client := newBaked(pair.Server.Weights), newBaked(pair.Client.Weights)
	err := twopc.Bake(l.secure.Funcs[0], ranges.WeightsOf(l.context), func(name string, t *ir.Tensor) error {
		if l.secure.Deploy == cost.Outsourced {
			first, second := split(t.I, t.Type.Elem.Bits)
			client.add(name, &ir.Tensor{Type: t.Type, I: first})
			t = &ir.Tensor{Type: t.Type, I: second}
		}
		server.add(name, t)
		return nil
	})
	if err == nil {
		err = server.write(filepath.Join(dir, serverDir, party.WeightsFile), sharing)
	}
	if err == nil && len(client.done) > 0 {
		err = client.write(filepath.Join(dir, clientDir, party.WeightsFile), sharing)
	}
	return err
}

// baked collects ring tensors for a file: those a program wants, or all.
type baked struct {
	wanted map[string]bool // nil: all
	done   []tensorfile.Tensor
}

func newBaked(list []program.Weight) *baked {
	b := &baked{wanted: map[string]bool{}}
	for _, w := range list {
		b.wanted[w.Name] = true
	}
	return b
}

// add keeps a tensor in the width of its ring.
func (b *baked) add(name string, t *ir.Tensor) {
	if b.wanted != nil && !b.wanted[name] {
		return
	}
	delete(b.wanted, name)
	if t.Type.Elem.Bits == 64 {
		b.done = append(b.done, tensorfile.New(name, t.Type.Shape, t.I))
		return
	}
	narrow := make([]int32, len(t.I))
	for i, x := range t.I {
		narrow[i] = int32(x)
	}
	b.done = append(b.done, tensorfile.New(name, t.Type.Shape, narrow))
}

func (b *baked) write(path string, metadata map[string]string) error {
	if len(b.wanted) > 0 {
		ir.Bugf("%d weights of a program were not baked, such as %s", len(b.wanted), anyOf(b.wanted))
	}
	return tensorfile.Write(path, b.done, metadata, tensorfile.Secret)
}

func anyOf(set map[string]bool) string {
	for name := range set {
		return name
	}
	return ""
}

// writeClear keeps the clear stages with their weights.
func (l *lowering) writeClear(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for name, m := range map[string]*ir.Module{netFile: l.net, ringFile: l.ring} {
		if m == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(m.String()), 0o666); err != nil {
			return err
		}
	}
	if l.source == nil || l.ring == nil {
		return nil
	}
	l.app.progress.step("weights of the clear network")
	ring := &baked{}
	err := twopc.Bake(l.ring.Funcs[0], ranges.WeightsOf(l.context), func(name string, t *ir.Tensor) error {
		ring.add(name, t)
		return nil
	})
	if err == nil {
		err = ring.write(filepath.Join(dir, party.WeightsFile), nil)
	}
	if err != nil || l.net == nil {
		return err
	}
	float, err := weights.Tensors(l.net.Funcs[0], l.source)
	if err != nil {
		return err
	}
	return tensorfile.Write(filepath.Join(dir, floatFile), float, nil, tensorfile.Secret)
}

// packings names that of all layers, or says how many have which.
func (l *lowering) packings() string {
	counts := map[cost.Packing]int{}
	for _, v := range l.secure.Funcs[0].Body {
		if v.Linear() {
			if k, err := v.Packing(l.secure.Packing); err == nil {
				counts[k]++
			}
		}
	}
	if len(counts) < 2 {
		return l.secure.Packing.String()
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, counts[k]))
	}
	return strings.Join(parts, ", ")
}
