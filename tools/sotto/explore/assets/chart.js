'use strict';
// Lanes of work over time on a canvas, of which a part can be looked at closely.

const laneHeight = 18;
const laneGap = 4;
const labelWidth = 132;
const axisHeight = 22;

class ChartView {
  // chart is of the document; scale is shared by charts that are compared: {ms}, or null.
  constructor(chart, title, longest) {
    this.chart = chart;
    this.length = longest || chart.ms || 1;
    this.from = 0;
    this.to = this.length;
    this.at = -1;
    this.lanes = chart.lanes.map(() => []);
    chart.spans.forEach((s, i) => this.lanes[s[0]].push(i));
    this.order = chart.spans.map((s, i) => i).sort((a, b) => chart.spans[a][1] - chart.spans[b][1] || chart.spans[a][0] - chart.spans[b][0]);
    this.canvas = h('canvas', {tabindex: 0, role: 'img', 'aria-label': this.description(title), keydown: (e) => this.key(e), wheel: (e) => this.wheel(e),
      pointerdown: (e) => this.press(e), pointermove: (e) => this.hover(e), pointerup: (e) => this.release(e), pointerleave: () => this.say(this.at)});
    this.told = h('p', {class: 'told', role: 'status'}, ' ');
    this.element = h('figure', {class: 'chart'}, h('figcaption', {}, h('b', {}, title), ' ', h('span', {}, duration(chart.ms)),
      ...[['−', 'Further (-)', () => this.zoom(2)], ['+', 'Closer (+)', () => this.zoom(0.5)], ['⤢', 'All of it (0)', () => this.look(0, this.length)]]
        .map(([text, label, click]) => h('button', {type: 'button', title: label, 'aria-label': label, click}, text))), this.canvas, this.told);
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  description(title) {
    const busy = this.lanes.map((spans, i) => {
      const sum = spans.reduce((t, k) => t + this.chart.spans[k][2] - this.chart.spans[k][1], 0);
      return `${this.chart.lanes[i].group} ${this.chart.lanes[i].name} ${duration(sum)}`;
    });
    return `${title}: ${busy.join(', ')}`;
  }

  get height() { return axisHeight + this.chart.lanes.reduce((y, l, i) => y + laneHeight + (i && l.group !== this.chart.lanes[i - 1].group ? 3 * laneGap : laneGap), 0); }

  top(lane) {
    let y = axisHeight;
    for (let i = 1; i <= lane; i++) y += laneHeight + (this.chart.lanes[i].group !== this.chart.lanes[i - 1].group ? 3 * laneGap : laneGap);
    return y;
  }

  draw() {
    const width = this.element.clientWidth, ratio = window.devicePixelRatio || 1, height = this.height;
    if (!width) return;
    this.width = width;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    this.canvas.style.height = height + 'px';
    const c = this.canvas.getContext('2d');
    c.scale(ratio, ratio);
    c.font = '11px ' + colour('font');
    this.axis(c, width, height);
    this.chart.lanes.forEach((lane, i) => this.lane(c, lane, i));
  }

  x(ms) { return labelWidth + (ms - this.from) / (this.to - this.from) * (this.width - labelWidth - 8); }

  time(x) { return this.from + (x - labelWidth) / (this.width - labelWidth - 8) * (this.to - this.from); }

  axis(c, width, height) {
    const span = this.to - this.from, rough = span / Math.max(2, (width - labelWidth) / 110), power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough);
    c.textBaseline = 'middle';
    for (let t = Math.ceil(this.from / step) * step; t <= this.to; t += step) {
      const x = Math.round(this.x(t)) + 0.5;
      c.fillStyle = colour('line');
      c.fillRect(x, axisHeight - 4, 1, height);
      c.fillStyle = colour('dim');
      c.textAlign = t === 0 ? 'left' : 'center';
      const text = step >= 1000 ? +(t / 1000).toPrecision(6) + ' s' : step < 0.01 ? +(t * 1000).toPrecision(6) + ' µs' : +t.toPrecision(6) + ' ms';
      if (x < width - 24) c.fillText(text, x, 8);
    }
  }

  lane(c, lane, i) {
    const y = this.top(i), right = this.width - 8;
    c.textAlign = 'left';
    c.fillStyle = colour('text');
    const first = !i || this.chart.lanes[i - 1].group !== lane.group;
    if (first) c.fillText(lane.group, 2, y + laneHeight / 2);
    c.fillStyle = colour('dim');
    c.textAlign = 'right';
    c.fillText(lane.name, labelWidth - 8, y + laneHeight / 2);
    c.fillStyle = colour('lane');
    c.fillRect(labelWidth, y, right - labelWidth, laneHeight);
    const to = selection.now, base = colour('kind-' + lane.kind) || colour('dim'), marked = colour('select');
    let drawn = -1; // what is thinner than a pixel is drawn once
    for (const k of this.lanes[i]) {
      const [, from, end, layer] = this.chart.spans[k];
      if (end < this.from || from > this.to) continue;
      const a = Math.max(labelWidth, this.x(from)), b = Math.min(right, this.x(end));
      const same = to && matches({p: this.chart.layers[layer]}, {path: to.path}) !== '';
      if (b - a < 0.7 && a - drawn < 0.35 && !same && k !== this.at) continue;
      drawn = b;
      c.globalAlpha = lane.kind === 'wait' && !same ? 0.45 : 1;
      c.fillStyle = same ? marked : base;
      c.fillRect(a, y, Math.max(0.7, b - a - (b - a > 4 ? 0.5 : 0)), laneHeight);
      c.globalAlpha = 1;
      if (k === this.at) {
        c.strokeStyle = colour('text');
        c.lineWidth = 2;
        c.strokeRect(a, y + 1, Math.max(2, b - a), laneHeight - 2);
      }
      if (b - a > 46 && lane.kind !== 'wait') this.name(c, this.chart.layers[layer], a, b, y);
    }
  }

  name(c, text, a, b, y) {
    c.save();
    c.beginPath();
    c.rect(a, y, b - a - 3, laneHeight);
    c.clip();
    c.fillStyle = colour('on-kind');
    c.textAlign = 'left';
    c.fillText(text, a + 4, y + laneHeight / 2);
    c.restore();
  }

  look(from, to) {
    const span = Math.max(Math.min(to - from, this.length), this.length / 1e6);
    this.from = Math.max(0, Math.min(from, this.length - span));
    this.to = this.from + span;
    this.draw();
  }

  zoom(by, around) {
    const at = around ?? (this.at >= 0 ? (this.chart.spans[this.at][1] + this.chart.spans[this.at][2]) / 2 : (this.from + this.to) / 2);
    const span = (this.to - this.from) * by, part = Math.min(1, Math.max(0, (at - this.from) / (this.to - this.from)));
    this.look(at - part * span, at - part * span + span);
  }

  pan(part) {
    const by = (this.to - this.from) * part;
    this.look(this.from + by, this.to + by);
  }

  // step goes to the next span in time, of any lane but those that wait.
  step(by) {
    let i = this.order.indexOf(this.at);
    do i += by; while (i >= 0 && i < this.order.length && this.chart.lanes[this.chart.spans[this.order[i]][0]].kind === 'wait');
    if (i >= 0 && i < this.order.length) this.pick(this.order[i]);
  }

  pick(k) {
    this.at = k;
    const [, from, to] = this.chart.spans[k];
    if (to < this.from || from > this.to) this.look(from - (this.to - this.from) / 4, from + 3 * (this.to - this.from) / 4);
    this.draw();
    this.say(k);
  }

  say(k) {
    this.told.textContent = k < 0 ? ' ' : this.words(k);
  }

  words(k) {
    const [lane, from, to, layer, label, round, bytes] = this.chart.spans[k], l = this.chart.lanes[lane];
    const what = [l.group + ' ' + l.name, this.chart.layers[layer], this.chart.labels[label], duration(to - from) + ' from ' + duration(from)];
    if (bytes) what.push(size(bytes));
    if (round) what.push('round ' + round);
    return what.filter((w, i) => w && (i !== 2 || w !== what[0].split(' ')[1])).join(' · ');
  }

  span(e) {
    const t = this.time(e.offsetX), i = this.chart.lanes.findIndex((_, lane) => e.offsetY >= this.top(lane) && e.offsetY < this.top(lane) + laneHeight);
    if (i < 0 || e.offsetX < labelWidth) return -1;
    const near = 2 * (this.to - this.from) / this.width;
    return this.lanes[i].find((k) => this.chart.spans[k][1] - near <= t && t <= this.chart.spans[k][2] + near) ?? -1;
  }

  press(e) { this.drag = {x: e.offsetX, from: this.from, moved: false}; }

  hover(e) {
    if (!this.drag || !e.buttons) return this.say(this.span(e) < 0 ? this.at : this.span(e));
    const by = (this.drag.x - e.offsetX) / (this.width - labelWidth) * (this.to - this.from);
    if (Math.abs(this.drag.x - e.offsetX) < 4 && !this.drag.moved) return;
    this.drag.moved = true;
    this.look(this.drag.from + by, this.drag.from + by + this.to - this.from);
  }

  release(e) {
    const moved = this.drag && this.drag.moved, k = this.span(e);
    this.drag = null;
    if (moved || k < 0) return;
    this.pick(k);
    this.choose();
  }

  choose() {
    if (this.at < 0) return;
    const path = this.chart.layers[this.chart.spans[this.at][3]];
    selection.set(path ? {file: '', line: lineOf(path), path} : null, this);
  }

  wheel(e) {
    if (!e.ctrlKey && !e.shiftKey) return; // the page scrolls
    e.preventDefault();
    this.zoom(e.deltaY > 0 ? 1.25 : 0.8, this.time(e.offsetX));
  }

  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const does = {'+': () => this.zoom(0.5), '=': () => this.zoom(0.5), '-': () => this.zoom(2), 0: () => this.look(0, this.length), ArrowLeft: () => this.pan(-0.2), ArrowRight: () => this.pan(0.2),
      h: () => this.pan(-0.2), l: () => this.pan(0.2), j: () => this.step(1), k: () => this.step(-1), ArrowDown: () => this.step(1), ArrowUp: () => this.step(-1), Enter: () => this.choose(), ' ': () => this.choose()}[e.key];
    if (!does) return;
    does();
    e.preventDefault();
    e.stopPropagation();
  }
}

ChartView.keys = [['j k', 'next span in time, span before'], ['h l, ← →', 'earlier, later'], ['+ − 0', 'closer, further, all of it'], ['Enter', 'select the layer of the span']];

// lines of layers in the user's source, by path, as the costs have them.
const lines = new Map();

function lineOf(path) { return lines.get(path) || 0; }

function legend(charts) {
  const kinds = [...new Set(charts.flatMap((c) => c.lanes.map((l) => l.kind)))];
  const names = {compute: 'computes', send: 'sends', receive: 'receives', wait: 'waits', issue: 'issues commands', load: 'memory'};
  return h('span', {class: 'legend kinds'}, ...kinds.flatMap((k) => [h('i', {class: 'kind-' + k}), h('span', {}, names[k] || k)]));
}
