package main

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"sotto/ir/pos"
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
	b.eval("[...document.querySelectorAll('.pane:nth-child(2) .row')].find((r) => r.textContent.includes('nn.conv2d %image')).querySelector('.value').id = 'conv'")
	b.click("#conv")
	b.until(same + " >= 1 && document.querySelector('.source .text.same').textContent.includes('conv1')")
	b.until("document.querySelector('.pane:nth-child(3) .row.same').textContent.includes('ring.conv2d') || document.querySelectorAll('.pane:nth-child(3) .row.same').length > 1")
	b.until("document.getElementById('chosen').textContent.startsWith('conv1 line 4')")

	t.Log("a name selects what it names")
	b.eval("[...document.querySelectorAll('.pane:nth-child(2) .row')].find((r) => r.textContent.includes('nn.relu %3')).querySelectorAll('.value')[1].id = 'use'")
	b.click("#use")
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
