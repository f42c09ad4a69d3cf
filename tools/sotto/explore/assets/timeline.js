'use strict';
// The rounds of both parties: as estimated, and as measured.

class TimelineView {
  constructor() {
    this.name = 'timeline';
    this.title = 'Timeline';
    this.phase = 'both';
    this.charts = [];
    this.bar = h('div', {class: 'bar'});
    this.body = h('div', {class: 'scroll'});
    this.element = h('section', {class: 'timeline', id: 'view-timeline', role: 'tabpanel', 'aria-labelledby': 'tab-timeline'}, this.bar, this.body);
    selection.listeners.push(() => this.charts.forEach((c) => c.draw()));
  }

  async update() {
    this.lines = [await store.part('timeline-estimate'), await store.part('timeline-measured')].filter((t) => t);
    this.draw();
  }

  draw() {
    const phases = [...new Set(this.lines.flatMap((t) => t.charts.filter((c) => c.spans.length).map((c) => c.name)))];
    if (!phases.includes(this.phase)) this.phase = 'both';
    const shown = phases.filter((p) => this.phase === 'both' || p === this.phase).flatMap((p) => this.lines.flatMap((t) => t.charts.filter((c) => c.name === p).map((c) => [t, c])));
    const longest = (name) => Math.max(...shown.map(([, c]) => (c.name === name ? c.ms : 0)));
    this.charts = shown.map(([t, c]) => new ChartView(c, `${c.name}, ${t.title}`, longest(c.name)));
    this.bar.replaceChildren(picker('Phase', ['both', ...phases].map((p) => [p, p]), this.phase, (p) => { this.phase = p; this.draw(); }), legend(shown.map(([, c]) => c)));
    this.body.replaceChildren(...this.charts.map((c) => c.element), ...this.lines.map((t) => h('p', {class: 'doc wrap'}, `${t.title}: ${t.note}`)));
  }

  key() { return false; }
}

TimelineView.keys = ChartView.keys;
