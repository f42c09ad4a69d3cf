package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// browser is a headless Chromium that is driven by its DevTools protocol, over a pair of pipes: what is clicked and typed goes the way that a
// user's clicks and keys go.
type browser struct {
	t       *testing.T
	cmd     *exec.Cmd
	to      *os.File
	session string

	mu      sync.Mutex
	next    int
	waiting map[int]chan reply
	said    []string // errors and warnings that pages logged
}

type reply struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// chromium finds a browser: the one that SOTTO_BROWSER names, or chromium, without which the test is skipped.
func chromium(t *testing.T) string {
	t.Helper()
	named := os.Getenv("SOTTO_BROWSER")
	path, err := exec.LookPath(cmp.Or(named, "chromium"))
	if err != nil && named != "" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip("chromium is not installed")
	}
	return path
}

// newBrowser starts a browser with one page of a size; dark is the scheme that the page is told the user prefers.
func newBrowser(t *testing.T, width, height int, dark bool) *browser {
	t.Helper()
	path := chromium(t)
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, to: to, waiting: map[int]chan reply{}}
	b.cmd = exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--disable-background-networking",
		"--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir="+t.TempDir(), "about:blank")
	b.cmd.ExtraFiles = []*os.File{in, out} // 3 and 4
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	out.Close()
	go b.read(from)
	t.Cleanup(b.close)
	b.attach(width, height, dark)
	return b
}

func (b *browser) close() {
	b.to.Write([]byte(`{"id":0,"method":"Browser.close"}` + "\x00")) // it may have gone already
	b.to.Close()
	ended := make(chan struct{})
	go func() { b.cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		b.cmd.Process.Kill()
		<-ended
	}
}

// read takes messages, each ended by a zero byte.
func (b *browser) read(from *os.File) {
	defer from.Close()
	lines := bufio.NewReaderSize(from, 1<<20)
	for {
		text, err := lines.ReadBytes(0)
		if err != nil {
			b.mu.Lock()
			for _, c := range b.waiting {
				close(c)
			}
			b.waiting = nil
			b.mu.Unlock()
			return
		}
		var r reply
		if json.Unmarshal(bytes.TrimSuffix(text, []byte{0}), &r) != nil {
			continue
		}
		b.mu.Lock()
		switch r.Method {
		case "":
			if c := b.waiting[r.ID]; c != nil {
				c <- r
				delete(b.waiting, r.ID)
			}
		case "Runtime.exceptionThrown", "Log.entryAdded":
			b.said = append(b.said, string(r.Params))
		}
		b.mu.Unlock()
	}
}

// try calls a method of the protocol.
func (b *browser) try(ctx context.Context, method string, params any, result any) error {
	b.mu.Lock()
	if b.waiting == nil {
		b.mu.Unlock()
		return errors.New("the browser has ended")
	}
	b.next++
	id, c := b.next, make(chan reply, 1)
	b.waiting[id] = c
	session := b.session
	b.mu.Unlock()
	call := map[string]any{"id": id, "method": method, "params": params}
	if session != "" {
		call["sessionId"] = session
	}
	text, err := json.Marshal(call)
	if err != nil {
		return err
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		return err
	}
	select {
	case r, ok := <-c:
		switch {
		case !ok:
			return errors.New("the browser has ended")
		case r.Error != nil:
			return fmt.Errorf("%s: %s", method, r.Error.Message)
		case result != nil:
			return json.Unmarshal(r.Result, result)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// call is try that must not fail.
func (b *browser) call(method string, params any, result any) {
	b.t.Helper()
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if err := b.try(ctx, method, params, result); err != nil {
		b.t.Fatal(err)
	}
}

type object = map[string]any

func (b *browser) attach(width, height int, dark bool) {
	b.t.Helper()
	var targets struct {
		Infos []struct {
			ID   string `json:"targetId"`
			Type string `json:"type"`
		} `json:"targetInfos"`
	}
	var session struct {
		ID string `json:"sessionId"`
	}
	for range 100 { // until the first page is there
		b.call("Target.getTargets", object{}, &targets)
		for _, i := range targets.Infos {
			if i.Type == "page" && session.ID == "" {
				b.call("Target.attachToTarget", object{"targetId": i.ID, "flatten": true}, &session)
			}
		}
		if session.ID != "" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.mu.Lock()
	b.session = session.ID
	b.mu.Unlock()
	scheme := map[bool]string{false: "light", true: "dark"}[dark]
	b.call("Emulation.setEmulatedMedia", object{"features": []object{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.call("Emulation.setDeviceMetricsOverride", object{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(domain+".enable", object{}, nil)
	}
}

func (b *browser) open(url string) {
	b.t.Helper()
	b.call("Page.navigate", object{"url": url}, nil)
}

// eval gives what an expression is in the page, as JSON has it.
func (b *browser) eval(expression string) any {
	b.t.Helper()
	var out struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Exception *struct {
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	b.call("Runtime.evaluate", object{"expression": expression, "returnByValue": true, "awaitPromise": true}, &out)
	if out.Exception != nil {
		b.t.Fatalf("%s: %s", expression, out.Exception.Exception.Description)
	}
	return out.Result.Value
}

// until waits for an expression to be true.
func (b *browser) until(expression string) {
	b.t.Helper()
	for begun := time.Now(); time.Since(begun) < time.Minute; time.Sleep(20 * time.Millisecond) {
		if b.eval("Boolean("+expression+")") == true {
			return
		}
	}
	b.t.Fatalf("never came true: %s; selected is %v", expression, b.eval("JSON.stringify(selection.now) + ' ' + document.activeElement.outerHTML.slice(0, 200)"))
}

// click presses the mouse in the middle of the first element that a selector names.
func (b *browser) click(selector string) {
	b.t.Helper()
	b.clickOn(fmt.Sprintf("document.querySelector(%q)", selector))
}

// clickOn clicks on the element that an expression gives. It is asked for but once, since a view may be drawn anew at any moment.
func (b *browser) clickOn(element string) {
	b.t.Helper()
	at := b.eval(fmt.Sprintf(`(() => { const e = %s; if (!e) return null; e.scrollIntoView({block: 'nearest', inline: 'nearest'}); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, element))
	point, ok := at.([]any)
	if !ok {
		b.t.Fatalf("there is no %s to click", element)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		b.call("Input.dispatchMouseEvent", object{"type": kind, "x": point[0], "y": point[1], "button": "left", "clickCount": 1}, nil)
	}
}

// codes are the keys that are no characters.
var codes = map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}

// press presses keys, one after the other.
func (b *browser) press(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		down := object{"type": "keyDown", "key": key, "windowsVirtualKeyCode": codes[key]}
		if codes[key] == 0 {
			down["text"] = key
		}
		if key == "Enter" {
			down["text"] = "\r"
		}
		b.call("Input.dispatchKeyEvent", down, nil)
		b.call("Input.dispatchKeyEvent", object{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}, nil)
	}
}

// quiet fails if a page logged an error, as for what its policy refuses.
func (b *browser) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.said) > 0 {
		b.t.Errorf("the page logged:\n%s", strings.Join(b.said, "\n"))
	}
}

// picture writes what the page looks like as a PNG.
func (b *browser) picture(path string) {
	b.t.Helper()
	var out struct{ Data []byte }
	b.call("Page.captureScreenshot", object{"format": "png"}, &out)
	if err := os.WriteFile(path, out.Data, 0o644); err != nil {
		b.t.Fatal(err)
	}
}
