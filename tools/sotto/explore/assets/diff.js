'use strict';
// Which lines of two forms of a network belong together: the common subsequence that weighs most, a pair by how alike its lines are
// (Needleman and Wunsch, J. Mol. Biol. 48, 1970, without a price of gaps). Two lines that belong together and differ have changed.

// align gives rows [left, right, kind]: numbers of lines, -1 for none, and '', 'changed', 'moved', 'gone' or 'new'.
function align(a, b) {
  const rows = [], left = new Set(), right = new Set();
  let i = 0, j = 0;
  for (const [x, y] of [...pairs(a, b), [a.length, b.length]]) {
    while (i < x) { left.add(a[i].t); rows.push([i++, -1, 'gone']); }
    while (j < y) { right.add(b[j].t); rows.push([-1, j++, 'new']); }
    if (x < a.length) rows.push([i, j, a[i++].t === b[j++].t ? '' : 'changed']);
  }
  for (const row of rows) {
    if (row[2] === 'gone' && right.has(a[row[0]].t) || row[2] === 'new' && left.has(b[row[1]].t)) row[2] = 'moved';
  }
  return rows;
}

// What a pair weighs: the same line, the same value with other facts, one of the same layer by the same kind of op, or by another. Weights stand
// where they are first read, and say little about where a line belongs.
const sameLine = 100, sameValue = 90, sameOp = 60, sameLayer = 20, sameWeight = 1;

// mostCells bounds the table; of what is longer by longer than this, equal heads and tails alone belong together.
const mostCells = 2e7;

function pairs(a, b) {
  const out = [], tail = [];
  let lo = 0, p = a.length, q = b.length;
  while (lo < p && lo < q && a[lo].t === b[lo].t) out.push([lo, lo++]);
  while (p > lo && q > lo && a[p - 1].t === b[q - 1].t) tail.push([--p, --q]);
  if ((p - lo) * (q - lo) <= mostCells) out.push(...heaviest(keys(a.slice(lo, p)), keys(b.slice(lo, q))).map(([x, y]) => [x + lo, y + lo]));
  return out.concat(tail.reverse());
}

// keys are what lines are compared by: text, value, op.
function keys(list) {
  return list.map((line) => {
    const op = /= (?:\w+\.)?([\w.]+)/.exec(line.t);
    const place = (line.p || '') + ':' + (line.l || '');
    return {text: line.t, value: line.v ? line.v.join() + '@' + place : '', op: line.v && op ? op[1] + '@' + (line.p || place) : '', layer: line.v && line.p || '', weight: line.t.includes('= param ')};
  });
}

function alike(x, y) {
  if (x.text === y.text) return x.weight ? sameWeight : sameLine;
  if (x.weight || y.weight) return 0;
  if (x.value && x.value === y.value) return sameValue;
  if (x.op && x.op === y.op) return sameOp;
  return x.layer && x.layer === y.layer ? sameLayer : 0;
}

function heaviest(a, b) {
  const n = a.length, m = b.length, w = m + 1, best = new Uint32Array((n + 1) * w); // of what is from here on
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      const pair = alike(a[i], b[j]), apart = Math.max(best[(i + 1) * w + j], best[i * w + j + 1]);
      best[i * w + j] = pair ? Math.max(apart, pair + best[(i + 1) * w + j + 1]) : apart;
    }
  }
  const out = [];
  for (let i = 0, j = 0; i < n && j < m;) {
    const pair = alike(a[i], b[j]), here = best[i * w + j];
    if (pair && here === pair + best[(i + 1) * w + j + 1]) out.push([i++, j++]);
    else if (here === best[(i + 1) * w + j]) i++;
    else j++;
  }
  return out;
}
