/** The one-line changes that can be made to a source file: each is an operator of mutation testing at one place. */
import { parse } from '@babel/parser';

const OPPOSITE = {
  '+': '-',
  '-': '+',
  '*': '/',
  '/': '*',
  '%': '*',
  '<<': '>>',
  '>>': '<<',
  '>>>': '<<',
  '&': '|',
  '|': '&',
  '<': '<=',
  '<=': '<',
  '>': '>=',
  '>=': '>',
  '===': '!==',
  '!==': '===',
  '==': '!=',
  '!=': '==',
  '&&': '||',
  '||': '&&',
  '+=': '-=',
  '-=': '+=',
  '*=': '/=',
  '/=': '*=',
  '++': '--',
  '--': '++',
};
const EXTREMES = { min: 'max', max: 'min', floor: 'ceil', ceil: 'floor' };
/** Calls whose arguments are the text of an error. */
const REPORTS = /^(fail|refuse|mismatch|invalid\w*|\w+Error)$/;

const isText = (node) => node.type === 'StringLiteral' || node.type === 'TemplateLiteral';
const isConcatenation = (node) =>
  isText(node) ||
  (node.type === 'BinaryExpression' && node.operator === '+' && [node.left, node.right].some(isConcatenation));
const isTypeOnly = (node) =>
  (/^TS/.test(node.type) &&
    !/^TS(As|NonNull|Satisfies|Type(Assertion|Cast)|ParameterProperty|Enum|Export)/.test(node.type)) ||
  node.declare === true ||
  node.importKind !== undefined ||
  node.exportKind === 'type';
const isReport = (node) =>
  node.type === 'ThrowStatement' ||
  ((node.type === 'NewExpression' || node.type === 'CallExpression') && REPORTS.test(node.callee.name ?? ''));

/** Lists the changes of a node as [operator, start, end, replacement]. `text(node)` is its source. */
function changesAt(node, parent, key, text) {
  const found = [];
  const add = (operator, { start, end }, replacement) => found.push([operator, start, end, replacement]);
  const swap = (operator, from, to) => {
    const between = text({ start: from, end: to });
    const at = from + between.indexOf(node.operator);
    add(operator, { start: at, end: at + node.operator.length }, OPPOSITE[node.operator]);
  };
  switch (node.type) {
    case 'IfStatement':
      add('negate if', node.test, `!(${text(node.test)})`);
      add('if on', node.test, 'true');
      add('if off', node.test, 'false');
      break;
    case 'ConditionalExpression':
      add('negate ternary', node.test, `!(${text(node.test)})`);
      break;
    case 'WhileStatement':
      add('loop off', node.test, 'false');
      break;
    case 'LogicalExpression':
      if (node.operator === '??') add('drop ??', node, `(${text(node.left)})`);
      else swap('logical', node.left.end, node.right.start);
      break;
    case 'BinaryExpression':
      if (node.operator in OPPOSITE && !isConcatenation(node)) swap('operator', node.left.end, node.right.start);
      break;
    case 'AssignmentExpression':
      if (node.operator in OPPOSITE && !isConcatenation(node.right))
        swap('assignment', node.left.end, node.right.start);
      break;
    case 'UpdateExpression':
      add('update', node, text(node).replaceAll(node.operator, OPPOSITE[node.operator]));
      break;
    case 'UnaryExpression':
      if (node.operator === '!' || node.operator === '-') add('drop unary', node, `(${text(node.argument)})`);
      break;
    case 'NumericLiteral':
      if (!(parent.type === 'UnaryExpression' && parent.operator === '-'))
        add('constant', node, String(Number.isInteger(node.value) ? node.value + 1 : 2 * node.value));
      break;
    case 'BooleanLiteral':
      add('boolean', node, String(!node.value));
      break;
    case 'Identifier':
      if (
        parent.type === 'MemberExpression' &&
        key === 'property' &&
        parent.object.name === 'Math' &&
        node.name in EXTREMES
      )
        add('min/max', node, EXTREMES[node.name]);
      break;
    case 'ExpressionStatement':
      if (node.expression.type !== 'StringLiteral' && !text(node).startsWith('super('))
        add('delete statement', node, '{}');
      break;
    case 'CallExpression':
      if (node.arguments.length > 1) {
        const [before, last] = node.arguments.slice(-2);
        add('drop argument', { start: before.end, end: last.end }, '');
      }
      break;
    case 'BlockStatement':
      if (/Function|Method/.test(parent.type) && node.body.length > 0)
        add('early return', { start: node.start + 1, end: node.start + 1 }, ' return;');
      break;
  }
  return found;
}

/** Every change of the file, in its order: {file, line, operator, start, end, replacement, was}. */
export function changesOf(file, code) {
  // AssemblyScript has decorators of functions, which TypeScript does not.
  const parsed = file.includes('/assembly/') ? code.replace(/@\w+/g, (name) => ' '.repeat(name.length)) : code;
  const { program } = parse(parsed, { sourceType: 'module', plugins: ['typescript'] });
  const text = ({ start, end }) => code.slice(start, end);
  const found = [];
  const visit = (node, parent, key) => {
    if (isTypeOnly(node) || isReport(node)) return;
    for (const [operator, start, end, replacement] of changesAt(node, parent, key, text)) {
      const line = code.slice(0, start).split('\n').length;
      found.push({ file, line, operator, start, end, replacement, was: code.slice(start, end) });
    }
    for (const [childKey, value] of Object.entries(node)) {
      for (const child of Array.isArray(value) ? value : [value]) {
        if (typeof child?.type === 'string' && !/Comment/.test(child.type)) visit(child, node, childKey);
      }
    }
  };
  visit(program, program, 'program');
  return found;
}

export const apply = (code, { start, end, replacement }) => code.slice(0, start) + replacement + code.slice(end);
