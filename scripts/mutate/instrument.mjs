/** Compiles changes into a source. Each is switched on by a call: the expression `a + b` becomes `(__changed(7) ? (a - b) : a + b)`. */
import { parse, parseExpression } from '@babel/parser';

const SKIPPED = new Set(['leadingComments', 'trailingComments', 'innerComments', 'loc', 'extra']);
const isExpression = ({ type }) => /Expression$|Literal$/.test(type);
const isType = ({ type }) => /^TS/.test(type) && !/^TS(As|NonNull|Satisfies|Enum)/.test(type);
const isAt = (node, { start, end }) => node.start === start && node.end === end;
const contains = (node, { start, end }) => node.start <= start && end <= node.end;

/** The nodes within a node, with their keys, in the order of the source. */
function childrenOf(node) {
  const children = [];
  for (const [key, value] of Object.entries(node)) {
    if (SKIPPED.has(key)) continue;
    for (const child of [value].flat()) if (typeof child?.type === 'string') children.push({ key, child });
  }
  return children.sort((a, b) => a.child.start - b.child.start);
}

/** The nodes that contain a change, outermost first. */
function pathTo(program, change) {
  const path = [program];
  for (;;) {
    const node = path.at(-1);
    const next = childrenOf(node).find(
      ({ key, child }) => contains(child, change) && !isType(child) && !(key === 'key' && !node.computed),
    );
    if (!next) return path;
    path.push(next.child);
  }
}

/** The node that a change replaces in part or as a whole; undefined if it cannot be switched. */
function nodeOf(program, change) {
  const path = pathTo(program, change);
  switch (change.operator) {
    case 'early return':
      return path.findLast((node) => node.type === 'BlockStatement' && node.start + 1 === change.start);
    case 'delete statement':
      return path.findLast((node) => node.type === 'ExpressionStatement' && isAt(node, change));
    case 'min/max':
      return path.findLast((node) => node.type === 'MemberExpression');
    default:
      return path.findLast((node) => isExpression(node) || (node.type === 'Identifier' && isAt(node, change)));
  }
}

const OPTIONS = {
  sourceType: 'module',
  plugins: ['typescript'],
  errorRecovery: true,
  allowAwaitOutsideFunction: true,
  allowYieldOutsideFunction: true,
  allowSuperOutsideMethod: true,
  allowNewTargetOutsideFunction: true,
};

function isValid(expression) {
  try {
    parseExpression(expression, OPTIONS);
    return true;
  } catch {
    return false;
  }
}

/** The source with changes of the form {id, operator, start, end, replacement}. Returns it with the ids that it contains. */
export function instrument(code, changes) {
  const { program } = parse(code, OPTIONS);
  const byNode = new Map();
  for (const change of changes) {
    const node = nodeOf(program, change);
    if (node) byNode.set(node, [...(byNode.get(node) ?? []), change]);
  }
  const ids = [];
  const emit = (node) => {
    let text = '';
    let from = node.start;
    for (const { child } of childrenOf(node)) {
      if (child.start < from) continue; // key and value of a shorthand are one
      text += code.slice(from, child.start) + emit(child);
      from = child.end;
    }
    text += code.slice(from, node.end);
    for (const { id, operator, start, end, replacement } of byNode.get(node) ?? []) {
      const changed = code.slice(node.start, start) + replacement + code.slice(end, node.end);
      if (operator === 'early return') text = `{if(__changed(${id}))return;${text.slice(1)}`;
      else if (operator === 'delete statement') text = `if(__changed(${id})){}else{${text}}`;
      else if (isValid(changed)) text = `(__changed(${id})?(${changed}):${text})`;
      else continue;
      ids.push(id);
    }
    return text;
  };
  return { code: code.slice(0, program.start) + emit(program) + code.slice(program.end), ids };
}
