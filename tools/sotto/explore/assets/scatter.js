'use strict';
// Networks that a search found, or designs that fit a board: what they reach against what they take.

// scatter draws points {name, x, y, kind, front, chosen}; kinds name their marks.
function scatter(points, axes, choose) {
  const w = 720, hgt = 400, left = 64, right = 24, topEdge = 16, bottom = 44;
  const nice = (values) => {
    const lo = Math.min(...values), hi = Math.max(...values), room = (hi - lo || Math.abs(hi) || 1) * 0.08;
    return [Math.max(lo >= 0 ? 0 : -Infinity, lo - room), hi + room];
  };
  const [x0, x1] = nice(points.map((p) => p.x)), [y0, y1] = nice(points.map((p) => p.y));
  const x = (v) => left + (v - x0) / (x1 - x0) * (w - left - right), y = (v) => hgt - bottom - (v - y0) / (y1 - y0) * (hgt - topEdge - bottom);
  const ticks = (lo, hi, n) => {
    const rough = (hi - lo) / n, power = 10 ** Math.floor(Math.log10(rough)), step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough);
    const out = [];
    for (let t = Math.ceil(lo / step) * step; t <= hi; t += step) out.push(+t.toPrecision(12));
    return out;
  };
  const kinds = [...new Set(points.map((p) => p.kind))];
  const front = points.filter((p) => p.front).sort((a, b) => a.x - b.x);
  const steps = front.map((p, i) => (i ? (axes.up ? `H${x(p.x)}V${y(p.y)}` : `V${y(p.y)}H${x(p.x)}`) : `M${x(p.x)} ${y(p.y)}`)).join('');
  return svg('svg', {class: 'scatter', viewBox: `0 0 ${w} ${hgt}`, role: 'group', 'aria-label': `${axes.y} against ${axes.x}`},
    ...ticks(x0, x1, 7).flatMap((t) => [svg('line', {x1: x(t), x2: x(t), y1: topEdge, y2: hgt - bottom}), svg('text', {x: x(t), y: hgt - bottom + 16, 'text-anchor': 'middle'}, axes.xText(t))]),
    ...ticks(y0, y1, 5).flatMap((t) => [svg('line', {x1: left, x2: w - right, y1: y(t), y2: y(t)}), svg('text', {x: left - 8, y: y(t) + 4, 'text-anchor': 'end'}, axes.yText(t))]),
    svg('text', {x: (left + w - right) / 2, y: hgt - 8, 'text-anchor': 'middle', class: 'axis'}, axes.x), svg('text', {x: -(hgt - bottom + topEdge) / 2, y: 14, transform: 'rotate(-90)', 'text-anchor': 'middle', class: 'axis'}, axes.y),
    svg('path', {class: 'front', d: steps || 'M0 0'}),
    ...points.map((p, i) => svg('circle', {cx: x(p.x), cy: y(p.y), r: p.chosen ? 7 : 5, class: `mark-${kinds.indexOf(p.kind) % 4}${p.front ? ' on-front' : ''}${p.chosen ? ' chosen' : ''}`, 'data-i': i, click: () => choose(i)}, svg('title', {}, `${p.name}: ${axes.xText(p.x)}, ${axes.yText(p.y)}`))));
}

class SearchView {
  constructor() {
    this.name = 'search';
    this.title = 'Search';
    this.bar = h('div', {class: 'bar'});
    this.body = h('div', {class: 'scroll'});
    this.element = h('section', {class: 'search', id: 'view-search', role: 'tabpanel', 'aria-labelledby': 'tab-search'}, this.bar, this.body);
  }

  async update() {
    this.found = await store.part('search');
    if (!this.measure) this.measure = this.found.measures.find((m) => m.startsWith('latency')) || this.found.measures[0];
    this.draw();
  }

  draw() {
    const f = this.found, unit = units(this.measure);
    const kinds = [...new Set(f.points.map((p) => p.kind))];
    const points = f.points.map((p) => ({name: p.name, x: p.measures[this.measure], y: 100 * p.accuracy, kind: p.kind}));
    points.forEach((p) => { p.front = !points.some((q) => q.x <= p.x && q.y >= p.y && (q.x < p.x || q.y > p.y)); });
    const rows = f.points.map((p, i) => h('tr', {tabindex: i === 0 ? 0 : -1, 'data-i': i}, h('th', {scope: 'row'}, h('i', {class: 'mark-' + kinds.indexOf(p.kind) % 4}), ' ' + p.name), h('td', {}, p.kind), h('td', {}, points[i].front ? 'front' : ''),
      h('td', {class: 'n'}, p.test ? percent(p.test) : ''), h('td', {class: 'n'}, percent(p.valid)), ...f.measures.map((m) => h('td', {class: 'n'}, units(m)(p.measures[m]))), h('td', {}, p.holds ? '' : 'breaks a limit')));
    const choose = (i) => {
      this.body.querySelectorAll('[data-i]').forEach((e) => e.classList.toggle('same', Number(e.dataset.i) === i));
      rows.forEach((r, k) => r.setAttribute('tabindex', k === i ? 0 : -1));
      rows[i].focus({preventScroll: true});
      rows[i].scrollIntoView({block: 'nearest'});
      const p = f.points[i];
      document.getElementById('chosen').replaceChildren(h('b', {}, p.name), ' ' + Object.entries(p.choices || {}).map(([site, option]) => `${site}=${option}`).join('  '));
    };
    const body = h('tbody', {click: (e) => { const r = e.target.closest('tr'); if (r) choose(Number(r.dataset.i)); }, keydown: (e) => {
      const to = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1}[e.key], row = e.target.closest('tr');
      if (!to || !row) return;
      choose(Math.max(0, Math.min(rows.length - 1, Number(row.dataset.i) + to)));
      e.preventDefault();
      e.stopPropagation();
    }}, ...rows);
    this.bar.replaceChildren(picker('Against', f.measures.map((m) => [m, m]), this.measure, (m) => { this.measure = m; this.draw(); }), h('span', {class: 'legend kinds'}, ...kinds.flatMap((k, i) => [h('i', {class: 'mark-' + i % 4}), h('span', {}, k)])));
    this.body.replaceChildren(scatter(points, {x: this.measure, y: 'accuracy, %', xText: unit, yText: (v) => +v.toPrecision(4) + '', up: true}, choose),
      h('table', {}, h('thead', {}, h('tr', {}, h('th', {}, 'network'), h('th', {}, 'kind'), h('th', {}, ''), h('th', {class: 'n'}, 'test'), h('th', {class: 'n'}, 'validation'), ...f.measures.map((m) => h('th', {class: 'n'}, m)), h('th', {}, ''))), body));
  }

  key() { return false; }
}

SearchView.keys = [['j k', 'network down, network up']];

// units prints a measure of a search as it is meant.
function units(measure) {
  const name = measure.replace(/\(.*/, '');
  if (['latency', 'offline', 'total'].includes(name)) return duration;
  if (['traffic', 'online'].includes(name)) return size;
  return (v) => (v >= 1e4 ? count(v) : +v.toPrecision(4) + '');
}
