'use strict';
// A list of lines of which only those in sight are elements, so that a hundred thousand are as quick as ten.

const rowHeight = 20;
const beyond = 12; // rows kept above and below

class List {
  // draw(i) gives row i; choose(i, event) is told what is clicked or entered.
  constructor(label, draw, choose) {
    this.draw = draw;
    this.choose = choose;
    this.count = 0;
    this.at = -1;
    this.space = h('div', {class: 'space'});
    this.element = h('div', {class: 'list', tabindex: 0, role: 'listbox', 'aria-label': label, scroll: () => this.show(), keydown: (e) => this.key(e), click: (e) => this.click(e)}, this.space);
    this.id = 'list-' + List.number++;
    new ResizeObserver(() => this.show()).observe(this.element);
  }

  set(count, widest) {
    this.count = count;
    this.at = Math.min(this.at, count - 1);
    this.space.style.height = count * rowHeight + 'px';
    this.space.style.width = 'max(100%, ' + (widest + 8) + 'ch)';
    this.from = -1;
    this.show();
  }

  // show makes the rows that are in sight.
  show(anew) {
    const first = Math.max(0, Math.floor(this.element.scrollTop / rowHeight) - beyond);
    const last = Math.min(this.count, Math.ceil((this.element.scrollTop + this.element.clientHeight) / rowHeight) + beyond);
    if (!anew && first === this.from && last === this.to) return;
    this.from = first;
    this.to = last;
    const rows = [];
    for (let i = first; i < last; i++) {
      const row = this.draw(i);
      row.id = this.id + '-' + i;
      row.setAttribute('role', 'option');
      row.setAttribute('aria-setsize', this.count);
      row.setAttribute('aria-posinset', i + 1);
      row.setAttribute('aria-selected', row.classList.contains('same'));
      row.dataset.i = i;
      row.classList.add('row');
      row.classList.toggle('at', i === this.at);
      row.style.top = i * rowHeight + 'px';
      rows.push(row);
    }
    this.space.replaceChildren(...rows);
    if (this.at >= first && this.at < last) this.element.setAttribute('aria-activedescendant', this.id + '-' + this.at);
    else this.element.removeAttribute('aria-activedescendant');
  }

  redraw() { this.show(true); }

  // reveal brings a row into sight, a third from the top where it was not.
  reveal(i) {
    const top = i * rowHeight;
    const height = this.element.clientHeight;
    if (top < this.element.scrollTop || top + rowHeight > this.element.scrollTop + height) this.element.scrollTop = Math.max(0, top - height / 3);
  }

  move(to) {
    if (!this.count) return;
    this.at = Math.max(0, Math.min(this.count - 1, to));
    const top = this.at * rowHeight;
    const sight = this.element;
    if (top < sight.scrollTop) sight.scrollTop = top;
    if (top + 2 * rowHeight > sight.scrollTop + sight.clientHeight) sight.scrollTop = top + 2 * rowHeight - sight.clientHeight;
    this.redraw();
  }

  key(e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / rowHeight) - 1);
    const steps = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page, Home: -this.count, End: this.count};
    if (e.key in steps) this.move(this.at + steps[e.key]);
    else if ((e.key === 'Enter' || e.key === ' ') && this.at >= 0) this.choose(this.at, e);
    else return;
    e.preventDefault();
    e.stopPropagation();
  }

  click(e) {
    const row = e.target.closest('.row');
    if (!row) return;
    this.at = Number(row.dataset.i);
    this.choose(this.at, e);
    this.redraw();
  }
}
List.number = 0;
