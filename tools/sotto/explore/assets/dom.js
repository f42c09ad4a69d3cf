'use strict';
// Elements, numbers with units, and colours. Text goes in as text alone: what is shown comes from files that anybody may have written.

// h makes an element: h('td', {class: 'n'}, 'text', child).
function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

// svg makes an element of a drawing.
function svg(tag, attributes, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((c) => c !== null && c !== undefined));
  return element;
}

// three prints a number with three significant digits.
function three(x) {
  if (!x) return '0';
  const rounded = Number(x.toPrecision(3)), digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded))));
  return rounded.toFixed(Math.min(digits, 6));
}

function duration(ms) {
  if (ms >= 1000) return three(ms / 1000) + ' s';
  if (ms >= 1 || !ms) return three(ms) + ' ms';
  return three(ms * 1000) + ' µs';
}

// size prints bytes, MB = 10^6.
function size(bytes) {
  for (const [unit, of] of [['GB', 1e9], ['MB', 1e6], ['kB', 1e3]]) {
    if (bytes >= of) return three(bytes / of) + ' ' + unit;
  }
  return Math.round(bytes) + ' B';
}

function count(n) {
  return Math.round(n).toLocaleString('en');
}

function percent(part) {
  return (100 * part).toFixed(1) + ' %';
}

// colour reads a colour of the style sheet, for drawings on a canvas.
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
}

// heat is the class of a share of the greatest: nine steps, by the square root so that small ones differ too.
function heat(value, most) {
  return 'heat-' + (value > 0 && most > 0 ? Math.min(9, 1 + Math.floor(8.999 * Math.sqrt(value / most))) : 0);
}

// picker makes a labelled choice.
function picker(label, options, chosen, changed) {
  const select = h('select', {change: () => changed(select.value)}, ...options.map(([value, text]) => h('option', {value, selected: value === chosen}, text)));
  return h('label', {class: 'picker'}, h('span', {}, label), select);
}
