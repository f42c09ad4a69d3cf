'use strict';
// What each layer takes: bars of the estimate and of the measurement, with the figures beside them.

class LayersView {
  constructor() {
    this.name = 'layers';
    this.title = 'Layers';
    this.figure = 'online';
    this.order = 'program';
    this.body = h('tbody', {keydown: (e) => this.rowKey(e), click: (e) => this.click(e)});
    this.head = h('thead', {});
    this.element = h('section', {class: 'layers', id: 'view-layers', role: 'tabpanel', 'aria-labelledby': 'tab-layers'},
      h('div', {class: 'bar'}, picker('Show', figureOptions, this.figure, (f) => { this.figure = f; this.draw(); }),
        picker('Order', [['program', 'of the program'], ['cost', 'the most first'], ['ratio', 'worst estimate first']], this.order, (o) => { this.order = o; this.draw(); }), h('span', {class: 'key'})),
      h('div', {class: 'scroll'}, h('table', {}, this.head, this.body)));
    selection.listeners.push((to, by) => this.selected(to, by));
  }

  async update() {
    this.estimate = await store.part('estimate');
    this.measured = await store.part('measured');
    this.draw();
  }

  draw() {
    const figure = figures[this.figure];
    const both = [byPath(this.estimate), byPath(this.measured)];
    const file = store.state.file;
    this.rows = [...new Map([...both[0], ...both[1]]).values()].map((l) => ({...l, file, values: both.map((b) => (b.has(l.path) ? figure.of(b.get(l.path)) : null))}));
    const total = [this.estimate, this.measured].map((x) => (x ? figure.of(x) : null));
    const most = Math.max(0, ...this.rows.flatMap((r) => r.values));
    const all = total.find((t) => t !== null) || 0;
    if (this.order === 'cost') this.rows.sort((a, b) => Math.max(...b.values) - Math.max(...a.values));
    if (this.order === 'ratio') this.rows.sort((a, b) => off(b.values, most) - off(a.values, most));
    const two = this.estimate && this.measured;
    this.element.querySelector('.key').replaceChildren(...(this.estimate ? [h('i', {class: 'estimate'}), ' estimate '] : []), ...(this.measured ? [h('i', {class: 'measured'}), ' measured'] : []));
    this.head.replaceChildren(h('tr', {}, h('th', {}, 'layer'), h('th', {}, 'op'), h('th', {class: 'n'}, 'line'), h('th', {class: 'bars'}, figure.title),
      this.estimate ? h('th', {class: 'n'}, 'estimate') : null, this.measured ? h('th', {class: 'n'}, 'measured') : null, h('th', {class: 'n'}, two ? 'ratio' : 'share')));
    const cells = (values) => [
      this.estimate ? h('td', {class: 'n'}, values[0] ? figure.text(values[0]) : '') : null,
      this.measured ? h('td', {class: 'n'}, values[1] ? figure.text(values[1]) : '') : null,
      h('td', {class: 'n'}, two ? ratio(values) : part(values, all))];
    const line = (r, i) => h('tr', {tabindex: i === 0 ? 0 : -1, 'data-i': i}, h('th', {scope: 'row'}, r.path), h('td', {}, r.op), h('td', {class: 'n'}, r.line || ''),
      h('td', {class: 'bars'}, ...r.values.map((v, k) => (v === null ? null : bar(v, most, k ? 'measured' : 'estimate')))), ...cells(r.values));
    this.body.replaceChildren(...this.rows.map(line), h('tr', {class: 'total'}, h('th', {scope: 'row'}, 'total'), h('td'), h('td'), h('td', {class: 'bars'}), ...cells(total)));
    this.selected(selection.now, this);
  }

  choose(i) {
    const r = this.rows[i];
    this.focus(i);
    selection.set({file: '', line: r.line, path: r.path}, this);
  }

  focus(i) {
    const rows = [...this.body.children].slice(0, this.rows.length);
    rows.forEach((r, k) => r.setAttribute('tabindex', k === i ? 0 : -1));
    rows[i].focus();
  }

  click(e) {
    const row = e.target.closest('tr[data-i]');
    if (row) this.choose(Number(row.dataset.i));
  }

  rowKey(e) {
    const row = e.target.closest('tr[data-i]');
    const to = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, Home: -1e9, End: 1e9}[e.key];
    if (!row) return;
    const i = Number(row.dataset.i);
    if (to) this.focus(Math.max(0, Math.min(this.rows.length - 1, i + to)));
    else if (e.key === 'Enter' || e.key === ' ') this.choose(i);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  selected(to, by) {
    let first = null;
    (this.rows || []).forEach((r, i) => {
      const kind = matches({p: r.path, l: r.line}, to), row = this.body.children[i];
      row.classList.toggle('same', kind === 'same');
      row.classList.toggle('near', kind === 'near');
      if (kind === 'same' && !first) first = row;
    });
    if (first && by !== this) first.scrollIntoView({block: 'center'});
  }

  key() { return false; }
}

LayersView.keys = [['j k', 'layer down, layer up'], ['Enter', 'select the layer']];

function bar(value, most, kind) {
  const b = h('i', {class: kind});
  b.style.width = (most ? 100 * value / most : 0) + '%';
  b.hidden = !(value > most / 1e5);
  return b;
}

// ratio is how many times the estimate was measured.
function ratio([estimate, measured]) {
  return estimate && measured ? (measured / estimate).toFixed(2) : '';
}

function part(values, all) {
  const value = values.find((v) => v !== null);
  return value && all ? percent(value / all) : '';
}

// off is how far apart estimate and measurement are, as a part of the greatest.
function off([estimate, measured], most) {
  return Math.abs((estimate || 0) - (measured || 0)) / (most || 1);
}
