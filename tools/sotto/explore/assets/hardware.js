'use strict';
// What `sotto fpga` planned for two boards: the schedule, what the design fills, the designs beside it, and what bounds each layer.

class HardwareView {
  constructor() {
    this.name = 'hardware';
    this.title = 'Boards';
    this.body = h('div', {class: 'scroll'});
    this.element = h('section', {class: 'hardware', id: 'view-hardware', role: 'tabpanel', 'aria-labelledby': 'tab-hardware'}, this.body);
    selection.listeners.push((to) => { if (this.chart) { this.chart.draw(); this.mark(to); } });
  }

  async update() {
    const {config, report, pareto, chart} = await store.part('hardware');
    this.chart = new ChartView(chart, `${config.net} on two ${config.board.name} at ${config.clock_mhz} MHz, ${config.phase}`);
    this.report = report;
    for (const l of report.layers) lines.set(l.path, l.line);
    const fact = (name, value) => h('div', {}, h('dt', {}, name), h('dd', {}, value));
    this.body.replaceChildren(
      h('dl', {class: 'facts'}, fact('latency', duration(config.latency.ms)), fact('energy, both boards', three(config.latency.energy_mj) + ' mJ'), fact('cycles', count(config.latency.cycles)),
        fact('at least', count(report.least_cycles) + ' cycles'), ...Object.entries(config.utilisation).map(([what, part]) => fact(what.toUpperCase() + ' filled', percent(part)))),
      h('div', {class: 'bar'}, legend([chart])), this.chart.element,
      ...(pareto ? [h('h2', {}, 'Designs beside it'), this.designs(pareto.alternatives)] : []), h('h2', {}, 'What each layer takes, and what bounds it'), this.layers(report));
  }

  designs(all) {
    const points = all.map((d) => ({name: d.knobs.map((k) => `${k.knob}=${k.value}`).join(' '), x: 100 * Math.max(...Object.values(d.utilisation)), y: d.scheduled_ms || d.estimate_ms, kind: d.scheduled_ms ? 'scheduled' : 'estimated', chosen: d.chosen}));
    points.forEach((p) => { p.front = !points.some((q) => q.x <= p.x && q.y <= p.y && (q.x < p.x || q.y < p.y)); });
    const told = h('p', {class: 'told', role: 'status'}, 'The design of this folder has a ring. A point says which knobs make it.');
    const drawing = scatter(points, {x: 'the scarcest of the board, % of what may be filled', y: 'latency, ms', xText: (v) => +v.toPrecision(3) + '', yText: (v) => +v.toPrecision(4) + '', up: false}, (i) => { told.textContent = points[i].name; });
    return h('div', {}, drawing, h('span', {class: 'legend kinds'}, ...[...new Set(points.map((p) => p.kind))].flatMap((k, i) => [h('i', {class: 'mark-' + i}), h('span', {}, k)])), told);
  }

  layers(report) {
    const most = Math.max(...report.layers.map((l) => l.ms));
    this.rows = report.layers.map((l, i) => h('tr', {tabindex: i === 0 ? 0 : -1, 'data-i': i}, h('th', {scope: 'row'}, l.path), h('td', {}, l.op), h('td', {class: 'n'}, l.line || ''), h('td', {class: 'bars'}, bar(l.ms, most, 'estimate')), h('td', {class: 'n'}, duration(l.ms)),
      h('td', {class: 'n'}, percent(l.cycles / report.cycles)), h('td', {}, l.bound), h('td', {}, l.bound_by), h('td', {class: 'n'}, percent(l.bound_utilisation)), h('td', {class: 'n'}, three(l.energy_mj) + ' mJ')));
    const choose = (row) => {
      const l = report.layers[Number(row.dataset.i)];
      this.rows.forEach((r) => r.setAttribute('tabindex', r === row ? 0 : -1));
      row.focus();
      selection.set({file: '', line: l.line, path: l.path}, this);
    };
    return h('table', {}, h('thead', {}, h('tr', {}, ...['layer', 'op', '>line', 'bars', '>time', '>share', 'bound by', 'resource', '>busy', '>energy'].map((t) => h('th', {class: t[0] === '>' ? 'n' : t === 'bars' ? 'bars' : ''}, t === 'bars' ? 'time' : t.replace('>', ''))))),
      h('tbody', {click: (e) => { const row = e.target.closest('tr'); if (row) choose(row); }, keydown: (e) => {
        const row = e.target.closest('tr'), to = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1}[e.key];
        if (!row || !to) return;
        choose(this.rows[Math.max(0, Math.min(this.rows.length - 1, Number(row.dataset.i) + to))]);
        e.preventDefault();
        e.stopPropagation();
      }}, ...this.rows));
  }

  mark(to) {
    this.rows.forEach((row, i) => row.classList.toggle('same', matches({p: this.report.layers[i].path}, to) === 'same'));
  }

  key() { return false; }
}

HardwareView.keys = ChartView.keys;
