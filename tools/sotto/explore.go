package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sotto/backend/twopc"
	"sotto/ir"
	"sotto/passes/choices"
	"sotto/passes/pass"
	"sotto/runtime/party"
	"sotto/tools/sotto/explore"
	"sotto/tools/sotto/timeline"
)

// exploreFlags are those of the explore command.
type exploreFlags struct {
	network networkFlags
	lower   lowerFlags
	target  string
	listen  string
	open    bool
	output  string
}

// exploreResult says where the page is.
type exploreResult struct {
	head
	Listening string `json:"listening,omitempty"`
	URL       string `json:"url,omitempty"`
	Output    string `json:"output,omitempty"`
}

func newExploreCmd(a *app) *cobra.Command {
	var f exploreFlags
	c := &cobra.Command{
		Use: "explore FILE|DIR|TRACE...", Short: "look at a network, a run, a search or a board's schedule in a browser", Args: cobra.MinimumNArgs(1),
		Long: "Explore serves one page to a browser on this machine until it is interrupted. The page shows what it is given:\n\n" +
			"  a .sotto file or an IR dump   the network pass by pass beside its source, its graph, what each layer is estimated to take, and when\n" +
			"                                either party computes, sends and waits\n" +
			"  what compile -o wrote         the clear stages, and the estimate in the report\n" +
			"  what --dump wrote             the dumps side by side\n" +
			"  what run --trace wrote, or run --json printed: the measurement, beside the estimate if there is one; of two hosts, what infer\n" +
			"                                and serve --trace wrote\n" +
			"  what search -o wrote          the networks that were found\n" +
			"  what fpga -o wrote            the schedule of both boards\n\n" +
			"Choices that are not decided count their first option. The page can be looked at while passes still run. It is found under a\n" +
			"path that nobody else knows, loads nothing from anywhere, and -o writes it as one file instead.",
		Example: "  sotto explore examples/minionn.sotto\n" +
			"  sotto explore examples/resnet50.sotto --set act=relu --target lan --open\n" +
			"  sotto explore examples/minionn.sotto -o page.html",
		RunE: func(_ *cobra.Command, args []string) error { return a.explore(args, &f) },
	}
	f.network.add(c)
	f.lower.add(c)
	f.lower.addDeploy(c)
	addOfflineFlag(c, &f.lower.offline)
	addTargetFlag(c, &f.target)
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "`address` of this machine to serve the page at")
	c.Flags().BoolVar(&f.open, "open", false, "open the page in a browser")
	c.Flags().StringVarP(&f.output, "output", "o", "", "write the page to this `file`, with all it shows in it, and serve nothing")
	return c
}

// explore serves the page, or writes it.
func (a *app) explore(args []string, f *exploreFlags) error {
	e := &explorer{app: a, flags: f, document: explore.NewDocument(strings.Join(args, " "))}
	e.recorder.Document = e.document
	for _, arg := range args {
		if err := e.take(arg); err != nil {
			return err
		}
	}
	ctx, stop := interruptible()
	defer stop()
	if f.output != "" {
		if err := e.fill(ctx); err != nil {
			return err
		}
		if err := e.write(f.output); err != nil {
			return err
		}
		return a.show(exploreResult{head: version1, Output: f.output}, func(w io.Writer) { fmt.Fprintf(w, "written to %s\n", f.output) })
	}
	s, err := explore.Listen(f.listen, e.document)
	if err != nil {
		return usageError{fmt.Errorf("--listen: %w", err)}
	}
	if err := a.show(exploreResult{head: version1, Listening: s.Address(), URL: s.URL()}, func(w io.Writer) { fmt.Fprintf(w, "%s\n", s.URL()) }); err != nil {
		return err
	}
	if f.open {
		if err := browse(s.URL()); err != nil {
			a.notice("no browser was opened: %v", err)
		}
	}
	go func() {
		if err := e.fill(ctx); err != nil && ctx.Err() == nil {
			a.progress.done()
			a.fail(err)
		}
		a.progress.done()
	}()
	return s.Serve(ctx)
}

// browse opens a page with what the system opens pages with.
func browse(url string) error {
	opener := map[string]string{"darwin": "open", "windows": "explorer"}[runtime.GOOS]
	if opener == "" {
		opener = "xdg-open"
	}
	return exec.Command(opener, url).Start()
}

// explorer fills a document with what is known of each argument.
type explorer struct {
	*app
	flags    *exploreFlags
	document *explore.Document
	recorder explore.Recorder
	ran      bool     // what run --json printed was given, which knows the layers best
	network  *network // nil: no network's file was given
	trace    *timeline.File
	measured *party.Stats
	later    []func() error
}

// take tells what an argument is. What is quickly known is put into the document at once; the rest is left for fill.
func (e *explorer) take(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	put := func(read func() error) error {
		e.later = append(e.later, read)
		return nil
	}
	dumps, _ := filepath.Glob(filepath.Join(path, "[0-9][0-9]*-*.ir"))
	switch {
	case !info.IsDir() && filepath.Ext(path) == ".json":
		return put(func() error { return e.measurement(path) })
	case !info.IsDir():
		return e.source(path)
	case explore.IsHardware(path):
		return put(func() error { return e.hardware(path) })
	case exists(filepath.Join(path, trialsFile)):
		return put(func() error { return e.search(path) })
	case isBundle(path):
		return put(func() error { return e.bundle(path) })
	case len(dumps) > 0:
		return put(func() error { return e.dumps(dumps) })
	}
	return fmt.Errorf("%s holds nothing to show: accepted are folders that compile -o, --dump, search -o or fpga -o wrote", path)
}

// source reads a network's file, which is shown as it is at once.
func (e *explorer) source(path string) error {
	if e.network != nil {
		return usagef("%s is the second network: accepted is one, with runs, searches and folders of boards beside it", path)
	}
	n, err := e.load(path, e.flags.network)
	if err != nil {
		return err
	}
	e.network = n
	if n.module.Stage == ir.Space {
		if err := e.undecided(n); err != nil {
			return err
		}
	}
	if err := e.step("load", "", n.module, 0); err != nil {
		return err
	}
	return e.graph(n.module, nil)
}

// undecided takes the first option where none is decided, as check does.
func (e *explorer) undecided(n *network) error {
	_, open, err := choices.First(n.fn(), n.decisions)
	if err != nil || len(open) == 0 {
		return err
	}
	var told []string
	for _, s := range choices.Sites(n.fn()) {
		if slices.Contains(open, s.Path) {
			n.decisions = append(n.decisions, pass.Decision{Site: s.Path, Option: s.Options[0]})
			if text := s.Choice + "=" + s.Options[0]; !slices.Contains(told, text) {
				told = append(told, text)
			}
		}
	}
	text := "not decided, counted as the first option: " + strings.Join(told, ", ")
	e.notice("%s", text)
	return e.document.Put("notices", map[string]any{"sotto": explore.Version, "notices": []string{text}})
}

// fill reads the rest and compiles, and ends the document.
func (e *explorer) fill(ctx context.Context) (err error) {
	defer func() { e.document.End(err) }()
	_, err = unlessEnded(ctx, func() (struct{}, error) {
		for _, read := range e.later {
			if err := read(); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, e.compile()
	})
	return err
}

// compile takes the network the whole way, pass by pass.
func (e *explorer) compile() error {
	if e.network == nil {
		return nil
	}
	target, err := e.target(e.flags.target, e.network)
	if err != nil {
		return err
	}
	l, err := e.lowering(e.network, e.flags.lower)
	if err != nil {
		return err
	}
	defer l.close()
	e.recorder.Note = l.notes
	l.watch = func(name, doc string, m *ir.Module, took time.Duration) {
		e.document.Doing("pass " + name)
		if err := e.step(name, doc, m, took); err != nil {
			ir.Bugf("%v", err)
		}
	}
	r, err := l.estimated(e.network, e.flags.lower, target, nil)
	if err != nil {
		return err
	}
	if m := e.measured; m != nil && m.Online.Traffic != r.Online.Traffic {
		text := fmt.Sprintf("what was measured is of another program: it sent %s in %d rounds online, this one sends %s in %d; accepted are the flags that it was compiled with, --weights among them",
			size(m.Online.ClientSent+m.Online.ServerSent), m.Online.Rounds, size(r.Online.Bytes), r.Online.Rounds)
		e.notice("%s", text)
		r.Notices = append(r.Notices, text)
	}
	if err := e.document.Put("estimate", r); err != nil {
		return err
	}
	f := l.secure.Funcs[0]
	if err := e.graph(l.secure, twopc.LayerOps(f)); err != nil {
		return err
	}
	return e.document.Put("timeline-estimate", explore.Estimated(l.secure, f, l.context.Source, target))
}

// step records a form of the network and, with the first one, the source that its positions are in.
func (e *explorer) step(name, doc string, m *ir.Module, took time.Duration) error {
	if _, ok := e.document.Part("source"); !ok {
		if err := e.document.Put("source", e.files(m)); err != nil {
			return err
		}
	}
	return e.recorder.Add(name, doc, m, took)
}

func (e *explorer) graph(m *ir.Module, ops map[string]string) error {
	return e.document.Put("graph", explore.NewGraph(m.Stage, m.Funcs[0], ops))
}

// files are the user's, as far as they are there: a dump may name any, so it is those of the language alone.
func (e *explorer) files(m *ir.Module) any {
	type file struct {
		Name string `json:"name"`
		Text string `json:"text"`
	}
	out := struct {
		head
		Files []file `json:"files"`
	}{version1, []file{}}
	for _, name := range m.Files {
		text, ok := e.sources[name]
		if info, err := os.Stat(name); !ok && filepath.Ext(name) == ".sotto" && err == nil && info.Mode().IsRegular() {
			text, err = e.read(name)
			ok = err == nil
		}
		if ok {
			out.Files = append(out.Files, file{name, text})
		}
	}
	return out
}

// write writes the page to a file.
func (e *explorer) write(path string) error {
	var page strings.Builder
	if err := explore.Write(&page, e.document); err != nil {
		return err
	}
	return replaceFile(path, page.String())
}
