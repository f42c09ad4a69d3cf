'use strict';
// What is shown: parts of the document, from the server or from this file, and what is selected, which all views share.

const store = {
  state: {title: '', state: -1, parts: {}, done: false},
  parts: new Map(), // by name: {state, data}
  packed: null, // the whole document, of a page that is one file

  // part gives a part's data, or null where there is none.
  async part(name) {
    const state = store.state.parts[name];
    if (!state) return null;
    const known = store.parts.get(name);
    if (known && known.state === state) return known.data;
    const data = store.packed ? store.packed.data[name] : load('part/' + name);
    store.parts.set(name, {state, data});
    return data;
  },

  // follow tells of every state until the last.
  async follow(tell) {
    const inside = document.getElementById('data');
    if (inside) {
      store.packed = await unpack(inside.textContent);
      store.state = store.packed;
      tell();
      return;
    }
    while (!store.state.done) {
      try {
        store.state = await load('state?after=' + store.state.state);
      } catch (error) {
        store.state = {...store.state, doing: '', done: true, error: 'sotto explore has ended: ' + error.message};
      }
      tell();
    }
  },
};

async function load(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(path + ': ' + answer.status);
  return answer.json();
}

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return JSON.parse(await new Response(stream).text());
}

// selection is a place in the user's source, and of a value or layer its path.
const selection = {
  now: null, // {file, line, path}
  listeners: [],
  set(to, by) {
    selection.now = to;
    for (const listen of selection.listeners) listen(to, by);
  },
};

// layerOf is the path of the layer that a path is of: a weight's is conv1.weight.
function matches(line, to) {
  if (!to) return '';
  if (to.path && line.p) {
    if (line.p === to.path) return 'same';
    if (line.p.startsWith(to.path + '.') || to.path.startsWith(line.p + '.')) return 'near';
  }
  const here = to.line && line.l === to.line && (!to.file || !line.f || line.f === to.file);
  if (!here) return '';
  return to.path ? 'near' : 'same';
}
