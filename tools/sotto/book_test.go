package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sotto/docs"
	"sotto/tools/sotto/clang"
)

// TestTheBookRuns runs every console block of README.md and docs/, page by page, each page in an empty folder that has examples/: all commands
// are typed into a shell and must end as the block says, and what is shown after one must be what it prints. docs/README.md has the rules.
func TestTheBookRuns(t *testing.T) {
	for _, p := range pages(t, "README.md", "docs/*.md") {
		t.Run(filepath.Base(p.Path), func(t *testing.T) {
			t.Parallel()
			newReader(t).read(p)
		})
	}
}

// pages reads the documents of some patterns, which are relative to the repository.
func pages(t *testing.T, patterns ...string) (out []*docs.Page) {
	t.Helper()
	for _, pattern := range patterns {
		paths, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d documents, error %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			p, err := docs.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, p)
		}
	}
	return out
}

// typed is a command of a console block, without its prompt and with its lines joined, and what is shown after it.
type typed struct {
	at, line string
	shown    []string
}

// prompt stands before a command, with the machine's name where there are several.
var prompt = regexp.MustCompile(`^\w*\$ `)

// commandsIn are the commands of a console block.
func commandsIn(b *docs.Block) (out []typed) {
	lines := strings.Split(strings.TrimSuffix(b.Text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		line, at := lines[i], b.At(i)
		p := prompt.FindString(line)
		if p == "" {
			if len(out) > 0 && line != "" {
				out[len(out)-1].shown = append(out[len(out)-1].shown, line)
			}
			continue
		}
		for strings.HasSuffix(line, `\`) && i+1 < len(lines) {
			i++
			line = strings.TrimSuffix(line, `\`) + strings.TrimSpace(lines[i])
		}
		line, _, _ = strings.Cut(strings.TrimPrefix(line, p), "  #")
		out = append(out, typed{at: at, line: strings.TrimSpace(line)})
	}
	return out
}

// reader does what a page says.
type reader struct {
	t       *testing.T
	dir     string
	ports   map[string]string // free ones, by those that are written
	staying []*proc
	tree    string      // the copy of the repository; empty: none yet
	files   [][2]string // that it is to have, by name
}

func newReader(t *testing.T) *reader {
	t.Helper()
	r := &reader{t: t, dir: t.TempDir(), ports: map[string]string{}}
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(examples, filepath.Join(r.dir, "examples")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.leave)
	return r
}

// read runs the console blocks of a page, and writes the blocks that have a file's name behind their language. A block of no language must hold
// no command: it would not be run.
func (r *reader) read(p *docs.Page) {
	for i := range p.Blocks {
		b := &p.Blocks[i]
		switch {
		case len(b.Info) == 0 && regexp.MustCompile(`(?m)^\s*(\$ |sotto |go |make )`).MatchString(b.Text):
			r.t.Errorf("%s: a block of commands that is not run: accepted is ```console, with a prompt before each", b.At(0))
		case b.Is("console"):
			r.block(b)
		case len(b.Info) == 2 && strings.Contains(b.Info[1], "."):
			r.put(b.Info[1], b.Text)
		}
	}
}

// put writes a file into the page's folder, or, if its name has a folder, into the copy of the repository, once there is one.
func (r *reader) put(name, text string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if strings.Contains(name, "/") {
		if r.tree == "" {
			r.files = append(r.files, [2]string{name, text})
			return
		}
		path = filepath.Join(r.tree, name)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// plant copies the repository, as far as Git knows it, for commands that change it.
func (r *reader) plant() {
	r.t.Helper()
	if r.tree != "" {
		return
	}
	r.tree = filepath.Join(r.dir, "tree")
	copied := exec.Command("sh", "-c", `git ls-files -co --exclude-standard -z | tar -c --null -T - | tar -x -C "$0"`, r.tree)
	copied.Dir = "../.."
	if err := os.Mkdir(r.tree, 0o755); err != nil {
		r.t.Fatal(err)
	}
	if out, err := copied.CombinedOutput(); err != nil {
		r.t.Fatalf("%v: %s", err, out)
	}
	for _, f := range r.files {
		r.put(f[0], f[1])
	}
}

// block runs the commands of a block, as the words behind its fence say: long, exit=STATUS of the last, with=PROGRAM, and tree, in a copy of the
// repository.
func (r *reader) block(b *docs.Block) {
	r.t.Helper()
	commands, status, run := commandsIn(b), "0", r.run
	if len(commands) == 0 {
		r.t.Errorf("%s: a console block without a command after a prompt", b.At(0))
	}
	for _, word := range b.Info[1:] {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "long":
			if os.Getenv("SOTTO_LONG") == "" {
				return
			}
		case "tree":
			r.plant()
			run = r.runInTree
		case "exit":
			status = value
		case "with":
			if !r.has(value) {
				r.t.Logf("%s: %s is not installed", b.At(0), value)
				return
			}
		default:
			r.t.Fatalf("%s: %s: accepted are long, exit=STATUS, with=PROGRAM and tree", b.At(0), word)
		}
	}
	for i, c := range commands {
		if i < len(commands)-1 {
			run(c, "0")
		} else {
			run(c, status)
		}
	}
}

// has tells whether a program is there; python3 is one with PyTorch. Where SOTTO_PYTHON is set, as in CI, nothing may be missing.
func (r *reader) has(program string) bool {
	r.t.Helper()
	path, err := exec.LookPath(program)
	switch program {
	case "clang": // by whatever name sotto finds it
		_, err = clang.Find()
	case "python3":
		if named := os.Getenv("SOTTO_PYTHON"); named != "" {
			path, err = exec.LookPath(named)
		}
		if err == nil {
			err = exec.Command(path, "-c", "import importlib.util as u, sys; sys.exit(not u.find_spec('torch'))").Run()
		}
	}
	if err != nil {
		if os.Getenv("SOTTO_PYTHON") != "" {
			r.t.Fatalf("%s: %v", program, err)
		}
		return false
	}
	if path == "" {
		return true
	}
	bin := filepath.Join(r.dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Symlink(path, filepath.Join(bin, program)); err != nil && !os.IsExist(err) {
		r.t.Fatal(err)
	}
	return true
}

// stays matches commands that stay until they are interrupted, unless they write a file (-o), and those that end when a later one does.
var (
	stays = regexp.MustCompile(`^sotto (serve|deal|explore|calibrate .*--listen) `)
	waits = regexp.MustCompile(`^sotto (train|search) .*--(serve|deal) `)
)

// run types a command.
func (r *reader) run(c typed, status string) {
	r.t.Helper()
	line := strings.TrimSuffix(strings.Replace(c.line, "go run ./tools/sotto ", "sotto ", 1), " &")
	line = regexp.MustCompile(`(server|dealer)\.example`).ReplaceAllString(line, "localhost")
	line = regexp.MustCompile(`:(77\d\d)\b`).ReplaceAllStringFunc(line, r.port)
	switch {
	case strings.HasPrefix(line, "go test "):
		return // runs by itself
	case stays.MatchString(line) && !strings.Contains(line, " -o "), waits.MatchString(line):
		r.stay(c, "exec "+line)
		return
	}
	r.end(c, r.shell(line), status)
}

// runInTree types a command in the copy of the repository.
func (r *reader) runInTree(c typed, status string) {
	r.t.Helper()
	cmd := exec.Command("sh", "-c", c.line)
	cmd.Dir = r.tree
	r.end(c, cmd, status)
}

// end waits for a command, and compares what it printed with what is shown.
func (r *reader) end(c typed, cmd *exec.Cmd, status string) {
	r.t.Helper()
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		r.t.Fatal(err)
	}
	if got := fmt.Sprint(cmd.ProcessState.ExitCode()); got != status {
		r.t.Fatalf("%s: %s\nexit status %s, want %s:\n%s%s", c.at, c.line, got, status, out.String(), errs.String())
	}
	if status != "0" { // what is wrong; otherwise notices and progress
		out.WriteString(errs.String())
	}
	r.compare(c, out.String())
}

// shell is a shell that runs a line: in the page's folder, or in the repository, where Go is told something.
func (r *reader) shell(line string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = r.dir
	bin := filepath.Join(r.dir, "bin")
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	if strings.HasPrefix(line, "go ") {
		cmd.Dir = "../.."
		cmd.Env = append(cmd.Env, "GOBIN="+bin)
	}
	return cmd
}

// stay starts a command that stays, and waits until it says where. A page that it serves is asked for.
func (r *reader) stay(c typed, line string) {
	r.t.Helper()
	n := len(r.staying)
	p, err := begin(r.shell(line), filepath.Join(r.dir, fmt.Sprintf(".out%d", n)), filepath.Join(r.dir, fmt.Sprintf(".err%d", n)))
	if err != nil {
		r.t.Fatal(err)
	}
	r.staying = append(r.staying, p)
	where := regexp.MustCompile(`(listening on|http:)\S*\s*\S+\n`)
	for begun := time.Now(); time.Since(begun) < patience; time.Sleep(20 * time.Millisecond) {
		out, _ := os.ReadFile(p.out)
		errs, _ := os.ReadFile(p.err)
		if where.Match(append(errs, out...)) {
			if url := strings.TrimSpace(string(out)); strings.HasPrefix(url, "http:") {
				r.visit(url)
			}
			r.compare(c, string(out))
			return
		}
		select {
		case <-p.ended:
			r.t.Fatalf("%s: %s\nended with status %d:\n%s%s", c.at, c.line, p.status, out, errs)
		default:
		}
	}
	r.t.Fatalf("%s: %s\nsays nothing", c.at, c.line)
}

func (r *reader) visit(url string) {
	r.t.Helper()
	answer, err := http.Get(url)
	if err != nil {
		r.t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		r.t.Errorf("%s: %s", url, answer.Status)
	}
}

// leave interrupts what stays: all of it must end well.
func (r *reader) leave() {
	for _, p := range r.staying {
		p.signal(syscall.SIGINT)
		if err := p.waited(); err != nil || p.status != 0 {
			text, _ := os.ReadFile(p.err)
			r.t.Errorf("%s: status %d, %v: %s", p.cmd, p.status, err, text)
		}
	}
}

// port is a free port for one that is written, the same throughout the page.
func (r *reader) port(written string) string {
	if r.ports[written] == "" {
		l, err := net.Listen("tcp", "localhost:0")
		if err != nil {
			r.t.Fatal(err)
		}
		defer l.Close()
		r.ports[written] = fmt.Sprintf(":%d", l.Addr().(*net.TCPAddr).Port)
	}
	return r.ports[written]
}

// compare holds what is shown, if anything is, against what was printed.
func (r *reader) compare(c typed, printed string) {
	r.t.Helper()
	for written, free := range maps.All(r.ports) {
		printed = strings.ReplaceAll(printed, free, written)
	}
	lines := slices.DeleteFunc(strings.Split(printed, "\n"), func(s string) bool { return strings.TrimSpace(s) == "" })
	if len(c.shown) > 0 {
		if missing, ok := shows(c.shown, lines); !ok {
			r.t.Errorf("%s: %s\nthe page shows %q, which is not where it says in\n%s", c.at, c.line, missing, printed)
		}
	}
}

// shows tells whether shown lines are those that were printed, and if not, which is the first that is not.
func shows(shown, printed []string) (missing string, ok bool) {
	at, any := 0, false
	for _, s := range shown {
		if s == elided {
			any = true
			continue
		}
		want := shownAs(s)
		i := slices.IndexFunc(printed[at:], func(l string) bool { return want.MatchString(plainly(l)) })
		if i < 0 || i > 0 && !any {
			return s, false
		}
		at, any = at+i+1, false
	}
	if at < len(printed) && !any {
		return "the end, before " + printed[at], false
	}
	return "", true
}

const elided = "…"

// plainly is a line with one space between its words.
func plainly(line string) string { return strings.Join(strings.Fields(line), " ") }

// number is a number with the unit behind it: one with a point, an exponent or a unit is measured or estimated, and differs from machine to
// machine; others are counts.
var number = regexp.MustCompile(`-?\d[\d,]*(\.\d+)?(e[-+]?\d+)?( ?(?:ns|us|ms|s|min|B|kB|MB|GB|KiB|MiB|GiB|uJ|mJ|J|W)\b| ?%)?`)

// shownAs matches the lines that a shown one stands for: … is any text, and a measured number any number.
func shownAs(line string) *regexp.Regexp {
	line = plainly(line)
	var b strings.Builder
	last := 0
	for _, m := range number.FindAllStringSubmatchIndex(line, -1) {
		counted := m[2] < 0 && m[4] < 0 && m[6] < 0
		if counted {
			continue
		}
		b.WriteString(regexp.QuoteMeta(line[last:m[0]]) + number.String())
		last = m[1]
	}
	b.WriteString(regexp.QuoteMeta(line[last:]))
	return regexp.MustCompile("^" + strings.ReplaceAll(b.String(), elided, ".*") + "$")
}

// measuredNet is a network in which the layer it works on 6272 elements.
const measuredNet = `net n {
  input image: f32[1, 28, 28] from client
  x = conv(image, 8, kernel = 3, pad = 1)
  x = %s as it
  output y = avgpool(x) |> flatten |> linear(2) to client
}
`

// The tables of the book are what sotto says: its help, and its estimates.
func TestTheBooksTables(t *testing.T) {
	for _, x := range []struct {
		page, name string
		table      func(*testing.T) string
	}{
		{"START", "commands", commandsTable},
		{"PROTOCOLS", "costs", costsTable},
		{"PROTOCOLS", "chosen", chosenTable},
	} {
		p, err := docs.Read("../../docs/" + x.page + ".md")
		if err == nil {
			err = p.HoldTable(x.name, x.table(t))
		}
		if err != nil {
			t.Error(err)
		}
	}
}

func commandsTable(*testing.T) string {
	root := newRootCmd(&app{out: io.Discard, err: io.Discard})
	root.InitDefaultCompletionCmd()
	var b strings.Builder
	b.WriteString("| command | for |\n|---|---|\n")
	for _, c := range root.Commands() { // by name
		if c.IsAvailableCommand() && c.Name() != "help" {
			fmt.Fprintf(&b, "| `%s` | %s |\n", c.Name(), c.Short)
		}
	}
	return b.String()
}

// estimated is what an estimate of measuredNet with a layer says.
func estimated(t *testing.T, layer string, flags ...string) (r netEstimate) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "net.sotto")
	err := os.WriteFile(file, fmt.Appendf(nil, measuredNet, layer), 0o644)
	if err == nil {
		err = json.Unmarshal([]byte(mustSotto(t, append([]string{"estimate", file, "--json", "--quiet"}, flags...)...)), &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func costsTable(t *testing.T) string {
	var b strings.Builder
	b.WriteString("| layer | flags | online | rounds | offline | dealer |\n|---|---|---|---|---|---|\n")
	row := func(layer, flags string) {
		given := append([]string{"--ring", "32", "--ot", "softspoken", "--garbling", "half-gates"}, strings.Fields(flags)...) // later ones win
		for _, l := range estimated(t, layer, given...).Layers {
			if l.Path == "it" {
				each := func(bytes int64) string { return fmt.Sprintf("%.1f", float64(bytes)/6272) }
				dealer := ""
				if l.Offline.DealerSent > 0 {
					dealer = each(l.Offline.DealerSent)
				}
				fmt.Fprintf(&b, "| `%s` | `%s` | %s | %d | %s | %s |\n", layer, flags, each(l.Online.Bytes), l.Online.Rounds, each(l.Offline.Bytes), dealer)
			}
		}
	}
	for _, layer := range []string{"relu(x)", "maxpool(x, 2)"} {
		for _, flags := range []string{"--nonlinear gc", "--nonlinear gc --garbling three-halves", "--nonlinear gc-whole", "--nonlinear ot", "--nonlinear ot --ot ferret",
			"--nonlinear fss --offline dealer", "--nonlinear fss-whole --offline dealer"} {
			row(layer, flags)
		}
	}
	for _, flags := range []string{"--products gilboa", "--products gilboa --ot ferret", "--products simd", "--offline dealer"} {
		row("x2act(x)", flags)
	}
	return b.String()
}

func chosenTable(t *testing.T) string {
	links := []string{"loopback", "lan", "wan", "10mbps,1ms", "1gbps,50ms"}
	var b strings.Builder
	b.WriteString("| layer | `" + strings.Join(links, "` | `") + "` |\n|---|" + strings.Repeat("---|", len(links)) + "\n")
	for _, layer := range []string{"relu(x)", "maxpool(x, 2)", "x2act(x)"} {
		fmt.Fprintf(&b, "| `%s` |", layer)
		for _, link := range links {
			var chosen []string
			for _, d := range estimated(t, layer, "--target", link, "--explain").Explain.Decisions {
				if d.Path == "it" && d.Op != "trunc" || slices.Contains([]string{"ot", "products", "garbling"}, d.Op) {
					chosen = append(chosen, d.Chosen)
				}
			}
			fmt.Fprintf(&b, " %s |", strings.Join(chosen, ", "))
		}
		b.WriteString("\n")
	}
	return b.String()
}
