'use strict';
// The page: which views there are, which one is seen, keys, and what is said about the selection.

const views = [
  {view: new PassesView(), needs: ['steps']},
  {view: new GraphView(), needs: ['graph']},
  {view: new LayersView(), needs: ['estimate', 'measured']},
  {view: new TimelineView(), needs: ['timeline-estimate', 'timeline-measured']},
  {view: new SearchView(), needs: ['search']},
  {view: new HardwareView(), needs: ['hardware']},
].map((v) => ({...v, seen: ''}));

const main = document.getElementById('main'), tabs = document.getElementById('tabs');
let current = null;

function available() {
  return views.filter((v) => v.needs.some((p) => store.state.parts[p]));
}

// refresh shows a state of the document: tabs for what is there, the view that is open anew if what it draws has changed.
async function refresh() {
  const {title, doing, done, error} = store.state;
  document.title = (title ? title + ' · ' : '') + 'sotto explore';
  document.getElementById('title').textContent = title;
  const state = document.getElementById('state');
  state.textContent = error || (done ? '' : doing ? doing + ' …' : '…');
  state.classList.toggle('error', Boolean(error));
  const there = available();
  tabs.replaceChildren(...there.map((v, i) => h('button', {id: 'tab-' + v.view.name, role: 'tab', 'aria-controls': 'view-' + v.view.name, 'aria-selected': 'false', tabindex: -1, title: `${v.view.title} (${i + 1})`, click: () => open(v)}, v.view.title)));
  const wanted = there.find((v) => v.view.name === location.hash.slice(1)) || (there.includes(current) ? current : there[0]);
  await facts();
  if (wanted) await open(wanted, true);
}

// open shows a view.
async function open(v, quietly) {
  current = v;
  for (const tab of tabs.children) {
    const chosen = tab.id === 'tab-' + v.view.name;
    tab.setAttribute('aria-selected', chosen);
    tab.tabIndex = chosen ? 0 : -1;
  }
  if (main.firstElementChild !== v.view.element) main.replaceChildren(v.view.element);
  if (!quietly && location.hash.slice(1) !== v.view.name) history.replaceState(null, '', '#' + v.view.name);
  const parts = store.state.parts, seen = Object.keys(parts).filter((p) => !p.startsWith('step-') || v.needs.includes('steps')).map((p) => p + parts[p]).join();
  if (v.seen === seen) return;
  v.seen = seen;
  await v.view.update();
}

// facts are the totals of estimate and measurement.
async function facts() {
  const [estimate, measured, notices] = [await store.part('estimate'), await store.part('measured'), await store.part('notices')];
  for (const source of [estimate, measured]) for (const l of source ? source.layers : []) lines.set(l.path, l.line);
  const fact = (name, value, title) => h('div', {title: title || false}, h('dt', {}, name), h('dd', {}, value));
  const phase = (p) => `${duration(p.ms)} · ${size(sent(p))} · ${count(p.rounds || 0)} rounds`;
  const out = [];
  for (const [what, x] of [['estimated', estimate], ['measured', measured]]) {
    if (x) out.push(fact('online, ' + what, phase(x.online)), fact('offline, ' + what, phase(x.offline)));
  }
  if (estimate) out.push(fact('deployment', estimate.deploy), fact('target', estimate.target, estimate.target_source));
  document.getElementById('facts').replaceChildren(...out);
  const all = [...(notices ? notices.notices : []), ...(estimate && estimate.notices || [])];
  document.getElementById('notices').replaceChildren(...(all.length ? [h('details', {}, h('summary', {}, all.length === 1 ? all[0] : `${all[0]} (and ${all.length - 1} more)`), ...all.slice(1).map((n) => h('p', {}, n)))] : []));
}

// told says what is selected, with its figures.
selection.listeners.push(async (to) => {
  const out = document.getElementById('chosen');
  if (!to) return out.replaceChildren();
  const words = [];
  if (to.line) words.push(`line ${to.line}`);
  for (const [what, part] of [['estimated', 'estimate'], ['measured', 'measured']]) {
    const rows = byPath(await store.part(part)), l = rows.get(to.path) || rows.get(to.path.replace(/\.[^.]*$/, '')); // a weight's layer
    if (!l) continue;
    for (const [name, p] of [['online', l.online], ['offline', l.offline]]) {
      if (p.ms > 0.0005 || sent(p)) words.push(`${name} ${duration(p.ms)}${sent(p) ? ' ' + size(sent(p)) : ''}${p.rounds ? ' ' + p.rounds + ' rd' : ''} ${what}`);
    }
  }
  out.replaceChildren(...(to.path ? [h('b', {}, to.path), ' '] : []), words.join(' · '));
});

const everywhere = [['1 … 6', 'views'], ['Tab', 'to the next list or control'], ['Esc', 'nothing selected'], ['?', 'these keys']];

function help() {
  const keys = [...everywhere, ...(current ? current.view.constructor.keys : [])];
  document.getElementById('help-keys').replaceChildren(...keys.map(([key, what]) => h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, what))));
  document.getElementById('help').showModal();
}

document.getElementById('keys').addEventListener('click', help);
tabs.addEventListener('keydown', (e) => {
  const there = available(), step = {ArrowRight: 1, ArrowLeft: -1}[e.key];
  if (!step) return;
  const to = there[(there.indexOf(current) + step + there.length) % there.length];
  open(to);
  document.getElementById('tab-' + to.view.name).focus();
  e.preventDefault();
});
document.addEventListener('keydown', (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || document.getElementById('help').open) return;
  const typing = e.target.matches('input[type=search], select');
  if (e.key === 'Escape') {
    if (typing) e.target.blur();
    else selection.set(null, null);
    return;
  }
  if (typing) return;
  const there = available();
  if (e.key >= '1' && e.key <= String(there.length)) open(there[e.key - 1]);
  else if (e.key === '?') help();
  else if (!current || !current.view.key(e)) return;
  e.preventDefault();
});
window.addEventListener('hashchange', refresh);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => { views.forEach((v) => { v.seen = ''; }); refresh(); });

let busy = Promise.resolve();
store.follow(() => { busy = busy.then(refresh); });
