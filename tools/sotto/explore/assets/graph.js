'use strict';
// The layers as a graph, each as warm as what it costs.

// figures of a layer that views can show: by name, what they are of a row of the estimate or the measurement.
const figures = {
  online: {title: 'online time', of: (l) => l.online.ms, text: duration},
  offline: {title: 'offline time', of: (l) => l.offline.ms, text: duration},
  time: {title: 'time of both phases', of: (l) => l.online.ms + l.offline.ms, text: duration},
  'online-bytes': {title: 'online bytes', of: (l) => sent(l.online), text: size},
  bytes: {title: 'bytes of both phases', of: (l) => sent(l.online) + sent(l.offline), text: size},
  rounds: {title: 'online rounds', of: (l) => l.online.rounds || 0, text: count},
};

const figureOptions = Object.entries(figures).map(([name, f]) => [name, f.title]);

function sent(phase) {
  return (phase.client_sent || 0) + (phase.server_sent || 0);
}

function byPath(rows) {
  return new Map((rows ? rows.layers : []).map((l) => [l.path, l]));
}

class GraphView {
  constructor() {
    this.name = 'graph';
    this.title = 'Graph';
    this.figure = 'time';
    this.legend = h('span', {class: 'legend'});
    this.scroll = h('div', {class: 'drawing', tabindex: -1});
    this.strip = h('div', {class: 'strip', 'aria-hidden': 'true', click: (e) => this.jump(e)});
    this.element = h('section', {class: 'graph', id: 'view-graph', role: 'tabpanel', 'aria-labelledby': 'tab-graph'},
      h('div', {class: 'bar'}, picker('Heat', figureOptions, this.figure, (f) => { this.figure = f; this.draw(); }), this.legend),
      h('div', {class: 'panes'}, this.scroll, this.strip));
    selection.listeners.push((to, by) => this.selected(to, by));
  }

  async update() {
    this.graph = await store.part('graph');
    this.costs = byPath(await store.part('estimate') || await store.part('measured'));
    this.draw();
  }

  draw() {
    const g = this.graph;
    if (!g) return;
    const figure = figures[this.figure];
    const value = (n) => (this.costs.has(n.path) ? figure.of(this.costs.get(n.path)) : 0);
    const most = Math.max(0, ...g.nodes.map(value));
    const total = g.nodes.reduce((sum, n) => sum + value(n), 0);
    const focused = this.nodes && this.nodes.findIndex((n) => n === document.activeElement);
    this.nodes = g.nodes.map((n, i) => this.node(n, i, value(n), most, total));
    const drawing = svg('svg', {width: g.width, height: g.height, viewBox: `0 0 ${g.width} ${g.height}`, role: 'group', 'aria-label': 'Layers, from the input down'},
      svg('g', {class: 'edges'}, ...g.edges.map((e) => svg('path', {d: curve(e.points)}))), ...this.nodes);
    this.scroll.replaceChildren(drawing);
    this.strip.replaceChildren(...g.nodes.map((n) => h('i', {class: heat(value(n), most)})));
    this.legend.replaceChildren(h('span', {}, '0'), ...Array.from({length: 9}, (_, i) => h('i', {class: 'heat-' + (i + 1)})), h('span', {}, figure.text(most)),
      h('span', {class: 'of'}, `${count(g.nodes.length)} layers, ${figure.text(total)} in all`));
    this.selected(selection.now, this);
    if (focused >= 0) this.nodes[focused].focus({preventScroll: true});
  }

  node(n, i, value, most, total) {
    const figure = figures[this.figure];
    const cost = value ? figure.text(value) : '';
    const fit = (text, room) => (text.length > room ? '…' + text.slice(1 - room) : text);
    return svg('g', {class: 'node ' + heat(value, most), tabindex: i === 0 ? 0 : -1, role: 'button', transform: `translate(${n.x} ${n.y})`,
      'aria-label': `${n.path}, ${n.op}, shape ${n.shape}${cost ? `, ${figure.title} ${cost}, ${percent(value / total)}` : ''}`,
      click: () => this.choose(i), keydown: (e) => this.nodeKey(e, i)},
    svg('rect', {width: n.w, height: n.h, rx: 4}),
    svg('text', {x: 10, y: 17, class: 'path'}, fit(n.path, cost ? 22 : 30)), svg('text', {x: 10, y: 32, class: 'op'}, fit(n.op, 14) + '  ' + n.shape.replaceAll(' ', '×')),
    svg('text', {x: n.w - 10, y: 17, class: 'cost'}, cost), svg('text', {x: n.w - 10, y: 32, class: 'share'}, cost ? percent(value / total) : ''));
  }

  choose(i) {
    const n = this.graph.nodes[i];
    this.focus(i);
    selection.set({file: n.file, line: n.line, path: n.path}, this);
  }

  focus(i) {
    this.nodes.forEach((n, k) => n.setAttribute('tabindex', k === i ? 0 : -1));
    this.nodes[i].focus({preventScroll: true});
    this.nodes[i].scrollIntoView({block: 'nearest', inline: 'nearest'});
  }

  // nodeKey walks along the edges, and to what stands beside.
  nodeKey(e, i) {
    const g = this.graph, n = g.nodes[i];
    const along = {ArrowDown: 'to', j: 'to', ArrowUp: 'from', k: 'from'}[e.key];
    const aside = {ArrowRight: 1, l: 1, ArrowLeft: -1, h: -1}[e.key];
    if (along) {
      const edge = g.edges.find((x) => x[along === 'to' ? 'from' : 'to'] === i);
      if (edge) this.focus(edge[along]);
    } else if (aside) {
      const row = g.nodes.map((m, k) => k).filter((k) => g.nodes[k].y === n.y).sort((a, b) => g.nodes[a].x - g.nodes[b].x);
      this.focus(row[Math.max(0, Math.min(row.length - 1, row.indexOf(i) + aside))]);
    } else if (e.key === 'Enter' || e.key === ' ') this.choose(i);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  jump(e) {
    this.scroll.scrollTop = (e.offsetY + (e.target === this.strip ? 0 : e.target.offsetTop)) / this.strip.clientHeight * this.graph.height - this.scroll.clientHeight / 2;
  }

  selected(to, by) {
    if (!this.graph || !this.nodes) return;
    let first = -1;
    this.graph.nodes.forEach((n, i) => {
      const kind = matches({p: n.path, l: n.line, f: n.file}, to);
      this.nodes[i].classList.toggle('same', kind === 'same');
      this.nodes[i].classList.toggle('near', kind === 'near');
      if (kind && (first < 0 || kind === 'same' && !this.nodes[first].classList.contains('same'))) first = i;
    });
    if (first >= 0 && by !== this) this.nodes[first].scrollIntoView({block: 'center', inline: 'nearest'});
  }

  key() { return false; }
}

GraphView.keys = [['↑ ↓, k j', 'along the edges'], ['← →, h l', 'beside, in the same rank'], ['Enter', 'select the layer']];

// curve is a path through points, straight down through ranks and bent between them.
function curve(points) {
  let d = `M${points[0][0]} ${points[0][1]}`;
  for (let i = 1; i < points.length; i++) {
    const [x, y] = points[i], [px, py] = points[i - 1];
    d += x === px ? `L${x} ${y}` : `C${px} ${(py + y) / 2} ${x} ${(py + y) / 2} ${x} ${y}`;
  }
  return d;
}
