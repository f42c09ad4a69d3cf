package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sotto/ir/pos"
	"sotto/passes/search"
	"sotto/tools/sotto/explore"
)

// explored begins to explore files in this process and gives where the page is, and how to fill it.
func explored(t *testing.T, f exploreFlags, args ...string) (e *explorer, url string) {
	t.Helper()
	f.target, f.lower.offline = "loopback", "he"
	a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard, sources: pos.Source{}, quiet: true}
	e = &explorer{app: a, flags: &f, document: explore.NewDocument(strings.Join(args, " "))}
	e.recorder.Document = e.document
	for _, arg := range args {
		if err := e.take(arg); err != nil {
			t.Fatal(err)
		}
	}
	s, err := explore.Listen("127.0.0.1:0", e.document)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	t.Cleanup(stop)
	go s.Serve(ctx)
	return e, s.URL()
}

const ready = "typeof store === 'object' && store.state.done && main.firstElementChild"

// TestExplorePage goes through the page as a user does, by mouse and by keys.
func TestExplorePage(t *testing.T) {
	t.Chdir("../../examples")
	e, url := explored(t, exploreFlags{}, "minionn.sotto")
	b := newBrowser(t, 1280, 800, false)
	same := "document.querySelectorAll('.pane:not(.source) .row.same').length"

	t.Log("the first view is there before anything is compiled")
	b.open(url)
	b.until("typeof store === 'object' && document.querySelectorAll('.pane:not(.source) .row').length > 20")
	b.until("document.querySelector('.source .row .text').textContent.includes('MNIST')")
	if err := e.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.until(ready)
	b.until("document.getElementById('facts').textContent.includes('online, estimated')")
	b.until("document.querySelectorAll('#tabs button').length === 4")
	b.until("Number(document.querySelectorAll('.head select')[1].value) === views[0].view.steps.length - 1")

	t.Log("a value that is clicked selects its layer in both passes and its line in the source")
	b.eval("views[0].view.only.focus()")
	b.clickOn("[...document.querySelectorAll('.pane:nth-child(2) .row')].find((r) => r.textContent.includes('nn.conv2d %image'))?.querySelector('.value')")
	b.until(same + " >= 1 && document.querySelector('.source .text.same').textContent.includes('conv1')")
	b.until("document.querySelector('.pane:nth-child(3) .row.same').textContent.includes('ring.conv2d') || document.querySelectorAll('.pane:nth-child(3) .row.same').length > 1")
	b.until("document.getElementById('chosen').textContent.startsWith('conv1 line 4')")

	t.Log("a name selects what it names")
	b.clickOn("[...document.querySelectorAll('.pane:nth-child(2) .row')].find((r) => r.textContent.includes('nn.relu %3'))?.querySelectorAll('.value')[1]")
	b.until("selection.now.path === 'conv1'")
	b.click(".source .row:nth-child(7) .number")
	b.until("selection.now.line === 7 && selection.now.path === '' && " + same + " > 1")

	t.Log("keys: passes, changes, find, rows")
	b.press("]", "]", "]")
	b.until("document.querySelectorAll('.head select')[0].value === '3'")
	b.press("{")
	b.until("views[0].view.number(1) === views[0].view.steps.length - 2")
	b.press("n")
	b.until("document.querySelector('.pane:nth-child(3) .row.at')")
	b.press("c")
	b.until("views[0].view.rows.every((r) => r[2])")
	b.press("c", "/", "m", "u", "x", "Enter")
	b.until("document.querySelector('.pane:nth-child(3) .row.at').textContent.includes('ot.mux')")
	b.press("Escape", "Escape")
	b.until("selection.now === null && document.activeElement.tagName === 'BODY'")
	b.eval("views[0].view.sides[1].element.focus()")
	b.press("j", "j", "ArrowUp", "Enter")
	b.until("selection.now !== null")

	t.Log("graph: along the edges")
	b.press("2")
	b.until("document.querySelectorAll('.node').length > 8")
	b.eval("document.querySelector('.node[tabindex=\"0\"]').focus()")
	b.press("j", "ArrowDown", "Enter")
	b.until("selection.now.path === 'pool1' && document.activeElement.classList.contains('same')")
	if hot := b.eval("document.querySelectorAll('.node:not(.heat-0)').length"); hot.(float64) < 5 {
		t.Errorf("%v nodes are warm", hot)
	}

	t.Log("layers, timeline, help")
	b.press("3")
	b.until("document.querySelector('tr.same th').textContent === 'pool1'")
	b.eval("document.querySelector('tr.same').focus()")
	b.press("j", "Enter")
	b.until("selection.now.path === 'relu1'")
	b.press("4")
	b.until("document.querySelectorAll('canvas').length === 2")
	b.eval("document.querySelectorAll('canvas')[1].focus()")
	b.press("j", "j", "+", "Enter")
	b.until("document.querySelectorAll('.told')[1].textContent.includes('·') && views[3].view.charts[1].to < views[3].view.charts[1].length")
	b.press("?")
	b.until("document.getElementById('help').open && document.getElementById('help').textContent.includes('closer')")
	b.press("Escape")
	b.until("!document.getElementById('help').open")
	b.eval("document.querySelector('#tabs [aria-selected=true]').focus()")
	b.press("ArrowRight")
	b.until("document.querySelector('#tabs [aria-selected=true]').textContent === 'Passes' && document.activeElement.id === 'tab-passes'")

	t.Log("the same as one file, narrow")
	file := filepath.Join(t.TempDir(), "page.html")
	if err := e.write(file); err != nil {
		t.Fatal(err)
	}
	b.call("Emulation.setDeviceMetricsOverride", object{"width": 420, "height": 800, "deviceScaleFactor": 1, "mobile": false}, nil)
	b.open("file://" + file)
	b.until("location.protocol === 'file:' && " + ready)
	b.until("document.querySelectorAll('.pane:not(.source) .row').length > 20")
	if wide := b.eval("document.documentElement.scrollWidth"); wide.(float64) > 420 {
		t.Errorf("the page is %v pixels wide on a screen of 420", wide)
	}
	b.quiet()
}

// TestExploreMeasured: a trace of a run beside the estimate, in the dark: bars and figures of both for every layer, and both timelines; beside
// them the networks of a search, and the schedule of two boards.
func TestExploreMeasured(t *testing.T) {
	p := newPlace(t, "client-server")
	sottoJSON(t, nil, "run", p.path("out"), "--input", "random:3", "--trace", p.path("t.json"))
	sottoJSON(t, nil, "fpga", p.path("tiny.sotto"), "--target", "zcu104x2", "--estimate", "-o", p.path("boards"))
	var trials []byte
	for i, accuracy := range []float64{0.5, 0.8, 0.7} { // the last is on no front: slower and worse than the second
		ms := float64(i + 1)
		line, err := json.Marshal(trial{Name: fmt.Sprint("net-", i), Random: i == 2, Choices: map[string]string{"act#1": "x2act"}, Measures: search.Measures{"latency(lan)": ms, "relus": 10 - ms}, Valid: search.Metrics{Accuracy: accuracy, Samples: 10}})
		if err != nil {
			t.Fatal(err)
		}
		trials = append(append(trials, line...), '\n')
	}
	p.overwrite("found/"+trialsFile, append(trials, `{"name":"being wri`...)) // the search goes on
	e, url := explored(t, exploreFlags{lower: lowerFlags{weights: "random:1"}}, p.path("tiny.sotto"), p.path("t.json"), p.path("found"), p.path("boards"))
	b := newBrowser(t, 1280, 800, true)
	if err := e.fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.open(url + "#layers")
	b.until(ready)
	b.until("document.getElementById('facts').textContent.includes('online, estimated') && document.getElementById('facts').textContent.includes('online, measured')")
	if dark := b.eval("getComputedStyle(document.body).backgroundColor"); dark != "rgb(20, 23, 27)" {
		t.Errorf("in the dark the page is %v", dark)
	}
	for _, figure := range []string{"online", "online-bytes"} {
		b.eval(fmt.Sprintf("views[2].view.figure = %q; views[2].view.draw()", figure))
		// Of each layer with a figure on both sides a bar of each, as long as it is to the longest, and the ratio; the layers sum to the total.
		if wrong := b.eval(`(() => {
			const rows = views[2].view.rows, most = Math.max(...rows.flatMap((r) => r.values)), seen = [...document.querySelectorAll('tr[data-i]')];
			const wrong = rows.flatMap((r, i) => ['estimate', 'measured'].flatMap((kind, k) => {
				const bar = seen[i].querySelector('i.' + kind), cell = seen[i].querySelector('.bars');
				const want = (r.values[k] || 0) / most, got = bar && !bar.hidden ? bar.getBoundingClientRect().width / (cell.clientWidth - parseFloat(getComputedStyle(cell).paddingLeft) - parseFloat(getComputedStyle(cell).paddingRight)) : 0;
				return Math.abs(want - got) < 0.02 ? [] : [r.path + ' ' + kind + ': ' + got + ', want ' + want];
			}));
			const total = [...document.querySelector('tr.total').children].map((c) => c.textContent);
			return [...wrong, ...(rows.filter((r) => r.values.every((v) => v > 0)).length < 4 ? ['few layers have both'] : []), ...(Number(total.at(-1)) > 0 ? [] : ['totals ' + total])].join('; ');
		})()`); wrong != "" {
			t.Errorf("%s: %v", figure, wrong)
		}
	}
	// What a layer was measured to send is what it was estimated to.
	if wrong := b.eval("views[2].view.rows.filter((r) => (r.values[0] || 0) !== (r.values[1] || 0)).map((r) => r.path + ' ' + r.values).join('; ')"); wrong != "" {
		t.Errorf("bytes of layers, as estimated and as measured: %v", wrong)
	}
	b.press("4")
	b.until("document.querySelectorAll('canvas').length === 4")
	for i, kind := range []string{"offline, estimate", "offline, measured", "online, estimate", "online, measured"} {
		if title, _ := b.eval(fmt.Sprintf("document.querySelectorAll('canvas')[%d].getAttribute('aria-label')", i)).(string); !strings.HasPrefix(title, kind+": client computes ") || strings.Contains(title, "server computes 0") {
			t.Errorf("chart %d is %q, want %s", i, title, kind)
		}
	}
	b.eval("document.querySelectorAll('canvas')[3].focus()")
	b.press("j", "j", "j", "Enter")
	b.until("selection.now !== null && document.getElementById('chosen').textContent.includes(' measured')")

	b.press("5")
	b.until("document.querySelectorAll('.scatter circle').length === 3 && document.querySelectorAll('.scatter circle.on-front').length === 2")
	b.click(".scatter circle:nth-of-type(3)")
	b.until("document.querySelector('tr.same th').textContent.trim() === 'net-2' && document.getElementById('chosen').textContent.includes('act#1=x2act')")
	b.press("k", "k")
	b.until("document.querySelector('tr.same th').textContent.trim() === 'net-0'")
	b.eval("(() => { const s = document.querySelector('#view-search select'); s.value = 'relus'; s.dispatchEvent(new Event('change')); })()")
	b.until("document.querySelectorAll('.scatter circle.on-front').length === 2 && document.querySelector('.scatter .axis').textContent === 'relus'")
	b.press("6")
	b.until("current.view.title === 'Boards' && document.querySelectorAll('.scatter circle').length > 0 && views[5].view.chart.lanes.some((l) => l.length > 0)")
	b.eval("document.querySelector('canvas').focus()")
	b.press("j", "j", "+", "Enter")
	b.until("document.querySelector('.told').textContent.includes('·') && selection.now !== null && document.querySelector('tr.same')")
	b.quiet()
}

// TestExplorePictures draws the pictures of docs/explore that need nothing but the examples: SOTTO_PICTURES=1 does it, or those that it
// names.
func TestExplorePictures(t *testing.T) {
	wanted := os.Getenv("SOTTO_PICTURES")
	if wanted == "" {
		t.Skip("SOTTO_PICTURES=1 draws docs/explore anew")
	}
	pictures, err := filepath.Abs("../../docs/explore")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.Symlink(examples, "examples"); err != nil {
		t.Fatal(err)
	}
	sottoJSON(t, nil, "run", "examples/minionn.sotto", "--weights", "random:1", "--input", "examples/images/seven.png", "--trace", "t.json")
	for _, page := range []struct {
		args     []string
		weights  string
		set      []string
		pictures []picture
	}{
		{[]string{"examples/minionn.sotto", "t.json"}, "random:1", nil, []picture{
			{"layers", "layers", 1360, 500, false, ""},
			{"measured", "timeline", 1360, 1210, false, ""},
		}},
		{[]string{"examples/minionn.sotto"}, "", nil, []picture{
			{"passes", "passes", 1360, 760, false, "await views[0].view.pick(0, 8); selection.set({file: '', line: 4, path: 'conv1'}, null)"},
		}},
		{[]string{"examples/resnet50.sotto"}, "", []string{"act=relu", "pool=maxpool"}, []picture{
			{"graph", "graph", 1360, 760, false, "selection.set({file: '', line: 3, path: 'layer1.0.act#1.relu'}, null)"},
			{"timeline", "timeline", 1360, 700, false, ""},
			{"dark", "passes", 1120, 620, true, "selection.set({file: '', line: 7, path: 'layer2.0.conv1'}, null)"},
		}},
	} {
		f := exploreFlags{lower: lowerFlags{weights: page.weights}}
		f.network.set = page.set
		e, url := explored(t, f, page.args...)
		if err := e.fill(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, p := range page.pictures {
			if wanted != "1" && !slices.Contains(strings.Split(wanted, ","), p.name) {
				continue
			}
			p.draw(t, url, filepath.Join(pictures, p.name+".png"))
		}
	}
}

// picture is one of a view, of some pixels, after something was done to it.
type picture struct {
	name, view    string
	width, height int
	dark          bool
	do            string
}

func (p *picture) draw(t *testing.T, url, path string) {
	b := newBrowser(t, p.width, p.height, p.dark)
	defer b.close()
	b.open(url + "#" + p.view)
	b.until(ready + " && document.getElementById('view-" + p.view + "') && (!current.view.steps || current.view.steps.length > 0)")
	b.eval("(async () => { " + p.do + "; await new Promise((r) => setTimeout(r, 500)); })()")
	b.picture(path)
	b.quiet()
}

// TestResNet50OpensWithinASecond: from the start of the command until the network is seen, and the page anew once all passes have run.
func TestResNet50OpensWithinASecond(t *testing.T) {
	if os.Getenv("SOTTO_LONG") == "" {
		t.Skip("SOTTO_LONG=1 runs it, on a machine that does nothing else")
	}
	b := newBrowser(t, 1360, 850, false)
	b.open("about:blank")
	begun := time.Now()
	streams := t.TempDir()
	q, err := spawn("../../examples", nil, streams+"/out", streams+"/err", "explore", "resnet50.sotto", "--set", "act=relu", "--set", "pool=maxpool", "--json")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.kill)
	if _, err := q.address(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(q.out)
	if err != nil {
		t.Fatal(err)
	}
	var r exploreResult
	parse(t, string(text), &r)
	const seen = "typeof store === 'object' && document.querySelectorAll('.pane:not(.source) .row').length > 20"
	b.open(r.URL)
	b.until(seen)
	first := time.Since(begun)
	b.until(ready)
	compiled := time.Since(begun)
	b.open("about:blank")
	b.until("location.protocol === 'about:'")
	begun = time.Now()
	b.open(r.URL)
	b.until(seen)
	again := time.Since(begun)
	views := map[string]time.Duration{}
	for i, shown := range []string{"document.querySelectorAll('.node').length > 100", "document.querySelectorAll('tr[data-i]').length > 100", "document.querySelectorAll('canvas').length === 2"} {
		begun := time.Now()
		b.press(fmt.Sprint(i + 2))
		b.until(shown)
		views[fmt.Sprint(i+2)] = time.Since(begun)
	}
	t.Logf("seen after %v, all passes after %v, opened again in %v, other views %v", first, compiled, again, views)
	if first > time.Second || again > time.Second {
		t.Errorf("it takes %v until the network is seen, and %v when all is there", first, again)
	}
	b.quiet()
}
