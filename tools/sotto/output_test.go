package main

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func TestNumbersForPeople(t *testing.T) {
	for got, want := range map[string]string{
		count(0): "0", count(999): "999", count(1000): "1,000", count(-1234567): "-1,234,567", count(11689512): "11,689,512",
		size(0): "0 B", size(999): "999 B", size(1000): "1.00 kB", size(9_180_000): "9.18 MB", size(11_300_000_000): "11.3 GB",
		duration(0.0184): "0.0184 ms", duration(58.3): "58.3 ms", duration(68_100): "68.1 s",
		three(0): "0", three(131072): "131072", three(-4.456): "-4.46", three(1e-9): "0.000000",
		blankZero(0): "", blankReal(2.13e20): "2.13e+20", blankReal(1.5e6): "1.50e+6", shapeText([]int{3, 4}): "3x4", shapeText(nil): "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTableAligns(t *testing.T) {
	var b strings.Builder
	table(&b, "layer >ring_holds", [][]string{{"a", "1,000"}, {"conv1", ">5"}})
	want := "layer  ring holds\na           1,000\nconv1          >5\n"
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestATerminalObeysNoName(t *testing.T) {
	var out, errs strings.Builder
	a := &app{out: &out, err: &errs}
	const name, want = "a\x1b[2J\r\u009b1mé\tb\n", "a?[2J??1mé\tb\n"
	if err := a.show(nil, func(w io.Writer) { io.WriteString(w, name) }); err != nil || out.String() != want {
		t.Errorf("a result is shown as %q, %v", out.String(), err)
	}
	a.notice("%s", name)
	a.fail(errors.New(name))
	if errs.String() != "note: "+want+"\n"+want+"\n" {
		t.Errorf("notices and errors are shown as %q", errs.String())
	}
	errs.Reset()
	a.progress = &progress{app: a, terminal: true}
	if a.progress.step("%s", name); errs.String() != "\r\x1b[K"+want {
		t.Errorf("progress is shown as %q", errs.String())
	}
}

func TestProgressIsQuietUntilWorkIsLong(t *testing.T) {
	var b strings.Builder
	a := &app{err: &b}
	p := newProgress(a)
	p.step("one")
	if b.Len() > 0 {
		t.Errorf("short work prints %q", b.String())
	}
	p.last = time.Now().Add(-2 * plainEvery)
	p.step("pass %s", "fold")
	p.step("pass %s", "dce")
	p.done()
	if b.String() != "pass fold\n" {
		t.Errorf("long work prints %q", b.String())
	}
	for _, silent := range []*app{{err: &b, quiet: true}, {err: &b, json: true}} {
		p := newProgress(silent)
		p.step("x")
		p.done()
	}
	if b.String() != "pass fold\n" {
		t.Errorf("with --quiet or --json it prints %q", b.String())
	}
}

func TestProgressOverwritesOnATerminal(t *testing.T) {
	var b strings.Builder
	p := &progress{app: &app{err: &b}, terminal: true}
	p.step("one")
	p.step("two")
	p.done()
	p.done()
	if want := "\r\x1b[Kone\r\x1b[Ktwo\r\x1b[K"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
