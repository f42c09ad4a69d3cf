'use strict';
// Two forms of the network side by side, with the user's source.

class PassesView {
  constructor() {
    this.name = 'passes';
    this.title = 'Passes';
    this.files = [];
    this.steps = [];
    this.pair = [null, null]; // numbers of steps; null: what is sensible
    this.lines = [[], []];
    this.rows = [];
    this.places = []; // rows that differ, the first of each run
    this.source = new List('Source', (i) => this.sourceRow(i), (i) => this.chooseSource(i));
    this.sides = [0, 1].map((side) => new List(side ? 'Right pass' : 'Left pass', (i) => this.row(side, i), (i, e) => this.choose(side, i, e)));
    const [left, right] = this.sides.map((s) => s.element);
    for (const [from, to] of [[left, right], [right, left]]) from.addEventListener('scroll', () => { to.scrollTop = from.scrollTop; });
    this.build();
    selection.listeners.push((to, by) => this.selected(to, by));
  }

  build() {
    this.selects = [0, 1].map((side) => h('select', {'aria-label': side ? 'Right pass' : 'Left pass', change: (e) => this.pick(side, Number(e.target.value))}));
    this.docs = [0, 1].map(() => h('p', {class: 'doc'}));
    this.fileName = h('span', {class: 'file'});
    this.only = h('input', {type: 'checkbox', change: () => this.align()});
    this.find = h('input', {type: 'search', placeholder: 'Find', 'aria-label': 'Find in the right pass, or the left one', keydown: (e) => { if (e.key === 'Enter') { this.next(e.shiftKey ? -1 : 1, true); e.preventDefault(); } }});
    this.counts = h('span', {class: 'counts', role: 'status'});
    this.element = h('section', {class: 'passes', id: 'view-passes', role: 'tabpanel', 'aria-labelledby': 'tab-passes'},
      h('div', {class: 'bar'},
        h('label', {class: 'check'}, this.only, 'only changes'),
        h('button', {type: 'button', title: 'Change before (p)', 'aria-label': 'Change before', click: () => this.next(-1)}, '↑'),
        h('button', {type: 'button', title: 'Next change (n)', 'aria-label': 'Next change', click: () => this.next(1)}, '↓'),
        this.counts, this.find),
      h('div', {class: 'panes'},
        h('div', {class: 'pane source'}, h('div', {class: 'head'}, this.fileName), this.source.element),
        ...[0, 1].map((side) => h('div', {class: 'pane'}, h('div', {class: 'head'}, this.selects[side], this.docs[side]), this.sides[side].element))));
  }

  async update() {
    const [steps, source] = [await store.part('steps'), await store.part('source')];
    this.files = source ? source.files : [];
    this.steps = steps ? steps.steps : [];
    this.fileName.textContent = this.files.map((f) => f.name).join(', ') || 'no source';
    this.element.querySelector('.source').hidden = !this.files.length;
    this.sourceLines = this.files.flatMap((f) => f.text.replace(/\n$/, '').split('\n').map((text, i) => ({text, f: f.name, l: i + 1})));
    this.source.set(this.sourceLines.length, Math.max(0, ...this.sourceLines.map((l) => l.text.length)) + 5);
    this.selects.forEach((select, side) => {
      select.replaceChildren(...this.steps.map((s, i) => h('option', {value: i}, String(i).padStart(2, '0') + ' ' + s.name + (s.same ? ' (as before)' : '') + ' · ' + s.stage)));
      select.value = this.number(side);
    });
    await this.showNow();
  }

  // number is the step of a side: at first the last one, beside what the user wrote.
  number(side) {
    return this.pair[side] ?? (side ? this.steps.length - 1 : 0);
  }

  async pick(side, to) {
    this.pair[side] = Math.max(0, Math.min(this.steps.length - 1, to));
    this.selects[side].value = this.pair[side];
    await this.showNow();
  }

  // showNow keeps what is being fetched: keys that follow are meant for that.
  showNow() {
    return this.showing = this.show();
  }

  async show() {
    const shown = [this.number(0), this.number(1)];
    const steps = await Promise.all(shown.map((i) => store.part('step-' + i)));
    if (shown[0] !== this.number(0) || shown[1] !== this.number(1)) return; // another one was picked meanwhile
    shown.forEach((i, side) => {
      const s = this.steps[i];
      this.docs[side].textContent = s ? (s.doc || 'as it was given') : '';
      this.docs[side].title = this.docs[side].textContent;
      this.lines[side] = steps[side] ? steps[side].lines : [];
    });
    this.align();
    this.selected(selection.now, null);
  }

  align() {
    const all = align(...this.lines);
    const tally = {changed: 0, gone: 0, new: 0, moved: 0};
    for (const [, , kind] of all) if (kind) tally[kind]++;
    this.rows = this.only.checked ? all.filter(([, , kind]) => kind && kind !== 'moved') : all;
    const differs = (i) => this.rows[i] && this.rows[i][2] && this.rows[i][2] !== 'moved';
    this.places = this.rows.flatMap((_, i) => (differs(i) && (this.only.checked || !differs(i - 1)) ? [i] : []));
    this.counts.replaceChildren(h('span', {class: 'new'}, '+' + count(tally.new)), ' ', h('span', {class: 'gone'}, '−' + count(tally.gone)), ' ', h('span', {class: 'changed'}, '~' + count(tally.changed)));
    this.counts.setAttribute('aria-label', `${tally.new} lines are new, ${tally.gone} are gone, ${tally.changed} have changed`);
    this.sides.forEach((list, side) => list.set(this.rows.length, Math.max(0, ...this.lines[side].map((l) => l.t.length + (l.n ? l.n.length + 3 : 0))) + 5));
  }

  sourceRow(i) {
    const line = this.sourceLines[i];
    const first = line.l === 1 && this.files.length > 1;
    return h('div', {class: first ? 'first' : ''}, h('span', {class: 'number'}, line.l), h('span', {class: 'text ' + this.inSource(line)}, line.text || ' '));
  }

  inSource(line) {
    const to = selection.now;
    return to && to.line === line.l && (!to.file || to.file === line.f) ? 'same' : '';
  }

  row(side, i) {
    const [left, right, kind] = this.rows[i];
    const at = side ? right : left;
    if (at < 0) return h('div', {class: 'none'}, ' ');
    const line = this.lines[side][at], other = kind === 'changed' ? this.lines[1 - side][side ? left : right] : null;
    return h('div', {class: [kind, matches(line, selection.now)].join(' '), title: line.p || false},
      h('span', {class: 'number'}, line.l || ''), h('span', {class: 'text'}, ...tokens(line.t, other && other.t)), line.n ? h('span', {class: 'note'}, line.n) : null);
  }

  chooseSource(i) {
    const line = this.sourceLines[i];
    selection.set({file: line.f, line: line.l, path: ''}, this.source);
  }

  // choose selects the value of a row, or the one whose name is clicked.
  choose(side, i, e) {
    const [left, right] = this.rows[i];
    const at = side ? right : left;
    if (at < 0) return;
    let line = this.lines[side][at];
    const name = e.target.closest && e.target.closest('.value');
    if (name) line = this.definition(side, at, name.textContent.slice(1)) || line;
    if (!line.l && !line.p) return selection.set(null, this.sides[side]);
    selection.set({file: line.f, line: line.l, path: line.p || ''}, this.sides[side]);
  }

  // definition is the line of a value's name: the last one before its use, or the line itself.
  definition(side, at, name) {
    for (let i = at; i >= 0; i--) if ((this.lines[side][i].v || []).includes(name)) return this.lines[side][i];
    return null;
  }

  selected(to, by) {
    this.source.redraw();
    this.sides.forEach((s) => s.redraw());
    if (!to) return;
    if (by !== this.source) {
      const i = (this.sourceLines || []).findIndex((l) => this.inSource(l));
      if (i >= 0) this.source.reveal(i);
    }
    if (this.sides.includes(by)) return;
    const has = (kind, weights) => (line) => line && matches(line, to) === kind && (weights || !/= (param|const\.)/.test(line.t));
    for (const wanted of [has('same', false), has('same', true), has('near', true)]) { // what is computed before the weights for it
      const i = this.rows.findIndex(([l, r]) => wanted(this.lines[1][r]) || wanted(this.lines[0][l]));
      if (i >= 0) return this.sides.forEach((s) => s.reveal(i));
    }
  }

  // next goes to the next change, or to the next row that has what is looked for.
  async next(step, found) {
    await this.showing;
    const text = this.find.value.toLowerCase();
    const has = (i) => [0, 1].some((side) => this.rows[i][side] >= 0 && this.lines[side][this.rows[i][side]].t.toLowerCase().includes(text));
    const places = found && text ? this.rows.keys().toArray().filter(has) : this.places;
    if (!places.length) return;
    const now = this.sides[1].at;
    const to = step > 0 ? places.find((i) => i > now) ?? places[0] : places.findLast((i) => i < now) ?? places[places.length - 1];
    this.sides.forEach((s) => { s.reveal(to); s.move(to); });
  }

  key(e) {
    const steps = {'[': [0, -1], ']': [0, 1], '{': [1, -1], '}': [1, 1]};
    if (e.key in steps) this.pick(steps[e.key][0], this.number(steps[e.key][0]) + steps[e.key][1]);
    else if (e.key === 'n') this.next(1);
    else if (e.key === 'p') this.next(-1);
    else if (e.key === 'c') { this.only.checked = !this.only.checked; this.align(); }
    else if (e.key === '/') this.find.focus();
    else return false;
    return true;
  }
}

PassesView.keys = [['j k', 'line down, line up'], ['Enter', 'select the line, in all views'], ['n p', 'next change, change before'], ['[ ]', 'left pass: before, next'], ['{ }', 'right pass: before, next'], ['c', 'only changes'], ['/', 'find']];

const tokenForms = /(%[^\s,(){}=:]+)|("(?:[^"\\]|\\.)*")|(\b[a-z]+(?:\.[a-z0-9]+)+\b)|(@[^\s,(){}=;]+)/g;

// tokens cuts a line into what is coloured. Of a line that has changed, words that the other has not are marked.
function tokens(text, other) {
  const out = [];
  const differs = other && new Set(other.split(/[\s,]+/));
  const push = (part, kind) => {
    if (!differs) return out.push(kind ? h('span', {class: kind}, part) : part);
    const pieces = kind === 'value' ? [part] : part.split(/([\s,]+)/);
    for (const piece of pieces) {
      const fresh = /\w/.test(piece) && !differs.has(piece) && ![...differs].some((w) => w.includes(piece));
      out.push(kind || fresh ? h('span', {class: (kind || '') + (fresh ? ' fresh' : '')}, piece) : piece);
    }
  };
  let at = 0;
  for (const found of text.matchAll(tokenForms)) {
    if (found.index > at) push(text.slice(at, found.index), '');
    push(found[0], ['value', 'string', 'op', 'name'][found.slice(1).findIndex((g) => g !== undefined)]);
    at = found.index + found[0].length;
  }
  if (at < text.length) push(text.slice(at), '');
  return out;
}
