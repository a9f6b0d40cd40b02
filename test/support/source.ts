/** Reads the project's own source code for the tests about structure and wording: imports, functions, comments, strings. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, sep } from 'node:path';
import { loadNatively } from './native.js';

const { parse } = loadNatively<typeof import('@babel/parser')>('@babel/parser');

/** The root of the repository. */
export const ROOT = join(__dirname, '..', '..');

type Node = Record<string, unknown> & { readonly type: string; readonly loc: Location };
interface Location {
  readonly start: { readonly line: number };
  readonly end: { readonly line: number };
}

/** A piece of text in a source file and the line that it begins on. */
export interface Text {
  readonly line: number;
  readonly text: string;
}

/** A function, method, constructor or arrow function. */
export interface FunctionSize {
  readonly file: string;
  readonly line: number;
  readonly lines: number;
}

/** One parsed source file; `file` is its path from the root, such as `src/core/model.ts`. */
export interface Source {
  readonly file: string;
  readonly text: string;
  readonly lines: number;
  readonly comments: readonly Text[];
  /** String literals and the fixed parts of templates, and text in JSX. */
  readonly strings: readonly Text[];
  readonly functions: readonly FunctionSize[];
  readonly imports: readonly { readonly to: string; readonly typeOnly: boolean }[];
  readonly body: readonly Node[];
}

const SKIPPED = new Set(['node_modules', 'dist', 'generated', 'golden', 'fixtures']);

/** All files under `folder` (from the root) with one of the extensions, sorted. */
export function filesIn(folder: string, extensions: readonly string[]): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(ROOT, folder), { withFileTypes: true })) {
    const path = posix.join(folder.split(sep).join('/'), entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED.has(entry.name)) found.push(...filesIn(path, extensions));
    } else if (extensions.some((end) => entry.name.endsWith(end)) && entry.name !== 'tiles.ts') found.push(path);
  }
  return found.sort();
}

/** The text of a file, by its path from the root. */
export const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** AssemblyScript allows decorators on functions, which the parser does not: they are blanked out, line by line. */
const parsable = (file: string): string =>
  file.includes('/assembly/')
    ? read(file).replace(/@(inline|unsafe|external|lazy|global|final)\b(\([^)]*\))?/g, '')
    : read(file);

const FUNCTIONS = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'ClassPrivateMethod',
  'ObjectMethod',
]);

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';

/** `describe(...)`, `describe.each(...)(...)`, `describeInChromium(...)`: its callback only groups tests, so its size is not limited. */
function isGrouping(call: Node): boolean {
  let callee = call.callee as Node;
  while (callee.type !== 'Identifier') {
    const next =
      callee.type === 'MemberExpression'
        ? callee.object
        : callee.type === 'CallExpression'
          ? callee.callee
          : callee.tag;
    if (!isNode(next)) return false;
    callee = next;
  }
  return /^describe/.test(String(callee.name));
}

function visit(node: Node, parent: Node | null, see: (node: Node, parent: Node | null) => void): void {
  see(node, parent);
  for (const [key, value] of Object.entries(node)) {
    if (key === 'leadingComments' || key === 'trailingComments' || key === 'innerComments') continue;
    if (isNode(value)) visit(value, node, see);
    else if (Array.isArray(value)) for (const part of value) if (isNode(part)) visit(part, node, see);
  }
}

const parsed = new Map<string, Source>();

/** Parses a file, once. */
export function sourceOf(file: string): Source {
  const known = parsed.get(file);
  if (known) return known;
  const plugins = ['typescript' as const, ...(file.endsWith('x') ? ['jsx' as const] : [])];
  const { program, comments } = parse(parsable(file), { sourceType: 'module', plugins });
  const functions: FunctionSize[] = [];
  const strings: Text[] = [];
  const imports: { to: string; typeOnly: boolean }[] = [];
  visit(program as unknown as Node, null, (node, parent) => {
    const line = node.loc?.start.line;
    if (FUNCTIONS.has(node.type) && !(parent?.type === 'CallExpression' && isGrouping(parent))) {
      functions.push({ file, line, lines: node.loc.end.line - line + 1 });
    }
    if (node.type === 'StringLiteral' || node.type === 'JSXText') strings.push({ line, text: node.value as string });
    if (node.type === 'TemplateElement') strings.push({ line, text: (node.value as { raw: string }).raw });
    const from = importedBy(node);
    if (from) imports.push(from);
  });
  const text = read(file);
  const source: Source = {
    file,
    text,
    lines: text.trimEnd().split('\n').length,
    comments: (comments ?? []).map((c) => ({ line: c.loc!.start.line, text: c.value })),
    strings,
    functions,
    imports,
    body: program.body as unknown as Node[],
  };
  parsed.set(file, source);
  return source;
}

/** What an import, a re-export, an `import()` or an `import('...')` type refers to; null for any other node. */
function importedBy(node: Node): { to: string; typeOnly: boolean } | null {
  const from = (source: unknown, typeOnly: boolean) => ({ to: (source as { value: string }).value, typeOnly });
  switch (node.type) {
    case 'ImportDeclaration':
      return from(node.source, node.importKind === 'type');
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
      return node.source ? from(node.source, node.exportKind === 'type') : null;
    case 'CallExpression': {
      const [first] = node.arguments as Node[];
      return (node.callee as Node).type === 'Import' && first?.type === 'StringLiteral' ? from(first, false) : null;
    }
    case 'TSImportType':
      return from((node.argument as { literal?: unknown }).literal ?? node.argument, true);
    default:
      return null;
  }
}

/** A relative import of `file` as a path from the root (`.js` becomes `.ts`); a package as it is written. */
export function resolved(file: string, to: string): string {
  if (!to.startsWith('.')) return to;
  return posix.normalize(posix.join(posix.dirname(file), to)).replace(/\.js$/, '.ts');
}

/** The exported declarations of a file: name, line, and whether a doc comment precedes it. */
export function exportsOf(file: string): { name: string; line: number; documented: boolean }[] {
  return sourceOf(file).body.flatMap((node) => {
    if (node.type !== 'ExportNamedDeclaration' || !isNode(node.declaration)) return [];
    const { declaration } = node;
    const comments = (node.leadingComments ?? []) as readonly { type: string; value: string }[];
    const last = comments.at(-1);
    const documented = last?.type === 'CommentBlock' && last.value.startsWith('*');
    const ids = isNode(declaration.id)
      ? [declaration.id]
      : ((declaration.declarations ?? []) as { id: Node }[]).map(({ id }) => id);
    return ids.map((id) => ({ name: id.name as string, line: node.loc.start.line, documented }));
  });
}
